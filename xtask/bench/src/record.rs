//! A store that writes down what the engine asked of the store behind it: the floor does exactly the same
//! again. Used for one run that is not measured; it adds nothing and leaves nothing out.

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

/// What was asked and changes something, in the order of asking.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// A task was loaded and this was committed.
    Commit(Box<Commit>),
    /// Jobs were asked for.
    Claim { filter: ClaimFilter, runs: Vec<RunId>, claimed: Vec<Claimed> },
    /// A job was settled.
    Settle { job: JobId, result: Box<JobResult>, fact: InputId },
}

/// The store in front of the store.
pub(crate) struct Recorder<S> {
    inner: S,
    asked: Mutex<Vec<Asked>>,
}

impl<S> Recorder<S> {
    pub(crate) fn new(inner: S) -> Arc<Self> {
        Arc::new(Self { inner, asked: Mutex::new(Vec::new()) })
    }

    /// What was asked since the last time.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, asked: Asked) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    }
}

#[async_trait]
impl<S: Store> Store for Recorder<S> {
    async fn commit(&self, commit: Commit) -> CommitOutcome {
        self.note(Asked::Commit(Box::new(commit.clone())));
        self.inner.commit(commit).await
    }
    async fn claim(&self, filter: &ClaimFilter, runs: &[RunId]) -> StoreResult<Vec<Claimed>> {
        let claimed = self.inner.claim(filter, runs).await?;
        self.note(Asked::Claim { filter: filter.clone(), runs: runs.to_vec(), claimed: claimed.clone() });
        Ok(claimed)
    }
    async fn settle(
        &self,
        job: JobId,
        token: Token,
        result: &JobResult,
        fact: InputId,
        at: Timestamp,
    ) -> StoreResult<SettleOutcome> {
        self.note(Asked::Settle { job, result: Box::new(result.clone()), fact });
        self.inner.settle(job, token, result, fact, at).await
    }

    async fn ensure_repo(&self, repo: &Repo) -> StoreResult<()> {
        self.inner.ensure_repo(repo).await
    }
    async fn create_task(&self, new: NewTask) -> StoreResult<CreateOutcome> {
        self.inner.create_task(new).await
    }
    async fn put_input(&self, to: &Address, id: InputId, input: &Input, at: Timestamp) -> StoreResult<()> {
        self.inner.put_input(to, id, input, at).await
    }
    async fn input_outcome(&self, id: InputId) -> StoreResult<InputOutcome> {
        self.inner.input_outcome(id).await
    }
    async fn load(&self, task: TaskId, since: Timestamp) -> StoreResult<Option<Loaded>> {
        self.inner.load(task, since).await
    }
    async fn load_repo(&self, repo: &RepoId) -> StoreResult<Option<LoadedRepo>> {
        self.inner.load_repo(repo).await
    }
    async fn rows_of(&self, of: &Address) -> StoreResult<Option<Rows>> {
        self.inner.rows_of(of).await
    }
    async fn commit_repo(&self, commit: RepoCommit) -> CommitOutcome {
        self.inner.commit_repo(commit).await
    }
    async fn was_committed(&self, transition: TransitionId) -> StoreResult<bool> {
        self.inner.was_committed(transition).await
    }
    async fn due(&self, now: Timestamp, limit: u32) -> StoreResult<Due> {
        self.inner.due(now, limit).await
    }
    async fn renew(
        &self,
        boot: BootId,
        held: &[(JobId, Token)],
        ttl: Span,
    ) -> StoreResult<Vec<RenewOutcome>> {
        self.inner.renew(boot, held, ttl).await
    }
    async fn release(&self, job: JobId, token: Token) -> StoreResult<SettleOutcome> {
        self.inner.release(job, token).await
    }
    async fn send_effect(&self, effect: EffectId, job: JobId, token: Token) -> StoreResult<SendOutcome> {
        self.inner.send_effect(effect, job, token).await
    }
    async fn expired(&self, limit: u32) -> StoreResult<Vec<Expired>> {
        self.inner.expired(limit).await
    }
    async fn take_over(&self, boot: BootId, ttl: Span) -> StoreResult<Vec<Claimed>> {
        self.inner.take_over(boot, ttl).await
    }
    async fn dirty_projections(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<Dirty>> {
        self.inner.dirty_projections(now, limit).await
    }
    async fn ack_projection(
        &self,
        task: TaskId,
        surface: Surface,
        version: u64,
        shown: &str,
    ) -> StoreResult<()> {
        self.inner.ack_projection(task, surface, version, shown).await
    }
    async fn defer_projection(
        &self,
        task: TaskId,
        surface: Surface,
        error: &str,
        retry_at: Timestamp,
    ) -> StoreResult<()> {
        self.inner.defer_projection(task, surface, error, retry_at).await
    }
    async fn set_drained(&self, drained: bool, by: &Actor, at: Timestamp) -> StoreResult<()> {
        self.inner.set_drained(drained, by, at).await
    }
    async fn wake_all(&self, at: Timestamp) -> StoreResult<()> {
        self.inner.wake_all(at).await
    }
    async fn drained(&self) -> StoreResult<bool> {
        self.inner.drained().await
    }
    async fn add_dependency(
        &self,
        task: TaskId,
        on: &Key,
        source: &str,
        at: Timestamp,
    ) -> StoreResult<DependencyOutcome> {
        self.inner.add_dependency(task, on, source, at).await
    }
    async fn remove_dependency(&self, task: TaskId, on: &Key, at: Timestamp) -> StoreResult<()> {
        self.inner.remove_dependency(task, on, at).await
    }
    async fn tasks(&self) -> StoreResult<Vec<(Task, u64)>> {
        self.inner.tasks().await
    }
    async fn find_task(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<TaskId>> {
        self.inner.find_task(project, key).await
    }
    async fn repos(&self) -> StoreResult<Vec<(Repo, u64)>> {
        self.inner.repos().await
    }
    async fn providers(&self) -> StoreResult<Vec<(Health, u64)>> {
        self.inner.providers().await
    }
    async fn close_provider(
        &self,
        provider: &ProviderId,
        epoch: u64,
        by: &Actor,
        at: Timestamp,
    ) -> CommitOutcome {
        self.inner.close_provider(provider, epoch, by, at).await
    }
    async fn provider_events(&self, limit: u32) -> StoreResult<Vec<(Timestamp, ProviderEvent)>> {
        self.inner.provider_events(limit).await
    }
    async fn dependencies(&self) -> StoreResult<Vec<(TaskId, Key, String)>> {
        self.inner.dependencies().await
    }
    async fn task_events(&self, task: TaskId, after: u64, limit: u32) -> StoreResult<Vec<Logged<Event>>> {
        self.inner.task_events(task, after, limit).await
    }
    async fn repo_events(
        &self,
        repo: &RepoId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<Logged<RepoEvent>>> {
        self.inner.repo_events(repo, after, limit).await
    }
    async fn jobs(&self, task: Option<TaskId>, limit: u32) -> StoreResult<Vec<JobRow>> {
        self.inner.jobs(task, limit).await
    }
    async fn ledger(&self, task: Option<TaskId>) -> StoreResult<Vec<LedgerRow>> {
        self.inner.ledger(task).await
    }
    async fn inventory(&self) -> StoreResult<Inventory> {
        self.inner.inventory().await
    }
}
