//! The shim that waits for the next run: it takes it, is missed by nobody, and ends with its starter.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use orchd_launcher::ended::Ended;
use orchd_launcher::process::ProcessId;
use orchd_launcher::{Launcher, RunDir};
use rustix::process::{Pid, Signal, kill_process};

use super::{Place, ended, shim, until, within};

/// A launcher whose shims are told from those of other tests, by the name they are started under.
struct Own {
    temp: tempfile::TempDir,
    launcher: Launcher,
}

impl Own {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        symlink(shim(), name(temp.path())).expect("linked");
        let launcher = Launcher::new(name(temp.path()), vec!["shim".to_owned()]);
        Self { temp, launcher }
    }

    /// Runs one that ends at once, and tells who supervised it.
    async fn run(&self) -> ProcessId {
        let place = Place::new();
        let mut running = self.launcher.start(&place.dir, &place.spec("echo done")).await.expect("started");
        let result = ended(within(running.wait()).await.expect("waited"));
        assert_eq!((result.ended, place.stdout().as_str()), (Ended::Exited { code: 0 }, "done\n"));
        place.dir.identity().expect("read").expect("written").shim
    }

    /// The pid of the shim that waits, once it does.
    async fn waiting(&self) -> i32 {
        until(|| waiting(self.temp.path())).await
    }
}

fn name(temp: &Path) -> PathBuf {
    temp.join("own-shim")
}

fn waiting(temp: &Path) -> Option<i32> {
    let is_it = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(name(temp).to_str().expect("UTF-8").as_bytes())
    };
    let names = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).find(is_it)
}

#[tokio::test]
async fn a_run_is_supervised_by_the_shim_that_waited_for_it() {
    let own = Own::new();
    own.run().await;
    for _ in 0..3 {
        let spare = own.waiting().await;
        assert_eq!(own.run().await.pid, spare);
    }
}

#[tokio::test]
async fn a_shim_that_waited_and_was_killed_is_missed_by_nobody() {
    let own = Own::new();
    own.run().await;
    let spare = own.waiting().await;
    kill_process(Pid::from_raw(spare).expect("a pid"), Signal::KILL).expect("killed");
    assert_ne!(own.run().await.pid, spare);
    // What it took is made good.
    let next = own.waiting().await;
    assert_eq!(own.run().await.pid, next);
}

#[tokio::test]
async fn a_shim_that_waits_ends_with_its_starter() {
    let own = Own::new();
    own.run().await;
    own.waiting().await;
    let Own { temp, launcher } = own;
    drop(launcher);
    until(|| waiting(temp.path()).is_none().then_some(())).await;
}

#[tokio::test]
async fn what_a_shim_that_waited_has_to_say_is_in_its_runs_log() {
    let own = Own::new();
    own.run().await;
    own.waiting().await;
    let place = Place::new();
    fs::create_dir(place.dir.file(RunDir::STDOUT)).expect("made");
    let started = own.launcher.start(&place.dir, &place.spec("echo done")).await;
    let said = fs::read_to_string(place.dir.file(RunDir::SHIM_LOG)).expect("read");
    assert!(started.is_err() && said.contains("the run's directory cannot be used"), "{said}");
}
