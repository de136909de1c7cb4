//! The store in memory: the executable specification of `orchd_core::port::store::Store` and `Board`. Every
//! method is one transaction under one lock and answers at once; time is the given clock's. No durability.

mod board;
mod check;
mod commit;
mod create;
mod jobs;
mod projections;
mod state;
mod view;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use orchd_core::event::{Event, ProviderEvent, RepoEvent};
use orchd_core::fact::{Address, Input};
use orchd_core::id::{
    Actor, BootId, EffectId, InputId, JobId, Key, ProjectId, ProviderId, RepoId, RunId, TaskId, Token,
    TransitionId,
};
use orchd_core::job::JobResult;
use orchd_core::mutant::{self, Mutant};
use orchd_core::port::clock::Clock;
use orchd_core::port::store::{
    ClaimFilter, Claimed, Commit, CommitOutcome, CreateOutcome, DependencyOutcome, Dirty, Due, Expired,
    InputOutcome, Inventory, JobRow, LedgerRow, Loaded, LoadedRepo, Logged, NewTask, RenewOutcome,
    RepoCommit, Rows, SendOutcome, SettleOutcome, Store, StoreResult, Surface,
};
use orchd_core::provider::Health;
use orchd_core::repo::Repo;
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};

pub(crate) use commit::is_silent;
pub use state::{InputRow, Job, Projection, ProviderRow, RepoRow, State, TaskRow};

