//! The shim and the launcher with real processes. The shim's executable is this crate's example `shim`, which cargo
//! builds with the tests. One file per concern: how runs end, what outlives what, what happens to leftovers, suites,
//! what holds a run, what agents do that mean no good, and what agent programs print (recordings of real ones, and
//! stand-ins that replay them).

mod bad_agents;
mod containment;
mod dialects;
mod ends;
mod leftovers;
mod outlive;
mod sandbox;
mod secrets;
mod spare;
mod suites;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use orchd_core::id::RunId;
use orchd_core::time::Span;
use orchd_launcher::{Launcher, RunDir, RunResult, RunSpec, Waited};

/// The example beside the test executable (`target/debug/deps/it-…` and `target/debug/examples/shim`).
fn shim() -> PathBuf {
    let me = std::env::current_exe().expect("the test knows its executable");
    let shim = me.parent().and_then(Path::parent).expect("target directory").join("examples/shim");
    assert!(shim.exists(), "{} is missing; cargo build -p orchd-launcher --examples", shim.display());
    shim
}

fn launcher() -> Launcher {
    Launcher::new(shim(), vec!["shim".to_owned()])
}

/// A shim as a child that inherits this process's environment, for the run in `dir`: the launcher gives it none.
fn shim_by_hand(dir: &Path) -> std::process::Child {
    let mut command = std::process::Command::new(shim());
    command.arg("shim").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the shim starts");
    let order = serde_json::json!({ "dir": dir, "hidden": {} });
    let mut input = child.stdin.take().expect("piped");
    input.write_all(order.to_string().as_bytes()).expect("the shim listens");
    child
}

fn new_run() -> RunId {
    #[expect(clippy::disallowed_methods, reason = "tests draw their own identities")]
    RunId(uuid::Uuid::new_v4())
}

/// A temporary place with a run's directory and a working directory.
struct Place {
    temp: tempfile::TempDir,
    dir: RunDir,
    run: RunId,
}

impl Place {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let dir = RunDir::create(temp.path().join("run")).expect("a run directory");
        std::fs::create_dir(temp.path().join("work")).expect("a working directory");
        Self { temp, dir, run: new_run() }
    }

    fn work(&self) -> PathBuf {
        self.temp.path().join("work")
    }

    /// `script` under `/bin/sh` in the working directory, with a short grace.
    fn spec(&self, script: &str) -> RunSpec {
        let argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()];
        let mut spec = RunSpec::new(self.run, argv, self.work(), Span::secs(60));
        spec.grace = Span::millis(300);
        spec.env = env();
        spec
    }

    async fn end(&self, spec: &RunSpec) -> RunResult {
        let mut running = launcher().start(&self.dir, spec).await.expect("started");
        ended(within(running.wait()).await.expect("waited"))
    }

    fn stdout(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir.file(RunDir::STDOUT)).expect("stdout.log"))
            .into_owned()
    }

    /// Waits until a file the run writes is there, and returns its content.
    async fn appears(&self, path: &Path) -> String {
        until(|| std::fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'))).await
    }
}

/// A minimal environment in which `sh`, `git` and the core utilities are found.
fn env() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned()),
        ("HOME".to_owned(), "/nonexistent".to_owned()),
    ])
}

fn ended(waited: Waited) -> RunResult {
    match waited {
        Waited::Ended(result) => *result,
        Waited::Lost(lost) => panic!("lost: {lost:?}"),
    }
}

/// Nothing here takes long; a hang is a failure with a name.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("within a minute")
}

async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    within(async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

/// Pids of living processes that were started by this run.
fn alive(run: RunId) -> Vec<String> {
    let mark = format!("{}={run}", RunSpec::MARK);
    let is_alive = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or("Z");
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        !state.starts_with('Z') && environ.split(|&b| b == 0).any(|var| var == mark.as_bytes())
    };
    let names = std::fs::read_dir("/proc").expect("/proc").map(|entry| entry.expect("entry").file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|pid| is_alive(pid)).collect()
}

/// Pids of living processes that work somewhere below this place, whatever they hide of themselves.
fn inside(place: &Place) -> Vec<String> {
    let top = place.temp.path().canonicalize().expect("it is there");
    let works_there =
        |pid: &str| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&top));
    let names = std::fs::read_dir("/proc").expect("/proc").map(|entry| entry.expect("entry").file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|pid| works_there(pid)).collect()
}
