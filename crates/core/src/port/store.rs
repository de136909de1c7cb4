//! The store: rows, inbox, jobs with leases, effect ledger, projections. Each method is one transaction; no
//! closure or connection crosses it; every update checks the rows it affected. The in-memory store of testkit
//! is the executable specification; the contract suite there runs on every implementation.
//!
//! Two times: a method that is given `at` or `now` writes and compares that one; leases, claims and expiry go by
//! the store's own. A *wake* raises the task's `wakes` and makes it due at `at`, or leaves an earlier due time.

mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::admission::Candidacy;
use crate::effect::{Effect, EffectState};
use crate::enact::NewJob;
use crate::event::{Birth, Event, ProviderEvent, RepoEvent};
use crate::fact::{Address, Input, Pending};
use crate::id::{
    Actor, BootId, EffectId, InputId, JobId, Key, ProjectId, ProviderId, RepoId, RunId, TaskId, Token,
    TransitionId,
};
use crate::job::{JobKind, JobResult, JobSpec};
use crate::policy::Money;
use crate::provider::Health;
use crate::repo::Repo;
use crate::task::Task;
use crate::time::{Span, Timestamp};
use crate::view::{Candidate, Dep};

pub use rows::{InputRow, Inventory, JobRow, JobState, LedgerRow, Logged, Queue, RepoRecord, TaskRecord};

/// Why a method could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store can not be reached, or said no for a reason of its own. Whether a writing method was applied
    /// is not known: ask, or repeat it (each is safe to repeat).
    #[error("the store did not answer: {0}")]
    Unavailable(String),
    /// A row can not be read, or was named and is not there. Nothing was written; repeating it changes nothing. A
    /// person must look; nothing is guessed.
    #[error("row {row} of {table} can not be read: {why}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The row.
        row: String,
        /// What is wrong.
        why: String,
    },
}

/// The answer of a store.
pub type StoreResult<T> = Result<T, StoreError>;

/// A task to create; the store gives it its sequence number, its life and its branch's suffix: `.N` is appended
/// to the branch of a life N > 1.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// Its birth but for `seq`, `life` and the life's suffix of the branch, which the store fills in.
    pub birth: Birth,
    /// When.
    pub at: Timestamp,
}

/// The answer to a creation. Outcome enum.
#[derive(Debug, Clone, PartialEq)]
pub enum CreateOutcome {
    /// It exists now, or existed already under this very id: then its row as it stands.
    Created(Box<Task>),
    /// The latest life of this issue is not finished; nothing was created.
    Alive {
        /// That life's task.
        task: TaskId,
        /// Its key.
        key: Key,
    },
    /// Another project has a live task of the same key in the same repository (INC-31).
    KeyTaken {
        /// The other project.
        project: ProjectId,
        /// Its task.
        task: TaskId,
    },
}

/// A task's row as loaded, with what a commit compares. A created task has version 1 and no wakes, a repository
/// epoch 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The row; copied by who changes it.
    pub task: Arc<Task>,
    /// Compared and raised by every commit.
    pub version: u64,
    /// Raised by every wake-up: a commit that has not seen the latest leaves the task due.
    pub wakes: u64,
    /// Its inputs that no commit has consumed, oldest first.
    pub inputs: Vec<Pending>,
    /// Its repository.
    pub repo: Arc<Repo>,
    /// The repository's epoch.
    pub epoch: u64,
    /// See [`crate::view::View::candidates`]: tasks of the repository whose stored candidacy is not `None`, of the
    /// created ones those whose dependencies are done; each since its candidacy took its value. By sequence number.
    pub candidates: Vec<Candidate>,
    /// Keys of the repository's occupants, lane holder, lane waiters and deploying tasks; each once.
    pub names: Vec<(TaskId, Key)>,
    /// What the task depends on, by key. An issue that was never started is open.
    pub deps: Vec<Dep>,
    /// The cost in all [accounts](Event::account) of the project's tasks that were written at or after the given moment.
    pub spent_since: Money,
    /// The operator stopped admission.
    pub drained: bool,
    /// The health of every provider that has a row, with its epoch, by id.
    pub providers: Vec<(Health, u64)>,
}

