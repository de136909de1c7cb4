//! The rows of the in-memory store, readable by an audit, and the small steps that every transaction is made
//! of: wake, store an input, append an event. What a method may do is in the files beside this one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use orchd_core::admission::Candidacy;
use orchd_core::event::{Event, ProviderEvent, RepoEvent};
use orchd_core::fact::{Address, Input, Pending};
use orchd_core::id::{
    Actor, InputId, JobId, Key, ProjectId, ProviderId, RepoId, TaskId, Token, TransitionId,
};
use orchd_core::job::{JobClass, JobSpec};
use orchd_core::policy::Money;
use orchd_core::port::board::{Issue, Pull};
use orchd_core::port::store::{Disposition, JobRow, JobState, LedgerRow, Logged, StoreError, Surface};
use orchd_core::provider::Health;
use orchd_core::repo::Repo;
use orchd_core::task::Task;
use orchd_core::time::Timestamp;

/// Events of a task that there is room for from the start.
const EVENTS: usize = 256;

/// Everything the store holds; a field called an index is derived from the rows it names.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// All tasks.
    pub tasks: BTreeMap<TaskId, TaskRow>,
    /// The lives of each issue, the latest last (an index of `tasks`).
    pub lives: BTreeMap<(ProjectId, Key), Vec<TaskId>>,
    /// All repositories.
    pub repos: BTreeMap<RepoId, RepoRow>,
    /// Providers that were ever unwell.
    pub providers: BTreeMap<ProviderId, ProviderRow>,
    /// What people did to providers, oldest first.
    pub provider_events: Vec<(Timestamp, ProviderEvent)>,
    /// All inputs.
    pub inputs: BTreeMap<InputId, InputRow>,
    /// Inputs not consumed, oldest first; no entry is empty (an index of `inputs`).
    pub waiting: BTreeMap<Address, Vec<InputId>>,
    /// All jobs.
    pub jobs: BTreeMap<JobId, Job>,
    /// Queued and running jobs by their place in the queue (an index of `jobs`).
    pub active: BTreeMap<u64, JobId>,
    /// The effect ledger, oldest first.
    pub ledger: Vec<LedgerRow>,
    /// Each task's events, oldest first.
    pub task_events: BTreeMap<TaskId, Vec<Logged<Event>>>,
    /// Each repository's events, oldest first.
    pub repo_events: BTreeMap<RepoId, Vec<Logged<RepoEvent>>>,
    /// What runs cost, and when that was written (an index of `task_events`).
    pub costs: BTreeMap<ProjectId, Vec<(Timestamp, Money)>>,
    /// Transitions that were committed.
    pub transitions: BTreeSet<TransitionId>,
    /// Projections that were ever asked for.
    pub projections: BTreeMap<(TaskId, Surface), Projection>,
    /// Who waits for which issue of its project, and who declared it.
    pub dependencies: BTreeMap<(TaskId, Key), String>,
    /// Whether admission is stopped, and who said so last.
    pub drained: bool,
    /// Who set `drained` last, and when.
    pub drained_by: Option<(Actor, Timestamp)>,
    /// The board's issues, oldest first.
    pub issues: BTreeMap<ProjectId, Vec<Issue>>,
    /// The local forge's pull requests, oldest first.
    pub pulls: Vec<Pull>,
    /// The latest sequence number of a task.
    pub last_seq: u64,
    /// The latest place in the queue.
    pub last_place: u64,
    /// The latest fencing token.
    pub last_token: i64,
    /// The latest event's place in the log.
    pub last_event: u64,
    /// The latest input's place.
    pub last_input: u64,
    /// Transactions that wrote what an invariant speaks about: decisions that said something, claims that claimed,
    /// settlements, releases, sends, births and inputs.
    pub commits: u64,
    /// The constraint that refused the latest refused commit.
    pub last_violation: Option<&'static str>,
}

/// A task's row with what a commit compares.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRow {
    /// The row; whoever reads it shares it.
    pub task: Arc<Task>,
    /// Raised by every commit.
    pub version: u64,
    /// Raised by every wake-up.
    pub wakes: u64,
    /// When it must be decided.
    pub due_at: Option<Timestamp>,
    /// How it stands towards admission.
    pub candidacy: Candidacy,
    /// Since when it stands so.
    pub candidate_since: Timestamp,
}

/// A repository's row.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoRow {
    /// The row; whoever reads it shares it.
    pub repo: Arc<Repo>,
    /// Raised by every commit that changes it.
    pub epoch: u64,
}

/// A provider's row.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderRow {
    /// The row.
    pub health: Health,
    /// Raised by every commit that changes it, from 1.
    pub epoch: u64,
}

/// An input.
#[derive(Debug, Clone, PartialEq)]
pub struct InputRow {
    /// Its place among all inputs.
    pub seq: u64,
    /// Whose.
    pub to: Address,
    /// The input.
    pub input: Input,
    /// When it was stored.
    pub at: Timestamp,
    /// What became of it, once it was consumed.
    pub disposition: Option<Disposition>,
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What people and the audit see; `job.ending` says that it was told to end.
    pub row: JobRow,
    /// What to do.
    pub spec: JobSpec,
    /// Its place in the queue: its age.
    pub place: u64,
    /// The input that told its result.
    pub fact: Option<InputId>,
}

