//! The words of a report, and where a process finds its group.

use std::path::Path;

use super::host::{Own, mount_of, path_of};
use super::*;

const UNIFIED: &str = "24 1 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n\
    30 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:9 master:2 - cgroup2 cgroup2 rw,nsdelegate\n";

#[test]
fn the_mount_is_found_unified_hybrid_and_inside_a_container() {
    let dir = |mounts: &str, path: &str| mount_of(mounts).and_then(|mount| mount.dir_of(Path::new(path)));
    assert_eq!(dir(UNIFIED, "/a/b"), Some("/sys/fs/cgroup/a/b".into()));
    let hybrid = "34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    assert_eq!(dir(hybrid, "/"), Some("/sys/fs/cgroup/unified".into()));
    let container = "41 31 0:38 /docker/7f /sys/fs/cgroup\\040x ro - cgroup2 cgroup2 rw\n";
    assert_eq!(dir(container, "/docker/7f/job"), Some("/sys/fs/cgroup x/job".into()));
    assert_eq!(dir(container, "/docker/8e"), None);
    assert_eq!(dir(UNIFIED, "/../outside"), None);
    assert_eq!(dir("34 31 0:31 / /x rw - cgroup cgroup rw,memory\n", "/"), None);
}

#[test]
fn the_path_is_the_one_of_version_2() {
    assert_eq!(path_of("4:memory:/m\n0::/user.slice/a b\n"), Some("/user.slice/a b".into()));
    assert_eq!(path_of("4:memory:/m\n"), None);
}

#[test]
fn a_report_is_one_sentence_and_comes_back_as_written() {
    let whole = Containment {
        mechanism: Mechanism::Cgroup,
        group: Some("/sys/fs/cgroup/x".into()),
        controllers: Controller::ALL.to_vec(),
        lacking: lacking(&Controller::ALL),
    };
    assert_eq!(
        whole.to_string(),
        "each run has its own cgroup, with the kernel's ceilings for memory and pids"
    );
    let poor = Containment::subreaper("no cgroup v2 is mounted");
    assert_eq!(poor.to_string(), "each run is swept by its shim, without a cgroup (no cgroup v2 is mounted)");
    assert!(lacking(&[Controller::Pids]).is_some_and(|why| why.contains("memory")));
    for report in [whole, poor] {
        let text = serde_json::to_string(&report).expect("serialises");
        assert_eq!(serde_json::from_str::<Containment>(&text).expect("read"), report);
    }
}

#[test]
fn systemd_is_asked_with_an_argument_list_and_then_not_at_all() {
    let run = RunId(uuid::Uuid::from_u128(7));
    let ways = scope::prefixes(run, false);
    assert_eq!(ways.len(), 1);
    assert!(ways[0].argv.is_empty() && ways[0].env.is_empty());
    let unit = format!("--unit={}", scope::unit(run));
    for way in scope::prefixes(run, true).iter().rev().skip(1) {
        assert!(
            way.argv.contains(&unit) && way.argv.contains(&"--property=Delegate=yes".to_owned()),
            "{way:?}"
        );
        assert_eq!(way.argv.last().map(String::as_str), Some("--"));
    }
    let user = scope::scope("systemd-run", scope::Manager::User, run, &["--property=OOMPolicy=continue"]);
    let words: Vec<_> = user.argv.iter().map(String::as_str).collect();
    assert_eq!(words[..3], ["systemd-run", "--user", "--scope"]);
    assert!(words.contains(&"--property=OOMPolicy=continue"), "{words:?}");
    assert_eq!(user.env[0].0, "XDG_RUNTIME_DIR");
}

#[test]
fn controllers_are_handed_down_by_who_may() {
    // A plain directory with the files of a group; what was written last is what they hold.
    let temp = tempfile::tempdir().expect("temporary directory");
    let group = |name: &str, files: &[(&str, &str)]| {
        let dir = temp.path().join(name);
        fs::create_dir(&dir).expect("created");
        for (file, text) in files {
            fs::write(dir.join(file), text).expect("written");
        }
        dir
    };
    let asked = |dir: &Path| fs::read_to_string(dir.join("cgroup.subtree_control")).expect("read");
    let offered = ("cgroup.controllers", "cpu memory pids\n");

    // The root of the hierarchy has no rule against processes beside children.
    let root = group("root", &[offered, ("cgroup.subtree_control", "memory\n")]);
    Own::at(root.clone()).hand_down_controllers();
    assert_eq!(asked(&root), "+pids");

    // In a group with others nobody is moved, and nothing can be handed down.
    let shared =
        [offered, ("cgroup.subtree_control", ""), ("cgroup.type", "domain\n"), ("cgroup.procs", "1\n2\n")];
    let shared = group("shared", &shared);
    Own::at(shared.clone()).hand_down_controllers();
    assert_eq!((asked(&shared).as_str(), shared.join(LEAF).exists()), ("", false));

    // From its leaf a process that prepared itself hands down to the runs beside it.
    let base = group("base", &[offered, ("cgroup.subtree_control", "pids\n"), ("cgroup.type", "domain\n")]);
    let leaf = group(&format!("base/{LEAF}"), &[("cgroup.type", "domain\n")]);
    let own = Own::at(leaf);
    assert_eq!(own.base(), base);
    own.hand_down_controllers();
    assert_eq!(asked(&base), "+memory");
}
