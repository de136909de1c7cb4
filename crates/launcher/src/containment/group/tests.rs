//! The files of a group, on a plain directory that has the same names: what is written, what is read, what is refused.

use super::*;

fn run() -> RunId {
    RunId(uuid::Uuid::from_u128(7))
}

/// A directory that looks like the run's group with these controllers.
fn looks_like(controllers: &str) -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().expect("temporary directory");
    let dir = temp.path().join(name(run()));
    fs::create_dir(&dir).expect("created");
    fs::write(dir.join("cgroup.controllers"), controllers).expect("written");
    (temp, dir)
}

#[test]
fn ceilings_are_written_where_there_is_a_controller() {
    let limits = Limits { memory: Some(1 << 20), processes: Some(64), disk: Some(1) };
    let (temp, dir) = looks_like("cpu memory pids\n");
    let group = Group::make(temp.path(), run(), &limits).expect("made");
    let read = |file: &str| fs::read_to_string(dir.join(file)).unwrap_or_default();
    assert_eq!(group.controllers(), Controller::ALL);
    assert_eq!((read("memory.max"), read("memory.swap.max")), ("1048576".into(), "0".into()));
    assert_eq!((read("memory.oom.group"), read("pids.max")), ("1".into(), "64".into()));

    let (temp, dir) = looks_like("cpu hugetlb\n");
    let group = Group::make(temp.path(), run(), &limits).expect("made");
    assert!(!group.keeps(Controller::Memory) && !group.keeps(Controller::Pids));
    assert!(!dir.join("pids.max").exists());
}

#[test]
fn what_the_kernel_ended_is_told_from_its_events() {
    let limits = Limits { memory: Some(100), processes: Some(9), disk: None };
    let (temp, dir) = looks_like("memory pids\n");
    let group = Group::make(temp.path(), run(), &limits).expect("made");
    let events = |file: &str, text: &str| fs::write(dir.join(file), text).expect("written");
    assert_eq!(group.broke(), None);
    // The host ran out of memory, not the run.
    events("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 2\n");
    events("pids.events", "max 0\n");
    assert_eq!(group.broke(), None);
    events("pids.events", "max 3\n");
    assert_eq!(group.broke(), Some(Ended::ProcessCeiling { ceiling: 9 }));
    events("memory.events", "max 4\noom 1\noom_kill 2\noom_group_kill 1\n");
    assert_eq!(group.broke(), Some(Ended::MemoryCeiling { ceiling: 100 }));
}

#[test]
fn only_a_path_of_the_run_itself_is_its_group() {
    let (temp, dir) = looks_like("");
    assert!(Group::of(&dir, run()).is_none(), "without its events it is no group");
    fs::write(dir.join("cgroup.events"), "populated 1\nfrozen 0\n").expect("written");
    assert!(Group::of(&dir, run()).expect("its own").is_populated().expect("read"));
    assert!(Group::of(&dir, RunId(uuid::Uuid::from_u128(8))).is_none(), "another run's");
    assert!(Group::of(temp.path(), run()).is_none(), "a group around it");
    let around = dir.join("..").join(name(run()));
    assert!(Group::of(&around, run()).is_none(), "a path that goes back");
}

#[test]
fn an_empty_group_is_told_from_one_that_cannot_be_read() {
    let (_temp, dir) = looks_like("");
    fs::write(dir.join("cgroup.events"), "populated 0\n").expect("written");
    let group = Group::of(&dir, run()).expect("its own");
    assert!(!group.is_populated().expect("read"));
    fs::write(dir.join("cgroup.events"), "frozen 0\n").expect("written");
    assert!(group.is_populated().is_err());
    fs::remove_file(dir.join("cgroup.events")).expect("removed");
    assert!(!group.is_populated().expect("a removed group is empty"));
}