/// A repository as loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedRepo {
    /// The row; copied by who changes it.
    pub repo: Arc<Repo>,
    /// Compared and raised by every commit that changes it.
    pub epoch: u64,
    /// Its inputs that no commit has consumed, oldest first.
    pub inputs: Vec<Pending>,
}

/// Who is to be decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// Repositories with unconsumed inputs, by the age of the oldest.
    pub repos: Vec<RepoId>,
    /// Tasks whose due time has come or that have unconsumed inputs, by the moment they became due (an input's where
    /// that is earlier), then by sequence number. Terminal ones included, so that their inputs are answered.
    pub tasks: Vec<TaskId>,
}

/// The rows that a job is about, without what only a decision needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The task's; none where the job is the repository's own.
    pub task: Option<Task>,
    /// The repository's.
    pub repo: Repo,
}

/// A change of a repository's row.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoChange {
    /// The epoch that was loaded.
    pub epoch: u64,
    /// The row after it.
    pub repo: Arc<Repo>,
    /// What was written.
    pub events: Vec<RepoEvent>,
    /// A look at main to enqueue.
    pub job: Option<NewJob>,
}

/// What a decision relied on of a provider, or made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderChange {
    /// The epoch that was loaded; 0 where there was no row.
    pub epoch: u64,
    /// The row after it; `None` leaves it alone: the epoch is compared and not raised.
    pub health: Option<Health>,
}

/// What happened to an input in the commit that consumed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// It was recorded, or the command carried out.
    Applied,
    /// The command was refused with this code and sentence.
    Refused {
        /// The stable code.
        code: String,
        /// The sentence.
        why: String,
    },
}

/// A ledger row's change. Those of one commit are written in order.
#[derive(Debug, Clone, PartialEq)]
pub enum LedgerWrite {
    /// A new intent; its state is `Intent`. Refused while the task or the target has an open entry, and where an
    /// applied one has its key.
    Open(Effect),
    /// An open entry of the task moved; a closed one is final.
    Move {
        /// The entry.
        id: EffectId,
        /// Where it stands now.
        state: EffectState,
        /// What was seen.
        observed: String,
    },
}

/// One decision, as one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Chosen before; looked up after a lost answer.
    pub transition: TransitionId,
    /// The version that was loaded.
    pub version: u64,
    /// The wakes that were seen.
    pub wakes: u64,
    /// The row after it.
    pub task: Arc<Task>,
    /// How it stands towards admission now.
    pub candidacy: Candidacy,
    /// What was written, in order.
    pub events: Vec<Event>,
    /// Inputs it consumed.
    pub consumed: Vec<(InputId, Disposition)>,
    /// A change of the repository.
    pub repo: Option<RepoChange>,
    /// Providers that were relied on or changed.
    pub providers: BTreeMap<ProviderId, ProviderChange>,
    /// A job to enqueue for the task.
    pub job: Option<NewJob>,
    /// A job of the task to tell to end; the reason is `ending` of the row's reference to it. A running one hears
    /// it at its next renewal. A queued one has no holder who could settle it: it is cancelled in this
    /// transaction, before `job` is enqueued, with `JobResult::Ended` as an unconsumed fact whose input id is the
    /// job's own uuid, and the task is awake. A finished one is left alone.
    pub end_job: Option<JobId>,
    /// Changes of the effect ledger.
    pub ledger: Vec<LedgerWrite>,
    /// Surfaces to bring up to date.
    pub dirty: Vec<Surface>,
    /// When the task must be decided again though nothing happens.
    pub due_at: Option<Timestamp>,
    /// Wake the repository's other unfinished tasks.
    pub wake_repo: bool,
    /// Wake the unfinished tasks that depend on this task's issue.
    pub wake_dependents: bool,
    /// Wake all other unfinished tasks of the store: what a provider is has changed for them.
    pub wake_all: bool,
    /// When.
    pub at: Timestamp,
}

