//! The hidden subcommand `engine`: serves a data directory until it is told to stop. `demo` starts it as a child;
//! for the demo's project it makes the data directory first.

use std::path::Path;

use orchd_core::policy::{Agent, Approval, Policy, Suite};
use orchd_core::stage::Role;
use orchd_core::time::Span;
use orchd_daemon::{Floors, MIB, OnStop, Project, Settings, load_projects, save_projects};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::EngineArgs;
use crate::exit::Exit;
use crate::session::exe;

/// Jobs at once in the demo.
const WORKERS: u32 = 4;
/// The demo is small, and so are many machines that it is tried on.
const DEMO_FLOORS: Floors = Floors { disk: 32 * MIB, memory: 32 * MIB };

pub(crate) fn run(args: &EngineArgs) -> Result<(), Exit> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .init();
    if let Some(project) = &args.demo {
        prepare(&args.data, project, !args.parallel)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|e| Exit::failed(format!("no runtime: {e}")))?.block_on(serve(args))
}

async fn serve(args: &EngineArgs) -> Result<(), Exit> {
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let no_signal = |e| Exit::failed(format!("signals can not be heard: {e}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signal)?;
    let watched = args.demo.is_some();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = nobody_watches(), if watched => {}
        }
        // Nobody listens any more only if it has stopped already.
        let _ = stop.send(true);
    });
    let on_stop = if args.demo.is_some() { OnStop::EndRuns } else { OnStop::LeaveRuns };
    let settings = Settings {
        on_stop,
        workers: WORKERS,
        floors: DEMO_FLOORS,
        ..Settings::new(args.data.clone(), exe()?)
    };
    let ready = || println!("ready");
    orchd_daemon::serve(settings, stopping, ready).await.map_err(|e| Exit::failed(e.to_string()))
}

/// The demo holds the other end of standard input for as long as it lives: when it ends, nobody watches any more.
async fn nobody_watches() {
    let mut rest = Vec::new();
    let mut stdin = tokio::io::stdin();
    if let Err(error) = tokio::io::AsyncReadExt::read_to_end(&mut stdin, &mut rest).await {
        tracing::warn!("standard input can not be read: {error}");
    }
}

/// Makes the demo's data directory, or finds the one of an earlier start.
fn prepare(data: &Path, project: &Path, serial: bool) -> Result<(), Exit> {
    if load_projects(data).is_ok() {
        return Ok(());
    }
    let failed = |e: std::io::Error| Exit::failed(format!("{}: {e}", data.display()));
    std::fs::create_dir_all(data).map_err(failed)?;
    let policy = policy(serial, &exe()?.display().to_string());
    let projects = [Project {
        policy,
        user_repo: Some(project.to_owned()),
        user_branch: None,
        remote: None,
        main: None,
    }];
    save_projects(data, &projects).map_err(|e| Exit::failed(e.to_string()))
}

/// The demo's policy: every stage, a scripted agent for each role, the project's own tests.
fn policy(serial: bool, exe: &str) -> Policy {
    let mut policy = Policy::new("demo", "demo", "DEMO");
    policy.serial = serial;
    policy.approval = Approval::Auto;
    policy.test = Some(Suite { command: "sh tests/run.sh".to_owned(), timeout: Span::mins(2) });
    for role in Role::ALL {
        let command = vec![exe.to_owned(), "demo-agent".to_owned()];
        let agent = Agent::new("script", command, Span::mins(2));
        policy.agents.insert(role, agent);
    }
    policy
}
