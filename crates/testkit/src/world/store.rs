//! A replica's way to the store: every call first gives way to the schedule, then the faults' stream says
//! whether it passes, fails, is slow, loses its answer, or takes the process with it.

use std::sync::Arc;

use async_trait::async_trait;
use orchd_core::event::{Event, ProviderEvent, RepoEvent};
use orchd_core::fact::{Address, Input};
use orchd_core::id::{
    Actor, BootId, EffectId, InputId, JobId, Key, ProjectId, ProviderId, RepoId, RunId, TaskId, Token,
    TransitionId,
};
use orchd_core::job::JobResult;
use orchd_core::port::store::{
    ClaimFilter, Claimed, Commit, CommitOutcome, CreateOutcome, Dirty, Expired, InputOutcome, JobRow,
    LedgerRow, Loaded, LoadedRepo, Logged, NewTask, RenewOutcome, RepoCommit, Rows, SendOutcome,
    SettleOutcome, Store, StoreError, StoreResult, Surface,
};
use orchd_core::provider::Health;
use orchd_core::repo::Repo;
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};

use super::fault::{Fate, Fault};
use super::sched::{give_way, never, sleep};
use super::sim::Sim;
use crate::memory::is_silent;

/// The store as one replica reaches it.
pub(super) struct SimStore {
    pub(super) sim: Arc<Sim>,
    pub(super) replica: usize,
}

/// What a call does to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Reads only.
    Reads,
    /// Writes what no invariant speaks about and nobody waits for.
    Touches,
    /// Writes.
    Writes,
}

impl SimStore {
    async fn call<T: Send>(
        &self,
        name: &'static str,
        kind: Kind,
        applied: impl Future<Output = StoreResult<T>> + Send,
    ) -> StoreResult<T> {
        let sim = &self.sim;
        give_way(sim).await;
        if sim.is_dead(self.replica) {
            // Another call of the same step has taken the process with it.
            return never(sim).await;
        }
        if sim.now() < sim.with(|i| i.outage_until) {
            return down();
        }
        let Fate::Strikes(fault) = sim.fate() else {
            let answer = applied.await;
            self.done(name, kind);
            return answer;
        };
        sim.say(|| format!("fault: {fault:?} at replica {} {name}", self.replica));
        match fault {
            Fault::CrashBefore => self.die().await,
            Fault::CrashAfter => {
                // The answer dies with the process.
                let _ = applied.await;
                self.done(name, kind);
                self.die().await
            }
            Fault::AnswerLost => {
                // The answer is lost on its way.
                let _ = applied.await;
                self.done(name, kind);
                down()
            }
            Fault::SlowBefore => {
                self.pass_time().await;
                let answer = applied.await;
                self.done(name, kind);
                answer
            }
            Fault::SlowAfter => {
                let answer = applied.await;
                self.done(name, kind);
                self.pass_time().await;
                answer
            }
            Fault::Outage => {
                let span = Span::secs(1 + i64::try_from(sim.with(|i| i.faults.below(240))).unwrap_or(0));
                let until = sim.now() + span;
                sim.with(|i| i.outage_until = until);
                down()
            }
            Fault::Fails
            | Fault::Stopped
            | Fault::RequestLost
            | Fault::ReplyLost
            | Fault::LateAct
            | Fault::Misleading
            | Fault::SurfaceFails
            | Fault::SurfaceAnswerLost
            | Fault::Infra
            | Fault::ReportLost
            | Fault::ProviderDown
            | Fault::ProviderQuota => down(),
        }
    }

    async fn die<T>(&self) -> T {
        self.sim.crash(self.replica);
        never(&self.sim).await
    }

    async fn pass_time(&self) {
        let span = self.sim.with(|i| {
            // Mostly short; now and then longer than a lease.
            let long = i.faults.below(5) == 0;
            Span(i64::try_from(i.faults.below(if long { 150_000 } else { 8_000 })).unwrap_or(0))
        });
        sleep(&self.sim, span).await;
    }

    fn done(&self, name: &'static str, kind: Kind) {
        let word = name.bytes().fold(0u64, |w, b| w.rotate_left(5) ^ u64::from(b));
        match kind {
            Kind::Reads => {}
            Kind::Touches => self.sim.touched(word),
            Kind::Writes => self.sim.wrote(word),
        }
    }

    /// Claims that found nothing wrote nothing.
    async fn claims(
        &self,
        name: &'static str,
        applied: impl Future<Output = StoreResult<Vec<Claimed>>> + Send,
    ) -> StoreResult<Vec<Claimed>> {
        let sim = Arc::clone(&self.sim);
        let applied = async move {
            let answer = applied.await;
            if answer.as_ref().is_ok_and(|claimed| !claimed.is_empty()) {
                sim.wrote(1);
            }
            answer
        };
        self.call(name, Kind::Touches, applied).await
    }

