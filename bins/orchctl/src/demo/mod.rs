//! `orchctl demo`: two requests become proven code on main, before one's eyes, offline, in a directory of their own.
//! Here: the order of things, and what interrupts it. It talks to its engine through the API alone, as any client;
//! what came of it is asked of git (`outcome.rs`).

pub(crate) mod agent;
mod chaos;
mod error;
mod files;
mod git;
mod outcome;
mod place;
mod process;
mod story;
mod summary;
mod watch;

use std::path::{Path, PathBuf};

use orchd_core::port::clock::Ids as _;
use orchd_http::client::Client;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::screen::Screen;
use chaos::{Chaos, Survived};
use error::DemoError;
use place::Place;
use process::Engine;
use summary::{Facts, Report};
use watch::{Seen, Watch};

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Options {
    /// Where; a fresh directory below the system's temporary one where left out.
    pub(crate) dir: Option<PathBuf>,
    /// The last line is the result as JSON.
    pub(crate) json: bool,
    /// One task at work at a time.
    pub(crate) serial: bool,
    /// The engine is killed again and again, at moments that come from this seed.
    pub(crate) chaos: Option<u64>,
}

/// A seed that nobody chose.
pub(crate) fn seed() -> u64 {
    // The low bits of an identity are random; a small number is easier to type again.
    (orchd_daemon::RandomIds.next().as_u128() & 0xffff_ffff) as u64
}

/// How it ended.
enum End {
    /// Everything was watched to its end, and what its kills came to.
    Seen(Box<Seen>, Option<Survived>),
    /// Somebody wants it to end; the exit code that says so.
    Interrupted(i32),
}

/// Runs it. Returns the exit code: 0 if everything landed, 1 if not or if something failed, 128 + n on signal n.
pub(crate) async fn run(options: Options) -> i32 {
    let mut screen = Screen::new();
    match demonstrate(options, &mut screen).await {
        Ok(code) => code,
        Err(error) => {
            screen.leave();
            eprintln!("orchctl demo: {error}");
            1
        }
    }
}

async fn demonstrate(options: Options, screen: &mut Screen) -> Result<i32, DemoError> {
    let place = Place::prepare(options.dir)?;
    let mut signals = Signals::listen(&place)?;
    screen.say(&format!("The demonstration is in {}", place.dir.display()));
    screen.say(
        "A small project in shell, two requests, a scripted agent; its tests, git and the engine are real.\n",
    );
    let mut chaos = options.chaos.map(Chaos::new);
    let end = match work(&place, options.serial, screen, &mut signals, &mut chaos).await {
        Ok(end) => end,
        Err(error) => {
            screen.leave();
            say_how_to_go_on(&place.dir);
            return Err(error);
        }
    };
    screen.leave();
    match end {
        End::Interrupted(code) => {
            eprintln!("\nStopped: nothing of it runs any more.");
            say_how_to_go_on(&place.dir);
            Ok(code)
        }
        End::Seen(seen, survived) => conclude(&place, &seen, survived, options.json, screen),
    }
}

fn say_how_to_go_on(dir: &Path) {
    eprintln!("It goes on where it stopped with: orchctl demo --dir {}", dir.display());
}

/// The engine's life, or lives: whatever happens in between, it has ended when this returns.
async fn work(
    place: &Place,
    serial: bool,
    screen: &mut Screen,
    signals: &mut Signals,
    chaos: &mut Option<Chaos>,
) -> Result<End, DemoError> {
    let client = Client::new(&orchd_daemon::socket(&place.data));
    let mut watch = Watch::new(&client, screen);
    loop {
        // Not raced with a signal: a child that is being started must be known to be ended.
        let mut engine = Engine::start(&place.data, &place.project, serial).await?;
        // Asked for before the first kill: who asks again after a lost answer asks twice, and keys are given once.
        if let Err(error) = watch.ask().await {
            // What went wrong first is what to tell.
            let _ = engine.stop().await;
            return Err(error);
        }
        let end = tokio::select! {
            seen = watch.follow(&mut engine) => seen.and_then(|seen| finish(place, seen, chaos.as_ref())),
            code = signals.any() => Ok(End::Interrupted(code)),
            () = strike(chaos) => {
                engine.kill().await?;
                watch.say_killed();
                continue;
            }
        };
        if matches!(end, Ok(End::Interrupted(_))) {
            watch.leave();
            eprintln!("\nEnding what runs…");
        }
        let stopped = engine.stop().await;
        // What went wrong first is what to tell.
        let end = end?;
        return stopped.map(|()| end);
    }
}

/// Returns when the engine is to be killed: never, without chaos.
async fn strike(chaos: &mut Option<Chaos>) {
    match chaos {
        Some(chaos) => chaos.strike().await,
        None => std::future::pending().await,
    }
}

fn finish(place: &Place, seen: Seen, chaos: Option<&Chaos>) -> Result<End, DemoError> {
    let survived = chaos.map(|chaos| chaos.account(&place.data, &seen.events)).transpose()?;
    Ok(End::Seen(Box::new(seen), survived))
}

fn conclude(
    place: &Place,
    seen: &Seen,
    survived: Option<Survived>,
    json: bool,
    screen: &mut Screen,
) -> Result<i32, DemoError> {
    let proven = outcome::prove(place, &seen.tasks, seen.red.as_deref())?;
    let report = Report {
        repo: place.project.clone(),
        base_sha: place.base.clone(),
        red_sha: seen.red.clone(),
        main_sha: proven.main,
        tasks: seen.tasks.iter().map(Into::into).collect(),
        chaos: survived,
    };
    let facts = Facts {
        dir: &place.dir,
        report: &report,
        tasks: &seen.tasks,
        commits: &proven.commits,
        tests: &proven.tests,
    };
    screen.say(summary::text(&facts).trim_end());
    if json {
        // A report is plain data with string keys: its JSON form always exists.
        screen.say(&serde_json::to_string(&report).unwrap_or_default());
    }
    let all_done = seen.tasks.iter().all(|task| task.stage == "done");
    let counted = report.chaos.as_ref().is_none_or(|survived| survived.miscounted.is_empty());
    Ok(if all_done && counted { 0 } else { 1 })
}

/// The signals that end it in order.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen(place: &Place) -> Result<Self, DemoError> {
        let hear = |kind| signal(kind).map_err(|e| DemoError::file("listen for signals in", &place.dir, e));
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hangup: hear(SignalKind::hangup())?,
        })
    }

    /// The exit code of the first that comes.
    async fn any(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
            _ = self.hangup.recv() => 129,
        }
    }
}
