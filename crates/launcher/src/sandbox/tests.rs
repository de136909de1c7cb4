//! The view of the file system as arguments, and the words of a refusal.

use std::fs;

use orchd_core::id::RunId;
use orchd_core::time::Span;

use super::*;

struct Place {
    temp: tempfile::TempDir,
    dir: RunDir,
    spec: RunSpec,
}

fn place() -> Place {
    let temp = tempfile::tempdir().expect("temporary directory");
    let dir = RunDir::create(temp.path().join("data/runs/7")).expect("created");
    let clone = temp.path().join("data/clone");
    fs::create_dir(&clone).expect("created");
    let run = RunId(uuid::Uuid::from_u128(7));
    let mut spec = RunSpec::new(run, vec!["true".into()], &clone, Span::secs(1));
    spec.env.insert("HOME".into(), temp.path().join("home").display().to_string());
    Place { temp, dir, spec }
}

fn sandbox() -> Sandbox {
    Sandbox {
        mode: SandboxMode::Require,
        network: false,
        write: vec![],
        shared: vec![],
        read: vec![],
        hide: vec![],
    }
}

#[test]
fn inner_paths_come_after_outer_ones_and_decide() {
    let Place { temp, dir, spec } = place();
    let at = |name: &str| temp.path().join(name);
    let wanted = Sandbox { read: vec![at("data/mirror/objects")], hide: vec![at("data")], ..sandbox() };
    let walls = Walls::around("bwrap", &wanted, &spec, &dir).expect("UTF-8");
    let position = |words: [&str; 2]| {
        let found = walls.argv().windows(2).position(|pair| pair == words);
        found.unwrap_or_else(|| panic!("{words:?} is not in {:?}", walls.argv()))
    };
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let data = position(["--tmpfs", &text(&at("data"))]);
    assert!(position(["--tmpfs", "/tmp"]) < data);
    assert!(data < position(["--bind-try", &text(&spec.cwd)]));
    assert!(data < position(["--ro-bind-try", &text(&at("data/mirror/objects"))]));
    assert!(data < position(["--bind", &text(&dir.file(RunDir::OUTBOX))]));
    assert!(position(["--tmpfs", &text(&at("home"))]) > position(["--tmpfs", "/tmp"]));
    assert!(walls.argv().contains(&"--unshare-net".to_owned()));
    assert_eq!(walls.argv().last().map(String::as_str), Some("--"));
    assert!(!walls.argv().contains(&text(&at("data/mirror"))), "the mirror's configuration is seen");
}

#[test]
fn programs_are_found_where_they_are_seen() {
    let Place { temp, dir, spec } = place();
    let program = spec.cwd.join("own");
    let hidden = temp.path().join("elsewhere");
    fs::write(&program, "").expect("written");
    fs::write(&hidden, "").expect("written");
    let walls = Walls::around("bwrap", &sandbox(), &spec, &dir).expect("UTF-8");
    assert!(walls.finds("sh", Some("/nowhere:/bin")) && walls.finds("/bin/sh", None));
    assert!(walls.finds(program.to_str().expect("UTF-8"), None));
    assert!(!walls.finds(hidden.to_str().expect("UTF-8"), None));
    assert!(!walls.finds("no-such-program", Some("/usr/bin:/bin")));
}

#[test]
fn a_refusal_names_what_mends_it() {
    assert!(NoSandbox::NotInstalled.to_string().contains("apt-get install bubblewrap"));
    let refused = NoSandbox::Refused { program: "/usr/bin/bwrap", said: "No permission".into() };
    assert!(refused.to_string().contains("sysctl"), "{refused}");
    let missing = SandboxUse::Missing { why: refused.to_string() };
    assert!(missing.to_string().starts_with("off: /usr/bin/bwrap does not work here: No permission"));
}
