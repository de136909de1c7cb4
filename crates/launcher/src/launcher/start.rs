//! The first moments of a shim: how a run comes to one, what it is told, whether it said that the run is under way, and
//! what is told of one that gave up. What a run becomes afterwards is not known here.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use orchd_core::id::RunId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::LaunchError;
use crate::containment::scope::Prefix;
use crate::log;
use crate::lost::{self, Survivors};
use crate::order::Order;
use crate::result::ResultError;
use crate::run_dir::RunDir;
use crate::shim::READY;

/// Systemd answers at once, or its bus is stuck.
const SCOPE_LOOK: Duration = Duration::from_millis(50);
const SCOPE_LOOKS: u32 = 200;

/// How a run comes to its shim.
pub(super) enum Way {
    /// By one that is there already.
    Waiting(Child),
    /// By one that is started for it.
    Anew(Prefix),
}

/// Where systemd and the system itself say why a shim could not be started; the shim goes on there.
pub(super) fn log_of(dir: &RunDir) -> Result<Stdio, LaunchError> {
    let log = dir.output(RunDir::SHIM_LOG);
    log.map(Stdio::from).map_err(|source| LaunchError::Prepare { dir: dir.path().to_owned(), source })
}

/// Tells a shim whose it is. One that does not hear it is ending, which is judged by who waits for its word.
pub(super) async fn tell(child: &mut Child, order: &Order) {
    if let (Some(mut input), Ok(said)) = (child.stdin.take(), order.bytes()) {
        // Nobody hears: see above.
        let _ = input.write_all(&said).await;
    }
}

/// What is told of a shim that gave up. It may have come as far as starting the run: that is swept first.
pub(super) async fn died(dir: &RunDir, run: RunId) -> LaunchError {
    let at = dir.clone();
    let swept = spawn_blocking(move || sweep(&at, run)).await.map_err(io::Error::other);
    let said = log::tail(dir, RunDir::SHIM_LOG, 2_000).map(|tail| tail.text).unwrap_or_default();
    let said = match said.trim() {
        "" => "it said nothing".to_owned(),
        said => said.to_owned(),
    };
    let left = match swept.and_then(|left| left) {
        Ok(Survivors::None) => return LaunchError::ShimDied { said },
        Ok(Survivors::Alive(pids)) => format!("of the run these processes cannot be killed: {pids:?}"),
        Ok(Survivors::Unknown(error)) | Err(error) => {
            format!("what of the run still lives is not known: {error}")
        }
    };
    LaunchError::ShimDied { said: format!("{said}; {left}") }
}

fn sweep(dir: &RunDir, run: RunId) -> io::Result<Survivors> {
    match dir.lock() {
        Ok(_lock) => Ok(lost::declare(dir, run, ResultError::Missing).survivors),
        // Another shim was first, and the run is in its hands.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Survivors::None),
        Err(error) => Err(error),
    }
}

/// What became of a shim that was started.
pub(super) enum Start {
    /// It said that the run is under way.
    Ready,
    /// It ended by itself before.
    GaveUp,
    /// It was ended by a signal before.
    Killed,
}

/// Whether the shim said that the run is under way. One that did not is gone when this returns. `by_scope`: systemd
/// comes first, and may never answer; a shim that has begun takes the time it takes (a large disk, a slow host).
pub(super) async fn is_ready(child: &mut Child, dir: &RunDir, by_scope: bool) -> Start {
    let Some(out) = child.stdout.take() else { return Start::GaveUp };
    let mut said = Vec::new();
    let mut out = out.take(READY.len() as u64);
    {
        let mut reads = pin!(out.read_to_end(&mut said));
        let mut looks = SCOPE_LOOKS;
        // An error of the pipe is a shim that did not say it is ready; judged below.
        while timeout(SCOPE_LOOK, reads.as_mut()).await.is_err() {
            if by_scope && !dir.file(RunDir::SHIM).exists() {
                looks -= 1;
                if looks == 0 {
                    break;
                }
            }
        }
    }
    if said == READY.as_bytes() {
        return Start::Ready;
    }
    if by_scope {
        // It still waits for systemd, or is about to begin; it must not begin later.
        let _ = child.start_kill();
    }
    // It closed its output without the word, or was killed: it is ending.
    match child.wait().await {
        Ok(status) if status.signal().is_some() => Start::Killed,
        Ok(_) | Err(_) => Start::GaveUp,
    }
}
