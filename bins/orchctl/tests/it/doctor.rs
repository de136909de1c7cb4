//! `orchctl doctor` and the store: healthy, broken by hand, of another version, not there, and at work.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use orchd_core::policy::Policy;
use orchd_daemon::{Project, save_projects, serve_briefly, socket};
use orchd_http::client::Client;
use orchd_http::dto::State;
use serde_json::Value;
use tempfile::TempDir;

use crate::demo::{check, demo, orchctl};

/// What breaks: the task is neither due nor waits for anything.
const NOBODY_WAKES_IT: &str = "UPDATE tasks SET due_at = NULL";
/// What breaks: a row that is not its log's.
const NOT_ITS_LOGS: &str =
    "DROP TRIGGER task_body_version_grows; UPDATE task_bodies SET body = json_set(body, '$.visit', 9)";

/// A data directory with one project, and no store yet.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for args in [
            &["init", "-q", "-b", "main"][..],
            &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first"],
        ] {
            let mut git = Command::new("git");
            git.args(args).current_dir(place.0.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
            assert!(git.status().unwrap().success());
        }
        std::fs::create_dir(place.data()).unwrap();
        let user_repo = Some(place.0.path().to_owned());
        let project = Project {
            policy: Policy::new("p", "r", "T"),
            user_repo,
            user_branch: None,
            remote: None,
            main: None,
        };
        save_projects(&place.data(), &[project]).unwrap();
        place
    }

    /// One with a task, which nobody has decided yet.
    fn with_a_task() -> Self {
        let place = Self::new();
        let made = place.ask(&["task", "new", "Do something"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        place
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn ask(&self, args: &[&str]) -> Output {
        orchctl(args).arg("--data").arg(self.data()).output().unwrap()
    }

    /// A connection as a shell has it.
    fn sql(&self) -> SqliteConnection {
        SqliteConnection::establish(self.data().join("orchd.db").to_str().unwrap()).unwrap()
    }

    fn harm(&self, sql: &str) {
        self.sql().batch_execute(sql).unwrap();
    }

    fn doctor(&self) -> Vec<Value> {
        doctor(&self.data()).1
    }
}

/// Its exit code and what it says of the store.
fn doctor(data: &Path) -> (Option<i32>, Vec<Value>) {
    let output = orchctl(&["doctor", "--json", "--data"]).arg(data).output().unwrap();
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let of_store = |finding: &Value| {
        let what = finding["what"].as_str().unwrap();
        what == "store" || what == "server" || what.starts_with("I-")
    };
    (output.status.code(), findings.into_iter().filter(of_store).collect())
}

/// The one finding.
fn only(findings: Vec<Value>) -> Value {
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.into_iter().next().unwrap()
}

#[test]
fn a_healthy_store_keeps_every_invariant() {
    let place = Place::with_a_task();
    let store = only(place.doctor());
    assert_eq!((&store["what"], &store["health"]), (&"store".into(), &"good".into()), "{store}");
    assert!(store["sentence"].as_str().unwrap().starts_with("every invariant"), "{store}");
}

#[test]
fn what_was_broken_by_hand_is_named() {
    let place = Place::with_a_task();
    place.harm(NOBODY_WAKES_IT);
    let (code, findings) = doctor(&place.data());
    let broken = only(findings);
    assert_eq!((&broken["what"], &broken["health"]), (&"I-18".into(), &"broken".into()), "{broken}");
    assert!(broken["sentence"].as_str().unwrap().starts_with("Every waiting task has a reason"), "{broken}");
    assert!(broken["detail"].as_str().unwrap().contains("T-1 waits in created"), "{broken}");
    assert_eq!(code, Some(1));
    let output = place.ask(&["doctor"]);
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let line = said.lines().find(|line| line.starts_with("BROKEN")).unwrap();
    assert!(line.contains("I-18: Every waiting task") && line.contains("Broken by: T-1 waits"), "{line}");
    assert!(told.contains("1 broken") && told.contains("orchd.db"), "{told}");
}

/// A server is asked, which has the store for itself.
#[test]
fn a_server_answers_for_its_store() {
    let place = Place::with_a_task();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let brief = runtime.block_on(serve_briefly(&place.data(), Path::new("orchctl"))).unwrap();
    let state = runtime.block_on(Client::new(&socket(&place.data())).get::<State>("/state")).unwrap();
    assert_eq!((state.pending, state.jobs.len()), (1, 0), "its task is to be decided");
    let [server, store] = <[Value; 2]>::try_from(place.doctor()).unwrap();
    assert_eq!((&server["what"], &store["health"]), (&"server".into(), &"good".into()), "{store}");
    place.harm(NOT_ITS_LOGS);
    let [_, broken] = <[Value; 2]>::try_from(place.doctor()).unwrap();
    assert_eq!((&broken["what"], &broken["health"]), (&"I-14".into(), &"broken".into()), "{broken}");
    place.harm("UPDATE task_bodies SET body = '{}'");
    let unreadable = only(place.doctor());
    assert_eq!(unreadable["health"], "missing");
    assert!(unreadable["sentence"].as_str().unwrap().contains("of tasks can not be read"), "{unreadable}");
    runtime.block_on(brief.close());
    assert_eq!(only(place.doctor())["health"], "missing", "nobody serves it, and the row is the same");
}

#[test]
fn a_store_that_is_not_there_is_no_error_and_not_made() {
    let place = Place::new();
    let names = || {
        let entries = std::fs::read_dir(place.data()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
    };
    let before = names();
    let store = only(place.doctor());
    assert_eq!((&store["what"], &store["health"]), (&"store".into(), &"good".into()), "{store}");
    assert!(store["sentence"].as_str().unwrap().contains("none yet"), "{store}");
    assert_eq!(names(), before);
    let (_, nowhere) = doctor(&place.data().join("nowhere"));
    assert!(only(nowhere)["sentence"].as_str().unwrap().contains("none yet"));
}

#[derive(diesel::QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(diesel::QueryableByName)]
struct Latest {
    #[diesel(sql_type = Text)]
    version: String,
}

/// It is not migrated as a side effect either.
#[test]
fn a_store_of_another_version_is_not_asked_and_left_alone() {
    let place = Place::with_a_task();
    let migrations = "__diesel_schema_migrations";
    let latest: Latest = diesel::sql_query(format!("SELECT max(version) AS version FROM {migrations}"))
        .get_result(&mut place.sql())
        .unwrap();
    let latest = latest.version;
    place.harm(&format!("DELETE FROM {migrations} WHERE version = '{latest}'"));
    let older = only(place.doctor());
    assert_eq!(older["health"], "weak");
    let sentence = older["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("not asked") && sentence.contains(&format!("migration {latest}")),
        "{sentence}"
    );
    assert!(sentence.contains("start this orchd"), "{sentence}");
    let again = format!("SELECT count(*) AS n FROM {migrations} WHERE version = '{latest}'");
    let counted: Counted = diesel::sql_query(again).get_result(&mut place.sql()).unwrap();
    assert_eq!(counted.n, 0);
    place.harm(&format!("INSERT INTO {migrations} (version) VALUES ('{latest}'), ('9999')"));
    let newer = only(place.doctor());
    assert_eq!(newer["health"], "missing");
    assert!(newer["sentence"].as_str().unwrap().contains("upgrade orchd"), "{newer}");
}

/// Asked again and again while two tasks are worked on, through the server and between two of them.
#[test]
fn a_busy_store_breaks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut child = demo(dir.path(), &["--parallel"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut served = 0;
    while child.try_wait().unwrap().is_none() {
        let (_, findings) = doctor(&data);
        let broken: Vec<&Value> = findings.iter().filter(|finding| finding["health"] == "broken").collect();
        assert!(broken.is_empty(), "{broken:?}");
        served += u32::from(findings.iter().any(|finding| finding["what"] == "server"));
        #[expect(clippy::disallowed_methods, reason = "the demonstration is left some of the machine")]
        std::thread::sleep(Duration::from_millis(100));
    }
    check(dir.path(), &child.wait_with_output().unwrap());
    assert!(served > 3, "a server was asked {served} times");
    assert_eq!(only(doctor(&data).1)["health"], "good");
}
