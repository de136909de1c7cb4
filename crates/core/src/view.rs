//! What a decision sees: the task's row, its repository's admission view and the project's policy. Loaded in
//! one transaction; a decision reads nothing else, so that the same view gives the same decision (I-15).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{Key, ProviderId, TaskId};
use crate::job::{AgentOutcome, AgentRun};
use crate::mutant::{self, Mutant};
use crate::policy::{Money, Policy};
use crate::provider::Health;
use crate::repo::Repo;
use crate::stage::Stage;
use crate::task::Task;
use crate::time::Timestamp;

/// The input of `decide`, `accept` and `enact`.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The task; copied by who changes it.
    pub task: Arc<Task>,
    /// Its repository.
    pub repo: Arc<Repo>,
    /// Tasks that may be let in next, this one included where it is one: not paused, not held, not stopping,
    /// dependencies done. In no particular order; `admission.rs` orders them.
    pub candidates: Vec<Candidate>,
    /// Keys of the tasks that occupy the repository, hold the lane or wait for it.
    pub names: Vec<(TaskId, Key)>,
    /// What this task depends on.
    pub deps: Vec<Dep>,
    /// Spent by the project since midnight UTC.
    pub spent_today: Money,
    /// The operator stopped admission.
    pub drained: bool,
    /// The health of the providers that were ever unwell; all others are well.
    pub providers: BTreeMap<ProviderId, Health>,
    /// The project's policy.
    pub policy: Arc<Policy>,
}

/// A task that waits to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The task.
    pub task: TaskId,
    /// Its key.
    pub key: Key,
    /// Its sequence number.
    pub seq: u64,
    /// It was let in before: those coming back go first.
    pub returning: bool,
    /// Lower goes first.
    pub priority: i32,
    /// Since when it waits.
    pub since: Timestamp,
}

/// One thing a task depends on: an issue, met when its latest life is `done`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dep {
    /// The key.
    pub on: Key,
    /// Its standing.
    pub state: DepState,
}

/// The standing of a dependency. Outcome enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepState {
    /// Its latest life is done.
    Done,
    /// It is on its way, or was not started yet.
    Open,
    /// Its latest life ended in anything but done.
    Ended,
}

impl View {
    /// The latest finished run of the present stage entry; older ones are worth nothing (INC-42).
    pub fn run(&self) -> Option<&AgentRun> {
        let run = self.task.evidence.run.as_ref()?;
        (run.entry == self.task.entry || mutant::on(Mutant::Inc42)).then_some(run)
    }

    /// The submission of that run, if it completed.
    pub fn submission(&self) -> Option<&crate::verdict::Submission> {
        match &self.run()?.outcome {
            AgentOutcome::Completed { submission } => Some(submission),
            AgentOutcome::Failed { .. }
            | AgentOutcome::Transient { .. }
            | AgentOutcome::Quota { .. }
            | AgentOutcome::Infra { .. } => None,
        }
    }

    /// The stage after the present one.
    pub fn next_stage(&self) -> Option<Stage> {
        self.policy.pipeline.next(&self.task.track, self.task.stage)
    }

    /// The key of a task that occupies, lands or waits; its id where the view has no name for it.
    pub fn name_of(&self, task: TaskId) -> String {
        let known = self.names.iter().find(|(id, _)| *id == task).map(|(_, key)| key.to_string());
        known.unwrap_or_else(|| task.to_string())
    }

    /// Whether this task occupies its repository.
    pub fn occupies(&self) -> bool {
        self.repo.occupied_by(self.task.id)
    }

    /// Whether this task holds the merge lane.
    pub fn holds_lane(&self) -> bool {
        self.repo.landing_task == Some(self.task.id)
    }
}
