//! Job executors, one per concern: what a decision asked for is carried out here with git and processes, and told
//! faithfully. Nothing here judges: an answer is a value of `orchd_core::job`, infrastructure apart from work.
//!
//! Map: `workshop` is what all share (folders, mirrors, launcher); `agent` runs a role; `suite`, `ready`, `push`,
//! `probe`, `main_suite` and `clean_up` are the deterministic ones; `watch`, `note`, `task_branch`, `prove` are their parts;
//! `prompts` are the texts that ship, `lint` what holds every prompt to its role's contract.
//! Every executor may be called again for the same run: after a restart it adopts what it finds.

mod agent;
mod clean_up;
mod confine;
mod error;
pub mod lint;
mod main_suite;
mod note;
mod probe;
mod prompts;
mod prove;
mod prune;
mod push;
mod ready;
pub mod submit;
mod suite;
mod task_branch;
mod watch;
mod workshop;

use std::collections::BTreeMap;
use std::sync::Arc;

use orchd_core::job::JobKind;
use orchd_core::port::executor::Executor;

pub use agent::{AgentExecutor, setup};
pub use clean_up::CleanUpExecutor;
pub use error::RunnerError;
pub use main_suite::MainSuiteExecutor;
pub use probe::ProbeExecutor;
pub use prune::{Pruned, prune};
pub use push::PushExecutor;
pub use ready::RebaseExecutor;
pub use suite::SuiteExecutor;
pub use workshop::{RepoPlace, UserRepo, Workshop, WorkshopConfig};

/// Every executor of this crate by the kind of job it carries out. There is none for [`JobKind::Deploy`]: this version
/// has no deploy runner, and `deploy-verdict` says so.
pub fn executors(workshop: Workshop) -> BTreeMap<JobKind, Arc<dyn Executor>> {
    let suite: Arc<dyn Executor> = Arc::new(SuiteExecutor::new(workshop.clone()));
    BTreeMap::from([
        (JobKind::Agent, Arc::new(AgentExecutor::new(workshop.clone())) as Arc<dyn Executor>),
        (JobKind::Ci, suite.clone()),
        (JobKind::Test, suite),
        (JobKind::RebaseAndRetest, Arc::new(RebaseExecutor::new(workshop.clone()))),
        (JobKind::Push, Arc::new(PushExecutor::new(workshop.clone()))),
        (JobKind::Probe, Arc::new(ProbeExecutor::new(workshop.clone()))),
        (JobKind::MainSuite, Arc::new(MainSuiteExecutor::new(workshop.clone()))),
        (JobKind::CleanUp, Arc::new(CleanUpExecutor::new(workshop))),
    ])
}
