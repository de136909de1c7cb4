//! The engine: every unit of background work as a step, a future that awaits only port calls. A runtime drives
//! the steps (`orchd-daemon`), or the simulation polls the very same futures in seeded order. No clock, no
//! timer, no task spawning and no vendor name lives here.

mod audit;
mod commands;
mod decide_due;
mod held;
mod join;
mod poll;
mod project;
mod providers;
mod reap;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use orchd_core::id::{BootId, ProjectId};
use orchd_core::job::JobKind;
use orchd_core::lease::LeasePolicy;
use orchd_core::policy::Policy;
use orchd_core::port::alert::Alerts;
use orchd_core::port::clock::{Clock, Ids};
use orchd_core::port::executor::Executor;
use orchd_core::port::forge::Forge;
use orchd_core::port::host::{Host, Room};
use orchd_core::port::store::{Store, StoreError};
use orchd_core::port::tracker::Tracker;
use orchd_core::time::Timestamp;

pub use commands::{CommandError, NewRequest, Receipt};
pub use held::Held;

/// The policies of the configured projects, by name.
pub type Policies = BTreeMap<ProjectId, Arc<Policy>>;

/// What the engine is wired to.
pub struct Deps {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identity.
    pub ids: Arc<dyn Ids>,
    /// The tracker.
    pub tracker: Arc<dyn Tracker>,
    /// The forge.
    pub forge: Arc<dyn Forge>,
    /// Where people hear what needs them.
    pub alerts: Arc<dyn Alerts>,
    /// One executor per kind of job.
    pub executors: BTreeMap<JobKind, Arc<dyn Executor>>,
    /// The policies of the configured projects, until they are read again.
    pub policies: Policies,
    /// This life of this process.
    pub boot: BootId,
    /// Lease arithmetic.
    pub leases: LeasePolicy,
    /// The most pipeline jobs that run at once, over all processes.
    pub max_running: Option<u32>,
    /// Whether this host has room for another run.
    pub host: Arc<dyn Host>,
}

/// The engine. Cheap to share; all authority is in the store.
pub struct Engine {
    deps: Deps,
    held: Arc<Held>,
    /// As the configuration was last read: whole, so that no decision sees half of a change.
    policies: RwLock<Arc<Policies>>,
    /// Since when the store has answered without a failure: nobody reaps for one lease after an outage.
    store_up_since: Mutex<Option<Timestamp>>,
}

/// Why a step could not finish. It is repeated; nothing is lost.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row names a project that the configuration does not have.
    #[error(
        "project {project} is not in the configuration; its tasks wait until it is, or is removed with them"
    )]
    UnknownProject {
        /// The project.
        project: ProjectId,
    },
}

impl Engine {
    /// Wires an engine.
    pub fn new(mut deps: Deps) -> Self {
        let held = Arc::new(Held::new(Arc::clone(&deps.clock), Arc::clone(&deps.store), deps.leases));
        let policies = RwLock::new(Arc::new(std::mem::take(&mut deps.policies)));
        Self { deps, held, policies, store_up_since: Mutex::new(None) }
    }

    /// The store, for read-only questions of surfaces.
    pub fn store(&self) -> &dyn Store {
        &*self.deps.store
    }

    /// This life of this process.
    pub const fn boot(&self) -> BootId {
        self.deps.boot
    }

    /// The leases this process holds; a thread of its own renews them.
    pub fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held)
    }

    /// The policy of a project.
    pub fn policy(&self, project: &ProjectId) -> Result<Arc<Policy>, EngineError> {
        let policy = self.policies().get(project).cloned();
        policy.ok_or_else(|| EngineError::UnknownProject { project: project.clone() })
    }

    /// Every configured policy, of one moment.
    pub fn policies(&self) -> Arc<Policies> {
        Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on tasks are decided by these policies. Runs under way end under those they began with.
    pub fn set_policies(&self, policies: Policies) {
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
    }

    /// Has every unfinished task decided again, for what they are decided by is not what it was: the policies, or this
    /// program. Without it, what waits would learn of it only when something else wakes it.
    pub async fn reconsider(&self) -> Result<(), EngineError> {
        Ok(self.deps.store.wake_all(self.now()).await?)
    }

    /// Whether this host has room for another run; without it nothing but what frees space is claimed here.
    pub fn room(&self) -> Room {
        self.deps.host.room()
    }

    fn now(&self) -> Timestamp {
        self.deps.clock.now()
    }

    /// Remembers since when the store answers; a failure starts the count anew.
    fn note_store<T>(&self, answer: &Result<T, StoreError>) {
        let mut since = self.store_up_since.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(_) => *since = Some(since.unwrap_or_else(|| self.now())),
            Err(_) => *since = None,
        }
    }

    fn may_reap(&self) -> bool {
        let since = *self.store_up_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| self.deps.leases.may_reap(since, self.now()))
    }
}