    async fn commit_call(
        &self,
        name: &'static str,
        kind: Kind,
        applied: impl Future<Output = CommitOutcome> + Send,
    ) -> CommitOutcome {
        let answer = self.call(name, kind, async { Ok(applied.await) }).await;
        answer.unwrap_or(CommitOutcome::Unknown)
    }

    fn inner(&self) -> &dyn Store {
        &*self.sim.store
    }
}

fn down<T>() -> StoreResult<T> {
    Err(StoreError::Unavailable("the simulated store is down".to_owned()))
}

#[async_trait]
impl Store for SimStore {
    async fn ensure_repo(&self, repo: &Repo) -> StoreResult<()> {
        self.call("ensure_repo", Kind::Writes, self.inner().ensure_repo(repo)).await
    }
    async fn create_task(&self, new: NewTask) -> StoreResult<CreateOutcome> {
        self.call("create_task", Kind::Writes, self.inner().create_task(new)).await
    }
    async fn put_input(&self, to: &Address, id: InputId, input: &Input, at: Timestamp) -> StoreResult<()> {
        self.call("put_input", Kind::Writes, self.inner().put_input(to, id, input, at)).await
    }
    async fn input_outcome(&self, id: InputId) -> StoreResult<InputOutcome> {
        self.call("input_outcome", Kind::Reads, self.inner().input_outcome(id)).await
    }
    async fn load(&self, task: TaskId, since: Timestamp) -> StoreResult<Option<Loaded>> {
        self.call("load", Kind::Reads, self.inner().load(task, since)).await
    }
    async fn load_repo(&self, repo: &RepoId) -> StoreResult<Option<LoadedRepo>> {
        self.call("load_repo", Kind::Reads, self.inner().load_repo(repo)).await
    }
    async fn rows_of(&self, of: &Address) -> StoreResult<Option<Rows>> {
        self.call("rows_of", Kind::Reads, self.inner().rows_of(of)).await
    }
    async fn commit(&self, commit: Commit) -> CommitOutcome {
        let (id, silent) = (commit.task.key.clone(), is_silent(&commit));
        let said: Vec<String> = if self.sim.traces() {
            let task = commit.events.iter().map(|e| format!("{e:?}"));
            let repo = commit.repo.iter().flat_map(|r| &r.events).map(|e| format!("{e:?}"));
            task.chain(repo).collect()
        } else {
            Vec::new()
        };
        let kind = if silent { Kind::Touches } else { Kind::Writes };
        let sim = Arc::clone(&self.sim);
        let replica = self.replica;
        let applied = async move {
            let answer = sim.store.commit(commit).await;
            if answer == CommitOutcome::Committed && !silent {
                sim.with(|i| i.commits += 1);
            }
            sim.say(|| format!("replica {replica} commits {id}: {answer:?}"));
            if answer == CommitOutcome::Committed {
                for line in said {
                    sim.say(|| format!("    {line}"));
                }
            }
            answer
        };
        // Boxed: a future that holds a row is copied whole wherever it is handed on.
        self.commit_call("commit", kind, Box::pin(applied)).await
    }
    async fn commit_repo(&self, commit: RepoCommit) -> CommitOutcome {
        let sim = Arc::clone(&self.sim);
        let applied = async move {
            let said = format!("{:?}", commit.change.events);
            let answer = sim.store.commit_repo(commit).await;
            sim.say(|| format!("a repository commits: {answer:?} {said}"));
            if answer == CommitOutcome::Committed {
                sim.with(|i| i.commits += 1);
            }
            answer
        };
        self.commit_call("commit_repo", Kind::Writes, Box::pin(applied)).await
    }
    async fn was_committed(&self, transition: TransitionId) -> StoreResult<bool> {
        self.call("was_committed", Kind::Reads, self.inner().was_committed(transition)).await
    }
    async fn due_tasks(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<TaskId>> {
        self.call("due_tasks", Kind::Reads, self.inner().due_tasks(now, limit)).await
    }
    async fn due_repos(&self, limit: u32) -> StoreResult<Vec<RepoId>> {
        self.call("due_repos", Kind::Reads, self.inner().due_repos(limit)).await
    }
    async fn claim(&self, filter: &ClaimFilter, runs: &[RunId]) -> StoreResult<Vec<Claimed>> {
        self.claims("claim", self.inner().claim(filter, runs)).await
    }
    async fn renew(
        &self,
        boot: BootId,
        held: &[(JobId, Token)],
        ttl: Span,
    ) -> StoreResult<Vec<RenewOutcome>> {
        self.call("renew", Kind::Touches, self.inner().renew(boot, held, ttl)).await
    }
    async fn settle(
        &self,
        job: JobId,
        token: Token,
        result: &JobResult,
        fact: InputId,
        at: Timestamp,
    ) -> StoreResult<SettleOutcome> {
        let applied = async {
            let answer = self.inner().settle(job, token, result, fact, at).await;
            self.sim.say(|| format!("replica {} settles {job}: {answer:?} {result:?}", self.replica));
            answer
        };
        self.call("settle", Kind::Writes, applied).await
    }
    async fn release(&self, job: JobId, token: Token) -> StoreResult<SettleOutcome> {
        self.call("release", Kind::Writes, self.inner().release(job, token)).await
    }
    async fn send_effect(&self, effect: EffectId, job: JobId, token: Token) -> StoreResult<SendOutcome> {
        self.call("send_effect", Kind::Writes, self.inner().send_effect(effect, job, token)).await
    }
    async fn expired(&self, limit: u32) -> StoreResult<Vec<Expired>> {
        self.call("expired", Kind::Reads, self.inner().expired(limit)).await
    }
    async fn take_over(&self, boot: BootId, ttl: Span) -> StoreResult<Vec<Claimed>> {
        self.claims("take_over", self.inner().take_over(boot, ttl)).await
    }
    async fn dirty_projections(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<Dirty>> {
        self.call("dirty_projections", Kind::Reads, self.inner().dirty_projections(now, limit)).await
    }
    async fn ack_projection(
        &self,
        task: TaskId,
        surface: Surface,
        version: u64,
        shown: &str,
    ) -> StoreResult<()> {
        let applied = self.inner().ack_projection(task, surface, version, shown);
        self.call("ack_projection", Kind::Touches, applied).await
    }
    async fn defer_projection(
        &self,
        task: TaskId,
        surface: Surface,
        error: &str,
        retry_at: Timestamp,
    ) -> StoreResult<()> {
        let applied = self.inner().defer_projection(task, surface, error, retry_at);
        self.call("defer_projection", Kind::Touches, applied).await
    }
    async fn set_drained(&self, drained: bool, by: &Actor, at: Timestamp) -> StoreResult<()> {
        self.call("set_drained", Kind::Writes, self.inner().set_drained(drained, by, at)).await
    }
    async fn drained(&self) -> StoreResult<bool> {
        self.call("drained", Kind::Reads, self.inner().drained()).await
    }
    async fn close_provider(
        &self,
        provider: &ProviderId,
        epoch: u64,
        by: &Actor,
        at: Timestamp,
    ) -> CommitOutcome {
        // Nobody closes one by hand in the simulation.
        self.inner().close_provider(provider, epoch, by, at).await
    }
    async fn provider_events(&self, limit: u32) -> StoreResult<Vec<(Timestamp, ProviderEvent)>> {
        self.call("provider_events", Kind::Reads, self.inner().provider_events(limit)).await
    }
    async fn add_dependency(&self, task: TaskId, on: &Key, source: &str, at: Timestamp) -> StoreResult<()> {
        self.call("add_dependency", Kind::Writes, self.inner().add_dependency(task, on, source, at)).await
    }
    async fn remove_dependency(&self, task: TaskId, on: &Key, at: Timestamp) -> StoreResult<()> {
        self.call("remove_dependency", Kind::Writes, self.inner().remove_dependency(task, on, at)).await
    }
    async fn tasks(&self) -> StoreResult<Vec<(Task, u64)>> {
        self.call("tasks", Kind::Reads, self.inner().tasks()).await
    }
    async fn find_task(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<TaskId>> {
        self.call("find_task", Kind::Reads, self.inner().find_task(project, key)).await
    }
    async fn repos(&self) -> StoreResult<Vec<(Repo, u64)>> {
        self.call("repos", Kind::Reads, self.inner().repos()).await
    }
    async fn providers(&self) -> StoreResult<Vec<(Health, u64)>> {
        self.call("providers", Kind::Reads, self.inner().providers()).await
    }
    async fn dependencies(&self) -> StoreResult<Vec<(TaskId, Key, String)>> {
        self.call("dependencies", Kind::Reads, self.inner().dependencies()).await
    }
    async fn task_events(&self, task: TaskId, after: u64, limit: u32) -> StoreResult<Vec<Logged<Event>>> {
        self.call("task_events", Kind::Reads, self.inner().task_events(task, after, limit)).await
    }
    async fn repo_events(
        &self,
        repo: &RepoId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<Logged<RepoEvent>>> {
        self.call("repo_events", Kind::Reads, self.inner().repo_events(repo, after, limit)).await
    }
    async fn jobs(&self, task: Option<TaskId>, limit: u32) -> StoreResult<Vec<JobRow>> {
        self.call("jobs", Kind::Reads, self.inner().jobs(task, limit)).await
    }
    async fn ledger(&self, task: Option<TaskId>) -> StoreResult<Vec<LedgerRow>> {
        self.call("ledger", Kind::Reads, self.inner().ledger(task)).await
    }
}
