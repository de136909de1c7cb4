//! `orchctl run`: one request from here to main, watched. Where no server runs, the engine works in this process for as
//! long as it takes; another terminal sees and steers the same. Ends with the result, the question or the Hold, and
//! what to do about it.

mod rest;
mod tell;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use orchd_daemon::{DaemonError, Document, OnStop, Settings, read_config, socket, take_over};
use orchd_http::client::{Client, ClientError};
use orchd_http::dto::{NewTask, State, Task};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::cli::RunArgs;
use crate::exit::Exit;
use crate::reader::{self, Reader};
use crate::render::Out;
use crate::screen::Screen;
use crate::session::exe;
use rest::{Seen, has_ended};
use tell::{Ended, conclude};

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
    let mut args = args;
    if let (Some(document), Some(_), None) = (&place.document, &args.title, &args.project) {
        args.project = crate::here::project(document.config())?;
    }
    let client = Client::new(&socket(&place.data));
    let engine = match client.get::<State>("/state").await {
        Ok(state) => {
            if let Some(document) = &place.document
                && !crate::config::counts(&state, document.config())?
            {
                return Err(Exit::failed(crate::config::OTHER.to_owned()));
            }
            None
        }
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
    let ended = followed?;
    stopped?;
    conclude(out, &ended, place.document.as_ref())
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
        // Where the disk is full, the screen is not the place to say so of each line.
        .log_internal_errors(false)
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
) -> Result<Ended, Exit> {
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|error| Exit::failed(format!("signals can not be heard: {error}")))?;
    let mut watched = Watched {
        client,
        screen,
        quiet: out.json,
        only: Vec::new(),
        reader: Reader::default(),
        since: 0,
        seen: Seen::default(),
    };
    watched.begin(args).await?;
    loop {
        let (tasks, state) = tokio::select! {
            looked = watched.look() => looked?,
            _ = interrupt.recv() => {
                watched.screen.leave();
                return Err(interrupted(alone));
            }
        };
        // What finished tasks leave behind is cleaned up by jobs of their own, where there is room for any.
        if watched.seen.rests(&state, &tasks) && (!alone || state.jobs.is_empty() || state.short.is_some()) {
            return Ok(Ended { tasks, short: state.short });
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

struct Watched<'a> {
    client: &'a Client,
    screen: &'a mut Screen,
    quiet: bool,
    /// The task that was asked for here; else those that were open.
    only: Vec<String>,
    reader: Reader,
    since: i64,
    seen: Seen,
}

impl Watched<'_> {
    async fn begin(&mut self, args: RunArgs) -> Result<(), Exit> {
        let Some(title) = args.title else {
            let state: State = self.client.get("/state").await?;
            let open: Vec<Task> = state.tasks.iter().filter(|task| !has_ended(task)).cloned().collect();
            if open.is_empty() {
                return Err(Exit::failed(
                    "there is nothing to go on with; `orchctl run \"...\"` asks for something".to_owned(),
                ));
            }
            self.since = state.now;
            for task in &open {
                self.reader.events(self.client, task).await?;
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

    /// How it is now: the tasks that are watched, and all of it.
    async fn look(&mut self) -> Result<(Vec<Task>, State), Exit> {
        let state: State = self.client.get("/state").await?;
        let tasks: Vec<Task> =
            state.tasks.iter().filter(|task| self.only.contains(&task.id)).cloned().collect();
        let mut happened = Vec::new();
        for task in &tasks {
            happened.push((task, self.reader.events(self.client, task).await?));
        }
        if !self.quiet {
            let mut lines = reader::lines(&happened, self.since, self.screen.dress());
            lines.extend(self.seen.news(&state, &tasks));
            self.screen.show(&lines, &State { tasks: tasks.clone(), ..state.clone() });
        }
        Ok((tasks, state))
    }
}
