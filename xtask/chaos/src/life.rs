//! One life of the program: started with a point, followed through the API as any client does, until it is killed
//! there, or everything is over. Requests and answers are given again by whoever finds them missing.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use orchd_http::client::{Client, ClientError};
use orchd_http::dto::{Command as Said, NewTask, Receipt, State, Task};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::point::Point;
use crate::project::REQUESTS;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);
/// A life that neither ends nor is done by then is stuck.
const LONGEST: Duration = Duration::from_secs(240);
/// Its runs are asked to end, then forced.
const END: Duration = Duration::from_secs(40);
/// Longer than a lease.
const STANDSTILL: Duration = Duration::from_secs(65);

/// How a life ended.
#[derive(Debug)]
pub(crate) enum End {
    /// At its point.
    Killed,
    /// Everything was done before, or after it had stood still; it was stopped in order.
    Done {
        /// It stood still for longer than a lease on its way.
        stood_still: bool,
    },
}

/// Where everything of a workload is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) program: &'a Path,
    pub(crate) data: &'a Path,
    pub(crate) project: &'a Path,
}

/// Lives until the end.
pub(crate) async fn live(place: Place<'_>, point: Option<&Point>) -> Result<End> {
    let mut child = start(place, point)?;
    let client = Client::new(&orchd_daemon::socket(place.data));
    let followed = timeout(LONGEST + STANDSTILL, follow(place, &mut child, &client, point)).await;
    let end = match followed {
        Ok(end) => end,
        Err(_) => {
            Err(anyhow::anyhow!("it is not done after {LONGEST:?}; its log is {}", log(place.data).display()))
        }
    };
    if let Ok(None) = child.try_wait() {
        stop(&mut child).await?;
    }
    end
}

fn log(data: &Path) -> std::path::PathBuf {
    data.join("engine.log")
}

fn start(place: Place<'_>, point: Option<&Point>) -> Result<Child> {
    let log = OpenOptions::new().append(true).create(true).open(log(place.data))?;
    let mut command = Command::new(place.program);
    command.args(["engine", "--parallel", "--data"]).arg(place.data).arg("--demo").arg(place.project);
    command.env("ORCHD_FAILPOINT", point.map(|point| point.text.as_str()).unwrap_or_default());
    // Its standard input is held open for as long as this process lives: its end tells that nobody watches any more.
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).process_group(0).kill_on_drop(true);
    command.spawn().with_context(|| format!("{} can not be started", place.program.display()))
}

async fn stop(child: &mut Child) -> Result<()> {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        kill_process(pid, Signal::TERM).context("the program can not be told to stop")?;
    }
    match timeout(END, child.wait()).await {
        Ok(status) => ended_well(status.context("the program is lost")?),
        Err(_) => bail!("the program did not stop within {END:?}"),
    }
}

fn ended_well(status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { bail!("the program was told to stop and ended with {status}") }
}

async fn follow(place: Place<'_>, child: &mut Child, client: &Client, point: Option<&Point>) -> Result<End> {
    use std::os::unix::process::ExitStatusExt as _;
    let mut stood_still = false;
    loop {
        if let Some(status) = child.try_wait().context("the program is lost")? {
            if status.signal() == Some(Signal::KILL.as_raw()) && point.is_some_and(|point| !point.stops) {
                return Ok(End::Killed);
            }
            bail!("the program ended by itself with {status}; its log is {}", log(place.data).display());
        }
        if !stood_still && point.is_some_and(|point| point.stops) && stands_still(child) {
            stand_still(place, child).await?;
            stood_still = true;
        }
        // Whatever a killed program did not answer is asked again in its next life.
        let step = timeout(Duration::from_secs(5), step(client)).await;
        if let Ok(Ok(true)) = step {
            return Ok(End::Done { stood_still });
        }
        if let Ok(Err(error @ (ClientError::Refused(_) | ClientError::BadAnswer(_)))) = step {
            bail!("{error}");
        }
        sleep(LOOK).await;
    }
}

/// Asks for what nobody has asked for yet, answers what is asked; true once everything is over.
async fn step(client: &Client) -> Result<bool, ClientError> {
    let state: State = client.get("/state").await?;
    for (title, track, _) in REQUESTS {
        if !state.tasks.iter().any(|task| task.title == title) {
            let description = "As the title says.".to_owned();
            let track = Some(track.to_owned());
            let new = NewTask { title: title.to_owned(), description, track, ..NewTask::default() };
            // What it was told of the new task is read again from the state.
            let _: Task = client.post("/tasks", &new).await?;
            return Ok(false);
        }
    }
    for task in state.tasks.iter().filter(|task| !task.questions.is_empty()) {
        let answer =
            REQUESTS.iter().find(|(title, ..)| *title == task.title).map(|(.., answer)| (*answer).to_owned());
        let command = Said {
            command: "resume".to_owned(),
            answers: answer,
            visit: Some(task.visit),
            ..Said::default()
        };
        // One that came twice is refused as over, which the next look shows as well.
        match client.post::<Receipt>(&format!("/tasks/{}/commands", task.id), &command).await {
            Ok(_) | Err(ClientError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let over = |task: &Task| matches!(task.stage.as_str(), "done" | "cancelled") || task.hold.is_some();
    // What a job's end said is to be recorded too, and shown: only then is the inbox empty.
    Ok(state.tasks.iter().all(over) && state.jobs.is_empty() && state.pending == 0)
}

/// The kernel's word on it.
fn stands_still(child: &Child) -> bool {
    let stat = child.id().and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok());
    stat.is_some_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T')))
}

/// Waits until its leases are over and lets it go on; meanwhile nobody else gets its store.
async fn stand_still(place: Place<'_>, child: &Child) -> Result<()> {
    sleep(STANDSTILL).await;
    let second = Command::new(place.program)
        .args(["engine", "--data"])
        .arg(place.data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output();
    let second =
        timeout(END, second).await.context("a second process was let in while the first stood still")??;
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    if second.status.success() || !said.contains("in use by") {
        bail!("a second process ended with {}: {said}", second.status);
    }
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).context("the program is gone")?;
    kill_process(pid, Signal::CONT).context("the program can not be let go on")
}
