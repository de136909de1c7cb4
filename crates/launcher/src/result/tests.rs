//! Each way a result file can be wrong is told apart.

use std::fs;

use super::*;

fn written() -> (tempfile::TempDir, RunDir, RunResult) {
    let temp = tempfile::tempdir().expect("temporary directory");
    let dir = RunDir::create(temp.path().join("run")).expect("created");
    fs::write(dir.file(RunDir::STDOUT), "hello").expect("written");
    let result = RunResult {
        run: RunId(uuid::Uuid::from_u128(1)),
        ended: Ended::Stopped { why: "cancelled".into() },
        started_at: Timestamp(1),
        ended_at: Timestamp(2),
        stdout: Output::of(&dir, RunDir::STDOUT).expect("digest"),
        stderr: Output::of(&dir, RunDir::STDERR).expect("digest of a missing file"),
        submission: SubmissionState::Present { digest: Digest::of(b"{}") },
        leftovers: LeftoverOutcome::NotAsked,
        containment: None,
        sandbox: SandboxUse::Off,
    };
    result.write(&dir).expect("written");
    (temp, dir, result)
}

#[test]
fn it_comes_back_as_written() {
    let (_temp, dir, result) = written();
    assert_eq!(RunResult::read(&dir, result.run).expect("read"), result);
    assert_eq!(result.stdout.sha256, Digest::of(b"hello"));
    assert_eq!((result.stdout.bytes, result.stderr.bytes), (5, 0));
    assert!(result.logs_are_intact(&dir).expect("read"));
    fs::write(dir.file(RunDir::STDOUT), "hullo").expect("written");
    assert!(!result.logs_are_intact(&dir).expect("read"));
}

#[test]
fn every_cut_is_refused() {
    let (_temp, dir, result) = written();
    let whole = fs::read(dir.file(RunDir::RESULT)).expect("read");
    for length in 0..whole.len() {
        fs::write(dir.file(RunDir::RESULT), &whole[..length]).expect("written");
        let error = RunResult::read(&dir, result.run).expect_err("cut");
        assert!(matches!(error, ResultError::Truncated), "at {length}: {error}");
    }
}

#[test]
fn an_altered_a_foreign_and_a_newer_file_are_refused() {
    let (_temp, dir, result) = written();
    let text = fs::read_to_string(dir.file(RunDir::RESULT)).expect("read");
    let read = |text: &str| {
        fs::write(dir.file(RunDir::RESULT), text).expect("written");
        RunResult::read(&dir, result.run)
    };
    assert!(matches!(read(&text.replace("cancelled", "cancellEd")), Err(ResultError::BadDigest)));
    assert!(matches!(read(&text.replace("\"v\":1", "\"v\":2")), Err(ResultError::Version { found: 2 })));
    assert!(matches!(read("[]"), Err(ResultError::Malformed { .. })));
    assert!(read(&text).is_ok());
    let other = RunId(uuid::Uuid::from_u128(2));
    assert!(matches!(RunResult::read(&dir, other), Err(ResultError::ForeignRun { .. })));
    fs::remove_file(dir.file(RunDir::RESULT)).expect("removed");
    assert!(matches!(RunResult::read(&dir, result.run), Err(ResultError::Missing)));
}
