//! The configuration, read again while the engine works: taken whole, or refused whole and said why. What only counts at
//! start (the data directory, the host, which repositories there are) is not changed here.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orchd_config::Config;
use orchd_engine::Engine;
use tokio::sync::Notify;

use crate::config::{ConfigError, read_config, take_over};
use crate::projects;
use crate::wire::policies_of;

/// The pause before tasks are woken again, where the store did not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A configuration that may be read again.
pub struct Reload {
    /// Its file.
    pub path: PathBuf,
    /// What it said last.
    pub config: Config,
    /// Told when it is to be read.
    pub asked: Arc<Notify>,
}

/// Why the engine goes on with the configuration it has.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// It can not be read, or is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It says what can not change while the engine works.
    #[error("{0} can only change at a start: restart orchd; its runs go on meanwhile")]
    AtStart(String),
}

impl Reload {
    /// Reads the configuration whenever it is asked to.
    pub(crate) async fn serve(
        mut self,
        engine: Arc<Engine>,
        hint: Arc<Notify>,
        configured: Arc<Mutex<String>>,
    ) {
        loop {
            self.asked.notified().await;
            let path = self.path.display().to_string();
            match self.again(&engine, &configured) {
                Ok(false) => tracing::info!("{path} was read again: nothing in it has changed"),
                Ok(true) => {
                    wake(&engine).await;
                    hint.notify_one();
                    tracing::info!(
                        "{path} was read again and counts from now on; runs under way end under what they began with"
                    );
                }
                Err(refused) => {
                    tracing::error!("{path} was read again and refused, nothing of it counts:\n{refused}");
                }
            }
        }
    }

    /// Whether anything is different now.
    fn again(&mut self, engine: &Engine, configured: &Mutex<String>) -> Result<bool, Refused> {
        let document = read_config(&self.path)?;
        let config = document.config();
        if *config == self.config {
            return Ok(false);
        }
        at_start(&self.config, config).map_or(Ok(()), |what| Err(Refused::AtStart(what)))?;
        let projects = take_over(config)?;
        *configured.lock().unwrap_or_else(PoisonError::into_inner) = projects::fingerprint(&projects);
        engine.set_policies(policies_of(projects));
        self.config = config.clone();
        Ok(true)
    }
}

/// The first thing that only a start can change.
fn at_start(before: &Config, after: &Config) -> Option<String> {
    let Config { data, workers, disk_floor, memory_floor, keep_runs, keep_salvage, notify, projects } = after;
    let keys = [
        ("data", *data != before.data),
        ("workers", *workers != before.workers),
        ("host", (*disk_floor, *memory_floor) != (before.disk_floor, before.memory_floor)),
        ("notify", *notify != before.notify),
        ("keep", (*keep_runs, *keep_salvage) != (before.keep_runs, before.keep_salvage)),
    ];
    if let Some((key, _)) = keys.into_iter().find(|(_, changed)| *changed) {
        return Some(format!("`{key}`"));
    }
    let name = |project: &orchd_config::Project| project.policy.project.clone();
    let same = |projects: &[orchd_config::Project], wanted: &orchd_config::Project| {
        projects.iter().find(|project| name(project) == name(wanted)).is_some_and(|found| {
            (&found.repo, &found.main, &found.remote) == (&wanted.repo, &wanted.main, &wanted.remote)
        })
    };
    let mut other = projects.iter().filter(|project| !same(&before.projects, project));
    let mut gone = before.projects.iter().filter(|project| !same(projects, project));
    let project = other.next().or_else(|| gone.next())?;
    Some(format!("which projects there are and where they are (`project.{}`)", name(project)))
}

/// Until it is done: without it, what waits for what has changed would go on waiting.
async fn wake(engine: &Engine) {
    while let Err(error) = engine.reconsider().await {
        tracing::error!("the tasks were not told of the new configuration, which is tried again: {error}");
        tokio::time::sleep(AFTER_FAILURE).await;
    }
}
