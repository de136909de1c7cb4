//! Starting a run under its shim, waiting for it, stopping it, and finding it again from another process. A handle is
//! a view: dropping it neither kills nor forgets the run. What a result means is the caller's.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use orchd_core::id::RunId;
use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::clock;
use crate::containment::scope::{self, Prefix};
use crate::containment::{self, Mechanism};
use crate::log;
use crate::lost::{self, Lost, Survivors};
use crate::process::ProcessId;
use crate::result::{ResultError, RunResult};
use crate::run_dir::RunDir;
use crate::shim::READY;
use crate::spec::RunSpec;

/// A shim says who it is right after it took its lock.
const START_LOOK_MS: i64 = 20;
const START_LOOKS: u32 = 500;

/// Systemd answers at once, or its bus is stuck.
const SCOPE_LOOK: Duration = Duration::from_millis(50);
const SCOPE_LOOKS: u32 = 200;

/// Starts shims: the program that has the hidden subcommand, usually `/proc/self/exe`, so that an upgrade on disk
/// changes nothing under a running process.
#[derive(Debug, Clone)]
pub struct Launcher {
    exe: PathBuf,
    shim_args: Vec<String>,
    /// Whether systemd is asked for a scope: where this process may make groups is asked once, as trying takes the
    /// kernel's lock for all groups.
    by_scope: Arc<OnceCell<bool>>,
}

/// Why a run was not started. In every case nothing of it runs.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The directory already belongs to a run; a run is started once.
    #[error("{dir} already holds a started run; use a new run directory")]
    StartedBefore {
        /// The directory.
        dir: PathBuf,
    },
    /// The run's directory could not be written.
    #[error("the run's directory {dir} could not be written; check space and owner")]
    Prepare {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The supervising process could not be started.
    #[error("the supervising process {exe} could not be started")]
    Spawn {
        /// The program.
        exe: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It started and gave up before the run began.
    #[error("the supervising process ended before the run began: {said}")]
    ShimDied {
        /// The end of its log.
        said: String,
    },
}

/// How waiting for a run ends.
#[derive(Debug)]
pub enum Waited {
    /// Its shim wrote a complete result.
    Ended(Box<RunResult>),
    /// Its shim is gone and left no result that counts.
    Lost(Lost),
}

/// What is known of a run by its directory.
#[derive(Debug)]
pub enum Found {
    /// No shim ever came that far.
    NotStarted,
    /// Its shim lives.
    Running(RunningRun),
    /// It ended.
    Ended(Box<RunResult>),
    /// Its shim is gone and left no result that counts.
    Lost(Lost),
}

/// A run whose shim lived when it was last looked at.
#[derive(Debug)]
pub struct RunningRun {
    run: RunId,
    dir: RunDir,
    shim: Shim,
    /// What is being made of a run whose shim has ended. It goes on while nobody waits.
    settling: Option<JoinHandle<io::Result<Waited>>>,
}

impl RunningRun {
    fn new(run: RunId, dir: &RunDir, shim: Shim) -> Self {
        Self { run, dir: dir.clone(), shim, settling: None }
    }
}

#[derive(Debug)]
enum Shim {
    /// Ours: we reap it.
    Child(Child),
    /// Started by another process: its pidfd is readable once it ended.
    Adopted(AsyncFd<OwnedFd>),
}

impl Launcher {
    /// `exe` with `shim_args` and the run's directory as last argument must end in [`crate::shim_main`].
    pub fn new(exe: impl Into<PathBuf>, shim_args: Vec<String>) -> Self {
        Self { exe: exe.into(), shim_args, by_scope: Arc::default() }
    }

    /// Writes the specification, starts the shim, and returns once the run is under way (or could not be spawned,
    /// which is a result like any other). The caller has stored the run before it calls this.
    pub async fn start(&self, dir: &RunDir, spec: &RunSpec) -> Result<RunningRun, LaunchError> {
        let (by_scope, prepared) = tokio::join!(self.by_scope.get_or_init(by_scope), self.prepare(dir, spec));
        prepared?;
        for prefix in scope::prefixes(spec.run, *by_scope) {
            let mut child = self.spawn_shim(dir, spec, &prefix)?;
            let started = is_ready(&mut child, dir, !prefix.argv.is_empty()).await;
            // What is known of a shim stays: only where none began may the next way be tried.
            let began = dir.file(RunDir::SHIM).exists();
            match started {
                Start::Ready => return Ok(RunningRun::new(spec.run, dir, Shim::Child(child))),
                // By the run itself, it may be, which then had begun: it is not told from one that is lost later.
                Start::Killed if began => return Ok(RunningRun::new(spec.run, dir, Shim::Child(child))),
                Start::Killed | Start::GaveUp if began => break,
                Start::Killed | Start::GaveUp => {}
            }
        }
        Err(died(dir, spec.run).await)
    }

    fn spawn_shim(&self, dir: &RunDir, spec: &RunSpec, prefix: &Prefix) -> Result<Child, LaunchError> {
        let log = dir
            .output(RunDir::SHIM_LOG)
            .map_err(|source| LaunchError::Prepare { dir: dir.path().to_owned(), source })?;
        let mut command = match prefix.argv.split_first() {
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest).arg(&self.exe);
                command
            }
            None => Command::new(&self.exe),
        };
        command
            .args(&self.shim_args)
            .arg(dir.path())
            // The agent may read its parent's environment in /proc: there is nothing in it that it is not given itself.
            .env_clear()
            .envs(spec.hidden())
            .envs(prefix.env.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|source| LaunchError::Spawn { exe: self.exe.clone(), source })
    }

    async fn prepare(&self, dir: &RunDir, spec: &RunSpec) -> Result<(), LaunchError> {
        if dir.file(RunDir::SHIM).exists() || dir.file(RunDir::RESULT).exists() {
            return Err(LaunchError::StartedBefore { dir: dir.path().to_owned() });
        }
        let (to, what) = (dir.clone(), spec.clone());
        let written = spawn_blocking(move || what.write(&to)).await.map_err(io::Error::other);
        written.and_then(|w| w).map_err(|source| LaunchError::Prepare { dir: dir.path().to_owned(), source })
    }
}

