//! Two stores as one: the memory's, which the invariants are asked about, and another beside it. Every call goes to
//! both at the same moment, the engine works with the other's answers, and where the two differ the run is over.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use orchd_core::event::{Event, ProviderEvent, RepoEvent};
use orchd_core::fact::{Address, Input};
use orchd_core::id::{
    Actor, BootId, EffectId, InputId, JobId, Key, ProjectId, ProviderId, RepoId, RunId, TaskId, Token,
    TransitionId,
};
use orchd_core::job::JobResult;
use orchd_core::port::store::{
    ClaimFilter, Claimed, Commit, CommitOutcome, CreateOutcome, DependencyOutcome, Dirty, Due, Expired,
    InputOutcome, Inventory, JobRow, LedgerRow, Loaded, LoadedRepo, Logged, NewTask, RenewOutcome,
    RepoCommit, Rows, SendOutcome, SettleOutcome, Store, StoreResult, Surface,
};
use orchd_core::provider::Health;
use orchd_core::repo::Repo;
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};

use crate::block_on;
use crate::contract::observe::{Known, difference, first_difference, observe, shown};
use crate::contract::{FullStore, Subject};
use crate::memory::MemoryStore;

/// The memory's store with another beside it.
pub(super) struct Twin {
    memory: Arc<MemoryStore>,
    other: Subject,
    parted: Mutex<Option<String>>,
}

impl Twin {
    pub(super) fn new(memory: Arc<MemoryStore>, other: Subject) -> Self {
        Self { memory, other, parted: Mutex::default() }
    }