/// A repository's facts and commands, as one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoCommit {
    /// Chosen before; looked up after a lost answer.
    pub transition: TransitionId,
    /// The change; its events may be empty.
    pub change: RepoChange,
    /// Inputs it consumed.
    pub consumed: Vec<(InputId, Disposition)>,
    /// Wake all of the repository's unfinished tasks.
    pub wake_repo: bool,
    /// When.
    pub at: Timestamp,
}

/// The answer to a commit. Outcome enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is durable: now, or already when it was sent before.
    Committed,
    /// Somebody else was faster; nothing was written. Load and decide again. Also the answer to what the schema
    /// forbids, which no sound caller sends (the contract suite's `guarding` and `ledger` list it).
    Conflict,
    /// The answer was lost: look for the transition's id, and only then go on.
    Unknown,
}

/// Which jobs a worker may claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimFilter {
    /// The claimer.
    pub boot: BootId,
    /// The lease's length.
    pub ttl: Span,
    /// At most this many now.
    pub limit: u32,
    /// At most this many pipeline jobs running at once, over all owners; `None` is no limit.
    pub max_running: Option<u32>,
}

/// A claimed job.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The job.
    pub job: JobId,
    /// Its task or repository.
    pub of: Address,
    /// Its kind.
    pub kind: JobKind,
    /// What to do.
    pub spec: JobSpec,
    /// The run it was given, before it has a process.
    pub run: RunId,
    /// The fencing token.
    pub token: Token,
    /// When the lease ends.
    pub until: Timestamp,
    /// How often it was claimed, this time included.
    pub attempt: u32,
}

/// The answer to a renewal of one lease. Outcome enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewOutcome {
    /// Extended.
    Renewed,
    /// Extended, but the job is told to end.
    ToldToEnd,
    /// It is not this holder's any more, or its lease was over already, whether anybody took it or not.
    Lost,
}

/// The answer to a settlement. Outcome enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettleOutcome {
    /// The job is over, its result is an unconsumed fact, and the task is awake. Also the answer to a repeat with
    /// the same token and fact.
    Settled,
    /// The token is not current; nothing was changed.
    Stale,
}

/// The answer to "may this irreversible step start". Outcome enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// The ledger says `sent` now; act.
    MaySend,
    /// The token is not current, its lease is over, or the entry is not an intent of the job's task; do not act.
    /// Also the answer to a repeat: nobody knows then whether the first one acted.
    Stale,
}

/// A running job whose lease is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The job.
    pub job: JobId,
    /// Its run.
    pub run: RunId,
    /// The token it ran under.
    pub token: Token,
    /// Who held it.
    pub owner: BootId,
}

/// What became of a declared dependency. Outcome enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyOutcome {
    /// It is stored, now or before.
    Declared,
    /// It would close this cycle: keys in order, the first once more at the end.
    Cycle(Vec<String>),
}

/// What is shown outside, and brought up to date by the projector. In the order of their names, as stores have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Surface {
    /// What people are told that needs them.
    Alert,
    /// The board's status.
    Board,
    /// The pull request's text.
    Pull,
    /// `refs/orchd/records/<task>`.
    Records,
}

impl Surface {
    /// All surfaces.
    pub const ALL: [Self; 4] = [Self::Alert, Self::Board, Self::Pull, Self::Records];

    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Board => "board",
            Self::Pull => "pull",
            Self::Records => "records",
        }
    }

    /// The surface of a wire name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// A projection that is behind its row.
#[derive(Debug, Clone, PartialEq)]
pub struct Dirty {
    /// The task; its surfaces share it.
    pub task: Arc<Task>,
    /// The surface.
    pub surface: Surface,
    /// The version to acknowledge: the row's, as rendered.
    pub version: u64,
    /// What was last written there, by digest.
    pub shown: Option<String>,
}

/// What became of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputOutcome {
    /// No such input.
    Unknown,
    /// Not consumed yet.
    Waiting,
    /// Consumed.
    Done(Disposition),
}

