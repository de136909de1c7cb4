//! No part of a log shows a credential or a piece of one, wherever the parts begin; nothing else is changed or lost.

use std::io::Write as _;

use orchd_core::id::RunId;
use orchd_core::time::Span;
use orchd_launcher::{RunDir, RunSpec};
use uuid::Uuid;

use super::{mask, part};

const RUN: RunId = RunId(Uuid::from_u128(7));
const SECRET: &str = "top-secret-key";

fn log(text: &str) -> (tempfile::TempDir, RunDir) {
    let temp = tempfile::tempdir().expect("a temporary directory");
    let dir = RunDir::create(temp.path().join("run")).expect("a run directory");
    RunSpec::new(RUN, vec!["x".to_owned()], "/", Span::secs(1)).write(&dir).expect("it is written");
    let mut file = std::fs::File::create(dir.file(RunDir::STDOUT)).expect("a log");
    file.write_all(text.as_bytes()).expect("it is written");
    (temp, dir)
}

#[test]
fn wherever_a_part_begins_no_piece_of_a_credential_is_shown() {
    let text = format!("before {SECRET}{SECRET} after");
    let (_temp, dir) = log(&text);
    let masked = text.replace(SECRET, &"*".repeat(SECRET.len()));
    for offset in 0..=text.len() {
        let part = part(&dir, RUN, RunDir::STDOUT, offset as u64, &[SECRET.to_owned(), String::new()])
            .expect("it is read");
        assert_eq!(part.text, masked[offset..], "from {offset}");
        assert_eq!(part.next, text.len() as u64);
    }
}

#[test]
fn a_credential_that_is_just_being_written_waits_for_its_end() {
    let (_temp, dir) = log("so: top-secret");
    let secrets = [SECRET.to_owned()];
    let first = part(&dir, RUN, RunDir::STDOUT, 0, &secrets).expect("it is read");
    assert_eq!((first.text.as_str(), first.next), ("so: ", 4));
    let mut file = std::fs::File::options().append(true).open(dir.file(RunDir::STDOUT)).expect("a log");
    file.write_all(b"-key.\n").expect("it is written");
    let second = part(&dir, RUN, RunDir::STDOUT, first.next, &secrets).expect("it is read");
    assert_eq!(second.text, "**************.\n");
}

#[test]
fn nothing_else_is_changed() {
    let mut bytes = b"top-secret-ke and top-secret-key".to_vec();
    mask(&mut bytes, &[SECRET.to_owned()]);
    assert_eq!(bytes, b"top-secret-ke and **************");
}

#[test]
fn a_credential_that_is_a_part_of_another_leaves_nothing_of_it() {
    let mut bytes = b"top-secret-key".to_vec();
    mask(&mut bytes, &["secret".to_owned(), SECRET.to_owned()]);
    assert_eq!(bytes, b"**************");
}

#[test]
fn standard_error_is_shown_too_and_masked_as_well() {
    let (_temp, dir) = log("");
    std::fs::write(dir.file(RunDir::STDERR), format!("no such key: {SECRET}\n")).expect("it is written");
    let shown = part(&dir, RUN, RunDir::STDERR, 0, &[SECRET.to_owned()]).expect("it is read");
    assert_eq!((shown.text.as_str(), shown.ended), ("no such key: **************\n", None));
}