async fn by_scope() -> bool {
    let probed = spawn_blocking(containment::probe).await;
    probed.is_ok_and(|found| found.mechanism == Mechanism::SystemdScope)
}

/// What is told of a shim that gave up. It may have come as far as starting the run: that is swept first.
async fn died(dir: &RunDir, run: RunId) -> LaunchError {
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
enum Start {
    /// It said that the run is under way.
    Ready,
    /// It ended by itself before.
    GaveUp,
    /// It was ended by a signal before.
    Killed,
}

/// Whether the shim said that the run is under way. One that did not is gone when this returns. `by_scope`: systemd
/// comes first, and may never answer; a shim that has begun takes the time it takes (a large disk, a slow host).
async fn is_ready(child: &mut Child, dir: &RunDir, by_scope: bool) -> Start {
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

impl RunningRun {
    /// Which run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Its directory.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// Waits for the shim's end and reads the result. May be dropped and called again, however often: what it waits
    /// for goes on meanwhile. A lost run's processes are swept before this returns.
    pub async fn wait(&mut self) -> io::Result<Waited> {
        if self.settling.is_none() {
            match &mut self.shim {
                Shim::Child(child) => {
                    child.wait().await?;
                }
                Shim::Adopted(pidfd) => {
                    pidfd.readable().await?.retain_ready();
                }
            }
        }
        let (dir, run) = (&self.dir, self.run);
        let settling = self.settling.get_or_insert_with(|| {
            let dir = dir.clone();
            spawn_blocking(move || settled(&dir, run))
        });
        let settled = settling.await;
        self.settling = None;
        settled.map_err(io::Error::other)?
    }

    /// Asks the shim to end the run (SIGTERM, grace, SIGKILL to all of it); [`RunningRun::wait`] then tells the end.
    /// The shim is also told by a signal: a run may remove what is written into its directory.
    pub fn stop(&self, why: &str) -> io::Result<()> {
        let written = self.dir.request_stop(why);
        match self.ring() {
            Ok(()) => Ok(()),
            Err(_) if written.is_ok() => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn ring(&self) -> io::Result<()> {
        let known = match &self.shim {
            Shim::Adopted(pidfd) => return Ok(pidfd_send_signal(pidfd.get_ref(), Signal::TERM)?),
            // It is ours and not yet reaped while it has an id: the identity in the file can only be checked less.
            Shim::Child(child) => child.id().and_then(|pid| i32::try_from(pid).ok()),
        };
        let gone = || io::Error::new(io::ErrorKind::NotFound, "the run's shim has ended");
        let shim = ProcessId::of(known.ok_or_else(gone)?)?;
        Ok(pidfd_send_signal(shim.open()?.ok_or_else(gone)?, Signal::TERM)?)
    }
}

/// Looks at a run from any process, after a restart too. Needs a runtime; a lost run's processes are swept.
pub async fn find(dir: &RunDir, run: RunId) -> io::Result<Found> {
    let Some(identity) = dir.identity()? else { return Ok(Found::NotStarted) };
    // The shim is asked first: while it lives, whatever lies in the directory is not yet the result.
    if let Some(pidfd) = identity.shim.open()? {
        let shim = Shim::Adopted(watched(pidfd)?);
        return Ok(Found::Running(RunningRun::new(run, dir, shim)));
    }
    let at = dir.clone();
    Ok(match spawn_blocking(move || settled(&at, run)).await.map_err(io::Error::other)?? {
        Waited::Ended(result) => Found::Ended(result),
        Waited::Lost(lost) => Found::Lost(lost),
    })
}

/// The handle of a run whose shim lives; `None` otherwise.
pub async fn reattach(dir: &RunDir, run: RunId) -> io::Result<Option<RunningRun>> {
    match find(dir, run).await? {
        Found::Running(running) => Ok(Some(running)),
        Found::NotStarted | Found::Ended(_) | Found::Lost(_) => Ok(None),
    }
}

/// For a run that is stored as started but was [`Found::NotStarted`]: makes that final. A shim that was on its way
/// when its starter died finds the request to stop before it starts anything; one that came first is found. Without
/// this, a late shim and a new run could meet in one clone.
pub async fn give_up_start(dir: &RunDir, run: RunId) -> io::Result<Found> {
    let at = dir.clone();
    spawn_blocking(move || forbid_start(&at)).await.map_err(io::Error::other)??;
    find(dir, run).await
}

/// Returns once either nothing can start any more or a shim has said who it is.
fn forbid_start(dir: &RunDir) -> io::Result<()> {
    for _ in 0..START_LOOKS {
        match dir.lock() {
            // Holding the lock means that no shim is past it; dropping it comes after the request is on disk.
            Ok(_lock) => return dir.request_stop("given up before it began"),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) => {}
        }
        if dir.identity()?.is_some() {
            return Ok(());
        }
        clock::pause(START_LOOK_MS);
    }
    let said = format!("a shim holds {} but does not say who it is", dir.path().display());
    Err(io::Error::new(io::ErrorKind::TimedOut, said))
}

/// A pidfd as the runtime waits for it.
#[expect(
    unsafe_code,
    reason = "tokio asks for a promise about the file descriptor that its types cannot express"
)]
fn watched(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` always answers with the same descriptor, and it stays open until the `AsyncFd` that owns it
    // is dropped, which deregisters it first.
    unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }.map_err(io::Error::from)
}

/// The shim is gone: its result, or what is left of the run. Where this process itself lacks what it takes to read the
/// result, nothing is known of the run, and it is not lost.
fn settled(dir: &RunDir, run: RunId) -> io::Result<Waited> {
    match RunResult::read(dir, run) {
        Ok(result) => Ok(Waited::Ended(Box::new(result))),
        Err(ResultError::Io(error)) if is_want(&error) => Err(error),
        Err(why) => Ok(Waited::Lost(lost::declare(dir, run, why))),
    }
}

/// Descriptors or memory, of this process or of the host.
fn is_want(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}