/// The store.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes the repository known; does nothing where it is.
    async fn ensure_repo(&self, repo: &Repo) -> StoreResult<()>;
    /// Creates a task with its first event, due at once, a candidate. Sequence number (the next of the whole store,
    /// without gaps) and life are given in this transaction. A life after the first wakes who depends on the
    /// issue. An unknown repository is `Inconsistent`.
    async fn create_task(&self, new: NewTask) -> StoreResult<CreateOutcome>;
    /// Stores an input and wakes its address; a known id is a duplicate and changes nothing, whatever comes with
    /// it. An unknown address is `Inconsistent`: nothing is kept for it.
    async fn put_input(&self, to: &Address, id: InputId, input: &Input, at: Timestamp) -> StoreResult<()>;
    /// What became of an input.
    async fn input_outcome(&self, id: InputId) -> StoreResult<InputOutcome>;

    /// Loads a task with its admission view and its unconsumed inputs; `since` bounds the money of the day.
    async fn load(&self, task: TaskId, since: Timestamp) -> StoreResult<Option<Loaded>>;
    /// Loads a repository.
    async fn load_repo(&self, repo: &RepoId) -> StoreResult<Option<LoadedRepo>>;
    /// The rows of a task and its repository, or of a repository alone, of one moment.
    async fn rows_of(&self, of: &Address) -> StoreResult<Option<Rows>>;
    /// One decision, whole or not at all: compares the task's version, with a repository change its epoch, the epoch
    /// of each provider it names, and that each consumed input waits and is the task's own; raises them by one. A transition that is stored
    /// already is `Committed` and has no effect. A task whose wakes moved on since stays due, at `commit.at`. The
    /// task's events come before the repository's in the log.
    async fn commit(&self, commit: Commit) -> CommitOutcome;
    /// A repository's own commit: compares and raises its epoch, with or without events.
    async fn commit_repo(&self, commit: RepoCommit) -> CommitOutcome;
    /// Whether a transition is stored.
    async fn was_committed(&self, transition: TransitionId) -> StoreResult<bool>;
    /// Who is to be decided at `now`, up to `limit` of each kind, as of one moment.
    async fn due(&self, now: Timestamp, limit: u32) -> StoreResult<Due>;

    /// Claims queued jobs whose time has come, side jobs first, then by the task's present priority (a repository's
    /// job has 0) and the job's age; no more than there are `runs`. While drained, side jobs only. Passes over what
    /// its provider's [`Bar`](crate::provider::Bar) does not admit. Each gets the
    /// next of `runs`, a token that only grows over the whole store, and a lease in the store's own time.
    async fn claim(&self, filter: &ClaimFilter, runs: &[RunId]) -> StoreResult<Vec<Claimed>>;
    /// Extends leases; the answers are in the order asked.
    async fn renew(&self, boot: BootId, held: &[(JobId, Token)], ttl: Span)
    -> StoreResult<Vec<RenewOutcome>>;
    /// Ends a job with its result as an unconsumed fact of its address, which wakes. `fact` is the input's id; one
    /// that is another input's already is `Inconsistent`. A lease that is over may settle as long as its token is
    /// current: nobody took the job, and a late result is better than a lost one.
    async fn settle(
        &self,
        job: JobId,
        token: Token,
        result: &JobResult,
        fact: InputId,
        at: Timestamp,
    ) -> StoreResult<SettleOutcome>;
    /// Gives a job back to the queue unstarted, in its old place. One that was told to end is over instead, as in
    /// [`Commit::end_job`].
    async fn release(&self, job: JobId, token: Token) -> StoreResult<SettleOutcome>;
    /// Marks an intent of the job's task as sent, if the token is current and the lease is not over.
    async fn send_effect(&self, effect: EffectId, job: JobId, token: Token) -> StoreResult<SendOutcome>;
    /// Running jobs whose lease is over by the store's own time, the longest over first. At its deadline a lease
    /// still holds.
    async fn expired(&self, limit: u32) -> StoreResult<Vec<Expired>>;
    /// Takes over, with new tokens and leases, the running jobs of earlier processes of this data directory: what
    /// the holder of the directory's lock does at start. Returns all running jobs as claimed by `boot`, oldest
    /// first, with the runs they have; those that `boot` holds already are returned as they are, so that a lost
    /// answer can be asked for again.
    async fn take_over(&self, boot: BootId, ttl: Span) -> StoreResult<Vec<Claimed>>;

    /// Projections that were dirtied after the version they were last acknowledged with and whose retry time has
    /// come, with the row as it stands; by the task's sequence number, then the surface.
    async fn dirty_projections(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<Dirty>>;
    /// The surface shows this version. Never lowers what was acknowledged; forgets a deferral. A surface that was
    /// never dirtied is `Inconsistent`.
    async fn ack_projection(
        &self,
        task: TaskId,
        surface: Surface,
        version: u64,
        shown: &str,
    ) -> StoreResult<()>;
    /// The surface could not be written; tried again at the given moment, and not before though it is dirtied anew.
    async fn defer_projection(
        &self,
        task: TaskId,
        surface: Surface,
        error: &str,
        retry_at: Timestamp,
    ) -> StoreResult<()>;

    /// Stops or allows admission and the claims of pipeline jobs; wakes every unfinished task.
    async fn set_drained(&self, drained: bool, by: &Actor, at: Timestamp) -> StoreResult<()>;
    /// Wakes every unfinished task: what they are decided by has changed, and no row of theirs tells.
    async fn wake_all(&self, at: Timestamp) -> StoreResult<()>;
    /// Whether admission is stopped.
    async fn drained(&self) -> StoreResult<bool>;
    /// Declares that `task` waits for the issue `on` of the same project; wakes it. A repeat changes nothing, not
    /// the source either. What would close a cycle with what unfinished tasks wait for is not stored: of two that
    /// close one together, the second is told so. An unknown task is `Inconsistent`; the issue need not be known.
    async fn add_dependency(
        &self,
        task: TaskId,
        on: &Key,
        source: &str,
        at: Timestamp,
    ) -> StoreResult<DependencyOutcome>;
    /// Removes it; wakes the task. Does nothing where there is none.
    async fn remove_dependency(&self, task: TaskId, on: &Key, at: Timestamp) -> StoreResult<()>;

    /// All tasks with their versions, by sequence number; for people and the audit.
    async fn tasks(&self) -> StoreResult<Vec<(Task, u64)>>;
    /// The latest life of an issue.
    async fn find_task(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<TaskId>>;
    /// All repositories with their epochs, by id.
    async fn repos(&self) -> StoreResult<Vec<(Repo, u64)>>;
    /// The health of every provider that has a row, with its epoch, by id.
    async fn providers(&self) -> StoreResult<Vec<(Health, u64)>>;
    /// A person's word that a provider is well: compares and raises its epoch, which begins anew with a health that is,
    /// logs it, and wakes every unfinished task. One that has no row is a conflict.
    async fn close_provider(
        &self,
        provider: &ProviderId,
        epoch: u64,
        by: &Actor,
        at: Timestamp,
    ) -> CommitOutcome;
    /// The newest `limit` things that people did to providers, the newest last.
    async fn provider_events(&self, limit: u32) -> StoreResult<Vec<(Timestamp, ProviderEvent)>>;
    /// All dependencies: task, the issue it waits for, who declared it; by task id, then key.
    async fn dependencies(&self) -> StoreResult<Vec<(TaskId, Key, String)>>;
    /// Events of a task after `seq`, oldest first.
    async fn task_events(&self, task: TaskId, after: u64, limit: u32) -> StoreResult<Vec<Logged<Event>>>;
    /// Events of a repository after `seq`, oldest first.
    async fn repo_events(&self, repo: &RepoId, after: u64, limit: u32)
    -> StoreResult<Vec<Logged<RepoEvent>>>;
    /// The newest `limit` jobs, the newest last; of one task where given.
    async fn jobs(&self, task: Option<TaskId>, limit: u32) -> StoreResult<Vec<JobRow>>;
    /// The effect ledger, oldest first; of one task where given.
    async fn ledger(&self, task: Option<TaskId>) -> StoreResult<Vec<LedgerRow>>;
    /// Everything at once, for the audit. All of it is of one moment: no commit is in one part of it and missing in
    /// another, whoever writes meanwhile.
    async fn inventory(&self) -> StoreResult<Inventory>;
}
