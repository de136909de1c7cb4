//! Waiting for a supervised run while listening whether the job was told to end, and finding a run that an earlier
//! process of orchd started. What a run's end means is its executor's.

use std::path::Path;
use std::time::Duration;

use orchd_core::id::RunId;
use orchd_core::port::executor::Guard;
use orchd_launcher::lost::{Lost, Survivors};
use orchd_launcher::{Found, RunDir, RunningRun, Waited, launcher};

use crate::error::RunnerError;

/// How often a run's guard is asked.
const LISTEN: Duration = Duration::from_millis(250);

/// What an earlier process left of this very run.
pub(crate) enum Before {
    /// Nothing that could have started anything: it is to be started.
    Nothing,
    /// It went on without us, and is over.
    Over(Waited),
    /// Its directory is there, and nothing was or ever will be started in it.
    NeverBegan,
}

/// Waits for the end; asks the run to end once the job was told to.
pub(crate) async fn wait(mut running: RunningRun, guard: &dyn Guard) -> Result<Waited, RunnerError> {
    let dir = running.dir().path().to_owned();
    // Begun anew once at most: what a lost run left is swept within it, which takes longer than a look at the guard.
    let why = tokio::select! {
        waited = running.wait() => return waited.map_err(RunnerError::io("wait for the run in", &dir)),
        why = told(guard) => why,
    };
    running.stop(&why).map_err(RunnerError::io("ask for the end of the run in", &dir))?;
    running.wait().await.map_err(RunnerError::io("wait for the run in", &dir))
}

/// Returns once the job was told to end, with why.
async fn told(guard: &dyn Guard) -> String {
    loop {
        if let Some(why) = guard.told_to_end() {
            return why;
        }
        tokio::time::sleep(LISTEN).await;
    }
}

/// Looks for a run that was started before, and waits for it.
pub(crate) async fn before(dir: &Path, run: RunId, guard: &dyn Guard) -> Result<Before, RunnerError> {
    if !dir.exists() {
        return Ok(Before::Nothing);
    }
    let there = RunDir::open(dir).map_err(RunnerError::io("open the run's directory", dir))?;
    if !there.file(RunDir::SPEC).exists() {
        // Its shim is started last: nothing was, and nothing is on its way.
        return Ok(Before::Nothing);
    }
    let look = |source| RunnerError::Io { doing: "look for the run in", path: dir.to_owned(), source };
    let found = match launcher::find(&there, run).await.map_err(look)? {
        Found::NotStarted => launcher::give_up_start(&there, run).await.map_err(look)?,
        found @ (Found::Running(_) | Found::Ended(_) | Found::Lost(_)) => found,
    };
    Ok(match found {
        Found::NotStarted => Before::NeverBegan,
        Found::Running(running) => Before::Over(wait(running, guard).await?),
        Found::Ended(result) => Before::Over(Waited::Ended(result)),
        Found::Lost(lost) => Before::Over(Waited::Lost(lost)),
    })
}

/// Ends a run of an earlier job that may still live, and says whether its clone is free.
pub(crate) async fn evict(dir: &Path, run: RunId, why: &str) -> Result<(), RunnerError> {
    if !dir.exists() {
        return Ok(());
    }
    struct Told<'a>(&'a str);
    #[async_trait::async_trait]
    impl Guard for Told<'_> {
        async fn may_send(&self, _: orchd_core::id::EffectId) -> orchd_core::port::store::SendOutcome {
            orchd_core::port::store::SendOutcome::Stale
        }
        fn told_to_end(&self) -> Option<String> {
            Some(self.0.to_owned())
        }
    }
    match before(dir, run, &Told(why)).await? {
        Before::Over(Waited::Lost(lost)) => gone(run, &lost),
        Before::Over(Waited::Ended(_)) | Before::Nothing | Before::NeverBegan => Ok(()),
    }
}

/// Whether nothing of a lost run lives any more.
pub(crate) fn gone(run: RunId, lost: &Lost) -> Result<(), RunnerError> {
    match &lost.survivors {
        Survivors::None => Ok(()),
        Survivors::Alive(pids) => {
            let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
            Err(RunnerError::Occupied { run, pids: pids.join(", ") })
        }
        Survivors::Unknown(error) => {
            Err(RunnerError::Occupied { run, pids: format!("they cannot be listed: {error}") })
        }
    }
}
