//! orchd: the daemon of one data directory as a server. Everything it does is in `orchd-daemon`; the hidden
//! subcommands `shim` and `submit` are what it starts itself as for each run, and what a run's agent starts.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use orchd_core::time::Span;
use orchd_daemon::{Floors, Keep, MIB, Reload, Settings, default_config, read_config, take_over};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Drives coding agents from a request to proven code on main.
#[derive(Debug, Parser)]
#[command(name = "orchd", version, about)]
struct Args {
    /// The configuration; without it and --data, the one of your account (~/.config/orchd/orchd.toml)
    #[arg(long, env = "ORCHD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// A data directory as it was configured at its last start; then the options below count
    #[arg(long, env = "ORCHD_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Jobs at once
    #[arg(long, default_value_t = 4)]
    workers: u32,
    /// Start nothing new below this many free MiB on the data directory's file system
    #[arg(long, default_value_t = 1024, value_name = "MIB")]
    disk_floor: u64,
    /// Start nothing new below this many MiB of memory left
    #[arg(long, default_value_t = 256, value_name = "MIB")]
    memory_floor: u64,
    /// Keep directories of finished runs for so many days
    #[arg(long, default_value_t = 14, value_name = "DAYS")]
    keep_runs: u16,
    /// Keep the work of runs that did not count for so many days
    #[arg(long, default_value_t = 90, value_name = "DAYS")]
    keep_salvage: u16,
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let hidden = match args.next().unwrap_or_default().to_str() {
        // Before clap, threads and runtime: the shim is to stay tiny, and forks.
        Some("shim") => Some(if args.next().is_none() { orchd_launcher::shim_main() } else { 2 }),
        // What an agent's `ORCHD_SUBMIT` names is whoever started its run.
        Some("submit") => Some(orchd_runners::submit::with_args(args)),
        Some(_) | None => None,
    };
    if let Some(code) = hidden {
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::INFO);
    // On a terminal NO_COLOR decides.
    if std::io::stderr().is_terminal() {
        log.init()
    } else {
        log.with_ansi(false).init()
    }
    match serve(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orchd: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes; many say them themselves.
fn told(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn serve(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let mut terminate = signal(SignalKind::terminate()).context("signals can not be heard")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("signals can not be heard")?;
        let mut hangup = signal(SignalKind::hangup()).context("signals can not be heard")?;
        let reload = Arc::new(Notify::new());
        let asked = Arc::clone(&reload);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                    // A terminal that closes ends nobody's night; an operator who asks is heard.
                    _ = hangup.recv() => asked.notify_one(),
                }
            }
            // Nobody listens any more only if it has stopped already.
            let _ = stop.send(true);
        });
        let exe = std::env::current_exe().context("this program's own path is not known")?;
        let settings = settings(args, exe, reload)?;
        Ok(orchd_daemon::serve(settings, stopping, || tracing::info!("ready")).await?)
    })
}

/// From the configuration, or for a data directory from the arguments.
fn settings(args: Args, exe: PathBuf, asked: Arc<Notify>) -> anyhow::Result<Settings> {
    if args.data.is_some() && args.config.is_some() {
        anyhow::bail!(
            "a configuration (--config, ORCHD_CONFIG) names its own data directory, and --data or ORCHD_DATA names one too: leave one of them out"
        );
    }
    if let Some(data) = args.data {
        let floors = Floors {
            disk: args.disk_floor.saturating_mul(MIB),
            memory: args.memory_floor.saturating_mul(MIB),
        };
        let keep = Keep { runs: days(args.keep_runs), salvage: days(args.keep_salvage) };
        return Ok(Settings { workers: args.workers, floors, keep, ..Settings::new(data, exe) });
    }
    let path = args.config.or_else(default_config).context("no configuration: name it with --config FILE")?;
    let document = read_config(&path)?;
    let config = document.config();
    take_over(config)?;
    tracing::info!("the configuration is {}", path.display());
    let reload = Some(Reload { path, config: config.clone(), asked });
    Ok(Settings { reload, ..Settings::configured(config, exe) })
}

fn days(n: u16) -> Span {
    Span::hours(24 * i64::from(n))
}
