//! The demonstration from end to end, as a stranger runs it: real processes, real git, real tests; an interrupt and a
//! `kill -9` in the middle; both tasks at once. Every run must end in the same tree of main and leave nothing behind.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

const ORCHCTL: &str = env!("CARGO_BIN_EXE_orchctl");
/// The tree of main at the end, whatever happened on the way. It changes only with the demonstration's own files.
const TREE: &str = "0d13773de49372bd26ff5293a53ae6f44c68960a";

/// As a stranger's shell would start it, and with less: no home, no configuration, no variables.
pub(crate) fn orchctl(args: &[&str]) -> Command {
    let mut command = Command::new(ORCHCTL);
    command.args(args).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").stdin(Stdio::null());
    command
}

pub(crate) fn demo(dir: &Path, more: &[&str]) -> Command {
    let mut command = orchctl(&["demo", "--json", "--dir"]);
    command.arg(dir).args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn git(repo: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.arg("-C").arg(repo).args(["-c", "safe.directory=*"]).args(args).stdin(Stdio::null());
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What every finished demonstration must show.
pub(crate) fn check(dir: &Path, output: &Output) {
    let said = text(output);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let repo = PathBuf::from(last["repo"].as_str().unwrap());
    let sha = |name: &str| last[name].as_str().unwrap().to_owned();
    let (base, red, main) = (sha("base_sha"), sha("red_sha"), sha("main_sha"));
    assert!(
        git(&repo, &["merge-base", "--is-ancestor", &base, &main]).status.success(),
        "main descends from base"
    );
    assert_eq!(text(&git(&repo, &["rev-parse", &format!("{main}^{{tree}}")])), TREE);
    assert!(!tests_pass(&repo, &red), "at red_sha the project's tests fail");
    assert!(tests_pass(&repo, &main), "at main_sha they pass");
    let tasks = last["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 2);
    for task in tasks {
        assert_eq!(task["stage"], "done", "{task}");
        assert!(task["rework"].as_u64().unwrap() >= 1, "a rework loop was seen: {task}");
    }
    assert_eq!(leftovers(dir), Vec::<String>::new(), "no process is left");
    let clones = dir.join("data/clones");
    let left: Vec<_> =
        std::fs::read_dir(&clones).map(|d| d.flatten().map(|e| e.file_name()).collect()).unwrap_or_default();
    assert!(left.is_empty(), "no clone is left: {left:?}");
}

fn tests_pass(repo: &Path, sha: &str) -> bool {
    let at = tempfile::tempdir().unwrap();
    let index = at.path().join("index");
    let tree = at.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    let mut command = Command::new("git");
    command.arg("-C").arg(repo).args(["-c", "safe.directory=*", "--work-tree"]).arg(&tree);
    command.args(["read-tree", sha]).env("GIT_INDEX_FILE", &index);
    assert!(command.status().unwrap().success());
    let mut command = Command::new("git");
    command.arg("-C").arg(repo).args(["-c", "safe.directory=*", "--work-tree"]).arg(&tree);
    command.args(["checkout-index", "-a"]).env("GIT_INDEX_FILE", &index);
    assert!(command.status().unwrap().success());
    let run = Command::new("sh")
        .arg("tests/run.sh")
        .current_dir(&tree)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.unwrap().success()
}

/// Processes that name the demonstration's directory in their command line, are at work in it or have a file of it open.
fn leftovers(dir: &Path) -> Vec<String> {
    let needle = dir.display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let at = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        let open = std::fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten();
        let holds =
            open.filter_map(|link| std::fs::read_link(link.path()).ok()).any(|file| file.starts_with(dir));
        if pid != std::process::id() && (line.contains(&needle) || at.starts_with(dir) || holds) {
            found.push(format!("{pid}: {line}"));
        }
    }
    found
}

/// Waits until the engine's log of a task shows the words, by asking as any client does.
fn wait_for(dir: &Path, key: &str, words: &str) {
    let data = dir.join("data");
    for _ in 0..600 {
        #[expect(
            clippy::disallowed_methods,
            reason = "the test waits for another process; there is nothing to be told by"
        )]
        std::thread::sleep(Duration::from_millis(100));
        if !data.join("orchd.sock").exists() {
            continue;
        }
        let mut command = orchctl(&["task", "events", key, "--data"]);
        let output = command.arg(&data).output().unwrap();
        if text(&output).contains(words) {
            return;
        }
    }
    panic!("{key} never said {words:?}");
}