/// A store in memory. Cheap to make; shared by reference.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store; `clock` is the store's own time: leases, and when a job may be claimed.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Reads the rows in place, between two transactions.
    pub fn inspect<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        self.with(|state| look(state))
    }

    /// A copy of all rows.
    pub fn snapshot(&self) -> State {
        self.inspect(State::clone)
    }

    /// Takes all rows away and leaves an empty store: what a run that is over leaves behind.
    pub fn take(&self) -> State {
        self.with(std::mem::take)
    }

    /// The constraint that the latest commit refused for a broken constraint has broken. A caller that follows
    /// the contract never breaks one, so a test may demand `None`.
    pub fn last_violation(&self) -> Option<&'static str> {
        self.inspect(|state| state.last_violation)
    }

    fn with<R>(&self, transaction: impl FnOnce(&mut State) -> R) -> R {
        // A panic in a transaction is a bug of this store; the test that saw it fails by that panic.
        transaction(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn ensure_repo(&self, repo: &Repo) -> StoreResult<()> {
        self.with(|state| create::ensure_repo(state, repo));
        Ok(())
    }

    async fn create_task(&self, new: NewTask) -> StoreResult<CreateOutcome> {
        let mut counted = None;
        if mutant::on(Mutant::Inc37) {
            counted = Some(self.inspect(|state| state.tasks.len() as u64) + 1);
            crate::exec::yield_once().await;
        }
        self.with(|state| create::create_task(state, new, counted))
    }

    async fn put_input(&self, to: &Address, id: InputId, input: &Input, at: Timestamp) -> StoreResult<()> {
        self.with(|state| {
            if state.inputs.contains_key(&id) {
                return Ok(());
            }
            match to {
                Address::Task(task) if !state.knows(to) => {
                    Err(state::inconsistent("tasks", task, "an input was addressed to an unknown task"))
                }
                Address::Repo(repo) if !state.knows(to) => {
                    Err(state::inconsistent("repos", repo, "an input was addressed to an unknown repository"))
                }
                Address::Task(_) | Address::Repo(_) => {
                    state.store_input(to, id, input.clone(), at);
                    state.commits += 1;
                    Ok(())
                }
            }
        })
    }

    async fn input_outcome(&self, id: InputId) -> StoreResult<InputOutcome> {
        Ok(self.with(|state| view::input_outcome(state, id)))
    }

    async fn load(&self, task: TaskId, since: Timestamp) -> StoreResult<Option<Loaded>> {
        Ok(self.with(|state| view::load(state, task, since)))
    }

    async fn load_repo(&self, repo: &RepoId) -> StoreResult<Option<LoadedRepo>> {
        Ok(self.with(|state| view::load_repo(state, repo)))
    }

    async fn rows_of(&self, of: &Address) -> StoreResult<Option<Rows>> {
        Ok(self.with(|state| view::rows_of(state, of)))
    }

    async fn commit(&self, commit: Commit) -> CommitOutcome {
        self.with(|state| commit::commit(state, commit))
    }

    async fn commit_repo(&self, commit: RepoCommit) -> CommitOutcome {
        self.with(|state| commit::commit_repo(state, commit))
    }

    async fn was_committed(&self, transition: TransitionId) -> StoreResult<bool> {
        Ok(self.with(|state| state.transitions.contains(&transition)))
    }

    async fn due(&self, now: Timestamp, limit: u32) -> StoreResult<Due> {
        Ok(self.with(|state| Due {
            repos: view::due_repos(state, limit),
            tasks: view::due_tasks(state, now, limit),
        }))
    }

    async fn claim(&self, filter: &ClaimFilter, runs: &[RunId]) -> StoreResult<Vec<Claimed>> {
        let now = self.clock.now();
        Ok(self.with(|state| jobs::claim(state, filter, runs, now)))
    }

    async fn renew(
        &self,
        boot: BootId,
        held: &[(JobId, Token)],
        ttl: Span,
    ) -> StoreResult<Vec<RenewOutcome>> {
        let now = self.clock.now();
        Ok(self.with(|state| jobs::renew(state, boot, held, ttl, now)))
    }

    async fn settle(
        &self,
        job: JobId,
        token: Token,
        result: &JobResult,
        fact: InputId,
        at: Timestamp,
    ) -> StoreResult<SettleOutcome> {
        self.with(|state| jobs::settle(state, job, token, result, fact, at))
    }

    async fn release(&self, job: JobId, token: Token) -> StoreResult<SettleOutcome> {
        let now = self.clock.now();
        self.with(|state| jobs::release(state, job, token, now))
    }

    async fn send_effect(&self, effect: EffectId, job: JobId, token: Token) -> StoreResult<SendOutcome> {
        let now = self.clock.now();
        Ok(self.with(|state| jobs::send_effect(state, effect, job, token, now)))
    }

    async fn expired(&self, limit: u32) -> StoreResult<Vec<Expired>> {
        let now = self.clock.now();
        Ok(self.with(|state| jobs::expired(state, limit, now)))
    }

    async fn take_over(&self, boot: BootId, ttl: Span) -> StoreResult<Vec<Claimed>> {
        let now = self.clock.now();
        Ok(self.with(|state| jobs::take_over(state, boot, ttl, now)))
    }

    async fn dirty_projections(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<Dirty>> {
        Ok(self.with(|state| projections::dirty(state, now, limit)))
    }

    async fn ack_projection(
        &self,
        task: TaskId,
        surface: Surface,
        version: u64,
        shown: &str,
    ) -> StoreResult<()> {
        self.with(|state| projections::ack(state, task, surface, version, shown))
    }

    async fn defer_projection(
        &self,
        task: TaskId,
        surface: Surface,
        error: &str,
        retry_at: Timestamp,
    ) -> StoreResult<()> {
        self.with(|state| projections::defer(state, task, surface, error, retry_at))
    }

    async fn close_provider(
        &self,
        provider: &ProviderId,
        epoch: u64,
        by: &Actor,
        at: Timestamp,
    ) -> CommitOutcome {
        self.with(|state| {
            let Some(row) = state.providers.get_mut(provider).filter(|row| row.epoch == epoch) else {
                return CommitOutcome::Conflict;
            };
            let was = std::mem::replace(&mut row.health, Health::new(provider.clone()));
            row.epoch += 1;
            let event = ProviderEvent::Closed { by: by.clone(), was: Box::new(was) };
            state.provider_events.push((at, event));
            state.wake_all(at, |_| true);
            CommitOutcome::Committed
        })
    }

    async fn provider_events(&self, limit: u32) -> StoreResult<Vec<(Timestamp, ProviderEvent)>> {
        Ok(self.with(|state| {
            let first = state.provider_events.len().saturating_sub(limit as usize);
            state.provider_events[first..].to_vec()
        }))
    }

    async fn set_drained(&self, drained: bool, by: &Actor, at: Timestamp) -> StoreResult<()> {
        self.with(|state| {
            state.drained = drained;
            state.drained_by = Some((by.clone(), at));
            state.wake_all(at, |_| true);
        });
        Ok(())
    }

    async fn wake_all(&self, at: Timestamp) -> StoreResult<()> {
        self.with(|state| state.wake_all(at, |_| true));
        Ok(())
    }

    async fn drained(&self) -> StoreResult<bool> {
        Ok(self.with(|state| state.drained))
    }

    async fn add_dependency(
        &self,
        task: TaskId,
        on: &Key,
        source: &str,
        at: Timestamp,
    ) -> StoreResult<DependencyOutcome> {
        self.with(|state| {
            if !state.tasks.contains_key(&task) {
                return Err(state::inconsistent(
                    "tasks",
                    task,
                    "a dependency was declared for an unknown task",
                ));
            }
            if state.dependencies.contains_key(&(task, on.clone())) {
                return Ok(DependencyOutcome::Declared);
            }
            if let Some(cycle) = view::cycle(state, task, on) {
                return Ok(DependencyOutcome::Cycle(cycle));
            }
            state.dependencies.insert((task, on.clone()), source.to_owned());
            state.wake(task, at);
            Ok(DependencyOutcome::Declared)
        })
    }

    async fn remove_dependency(&self, task: TaskId, on: &Key, at: Timestamp) -> StoreResult<()> {
        self.with(|state| {
            if state.dependencies.remove(&(task, on.clone())).is_some() {
                state.wake(task, at);
            }
        });
        Ok(())
    }

    async fn tasks(&self) -> StoreResult<Vec<(Task, u64)>> {
        let mut tasks: Vec<(Task, u64)> = self
            .with(|state| state.tasks.values().map(|row| (Task::clone(&row.task), row.version)).collect());
        tasks.sort_by_key(|(task, _)| task.seq);
        Ok(tasks)
    }

    async fn find_task(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<TaskId>> {
        Ok(self.with(|state| view::find_task(state, project, key)))
    }

    async fn repos(&self) -> StoreResult<Vec<(Repo, u64)>> {
        Ok(self.with(|state| state.repos.values().map(|row| (Repo::clone(&row.repo), row.epoch)).collect()))
    }

    async fn providers(&self) -> StoreResult<Vec<(Health, u64)>> {
        Ok(self.with(|state| view::providers(state)))
    }
    async fn dependencies(&self) -> StoreResult<Vec<(TaskId, Key, String)>> {
        Ok(self.with(|state| {
            let all = state.dependencies.iter();
            all.map(|((task, on), source)| (*task, on.clone(), source.clone())).collect()
        }))
    }

    async fn task_events(&self, task: TaskId, after: u64, limit: u32) -> StoreResult<Vec<Logged<Event>>> {
        Ok(self.with(|state| view::events(state.task_events.get(&task), after, limit)))
    }

    async fn repo_events(
        &self,
        repo: &RepoId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<Logged<RepoEvent>>> {
        Ok(self.with(|state| view::events(state.repo_events.get(repo), after, limit)))
    }

    async fn jobs(&self, task: Option<TaskId>, limit: u32) -> StoreResult<Vec<JobRow>> {
        Ok(self.with(|state| view::jobs(state, task, limit)))
    }

    async fn ledger(&self, task: Option<TaskId>) -> StoreResult<Vec<LedgerRow>> {
        let mine = |l: &&LedgerRow| task.is_none_or(|id| l.task == id);
        Ok(self.with(|state| state.ledger.iter().filter(mine).cloned().collect()))
    }

    async fn inventory(&self) -> StoreResult<Inventory> {
        Ok(self.with(|state| view::inventory(state)))
    }
}
