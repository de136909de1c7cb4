//! A store in a temporary directory, tasks to put in it, and this very test program as another process.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use diesel::{Connection as _, SqliteConnection};
use orchd_core::admission::Candidacy;
use orchd_core::event::Birth;
use orchd_core::id::{Actor, Branch, Key, ProjectId, RepoId, TaskId, TransitionId};
use orchd_core::port::store::{Commit, CreateOutcome, Loaded, NewTask, Store as _};
use orchd_core::repo::Repo;
use orchd_core::task::{Request, Task};
use orchd_core::time::Timestamp;
use orchd_store_sqlite::SqliteStore;
use orchd_testkit::{ManualClock, block_on};
use uuid::Uuid;

/// When everything happens.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A directory with the path of a store in it.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("orchd.db")
    }

    pub(crate) fn open(&self) -> SqliteStore {
        let store = SqliteStore::open(self.path(), clock()).unwrap();
        block_on(store.ensure_repo(&repo())).unwrap();
        store
    }

    /// A connection beside the store's, as a shell would have.
    pub(crate) fn raw(&self) -> SqliteConnection {
        SqliteConnection::establish(self.path().to_str().unwrap()).unwrap()
    }
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOW))
}

pub(crate) fn repo() -> Repo {
    Repo::new(RepoId::new("repo"), ProjectId::new("project"))
}

/// What asks for the task number `n`.
pub(crate) fn new_task(n: u64) -> NewTask {
    let birth = Birth {
        id: TaskId(Uuid::from_u64_pair(1, n)),
        seq: 0,
        project: ProjectId::new("project"),
        repo: RepoId::new("repo"),
        key: Key::new(format!("T-{n}")),
        life: 0,
        branch: Branch::new(format!("orchd/T-{n}")),
        request: Request { title: format!("number {n}"), ..Request::default() },
        track: "full".to_owned(),
        by: Actor::new("person"),
    };
    NewTask { birth, at: NOW }
}

pub(crate) async fn create(store: &SqliteStore, n: u64) -> Task {
    match store.create_task(new_task(n)).await.unwrap() {
        CreateOutcome::Created(task) => *task,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn load(store: &SqliteStore, task: TaskId) -> Loaded {
    store.load(task, Timestamp(0)).await.unwrap().unwrap()
}

/// A commit about what was loaded that changes nothing yet; `n` names its transition.
pub(crate) fn about(loaded: &Loaded, n: u64) -> Commit {
    Commit {
        transition: TransitionId(Uuid::from_u64_pair(2, n)),
        version: loaded.version,
        wakes: loaded.wakes,
        task: loaded.task.clone(),
        candidacy: Candidacy::None,
        events: Vec::new(),
        consumed: Vec::new(),
        repo: None,
        providers: std::collections::BTreeMap::new(),
        job: None,
        end_job: None,
        ledger: Vec::new(),
        dirty: Vec::new(),
        due_at: None,
        wake_repo: false,
        wake_dependents: false,
        wake_all: false,
        at: NOW,
    }
}

/// This test program as another process, at one of the tests that are only for that.
pub(crate) struct Other {
    child: Child,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Starts it and tells it the store's path.
    pub(crate) fn start(test: &str, path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{}", path.display()).unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next number it says; what the test harness prints in between is passed over.
    pub(crate) fn says(&mut self) -> u64 {
        for line in self.lines.by_ref() {
            if let Some((_, number)) = line.unwrap().split_once("done ") {
                return number.parse().unwrap();
            }
        }
        panic!("the other process ended without a word");
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the other process: the path it is told.
pub(crate) fn told_path() -> PathBuf {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    PathBuf::from(line.trim())
}
