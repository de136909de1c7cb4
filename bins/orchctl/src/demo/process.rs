//! The engine's process: started from this very program, waited for, ended. It has its own process group, so that Ctrl-C
//! reaches the demonstration alone, which then ends it in order.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::error::DemoError;

/// A slow disk may have to make a database, a forge and a mirror.
const READY: Duration = Duration::from_secs(30);
/// Its runs are asked to end, then forced.
const END: Duration = Duration::from_secs(30);
/// Of its log, where it ended by itself.
const TAIL: usize = 2000;

/// The running engine.
#[derive(Debug)]
pub(super) struct Engine {
    child: Child,
    log: PathBuf,
    /// Kept open: the engine writes to it.
    stdout: Lines<BufReader<ChildStdout>>,
}

/// A program that replaces itself while it runs is still the one that was started.
const SELF: &str = "/proc/self/exe";

impl Engine {
    /// Starts it on `data` for `project` and waits until it serves.
    pub(super) async fn start(data: &Path, project: &Path, serial: bool) -> Result<Self, DemoError> {
        let log = data.join("engine.log");
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&log);
        let file = file.map_err(|e| DemoError::file("open", &log, e))?;
        let failed = |source| DemoError::Engine { doing: "started", source, log: log.clone() };
        let mut command = Command::new(SELF);
        command.arg("engine").arg("--data").arg(data).arg("--demo").arg(project);
        if !serial {
            command.arg("--parallel");
        }
        // Its standard input is held open for as long as this process lives: its end tells that nobody watches any more.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file).process_group(0);
        let mut child = command.spawn().map_err(failed)?;
        let stdout = child.stdout.take().ok_or_else(|| failed(std::io::Error::other("it has no output")))?;
        let mut engine = Self { child, log: log.clone(), stdout: BufReader::new(stdout).lines() };
        match engine.ready().await {
            Ok(()) => Ok(engine),
            // Whatever it is, nothing may be left of it.
            Err(error) => {
                // The first failure is the one to tell.
                let _ = engine.stop().await;
                Err(error)
            }
        }
    }

    async fn ready(&mut self) -> Result<(), DemoError> {
        let said = async {
            loop {
                match self.stdout.next_line().await {
                    Ok(Some(line)) if line.trim() == "ready" => return true,
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return false,
                }
            }
        };
        match timeout(READY, said).await {
            Ok(true) => Ok(()),
            // Its output is closed: it ended, or is about to.
            Ok(false) => {
                let status = timeout(END, self.child.wait()).await;
                let status = match status {
                    Ok(Ok(status)) => status.to_string(),
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "it closed its output".to_owned(),
                };
                Err(self.ended(status))
            }
            Err(_) => Err(DemoError::NotReady { after: READY, log: self.log.clone() }),
        }
    }

    /// An error if it ended by itself.
    pub(super) fn check(&mut self) -> Result<(), DemoError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.ended(status.to_string())),
            Err(source) => Err(DemoError::Engine { doing: "watched", source, log: self.log.clone() }),
        }
    }

    fn ended(&self, status: String) -> DemoError {
        let text = fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.unwrap_or_default();
        let from = text.char_indices().rev().nth(TAIL).map_or(0, |(at, _)| at);
        DemoError::EngineEnded { status, log: self.log.clone(), tail: text[from..].trim().to_owned() }
    }

    /// Kills it as a machine that loses its power would: nothing of it can react. What it started goes on.
    pub(super) async fn kill(mut self) -> Result<(), DemoError> {
        self.child.kill().await.map_err(|source| DemoError::Engine { doing: "killed", source, log: self.log })
    }

    /// Asks it to end, and waits until it has. What it started it ends itself.
    pub(super) async fn stop(mut self) -> Result<(), DemoError> {
        // No id: it was waited for already.
        let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) else { return Ok(()) };
        // It may end between the two lines; then there is nothing to signal.
        let _ = kill_process(pid, Signal::TERM);
        match timeout(END, self.child.wait()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(source)) => Err(DemoError::Engine { doing: "ended", source, log: self.log }),
            Err(_) => {
                // It can only have ended by itself meanwhile, which is as good.
                let _ = self.child.kill().await;
                Err(DemoError::Killed { after: END, log: self.log })
            }
        }
    }
}
