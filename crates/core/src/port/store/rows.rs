//! Rows as people and the audit read them: logged events, jobs, the effect ledger. What a decision is given, and
//! what it writes, is in the port itself.

use crate::effect::Effect;
use crate::fact::Address;
use crate::id::{BootId, RunId, TaskId, Token};
use crate::job::{JobClass, JobRef, JobResult};
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
