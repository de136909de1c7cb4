//! No occurrence is left, wherever it lies, and nothing else changes.

use std::fs;

use super::{FILES, PART, scrub};
use crate::run_dir::RunDir;

const SECRET: &str = "sk-very-secret";

#[test]
fn every_occurrence_goes_and_everything_else_stays() {
    let temp = tempfile::tempdir().expect("a temporary directory");
    let dir = RunDir::create(temp.path().join("run")).expect("a run directory");
    for name in FILES.into_iter().chain(["12-review.md"]) {
        // At the very start, across the border of two parts, overlapping nothing, at the very end.
        let mut text = SECRET.to_owned();
        text.push_str(&"x".repeat(PART - SECRET.len() - 5));
        text.push_str(SECRET);
        text.push_str("sk-very-secre and sk-very-secret");
        fs::write(dir.file(name), &text).expect("written");
        scrub(
            &dir,
            &[SECRET.to_owned(), "other-secret".to_owned(), "xx".to_owned()],
            &["12-review.md".to_owned()],
        );
        let left = fs::read_to_string(dir.file(name)).expect("read");
        assert_eq!(left, text.replace(SECRET, &"*".repeat(SECRET.len())), "{name}");
    }
}

#[test]
fn a_file_that_is_none_is_left_alone() {
    let temp = tempfile::tempdir().expect("a temporary directory");
    let dir = RunDir::create(temp.path().join("run")).expect("a run directory");
    let elsewhere = temp.path().join("elsewhere");
    fs::write(&elsewhere, SECRET).expect("written");
    std::os::unix::fs::symlink(&elsewhere, dir.file(RunDir::SUBMISSION)).expect("linked");
    scrub(&dir, &[SECRET.to_owned()], &[]);
    assert_eq!(fs::read_to_string(&elsewhere).expect("read"), SECRET, "a link leads nowhere");
}
