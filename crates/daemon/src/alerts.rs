//! `notify.command`: an operator's own program is started for each thing that needs a person, with the alert as JSON on its
//! standard input. Other surfaces wait half a second for it at most: one that takes longer is asked after later.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use orchd_core::id::RepoId;
use orchd_core::port::alert::{Alert, Alerts};
use orchd_core::port::tracker::OutsideError;
use orchd_core::time::Timestamp;
use orchd_engine::Engine;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long the caller waits for it.
const AT_ONCE: Duration = Duration::from_millis(500);
/// How long it may take in all.
const IN_ALL: Duration = Duration::from_secs(60);
/// How often it is looked whether a repository froze.
const LOOK: Duration = Duration::from_secs(2);
/// Bytes that are told of its output where it fails.
const SAID: usize = 500;
/// What a command that ended said last is read within this.
const LAST_WORDS: Duration = Duration::from_millis(20);

type Telling = JoinHandle<Result<(), String>>;

/// Tells alerts to a command, or to nobody.
pub(crate) struct CommandAlerts {
    command: Option<String>,
    dir: PathBuf,
    under_way: Mutex<BTreeMap<String, Telling>>,
}

impl CommandAlerts {
    /// `command` is for `sh -c`, and is started in `dir`.
    pub(crate) fn new(command: Option<String>, dir: PathBuf) -> Self {
        Self { command, dir, under_way: Mutex::default() }
    }

    fn take(&self, text: &str) -> Option<Telling> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(text)
    }
}

#[async_trait]
impl Alerts for CommandAlerts {
    async fn tell(&self, alert: &Alert) -> Result<(), OutsideError> {
        let Some(command) = &self.command else { return Ok(()) };
        let failed = |why: String| OutsideError { system: "notify.command", why };
        let text = serde_json::to_string(alert).map_err(|error| failed(error.to_string()))?;
        let begin = || tokio::spawn(told(command.clone(), self.dir.clone(), format!("{text}\n")));
        let mut telling = self.take(&text).unwrap_or_else(begin);
        match timeout(AT_ONCE, &mut telling).await {
            Ok(Ok(told)) => told.map_err(failed),
            Ok(Err(error)) => Err(failed(format!("it broke: {error}"))),
            Err(_elapsed) => {
                let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
                // Of what nobody asks about any more.
                under_way.retain(|_, telling| !telling.is_finished());
                under_way.insert(text, telling);
                Err(failed("it is still at work".to_owned()))
            }
        }
    }
}

async fn told(command: String, dir: PathBuf, text: String) -> Result<(), String> {
    let mut shell = tokio::process::Command::new("/bin/sh");
    shell.arg("-c").arg(&command).current_dir(dir).process_group(0);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = shell.spawn().map_err(|error| format!("/bin/sh can not be started: {error}"))?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let mut said = Vec::new();
    let ended = match timeout(IN_ALL, attend(&mut child, &text, &mut said)).await {
        Ok(ended) => ended.map_err(|error| error.to_string())?,
        Err(_elapsed) => return Err(format!("it took longer than {} s and was ended", IN_ALL.as_secs())),
    };
    // What it leaves at work in its background is its own.
    group.0 = None;
    if ended.success() {
        return Ok(());
    }
    Err(format!("{ended}: {}", String::from_utf8_lossy(&said).trim()))
}

/// Feeds it and hears it, until it ends; whoever still holds its outputs then is not waited for.
async fn attend(child: &mut Child, text: &str, said: &mut Vec<u8>) -> std::io::Result<ExitStatus> {
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // Who does not want to read it is told all the same.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
    };
    let hear = async {
        let Some(mut stderr) = stderr else { return };
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
            let room = SAID.saturating_sub(said.len()).min(read);
            said.extend_from_slice(&buffer[..room]);
        }
    };
    let ended = async {
        let ended = child.wait().await;
        // What it said last is on its way.
        sleep(LAST_WORDS).await;
        ended
    };
    tokio::select! {
        ended = ended => ended,
        _ = async { tokio::join!(feed, hear); std::future::pending::<()>().await } => unreachable!(),
    }
}

/// Ends all of a command that is given up.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It may be gone already.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Tells of repositories that freeze. What was told is not remembered beyond this process: one that is frozen still at the
/// next start is told again.
pub(crate) async fn watch_repositories(engine: Arc<Engine>) {
    let mut told: BTreeMap<RepoId, Timestamp> = BTreeMap::new();
    loop {
        match engine.alert_frozen(&told).await {
            Ok(now) => told = now,
            Err(error) => {
                tracing::warn!("repositories that froze were not told of, which is tried again: {error}")
            }
        }
        sleep(LOOK).await;
    }
}
