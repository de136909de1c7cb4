//! The project is the same everywhere, its tests run and pass, and the story's changes do to them what they say.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::demo::story::{FOLD, Story, TOP};

fn project() -> (tempfile::TempDir, std::path::PathBuf, String) {
    let dir = tempfile::tempdir().unwrap();
    let project = dir.path().join("project");
    let base = prepare(&project).unwrap();
    (dir, project, base)
}

/// The exit code and output of the tests, with nothing but a `PATH`.
fn suite(dir: &Path) -> (i32, String) {
    let mut command = Command::new("/bin/sh");
    command.args(["tests/run.sh"]).current_dir(dir).env_clear().env("PATH", "/usr/bin:/bin");
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn apply(dir: &Path, patch: &str) {
    let file = dir.join(".git/story.patch");
    fs::write(&file, patch).unwrap();
    owner(dir).ask(&["apply", "--index", ".git/story.patch"]).unwrap();
    owner(dir).ask(&["commit", "-q", "-m", "change"]).unwrap();
}

#[test]
fn the_first_commit_is_the_same_everywhere_and_its_tests_pass() {
    let (_one, first, base) = project();
    let (_two, _, again) = project();
    assert_eq!(base, again);
    assert_eq!(base.len(), 40);
    assert_eq!(prepare(&first).unwrap(), base, "preparing what is there changes nothing");
    let (code, output) = suite(&first);
    assert_eq!(code, 0, "{output}");
    assert!(output.ends_with("10 passed, 0 failed\n"), "{output}");
}

#[test]
fn a_project_half_made_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let project = dir.path().join("project");
    fs::create_dir_all(project.with_extension("new").join("rubble")).unwrap();
    prepare(&project).unwrap();
    assert!(!project.join("rubble").exists());
    assert_eq!(owner(&project).ask(&["status", "--porcelain"]).unwrap(), "");
}

#[test]
fn the_suite_catches_the_first_version_of_one_task_and_not_of_the_other() {
    for (story, code) in [(&FOLD, 1), (&TOP, 0)] {
        let (_dir, project, _) = project();
        apply(&project, story.first);
        let (seen, output) = suite(&project);
        assert_eq!(seen, code, "{}: {output}", story.title);
        apply(&project, story.mended);
        let (seen, output) = suite(&project);
        assert_eq!(seen, 0, "{}: {output}", story.title);
    }
}

#[test]
fn both_tasks_rebase_onto_each_other_and_end_in_one_tree() {
    let tree = |order: [&Story; 2]| {
        let (_dir, project, base) = project();
        let git = owner(&project);
        for (branch, story) in [("one", order[0]), ("two", order[1])] {
            git.ask(&["checkout", "-q", "-b", branch, &base]).unwrap();
            apply(&project, story.first);
            apply(&project, story.mended);
        }
        git.ask(&["rebase", "-q", "one"]).unwrap();
        let (code, output) = suite(&project);
        assert_eq!(code, 0, "{output}");
        git.ask(&["rev-parse", "HEAD^{tree}"]).unwrap()
    };
    assert_eq!(tree([&TOP, &FOLD]), tree([&FOLD, &TOP]));
}
