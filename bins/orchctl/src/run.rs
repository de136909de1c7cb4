//! `orchctl run`: one request from here to main, watched. Where no server runs, the engine works in this process for as
//! long as it takes; another terminal sees and steers the same. Ends with the result, the question or the Hold, and
//! what to do about it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use orchd_daemon::{DaemonError, Document, OnStop, Settings, read_config, socket, take_over};
use orchd_http::client::{Client, ClientError};
use orchd_http::dto::{Event, NewTask, State, Task};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::cli::RunArgs;
use crate::exit::{Exit, WAITS};
use crate::render::Out;
use crate::screen::Screen;
use crate::session::exe;
use crate::view;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(150);
/// An engine that starts answers within this.
const START: Duration = Duration::from_secs(60);
/// What the engine in this process has to say goes here, in the data directory.
const LOG: &str = "run.log";

pub(crate) async fn run(
    out: &Out,
    args: RunArgs,
    config: Option<PathBuf>,
    data: Option<PathBuf>,
) -> Result<(), Exit> {
    let place = Place::find(config, data)?;
    let client = Client::new(&socket(&place.data));
    let engine = match client.get::<State>("/state").await {
        Ok(_) => None,
        Err(ClientError::NotRunning { .. }) => Some(Engine::start(&place, &client).await?),
        Err(error) => return Err(error.into()),
    };
    let mut screen = Screen::new();
    if !out.json {
        let whose = if engine.is_some() { "works here, until this ends" } else { "is a server that runs" };
        screen.say(&format!("The engine of {} {whose}.", place.data.display()));
    }
    let followed = follow(&client, out, &mut screen, args, engine.is_some()).await;
    screen.leave();
    let stopped = match engine {
        Some(engine) => engine.stop().await,
        None => Ok(()),
    };
    // What went wrong first is what to tell.
    let tasks = followed?;
    stopped?;
    conclude(out, &tasks)
}

/// Where the work is done, and by which configuration.
struct Place {
    data: PathBuf,
    document: Option<Document>,
}

impl Place {
    fn find(config: Option<PathBuf>, data: Option<PathBuf>) -> Result<Self, Exit> {
        if let Some(data) = data {
            return Ok(Self { data, document: None });
        }
        let path = crate::config::path(config)?;
        if !path.exists() {
            let todo = "`orchctl init` in your repository makes it";
            return Err(Exit::failed(format!("there is no configuration {}; {todo}", path.display())));
        }
        let document = read_config(&path).map_err(|error| Exit::failed(error.to_string()))?;
        Ok(Self { data: document.config().data.clone(), document: Some(document) })
    }

    /// As the configuration has it, or for a data directory with the server's defaults.
    fn settings(&self) -> Result<Settings, Exit> {
        let settings = match self.document.as_ref().map(Document::config) {
            Some(config) => {
                take_over(config).map_err(|error| Exit::failed(error.to_string()))?;
                Settings::configured(config, exe()?)
            }
            None => Settings::new(self.data.clone(), exe()?),
        };
        Ok(Settings { on_stop: OnStop::EndRuns, ..settings })
    }
}

/// The engine in this process.
struct Engine {
    stop: watch::Sender<bool>,
    serving: JoinHandle<Result<(), DaemonError>>,
}

