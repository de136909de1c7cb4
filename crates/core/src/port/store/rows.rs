//! Rows as people and the audit read them: logged events, jobs, the effect ledger, inputs, and all of them at once.
//! What a decision is given, and what it writes, is in the port itself.

use super::Disposition;
use crate::admission::Candidacy;
use crate::effect::Effect;
use crate::event::{Event, ProviderEvent, RepoEvent};
use crate::fact::{Address, Input};
use crate::id::{BootId, InputId, Key, RunId, TaskId, Token};
use crate::job::{JobClass, JobRef, JobResult};
use crate::provider::Health;
use crate::repo::Repo;
use crate::task::Task;
use crate::time::Timestamp;

/// A stored event with its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged<E> {
    /// Grows over the whole store.
    pub seq: u64,
    /// Whose.
    pub of: Address,
    /// When.
    pub at: Timestamp,
    /// The event.
    pub event: E,
}

/// A job's row, for people and for the audit.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRow {
    /// The reference.
    pub job: JobRef,
    /// Whose.
    pub of: Address,
    /// `queued`, `running`, `succeeded`, `failed`, `cancelled`.
    pub state: JobState,
    /// Pipeline or side.
    pub class: JobClass,
    /// The owner, while it runs.
    pub owner: Option<BootId>,
    /// The run, while it runs and after; none while it is queued.
    pub run: Option<RunId>,
    /// The fencing token of the latest claim or taking over; none while it is queued.
    pub token: Option<Token>,
    /// The lease, while it runs.
    pub until: Option<Timestamp>,
    /// When it started, while it runs and after.
    pub started_at: Option<Timestamp>,
    /// How often it was claimed.
    pub attempt: u32,
    /// What came of it.
    pub result: Option<JobResult>,
}

/// A job's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobState {
    /// Nobody has it.
    Queued,
    /// Somebody has it.
    Running,
    /// It answered.
    Succeeded,
    /// It did not answer: infrastructure, or lost.
    Failed,
    /// It was told to end.
    Cancelled,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state a result leaves.
    pub const fn of(result: &JobResult) -> Self {
        match result {
            JobResult::Agent(_)
            | JobResult::Suite(_)
            | JobResult::Ready(_)
            | JobResult::Landing(_)
            | JobResult::Deploy(_)
            | JobResult::Probe(_)
            | JobResult::Main(_)
            | JobResult::Cleaned { .. } => Self::Succeeded,
            JobResult::Infra { .. } | JobResult::Lost { .. } => Self::Failed,
            JobResult::Ended { .. } => Self::Cancelled,
        }
    }
}

/// A row of the effect ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRow {
    /// Whose.
    pub task: TaskId,
    /// The entry.
    pub effect: Effect,
    /// The resource.
    pub target: String,
    /// The idempotency key.
    pub key: String,
    /// What was seen.
    pub observed: String,
}

/// What the store keeps beside a task's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// When the task is decided though nothing happens.
    pub due_at: Option<Timestamp>,
    /// How it stands towards admission.
    pub candidacy: Candidacy,
    /// Since when it stands so; none where it does not ask to be let in.
    pub candidate_since: Option<Timestamp>,
}

/// An input's row.
#[derive(Debug, Clone, PartialEq)]
pub struct InputRow {
    /// Identity.
    pub id: InputId,
    /// Whose.
    pub to: Address,
    /// The input.
    pub input: Input,
    /// When it was stored.
    pub at: Timestamp,
    /// What became of it, once it was consumed.
    pub disposition: Option<Disposition>,
}

/// All that is kept of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    /// The row.
    pub task: Task,
    /// Its version.
    pub version: u64,
    /// What is kept beside it.
    pub queue: Queue,
    /// Its events, oldest first.
    pub events: Vec<Logged<Event>>,
}

/// All that is kept of a repository.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoRecord {
    /// The row.
    pub repo: Repo,
    /// Its epoch.
    pub epoch: u64,
    /// Its events, oldest first.
    pub events: Vec<Logged<RepoEvent>>,
}

/// Everything that the invariants speak about, as one moment had it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    /// All tasks, by sequence number.
    pub tasks: Vec<TaskRecord>,
    /// All repositories, by id.
    pub repos: Vec<RepoRecord>,
    /// All jobs, oldest first.
    pub jobs: Vec<JobRow>,
    /// The effect ledger, oldest first.
    pub ledger: Vec<LedgerRow>,
    /// All inputs, in the order in which they came.
    pub inputs: Vec<InputRow>,
    /// The health of every provider that has a row, by id.
    pub providers: Vec<Health>,
    /// What people did to providers, oldest first.
    pub provider_events: Vec<(Timestamp, ProviderEvent)>,
    /// Who waits for which issue, by task id, then key.
    pub dependencies: Vec<(TaskId, Key)>,
    /// Admission is stopped.
    pub drained: bool,
}