/// A projection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Projection {
    /// The version the surface ought to show at least.
    pub wanted: u64,
    /// The version it was last acknowledged to show.
    pub shown_version: u64,
    /// What was last written there, by digest.
    pub shown: Option<String>,
    /// Why it could not be written.
    pub error: Option<String>,
    /// Not tried before.
    pub retry_at: Option<Timestamp>,
}

/// A row that was named and is not there, or does not fit.
pub(super) fn inconsistent(table: &'static str, row: impl ToString, why: &str) -> StoreError {
    StoreError::Inconsistent { table, row: row.to_string(), why: why.to_owned() }
}

impl State {
    /// Makes a task due, and tells a decision that is under way that it has not seen everything.
    pub(super) fn wake(&mut self, id: TaskId, at: Timestamp) {
        if let Some(row) = self.tasks.get_mut(&id) {
            row.wakes += 1;
            row.due_at = Some(row.due_at.map_or(at, |due| due.min(at)));
        }
    }

    /// Wakes every unfinished task that `which` names.
    pub(super) fn wake_all(&mut self, at: Timestamp, which: impl Fn(&Task) -> bool) {
        let live = self.tasks.values().map(|r| &*r.task).filter(|t| !t.stage.is_terminal());
        let ids: Vec<TaskId> = live.filter(|t| which(t)).map(|t| t.id).collect();
        for id in ids {
            self.wake(id, at);
        }
    }

    /// Wakes the unfinished tasks that wait for an issue.
    pub(super) fn wake_dependents(&mut self, project: &ProjectId, key: &Key, at: Timestamp) {
        let waiting: BTreeSet<TaskId> =
            self.dependencies.keys().filter(|(_, on)| on == key).map(|(task, _)| *task).collect();
        self.wake_all(at, |t| t.project == *project && waiting.contains(&t.id));
    }

    /// Whether an address is known.
    pub(super) fn knows(&self, to: &Address) -> bool {
        match to {
            Address::Task(id) => self.tasks.contains_key(id),
            Address::Repo(id) => self.repos.contains_key(id),
        }
    }

    /// Stores an input whose id is new, and wakes its address.
    pub(super) fn store_input(&mut self, to: &Address, id: InputId, input: Input, at: Timestamp) {
        self.last_input += 1;
        let row = InputRow { seq: self.last_input, to: to.clone(), input, at, disposition: None };
        self.inputs.insert(id, row);
        self.waiting.entry(to.clone()).or_default().push(id);
        if let Address::Task(task) = to {
            self.wake(*task, at);
        }
    }

    /// Marks an input as consumed.
    pub(super) fn consume(&mut self, id: InputId, disposition: Disposition) {
        let Some(row) = self.inputs.get_mut(&id) else { return };
        row.disposition = Some(disposition);
        if let Some(waiting) = self.waiting.get_mut(&row.to) {
            waiting.retain(|i| *i != id);
            if waiting.is_empty() {
                self.waiting.remove(&row.to);
            }
        }
    }

    /// Inputs of an address that no commit has consumed, oldest first.
    pub(super) fn pending(&self, to: &Address) -> Vec<Pending> {
        let ids = self.waiting.get(to).into_iter().flatten();
        ids.filter_map(|id| self.inputs.get(id).map(|row| (*id, row)))
            .map(|(id, row)| Pending { id, input: row.input.clone(), at: row.at })
            .collect()
    }

    /// Appends a task's event.
    pub(super) fn log(&mut self, task: TaskId, project: &ProjectId, event: Event, at: Timestamp) {
        self.last_event += 1;
        if let Some(account) = event.account() {
            self.costs.entry(project.clone()).or_default().push((at, account.cost));
        }
        let logged = Logged { seq: self.last_event, of: Address::Task(task), at, event };
        // Asked for once: growing copies what is there again and again.
        self.task_events.entry(task).or_insert_with(|| Vec::with_capacity(EVENTS)).push(logged);
    }

    /// Appends a repository's event.
    pub(super) fn log_repo(&mut self, repo: &RepoId, event: RepoEvent, at: Timestamp) {
        self.last_event += 1;
        let logged = Logged { seq: self.last_event, of: Address::Repo(repo.clone()), at, event };
        self.repo_events.entry(repo.clone()).or_default().push(logged);
    }

    /// The next fencing token.
    pub(super) const fn next_token(&mut self) -> Token {
        self.last_token += 1;
        Token(self.last_token)
    }

    /// Queued and running jobs, the oldest first.
    pub(super) fn active_jobs(&self) -> impl Iterator<Item = &Job> {
        self.active.values().filter_map(|id| self.jobs.get(id))
    }

    /// The queued or running pipeline job of a task.
    pub(super) fn pipeline_job(&self, task: TaskId) -> Option<&Job> {
        self.active_jobs().find(|j| j.row.class == JobClass::Pipeline && j.row.of == Address::Task(task))
    }

    /// The job, if it runs.
    pub(super) fn running(&mut self, id: JobId) -> Option<&mut Job> {
        self.jobs.get_mut(&id).filter(|j| j.row.state == JobState::Running)
    }
}