impl Engine {
    async fn start(place: &Place, client: &Client) -> Result<Self, Exit> {
        let settings = place.settings()?;
        log_to(&place.data)?;
        let (stop, stopping) = watch::channel(false);
        let mut serving = tokio::spawn(orchd_daemon::serve(settings, stopping, || ()));
        let answers = async {
            while client.get::<State>("/state").await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let ended = |ended| Exit::failed(format!("the engine could not start: {}", why(ended)));
        tokio::select! {
            early = &mut serving => Err(ended(early)),
            ready = timeout(START, answers) => match ready {
                Ok(()) => Ok(Self { stop, serving }),
                Err(_) => Err(Exit::failed(format!("the engine does not answer; see {LOG} in the data directory"))),
            },
        }
    }

    /// Runs are ended, their work kept: when this returns, nothing of orchd's runs any more.
    async fn stop(self) -> Result<(), Exit> {
        // Nobody listens any more only if it has stopped already.
        let _ = self.stop.send(true);
        match self.serving.await {
            Ok(Ok(())) => Ok(()),
            ended => Err(Exit::failed(format!("the engine did not end in order: {}", why(ended)))),
        }
    }
}

fn why(ended: Result<Result<(), DaemonError>, tokio::task::JoinError>) -> String {
    match ended {
        Ok(Ok(())) => "it stopped at once".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

/// The screen is the task's.
fn log_to(data: &Path) -> Result<(), Exit> {
    let path = data.join(LOG);
    let file = std::fs::File::options().append(true).create(true).open(&path);
    let file = file.map_err(|error| Exit::failed(format!("{}: {error}", path.display())))?;
    tracing_subscriber::fmt()
        .with_writer(Mutex::new(file))
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .init();
    Ok(())
}

/// Asks for the task, if one is wanted, and watches until nothing moves by itself any more.
async fn follow(
    client: &Client,
    out: &Out,
    screen: &mut Screen,
    args: RunArgs,
    alone: bool,
) -> Result<Vec<Task>, Exit> {
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|error| Exit::failed(format!("signals can not be heard: {error}")))?;
    let mut watched =
        Watched { client, screen, quiet: out.json, only: Vec::new(), read: BTreeMap::new(), since: 0 };
    watched.begin(args).await?;
    loop {
        let state = tokio::select! {
            looked = watched.look() => looked?,
            _ = interrupt.recv() => {
                watched.screen.leave();
                return Err(interrupted(alone));
            }
        };
        // What finished tasks leave behind is cleaned up by jobs of their own.
        if state.tasks.iter().all(is_over) && (!alone || state.jobs.is_empty()) {
            return Ok(state.tasks);
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            _ = interrupt.recv() => {
                watched.screen.leave();
                return Err(interrupted(alone));
            }
        }
    }
}

fn interrupted(alone: bool) -> Exit {
    if alone {
        eprintln!("\nEnding what runs; its work is kept. `orchctl run` without a request goes on with it.");
    } else {
        eprintln!("\nThe server goes on with it; `orchctl run` without a request watches again.");
    }
    Exit::Code(130)
}

/// Nothing will move it any more but a person.
fn is_over(task: &Task) -> bool {
    matches!(task.stage.as_str(), "done" | "cancelled") || is_asking(task)
}

fn is_asking(task: &Task) -> bool {
    task.hold.is_some() || matches!(task.waiting.as_deref(), Some("person" | "paused"))
}

struct Watched<'a> {
    client: &'a Client,
    screen: &'a mut Screen,
    quiet: bool,
    /// The task that was asked for here; else those that were open.
    only: Vec<String>,
    /// Per task id: the last event that was read.
    read: BTreeMap<String, u64>,
    since: i64,
}

impl Watched<'_> {
    async fn begin(&mut self, args: RunArgs) -> Result<(), Exit> {
        let Some(title) = args.title else {
            let state: State = self.client.get("/state").await?;
            let open = state.tasks.iter().filter(|task| !matches!(task.stage.as_str(), "done" | "cancelled"));
            let open: Vec<Task> = open.cloned().collect();
            if open.is_empty() {
                return Err(Exit::failed(
                    "there is nothing to go on with; `orchctl run \"...\"` asks for something".to_owned(),
                ));
            }
            self.since = state.now;
            for task in &open {
                self.events(task).await?;
            }
            self.only = open.into_iter().map(|task| task.id).collect();
            return Ok(());
        };
        let new = NewTask {
            project: args.project,
            waive_description: args.description.is_empty(),
            title,
            description: args.description,
            track: args.track,
            ..NewTask::default()
        };
        let task: Task = self.client.post("/tasks", &new).await?;
        self.since = task.created_at;
        self.only = vec![task.id];
        Ok(())
    }

    /// How it is now, of the tasks that are watched.
    async fn look(&mut self) -> Result<State, Exit> {
        let mut state: State = self.client.get("/state").await?;
        state.tasks.retain(|task| self.only.contains(&task.id));
        let mut lines = Vec::new();
        for task in &state.tasks {
            for event in self.events(task).await? {
                let line = view::fact(&task.key, &event, self.since, self.screen.dress());
                lines.extend(line.map(|line| (event.at, line)));
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        if !self.quiet {
            let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
            self.screen.show(&lines, &state);
        }
        Ok(state)
    }

    /// The events of a task that were not read yet.
    async fn events(&mut self, task: &Task) -> Result<Vec<Event>, Exit> {
        let mut all = Vec::new();
        loop {
            let after = self.read.get(&task.id).copied().unwrap_or(0);
            let page: Vec<Event> =
                self.client.get(&format!("/tasks/{}/events?after={after}", task.id)).await?;
            let Some(last) = page.iter().map(|event| event.seq).max().filter(|last| *last > after) else {
                return Ok(all);
            };
            self.read.insert(task.id.clone(), last);
            all.extend(page);
        }
    }
}

fn conclude(out: &Out, tasks: &[Task]) -> Result<(), Exit> {
    if out.json {
        out.data(&tasks)?;
    } else {
        for task in tasks {
            out.line("");
            tell(out, task);
        }
    }
    let all = |stage: &str| tasks.iter().all(|task| task.stage == stage);
    match tasks.iter().any(is_asking) {
        true => Err(Exit::Code(WAITS)),
        false if all("done") => Ok(()),
        false => Err(Exit::Code(crate::exit::FAILED)),
    }
}

fn tell(out: &Out, task: &Task) {
    let key = &task.key;
    let spent = format!("{} runs, ${:.2}", task.runs, task.cost_usd);
    if task.stage == "done" {
        let sha = task.landed.last().map(|sha| view::short(sha)).unwrap_or_default();
        out.line(&format!("{key} is done: {sha} is proven to be in orchd's main ({spent})."));
        out.line("`orchctl pull` brings it into your branch; `git log orchd/main` shows it.");
        return;
    }
    if task.stage == "cancelled" {
        out.line(&format!("{key} was cancelled ({spent})."));
        return;
    }
    match &task.hold {
        Some(hold) => {
            out.line(&format!("{key} is on Hold ({}): {}", hold.code, view::cut(&hold.detail, 2_000)))
        }
        None => out.line(&format!("{key} waits for you: {}", task.sentence)),
    }
    for question in &task.questions {
        out.line(&format!("  it asks: {}", view::cut(question, 2_000)));
    }
    if !task.questions.is_empty() {
        out.line(&format!("  answer with: orchctl resume {key} --answer \"...\""));
    }
    let typed = |command: &String| match command.as_str() {
        "amend" => format!("orchctl task amend {key}"),
        command => format!("orchctl {command} {key}"),
    };
    let ways: Vec<String> = task.commands.iter().map(typed).collect();
    out.line(&format!("You may: {}", ways.join(", ")));
    out.line(&format!("See also: orchctl why {key}, orchctl task log {key}. Then `orchctl run` goes on."));
}
