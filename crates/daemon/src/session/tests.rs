//! A watcher hears what was, then that it has caught up, then what comes, then the end; and after a lost connection
//! nothing twice and nothing less.

use std::io::Write as _;

use futures_util::StreamExt as _;
use orchd_core::id::RunId;
use orchd_core::time::{Span, Timestamp};
use orchd_http::session::{Heard, Hearing};
use orchd_launcher::result::{LeftoverOutcome, Output, SubmissionState};
use orchd_launcher::sandbox::SandboxUse;
use orchd_launcher::{Ended, RunDir, RunResult, RunSpec};
use tempfile::TempDir;
use uuid::Uuid;

use super::hear;

const RUN: RunId = RunId(Uuid::from_u128(7));

struct Log {
    _temp: TempDir,
    dir: RunDir,
}

impl Log {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let dir = RunDir::create(temp.path().join("run")).expect("a run directory");
        let spec = RunSpec::new(RUN, vec!["x".to_owned()], "/", Span::secs(1));
        spec.write(&dir).expect("it is written");
        Self { _temp: temp, dir }
    }

    fn print(&self, text: &str) {
        let path = self.dir.file(RunDir::STDOUT);
        let mut file = std::fs::File::options().append(true).create(true).open(path).expect("a log");
        file.write_all(text.as_bytes()).expect("it is written");
    }

    fn end(&self) {
        self.end_with(0);
    }

    fn end_with(&self, code: i32) {
        let result = RunResult {
            run: RUN,
            ended: Ended::Exited { code },
            started_at: Timestamp(1),
            ended_at: Timestamp(2),
            stdout: Output::of(&self.dir, RunDir::STDOUT).expect("it can be read"),
            stderr: Output::of(&self.dir, RunDir::STDERR).expect("it can be read"),
            submission: SubmissionState::None,
            leftovers: LeftoverOutcome::NotAsked,
            containment: None,
            sandbox: SandboxUse::Off,
        };
        result.write(&self.dir).expect("it is written");
    }

    fn hear(&self, from: u64) -> Hearing {
        let dir = RunDir::open(self.dir.path()).expect("it is there");
        hear(dir, RUN, from, vec!["top-secret-key".to_owned()]).expect("it can be heard")
    }
}

/// The texts that are said until the watcher has caught up, with the place after the last one.
async fn until_live(hearing: &mut Hearing) -> (String, Option<u64>) {
    let (mut said, mut place) = (String::new(), None);
    while let Some(heard) = hearing.next().await {
        match heard {
            Heard::Event { event, next } => {
                said.push_str(event["text"].as_str().unwrap_or_default());
                place = next.or(place);
            }
            Heard::CaughtUp => return (said, place),
            Heard::Over { ended } => panic!("it is over: {ended}"),
        }
    }
    panic!("it ended without a word")
}

async fn rest(mut hearing: Hearing) -> (String, String) {
    let mut said = String::new();
    while let Some(heard) = hearing.next().await {
        match heard {
            Heard::Event { event, .. } => said.push_str(event["text"].as_str().unwrap_or_default()),
            Heard::CaughtUp => {}
            Heard::Over { ended } => {
                assert!(hearing.next().await.is_none(), "nothing comes after the end");
                return (said, ended);
            }
        }
    }
    panic!("it ended without a word; said: {said}")
}

#[tokio::test]
async fn what_was_then_what_comes_then_the_end() {
    let log = Log::new();
    log.print("one\n");
    let mut hearing = log.hear(0);
    assert_eq!(until_live(&mut hearing).await.0.trim_end(), "one");
    let listening = tokio::spawn(rest(hearing));
    log.print("two\n");
    log.end();
    let (said, ended) = listening.await.expect("it listened");
    assert_eq!((said.trim_end(), ended.as_str()), ("two", "exit 0"));
}

#[tokio::test]
async fn after_a_lost_connection_nothing_twice_and_nothing_less() {
    let log = Log::new();
    log.print("one\n");
    let (_, place) = until_live(&mut log.hear(0)).await;
    log.print("two\n");
    log.end();
    let (said, _) = rest(log.hear(place.expect("a place"))).await;
    assert_eq!(said.trim_end(), "two");
}

#[tokio::test]
async fn a_credential_is_masked() {
    let log = Log::new();
    log.print("the key is top-secret-key.\n");
    log.end();
    let (said, _) = rest(log.hear(0)).await;
    assert_eq!(said.trim_end(), "the key is ***.");
}

#[tokio::test]
async fn a_run_that_failed_ends_with_its_last_lines_of_standard_error() {
    let log = Log::new();
    std::fs::write(log.dir.file(RunDir::STDERR), "no login with top-secret-key\n").expect("it is written");
    log.end_with(1);
    let (said, ended) = rest(log.hear(0)).await;
    assert_eq!((said.as_str(), ended.as_str()), ("standard error ended:\nno login with ***", "exit 1"));
}

#[tokio::test]
async fn a_run_that_has_printed_nothing_is_live_and_then_over() {
    let log = Log::new();
    let mut hearing = log.hear(0);
    assert_eq!(until_live(&mut hearing).await, (String::new(), None));
    log.end();
    assert_eq!(rest(hearing).await.0, "");
}

/// Its shim was killed: no result will ever come, and who watches must not wait for one.
#[tokio::test]
async fn a_lost_run_is_over_too() {
    let log = Log::new();
    log.print("one\n");
    let gone = br#"{"shim":{"boot":"an earlier one","pid":2,"start":1},"child":null}"#;
    std::fs::write(log.dir.file(RunDir::SHIM), gone).expect("it is written");
    let heard = tokio::time::timeout(std::time::Duration::from_secs(10), rest(log.hear(0))).await;
    assert!(heard.is_ok(), "it is waited for without end");
}
