//! `notify.command`: an operator's own program is started for each thing that needs a person, with the alert as JSON on its
//! standard input. It delays nobody: one that takes long is asked after later.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use orchd_core::id::RepoId;
use orchd_core::port::alert::{Alert, Alerts};
use orchd_core::port::tracker::OutsideError;
use orchd_core::time::Timestamp;
use orchd_engine::Engine;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long the caller waits for it.
const AT_ONCE: Duration = Duration::from_millis(500);
/// How long it may take in all.
const IN_ALL: Duration = Duration::from_secs(60);
/// How often it is looked whether a repository froze.
const LOOK: Duration = Duration::from_secs(2);
/// What is told of its output where it fails.
const SAID: usize = 500;

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
                self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(text, telling);
                Err(failed("it is still at work".to_owned()))
            }
        }
    }
}

async fn told(command: String, dir: PathBuf, text: String) -> Result<(), String> {
    let mut shell = tokio::process::Command::new("/bin/sh");
    shell.arg("-c").arg(&command).current_dir(dir).kill_on_drop(true);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = shell.spawn().map_err(|error| format!("/bin/sh can not be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(text.as_bytes()).await {
            // Who does not want to read it is told all the same.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.to_string()),
            Err(_) | Ok(()) => {}
        }
    }
    let output = match timeout(IN_ALL, child.wait_with_output()).await {
        Ok(output) => output.map_err(|error| error.to_string())?,
        Err(_elapsed) => return Err(format!("it took longer than {} s and was ended", IN_ALL.as_secs())),
    };
    if output.status.success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(SAID).collect();
    Err(format!("{}: {said}", output.status))
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
