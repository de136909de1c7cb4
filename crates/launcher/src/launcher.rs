//! Starting a run under its shim, waiting for it, stopping it, and finding it again from another process. A handle is
//! a view: dropping it neither kills nor forgets the run. What a result means is the caller's.

mod start;

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orchd_core::id::RunId;
use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::clock;
use crate::containment::scope::{self, Prefix};
use crate::containment::{self, Mechanism};
use crate::lost::{self, Lost};
use crate::order::Order;
use crate::process::ProcessId;
use crate::result::{ResultError, RunResult};
use crate::run_dir::RunDir;
use crate::spec::RunSpec;
use start::{Start, Way, died, is_ready, log_of, tell};

/// A shim says who it is right after it took its lock.
const START_LOOK_MS: i64 = 20;
const START_LOOKS: u32 = 500;

/// Starts shims: the program that has the hidden subcommand, usually `/proc/self/exe`, so that an upgrade on disk
/// changes nothing under a running process.
#[derive(Debug, Clone)]
pub struct Launcher {
    exe: PathBuf,
    shim_args: Vec<String>,
    /// Whether systemd is asked for a scope: where this process may make groups is asked once, as trying takes the
    /// kernel's lock for all groups.
    by_scope: Arc<OnceCell<bool>>,
    /// A shim that waits for its run: starting one takes longer than telling it for whom. It ends with this process.
    spare: Arc<Mutex<Option<Child>>>,
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
    /// `exe` with `shim_args` must end in [`crate::shim_main`].
    pub fn new(exe: impl Into<PathBuf>, shim_args: Vec<String>) -> Self {
        Self { exe: exe.into(), shim_args, by_scope: Arc::default(), spare: Arc::default() }
    }

    /// Writes the specification, starts the shim, and returns once the run is under way (or could not be spawned,
    /// which is a result like any other). The caller has stored the run before it calls this.
    pub async fn start(&self, dir: &RunDir, spec: &RunSpec) -> Result<RunningRun, LaunchError> {
        self.prepare(dir, spec).await?.start().await
    }

    /// Writes the specification; nothing of the run is started yet.
    pub async fn prepare<'r>(
        &'r self,
        dir: &'r RunDir,
        spec: &'r RunSpec,
    ) -> Result<Prepared<'r>, LaunchError> {
        if dir.file(RunDir::SHIM).exists() || dir.file(RunDir::RESULT).exists() {
            return Err(LaunchError::StartedBefore { dir: dir.path().to_owned() });
        }
        let (to, what) = (dir.clone(), spec.clone());
        let written = spawn_blocking(move || what.write(&to)).await.map_err(io::Error::other);
        let failed = |source| LaunchError::Prepare { dir: dir.path().to_owned(), source };
        written.flatten().map_err(failed)?;
        Ok(Prepared { launcher: self, dir, spec })
    }

    async fn begin(&self, dir: &RunDir, spec: &RunSpec) -> Result<RunningRun, LaunchError> {
        let by_scope = *self.by_scope.get_or_init(by_scope).await;
        let order = Order::of(dir, spec);
        let spare = self.spare().take().map(Way::Waiting);
        let anew = scope::prefixes(spec.run, by_scope).into_iter().map(Way::Anew);
        for way in spare.into_iter().chain(anew) {
            let is_scope = matches!(&way, Way::Anew(prefix) if !prefix.argv.is_empty());
            let mut child = match way {
                Way::Waiting(child) => child,
                Way::Anew(prefix) => self.spawn_shim(&prefix, log_of(dir)?)?,
            };
            tell(&mut child, &order).await;
            let started = is_ready(&mut child, dir, is_scope).await;
            // What is known of a shim stays: only where none began may the next way be tried.
            let began = dir.file(RunDir::SHIM).exists();
            match started {
                Start::Ready => {
                    if !by_scope {
                        self.keep_spare();
                    }
                    return Ok(RunningRun::new(spec.run, dir, Shim::Child(child)));
                }
                // By the run itself, it may be, which then had begun: it is not told from one that is lost later.
                Start::Killed if began => return Ok(RunningRun::new(spec.run, dir, Shim::Child(child))),
                Start::Killed | Start::GaveUp if began => break,
                Start::Killed | Start::GaveUp => {}
            }
        }
        Err(died(dir, spec.run).await)
    }

    fn spare(&self) -> MutexGuard<'_, Option<Child>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the next run, while nobody waits.
    fn keep_spare(&self) {
        let mut spare = self.spare();
        if spare.is_none() {
            // Without one, the next run starts its own, and tells why that cannot be.
            *spare = self.spawn_shim(&Prefix::default(), Stdio::null()).ok();
        }
    }

    /// A shim that waits for its order.
    fn spawn_shim(&self, prefix: &Prefix, log: Stdio) -> Result<Child, LaunchError> {
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
            // The agent may read its parent's environment in /proc.
            .env_clear()
            .envs(prefix.env.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|source| LaunchError::Spawn { exe: self.exe.clone(), source })
    }
}

/// A run whose specification is written, and that was not started.
#[derive(Debug)]
pub struct Prepared<'r> {
    launcher: &'r Launcher,
    dir: &'r RunDir,
    spec: &'r RunSpec,
}

impl Prepared<'_> {
    /// The rest of [`Launcher::start`].
    pub async fn start(self) -> Result<RunningRun, LaunchError> {
        self.launcher.begin(self.dir, self.spec).await
    }
}

async fn by_scope() -> bool {
    let probed = spawn_blocking(containment::probe).await;
    probed.is_ok_and(|found| found.mechanism == Mechanism::SystemdScope)
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