    /// Where the two answered differently first.
    pub(super) fn parted(&self) -> Option<String> {
        self.parted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Compares everything that both show, at the end.
    pub(super) fn compare_all(&self, now: Timestamp) {
        let known = Known::default();
        let memory: &dyn FullStore = &*self.memory;
        let (ours, theirs) = block_on(async {
            (observe(memory, now, &known).await, observe(&*self.other.store, now, &known).await)
        });
        if let Some(difference) = first_difference(&ours, &theirs) {
            self.part(difference);
        }
    }

    fn part(&self, why: String) {
        self.parted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// Compares two answers and gives the other's.
    fn same<T: PartialEq + std::fmt::Debug>(
        &self,
        call: &str,
        memory: StoreResult<T>,
        other: StoreResult<T>,
    ) -> StoreResult<T> {
        // Errors are compared by what the contract promises of them.
        let equal = match (&memory, &other) {
            (Ok(memory), Ok(other)) => memory == other,
            _ => shown(&memory) == shown(&other),
        };
        if !equal {
            let difference = difference(&shown(&memory), &shown(&other));
            self.part(format!("the answers to {call} differ\n{difference}"));
        }
        other
    }

    fn same_outcome(&self, call: &str, memory: CommitOutcome, other: CommitOutcome) -> CommitOutcome {
        self.same(call, Ok(memory), Ok(other)).unwrap_or(other)
    }
}

#[async_trait]
impl Store for Twin {
    async fn ensure_repo(&self, repo: &Repo) -> StoreResult<()> {
        let memory = self.memory.ensure_repo(repo).await;
        self.same("ensure_repo", memory, self.other.store.ensure_repo(repo).await)
    }
    async fn create_task(&self, new: NewTask) -> StoreResult<CreateOutcome> {
        let memory = self.memory.create_task(new.clone()).await;
        self.same("create_task", memory, self.other.store.create_task(new).await)
    }
    async fn put_input(&self, to: &Address, id: InputId, input: &Input, at: Timestamp) -> StoreResult<()> {
        let memory = self.memory.put_input(to, id, input, at).await;
        self.same("put_input", memory, self.other.store.put_input(to, id, input, at).await)
    }
    async fn input_outcome(&self, id: InputId) -> StoreResult<InputOutcome> {
        let memory = self.memory.input_outcome(id).await;
        self.same("input_outcome", memory, self.other.store.input_outcome(id).await)
    }
    async fn load(&self, task: TaskId, since: Timestamp) -> StoreResult<Option<Loaded>> {
        let memory = self.memory.load(task, since).await;
        self.same("load", memory, self.other.store.load(task, since).await)
    }
    async fn load_repo(&self, repo: &RepoId) -> StoreResult<Option<LoadedRepo>> {
        let memory = self.memory.load_repo(repo).await;
        self.same("load_repo", memory, self.other.store.load_repo(repo).await)
    }
    async fn rows_of(&self, of: &Address) -> StoreResult<Option<Rows>> {
        let memory = self.memory.rows_of(of).await;
        self.same("rows_of", memory, self.other.store.rows_of(of).await)
    }
    async fn commit(&self, commit: Commit) -> CommitOutcome {
        let memory = self.memory.commit(commit.clone()).await;
        self.same_outcome("commit", memory, self.other.store.commit(commit).await)
    }
    async fn commit_repo(&self, commit: RepoCommit) -> CommitOutcome {
        let memory = self.memory.commit_repo(commit.clone()).await;
        self.same_outcome("commit_repo", memory, self.other.store.commit_repo(commit).await)
    }
    async fn was_committed(&self, transition: TransitionId) -> StoreResult<bool> {
        let memory = self.memory.was_committed(transition).await;
        self.same("was_committed", memory, self.other.store.was_committed(transition).await)
    }
    async fn due(&self, now: Timestamp, limit: u32) -> StoreResult<Due> {
        let memory = self.memory.due(now, limit).await;
        self.same("due", memory, self.other.store.due(now, limit).await)
    }
    async fn claim(&self, filter: &ClaimFilter, runs: &[RunId]) -> StoreResult<Vec<Claimed>> {
        let memory = self.memory.claim(filter, runs).await;
        self.same("claim", memory, self.other.store.claim(filter, runs).await)
    }
    async fn renew(
        &self,
        boot: BootId,
        held: &[(JobId, Token)],
        ttl: Span,
    ) -> StoreResult<Vec<RenewOutcome>> {
        let memory = self.memory.renew(boot, held, ttl).await;
        self.same("renew", memory, self.other.store.renew(boot, held, ttl).await)
    }
    async fn settle(
        &self,
        job: JobId,
        token: Token,
        result: &JobResult,
        fact: InputId,
        at: Timestamp,
    ) -> StoreResult<SettleOutcome> {
        let memory = self.memory.settle(job, token, result, fact, at).await;
        self.same("settle", memory, self.other.store.settle(job, token, result, fact, at).await)
    }
    async fn release(&self, job: JobId, token: Token) -> StoreResult<SettleOutcome> {
        let memory = self.memory.release(job, token).await;
        self.same("release", memory, self.other.store.release(job, token).await)
    }
    async fn send_effect(&self, effect: EffectId, job: JobId, token: Token) -> StoreResult<SendOutcome> {
        let memory = self.memory.send_effect(effect, job, token).await;
        self.same("send_effect", memory, self.other.store.send_effect(effect, job, token).await)
    }
    async fn expired(&self, limit: u32) -> StoreResult<Vec<Expired>> {
        let memory = self.memory.expired(limit).await;
        self.same("expired", memory, self.other.store.expired(limit).await)
    }
    async fn take_over(&self, boot: BootId, ttl: Span) -> StoreResult<Vec<Claimed>> {
        let memory = self.memory.take_over(boot, ttl).await;
        self.same("take_over", memory, self.other.store.take_over(boot, ttl).await)
    }
    async fn dirty_projections(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<Dirty>> {
        let memory = self.memory.dirty_projections(now, limit).await;
        self.same("dirty_projections", memory, self.other.store.dirty_projections(now, limit).await)
    }
    async fn ack_projection(
        &self,
        task: TaskId,
        surface: Surface,
        version: u64,
        shown: &str,
    ) -> StoreResult<()> {
        let memory = self.memory.ack_projection(task, surface, version, shown).await;
        self.same(
            "ack_projection",
            memory,
            self.other.store.ack_projection(task, surface, version, shown).await,
        )
    }
    async fn defer_projection(
        &self,
        task: TaskId,
        surface: Surface,
        error: &str,
        retry_at: Timestamp,
    ) -> StoreResult<()> {
        let memory = self.memory.defer_projection(task, surface, error, retry_at).await;
        self.same(
            "defer_projection",
            memory,
            self.other.store.defer_projection(task, surface, error, retry_at).await,
        )
    }
    async fn set_drained(&self, drained: bool, by: &Actor, at: Timestamp) -> StoreResult<()> {
        let memory = self.memory.set_drained(drained, by, at).await;
        self.same("set_drained", memory, self.other.store.set_drained(drained, by, at).await)
    }
    async fn wake_all(&self, at: Timestamp) -> StoreResult<()> {
        let memory = self.memory.wake_all(at).await;
        self.same("wake_all", memory, self.other.store.wake_all(at).await)
    }

    async fn drained(&self) -> StoreResult<bool> {
        let memory = self.memory.drained().await;
        self.same("drained", memory, self.other.store.drained().await)
    }
    async fn close_provider(
        &self,
        provider: &ProviderId,
        epoch: u64,
        by: &Actor,
        at: Timestamp,
    ) -> CommitOutcome {
        let memory = self.memory.close_provider(provider, epoch, by, at).await;
        let other = self.other.store.close_provider(provider, epoch, by, at).await;
        self.same_outcome("close_provider", memory, other)
    }
    async fn provider_events(&self, limit: u32) -> StoreResult<Vec<(Timestamp, ProviderEvent)>> {
        let memory = self.memory.provider_events(limit).await;
        self.same("provider_events", memory, self.other.store.provider_events(limit).await)
    }
    async fn add_dependency(
        &self,
        task: TaskId,
        on: &Key,
        source: &str,
        at: Timestamp,
    ) -> StoreResult<DependencyOutcome> {
        let memory = self.memory.add_dependency(task, on, source, at).await;
        self.same("add_dependency", memory, self.other.store.add_dependency(task, on, source, at).await)
    }
    async fn remove_dependency(&self, task: TaskId, on: &Key, at: Timestamp) -> StoreResult<()> {
        let memory = self.memory.remove_dependency(task, on, at).await;
        self.same("remove_dependency", memory, self.other.store.remove_dependency(task, on, at).await)
    }
    async fn tasks(&self) -> StoreResult<Vec<(Task, u64)>> {
        let memory = self.memory.tasks().await;
        self.same("tasks", memory, self.other.store.tasks().await)
    }
    async fn find_task(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<TaskId>> {
        let memory = self.memory.find_task(project, key).await;
        self.same("find_task", memory, self.other.store.find_task(project, key).await)
    }
    async fn repos(&self) -> StoreResult<Vec<(Repo, u64)>> {
        let memory = self.memory.repos().await;
        self.same("repos", memory, self.other.store.repos().await)
    }
    async fn providers(&self) -> StoreResult<Vec<(Health, u64)>> {
        let memory = self.memory.providers().await;
        self.same("providers", memory, self.other.store.providers().await)
    }
    async fn dependencies(&self) -> StoreResult<Vec<(TaskId, Key, String)>> {
        let memory = self.memory.dependencies().await;
        self.same("dependencies", memory, self.other.store.dependencies().await)
    }
    async fn task_events(&self, task: TaskId, after: u64, limit: u32) -> StoreResult<Vec<Logged<Event>>> {
        let memory = self.memory.task_events(task, after, limit).await;
        self.same("task_events", memory, self.other.store.task_events(task, after, limit).await)
    }
    async fn repo_events(
        &self,
        repo: &RepoId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<Logged<RepoEvent>>> {
        let memory = self.memory.repo_events(repo, after, limit).await;
        self.same("repo_events", memory, self.other.store.repo_events(repo, after, limit).await)
    }
    async fn jobs(&self, task: Option<TaskId>, limit: u32) -> StoreResult<Vec<JobRow>> {
        let memory = self.memory.jobs(task, limit).await;
        self.same("jobs", memory, self.other.store.jobs(task, limit).await)
    }
    async fn ledger(&self, task: Option<TaskId>) -> StoreResult<Vec<LedgerRow>> {
        let memory = self.memory.ledger(task).await;
        self.same("ledger", memory, self.other.store.ledger(task).await)
    }
    async fn inventory(&self) -> StoreResult<Inventory> {
        let memory = self.memory.inventory().await;
        self.same("inventory", memory, self.other.store.inventory().await)
    }
}
