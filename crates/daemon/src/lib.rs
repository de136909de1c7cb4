//! The daemon: drives the engine's steps with tokio, renews leases from a thread of its own, and serves the API
//! on a socket in the data directory. `wire.rs` is the composition root, the only place that names concrete
//! adapters; no rule of the pipeline lives here.

mod alerts;
mod bounded;
mod config;
mod doctor;
mod drive;
mod files;
mod host;
mod housekeeping;
mod invariants;
mod projects;
mod prompts;
mod reload;
mod remote;
mod renewal;
mod session;
mod setup;
mod sources;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use orchd_engine::EngineError;
use orchd_http::api::App;
use tokio::net::UnixListener;
use tokio::sync::watch;

pub use config::{
    ConfigError, check_config, data_of_config, default_config, fingerprint_of, read_config, take_over,
};
pub use doctor::{Finding, Health, examine, judged, look};
pub use host::{Floors, MIB};
pub use housekeeping::Keep;
pub use invariants::{Asked, audit};
pub use orchd_config::{
    Config, Document, Explained, Origin, Problem, Problems, Project as ConfiguredProject,
    schema as config_schema,
};
pub use projects::{Project, ProjectsError, load as load_projects, save as save_projects};
pub use reload::Reload;
pub use remote::remote_of;
pub use setup::{Ready, agents_ready, try_repository};
pub use sources::{RandomIds, SystemClock};
pub use wire::{WireError, Wired, wire};

/// The API's socket in a data directory.
pub fn socket(data: &Path) -> PathBuf {
    data.join("orchd.sock")
}

/// What ends with the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStop {
    /// Runs go on under their shims; the next start adopts them.
    LeaveRuns,
    /// Runs are told to end, and are waited for.
    EndRuns,
}

/// How the daemon is started.
pub struct Settings {
    /// The data directory.
    pub data: PathBuf,
    /// The program that is started again for the shim: this one.
    pub exe: PathBuf,
    /// What happens to runs at a stop.
    pub on_stop: OnStop,
    /// Jobs at once.
    pub workers: u32,
    /// What of the host is kept free.
    pub floors: Floors,
    /// For how long what finished runs left is kept.
    pub keep: Keep,
    /// The command that tells people what needs them, for `sh -c`.
    pub notify: Option<String>,
    /// The configuration it was started by, where it can be read again.
    pub reload: Option<Reload>,
}

impl Settings {
    /// A server's settings with every default.
    pub fn new(data: PathBuf, exe: PathBuf) -> Self {
        Self {
            data,
            exe,
            on_stop: OnStop::LeaveRuns,
            workers: 4,
            floors: Floors::default(),
            keep: Keep::default(),
            notify: None,
            reload: None,
        }
    }

    /// A server's settings as a configuration has them.
    pub fn configured(config: &Config, exe: PathBuf) -> Self {
        Self {
            workers: config.workers,
            floors: Floors { disk: config.disk_floor, memory: config.memory_floor },
            keep: Keep { runs: config.keep_runs, salvage: config.keep_salvage },
            notify: config.notify.clone(),
            ..Self::new(config.data.clone(), exe)
        }
    }
}

/// Why the daemon can not serve.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Something could not be opened.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The socket can not be made.
    #[error("the socket {path} can not be made: {source}")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The tasks could not be looked at.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// How long a stop may take before the daemon leaves all the same.
const STOP_BOUND: Duration = Duration::from_secs(30);

/// Serves until `stop` turns true. `ready` is called once the API answers.
pub async fn serve(
    settings: Settings,
    mut stop: watch::Receiver<bool>,
    ready: impl FnOnce(),
) -> Result<(), DaemonError> {
    let held_together = orchd_launcher::containment::prepare();
    tracing::info!("{held_together}");
    let wired =
        wire(&settings.data, &settings.exe, settings.workers, settings.floors, settings.notify.clone())
            .await?;
    let engine = Arc::clone(&wired.engine);
    // Policies, or this program, may be others than when the tasks were last looked at.
    engine.reconsider().await?;
    let listener = listen(&socket(&settings.data))?;
    let hint = Arc::new(tokio::sync::Notify::new());
    let renewal = renewal::start(Arc::clone(&engine));
    let loops = drive::start(Arc::clone(&engine), Arc::clone(&hint), settings.workers, renewal.progress());
    let server = tokio::spawn(serve_api(listener, app(&wired, Arc::clone(&hint), held_together.to_string())));
    let house = {
        let (engine, shop, clock) = (Arc::clone(&engine), wired.workshop.clone(), Arc::clone(&wired.clock));
        let keep = settings.keep;
        tokio::spawn(async move { housekeeping::keep_house(&engine, &shop, clock.as_ref(), keep).await })
    };
    let alerts = tokio::spawn(alerts::watch_repositories(Arc::clone(&engine)));
    let reload = settings
        .reload
        .map(|reload| tokio::spawn(reload.serve(Arc::clone(&engine), hint, Arc::clone(&wired.configured))));
    ready();
    // An error means that the sender is gone, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
    tracing::info!("stopping");
    if settings.on_stop == OnStop::EndRuns {
        loops.end_runs(&engine, STOP_BOUND).await;
    }
    loops.stop(STOP_BOUND).await;
    for task in [server, house, alerts].into_iter().chain(reload) {
        task.abort();
    }
    renewal.stop();
    // The next owner makes its own; a file that is left says nothing.
    let _ = std::fs::remove_file(socket(&settings.data));
    Ok(())
}

fn app(wired: &Wired, hint: Arc<tokio::sync::Notify>, containment: String) -> Arc<App> {
    let clock = Arc::clone(&wired.clock);
    Arc::new(App {
        engine: Arc::clone(&wired.engine),
        board: Arc::clone(&wired.board),
        files: Arc::clone(&wired.files),
        hint: Arc::new(move || hint.notify_one()),
        containment,
        configured: {
            let configured = Arc::clone(&wired.configured);
            Arc::new(move || configured.lock().unwrap_or_else(PoisonError::into_inner).clone())
        },
        now: Arc::new(move || clock.now()),
    })
}

/// Only the lock's holder comes here, so a socket that is there was left by a dead process.
fn listen(path: &Path) -> Result<UnixListener, DaemonError> {
    let failed = |source| DaemonError::Socket { path: path.to_owned(), source };
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    // The directory is 0700 before the socket exists, so nobody gets in between bind and chmod.
    let listener = UnixListener::bind(path).map_err(failed)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, mode).map_err(failed)?;
    Ok(listener)
}

async fn serve_api(listener: UnixListener, app: Arc<App>) {
    if let Err(error) = axum::serve(listener, orchd_http::api::router(app)).await {
        tracing::error!("the API stopped: {error}");
    }
}

/// A store that is opened for one command's length: the API without an engine's loops. No job starts.
pub struct Brief {
    server: tokio::task::JoinHandle<()>,
    socket: PathBuf,
    // Dropped last: it holds the data directory's lock.
    _wired: Wired,
}

impl Brief {
    /// Ends it.
    pub async fn close(self) {
        self.server.abort();
        // The next owner makes its own; a file that is left says nothing.
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Serves a data directory that nobody serves, for one command's length.
pub async fn serve_briefly(data: &Path, exe: &Path) -> Result<Brief, DaemonError> {
    let wired = wire(data, exe, 0, Floors::default(), None).await?;
    let path = socket(data);
    let listener = listen(&path)?;
    let server = tokio::spawn(serve_api(
        listener,
        app(&wired, Arc::new(tokio::sync::Notify::new()), "no runs are started".to_owned()),
    ));
    Ok(Brief { server, socket: path, _wired: wired })
}