fn finish(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

#[test]
fn a_stranger_sees_two_tasks_land() {
    let dir = tempfile::tempdir().unwrap();
    let output = demo(dir.path(), &[]).output().unwrap();
    check(dir.path(), &output);
    let said = text(&output);
    for seen in ["asks:", "rejected", "rebased", "landed", "no runner in this version"] {
        assert!(said.contains(seen), "{seen} is shown:\n{said}");
    }
    // Everything can be looked at afterwards, without a server.
    let data = dir.path().join("data");
    let ask = |args: &[&str]| {
        let output = orchctl(args).arg("--data").arg(&data).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        text(&output)
    };
    assert!(ask(&["why", "DEMO-1"]).contains("no runner in this version"));
    assert!(ask(&["task", "list"]).contains("DEMO-2"));
    assert!(ask(&["task", "show", "DEMO-1"]).contains("landed"));
    assert!(ask(&["task", "diff", "DEMO-2"]).contains("tally"));
    assert!(ask(&["repo", "list"]).contains("demo"));
    let json: Value = serde_json::from_str(&ask(&["task", "list", "--json"])).unwrap();
    assert_eq!(json[0]["stage"], "done");
    let refused = orchctl(&["stop", "DEMO-1"]).arg("--data").arg(&data).output().unwrap();
    assert_eq!(refused.status.code(), Some(4), "a finished task is not stopped");
    let unknown = orchctl(&["why", "DEMO-99"]).arg("--data").arg(&data).output().unwrap();
    assert_eq!(unknown.status.code(), Some(5));
}

#[test]
fn an_interrupt_leaves_nothing_running_and_going_on_works() {
    let dir = tempfile::tempdir().unwrap();
    let child = demo(dir.path(), &[]).spawn().unwrap();
    wait_for(dir.path(), "DEMO-2", "developer starts");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = finish(child);
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("orchctl demo --dir"), "it says how to go on");
    assert_eq!(leftovers(dir.path()), Vec::<String>::new());
    check(dir.path(), &demo(dir.path(), &[]).output().unwrap());
}

#[test]
fn a_kill_in_the_middle_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let child = demo(dir.path(), &[]).spawn().unwrap();
    wait_for(dir.path(), "DEMO-2", "reviewer starts");
    for process in leftovers(dir.path()).iter().filter(|p| p.contains(" engine ")) {
        let pid: i32 = process.split(':').next().unwrap().parse().unwrap();
        // A child that is about to become git still bears the engine's name, and leads no group.
        let _ = kill_process_group(Pid::from_raw(pid).unwrap(), Signal::KILL);
    }
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    finish(child);
    check(dir.path(), &demo(dir.path(), &[]).output().unwrap());
}

#[test]
fn both_at_once_still_land_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    check(dir.path(), &demo(dir.path(), &["--parallel"]).output().unwrap());
}

/// `kill -9` at moments that come from a seed: the same tree all the same, and no run that had finished is repeated.
#[test]
fn chaos_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let output = demo(dir.path(), &["--chaos=7"]).output().unwrap();
    check(dir.path(), &output);
    let last: Value = serde_json::from_str(text(&output).lines().last().unwrap()).unwrap();
    let chaos = &last["chaos"];
    assert!(chaos["kills"].as_u64().unwrap() >= 3, "{chaos}");
    assert!(chaos["finished"].as_u64().unwrap() >= 10, "{chaos}");
    assert_eq!(chaos["miscounted"], Value::Array(Vec::new()), "{chaos}");
}
