//! Executors carry out jobs: one per kind. They answer with what happened, infrastructure apart from work,
//! and never decide.

use std::sync::Arc;

use async_trait::async_trait;

use crate::id::{EffectId, RunId, Token};
use crate::job::{JobResult, JobSpec};
use crate::policy::Policy;
use crate::port::store::{Claimed, SendOutcome};
use crate::repo::Repo;
use crate::task::Task;

/// What a job is about.
#[derive(Debug, Clone)]
pub enum About {
    /// A task, with its row when the job was claimed.
    Task(Box<Task>),
    /// The repository itself.
    Repo,
}

/// A claimed job with what its executor may read.
#[derive(Clone)]
pub struct RunContext {
    /// The job, its run and its token.
    pub claimed: Claimed,
    /// What it is about.
    pub about: About,
    /// The repository's row when the job was claimed.
    pub repo: Repo,
    /// The project's policy.
    pub policy: Arc<Policy>,
    /// Asked right before an irreversible step, and whether the job was told to end.
    pub guard: Arc<dyn Guard>,
}

impl RunContext {
    /// What to do.
    pub const fn spec(&self) -> &JobSpec {
        &self.claimed.spec
    }
    /// The run.
    pub const fn run(&self) -> RunId {
        self.claimed.run
    }
    /// The token.
    pub const fn token(&self) -> Token {
        self.claimed.token
    }
}

/// The engine's side of a running job.
#[async_trait]
pub trait Guard: Send + Sync {
    /// Whether the irreversible step may start: the ledger says `sent`, the token is current, the lease fresh, and
    /// nobody told the job to end. From a yes on, the step is carried through: being told to end counts before only.
    async fn may_send(&self, effect: EffectId) -> SendOutcome;
    /// Why the job was told to end, if it was; a lost lease counts.
    fn told_to_end(&self) -> Option<String>;
}

/// Carries out one kind of job.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Runs the job to its end. Never fails: what could not be done is `JobResult::Infra`.
    async fn run(&self, context: RunContext) -> JobResult;
}
