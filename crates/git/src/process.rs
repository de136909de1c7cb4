//! One child process: own process group, stdin from memory or null, output drained with a bound, a deadline.
//! Knows nothing of git. The whole group gets SIGTERM before SIGKILL, because git removes its lock files on the
//! first and leaves them behind on the second.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// How long a group may take to clean up after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);
/// What is kept of stderr: enough for a person, bounded against a chatty hook.
const STDERR_CAP: usize = 16 * 1024;

/// Takes a child's standard output piece by piece.
pub(crate) type Sink<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

/// How a child ended.
pub(crate) enum Ended {
    /// By itself, or by a signal that was not ours.
    Exited { status: ExitStatus, stderr: String },
    /// It outlived its deadline and was ended.
    Deadline,
    /// It was started, and then a pipe to it or the wait for it failed.
    Lost(io::Error),
}

/// Ends the group when the future is dropped half way: a caller that went away must leave no git behind.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // The group may be gone already; nothing is owed to it then.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

/// Runs `command` to its end or to `deadline`. An error means that it was never started.
pub(crate) async fn run(
    mut command: Command,
    stdin: Option<Vec<u8>>,
    deadline: Duration,
    sink: Sink<'_>,
) -> io::Result<Ended> {
    let input = if stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn()?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut group = Group(pid);
    let ended = tokio::time::timeout(deadline, attend(&mut child, stdin, sink)).await;
    match ended {
        Ok(Ok((status, stderr))) => {
            // The leader is reaped, so its number may be given to another; the group is not signalled any more.
            group.0 = None;
            Ok(Ended::Exited { status, stderr })
        }
        // The group is ended as the guard is dropped.
        Ok(Err(error)) => Ok(Ended::Lost(error)),
        Err(_elapsed) => {
            group.signal(Signal::TERM);
            if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
                group.signal(Signal::KILL);
                if let Err(error) = child.wait().await {
                    return Ok(Ended::Lost(error));
                }
            }
            group.0 = None;
            Ok(Ended::Deadline)
        }
    }
}

async fn attend(
    child: &mut Child,
    stdin: Option<Vec<u8>>,
    sink: Sink<'_>,
) -> io::Result<(ExitStatus, String)> {
    let mut into = child.stdin.take();
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let feed = async {
        if let (Some(pipe), Some(bytes)) = (into.as_mut(), stdin) {
            match pipe.write_all(&bytes).await {
                // A child that stops reading says why on stderr and by its exit status.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
                Err(_) | Ok(()) => {}
            }
        }
        drop(into.take());
        Ok(())
    };
    let mut said = Vec::new();
    let mut keep = |bytes: &[u8]| {
        let room = STDERR_CAP.saturating_sub(said.len());
        said.extend_from_slice(&bytes[..bytes.len().min(room)]);
    };
    let (fed, out, err) = tokio::join!(feed, drain(stdout, sink), drain(stderr, &mut keep));
    fed.and(out).and(err)?;
    let status = child.wait().await?;
    Ok((status, String::from_utf8_lossy(&said).trim().to_owned()))
}

async fn drain(pipe: Option<impl AsyncRead + Unpin>, sink: Sink<'_>) -> io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut buffer = vec![0; 32 * 1024];
    loop {
        match pipe.read(&mut buffer).await? {
            0 => return Ok(()),
            n => sink(&buffer[..n]),
        }
    }
}
