//! Every kind of change is seen, at once after the mark was made; what a cache holds is not looked at.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn clone() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("temporary directory");
    for (path, text) in [("a", "one"), ("dir/b", "two"), (".git/config", "[core]"), ("target/x", "cache")] {
        let path = place.path().join(path);
        fs::create_dir_all(path.parent().expect("inside")).expect("made");
        fs::write(path, text).expect("written");
    }
    place
}

fn change(what: &str, at: &Path) {
    let of = |name: &str| at.join(name);
    match what {
        "same length" => fs::write(of("a"), "ONE").expect("written"),
        "same content" => fs::write(of("a"), "one").expect("written"),
        "made" => fs::write(of("dir/new"), "").expect("written"),
        "removed" => fs::remove_file(of("dir/b")).expect("removed"),
        "renamed" => fs::rename(of("a"), of("c")).expect("renamed"),
        "mode" => fs::set_permissions(of("a"), fs::Permissions::from_mode(0o755)).expect("set"),
        "folder" => fs::create_dir(of("dir/empty")).expect("made"),
        "link" => symlink("/", of("link")).expect("linked"),
        "hard link" => fs::hard_link(of("a"), at.parent().expect("inside").join("beside")).expect("linked"),
        "configuration" => fs::write(of(".git/config"), "[CORE]").expect("written"),
        "cache folder" => {
            fs::remove_dir_all(of("target")).expect("removed");
            symlink("/", of("target")).expect("linked");
        }
        other => unreachable!("{other}"),
    }
}

#[test]
fn every_change_is_seen() {
    for what in [
        "same length",
        "same content",
        "made",
        "removed",
        "renamed",
        "mode",
        "folder",
        "link",
        "hard link",
        "configuration",
        "cache folder",
    ] {
        let place = clone();
        let at = place.path().join("clone");
        fs::create_dir(&at).expect("made");
        for name in ["a", "dir", ".git", "target"] {
            fs::rename(place.path().join(name), at.join(name)).expect("moved");
        }
        let mark = Untouched::of(&at, &["target".to_owned()]).expect("walked").expect("small");
        mark.settle();
        assert!(mark.holds(&at), "before: {what}");
        change(what, &at);
        assert!(!mark.holds(&at), "{what}");
    }
}

#[test]
fn a_write_right_after_the_mark_is_seen_however_coarse_the_clock_for_files() {
    let place = clone();
    for round in 0..200 {
        let mark = Untouched::of(place.path(), &[]).expect("walked").expect("small");
        mark.settle();
        fs::write(place.path().join("a"), format!("{:03}", round % 7)).expect("written");
        assert!(!mark.holds(place.path()), "round {round}");
    }
}

#[test]
fn reading_and_what_a_cache_holds_leave_the_mark() {
    let place = clone();
    let mark = Untouched::of(place.path(), &["target".to_owned()]).expect("walked").expect("small");
    fs::write(place.path().join("target/x"), "other").expect("written");
    fs::read(place.path().join("a")).expect("read");
    assert!(mark.holds(place.path()));
    let back: Untouched =
        serde_json::from_str(&serde_json::to_string(&mark).expect("written")).expect("read");
    assert!(back.holds(place.path()));
}
