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
    ClaimFilter, Claimed, Commit, CommitOutcome, CreateOutcome, DependencyOutcome, Dirty, Due, Expired,
    InputOutcome, Inventory, JobRow, LedgerRow, Loaded, LoadedRepo, Logged, NewTask, RenewOutcome,
    RepoCommit, Rows, SendOutcome, SettleOutcome, Store, StoreError, StoreResult, Surface,
};
use orchd_core::provider::Health;
use orchd_core::repo::Repo;
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};

use super::fault::Fault;
use super::faults::{Edge, Strike};
use super::sched::{give_way, never, sleep};
use super::sim::Sim;
use super::spot::Spot;
use super::version;
use crate::memory::is_silent;

/// The store as one replica reaches it.
pub(super) struct SimStore {
    pub(super) sim: Arc<Sim>,
    pub(super) replica: usize,
}

/// What a call does to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Writes what no invariant speaks about and nobody waits for.
    Touches,
    /// Writes.
    Writes,
}

/// What becomes of a call before it is made.
enum Passage {
    /// It is made.
    Free,
    /// Another call of the same step has taken the process with it.
    Dead,
    /// The store is down.
    Down,
    /// The process dies with it.
    Dies(Edge),
    /// A fault strikes it.
    Struck(Strike),
}

/// Whether an answer says that something was written.
trait Written {
    fn written(&self) -> bool {
        true
    }
}

impl Written for () {}
impl Written for Vec<RenewOutcome> {}

impl Written for Vec<Claimed> {
    fn written(&self) -> bool {
        !self.is_empty()
    }
}

impl Written for CreateOutcome {
    fn written(&self) -> bool {
        matches!(self, Self::Created(_))
    }
}

impl Written for DependencyOutcome {
    fn written(&self) -> bool {
        *self == Self::Declared
    }
}

impl Written for SettleOutcome {
    fn written(&self) -> bool {
        *self == Self::Settled
    }
}

impl Written for SendOutcome {
    fn written(&self) -> bool {
        *self == Self::MaySend
    }
}

impl Written for CommitOutcome {
    fn written(&self) -> bool {
        *self == Self::Committed
    }
}

impl SimStore {
    async fn reads<T: Send>(
        &self,
        name: &'static str,
        spot: Spot<'_>,
        applied: impl Future<Output = StoreResult<T>> + Send,
    ) -> StoreResult<T> {
        self.call(name, spot, false, applied).await
    }

    /// A call that writes; what it wrote is asked about.
    async fn writes<T: Send + Written>(
        &self,
        name: &'static str,
        kind: Kind,
        spot: Spot<'_>,
        applied: impl Future<Output = StoreResult<T>> + Send,
    ) -> StoreResult<T> {
        let sim = &self.sim;
        let applied = async {
            let answer = applied.await;
            if answer.as_ref().is_ok_and(Written::written) {
                self.done(name, kind);
            }
            answer
        };
        let is_point = match kind {
            Kind::Touches => name == "ack_projection",
            // A claim of nothing writes nothing.
            Kind::Writes if name == "claim" => sim.store.inspect(|state| !state.active.is_empty()),
            Kind::Writes => true,
        };
        self.call(name, spot, is_point, applied).await
    }

    async fn call<T: Send>(
        &self,
        name: &'static str,
        spot: Spot<'_>,
        is_point: bool,
        applied: impl Future<Output = StoreResult<T>> + Send,
    ) -> StoreResult<T> {
        let sim = &self.sim;
        give_way(sim).await;
        match self.passage(name, spot, is_point) {
            Passage::Free => applied.await,
            Passage::Dead => never(sim).await,
            Passage::Down => down(),
            Passage::Dies(edge) => {
                sim.say(|| format!("dies at replica {} {name}: {edge:?}", self.replica));
                if edge == Edge::After {
                    // The answer dies with the process.
                    let _ = applied.await;
                }
                self.die().await
            }
            Passage::Struck(strike) => {
                sim.say(|| format!("fault: {} at replica {} {name}", strike.fault.name(), self.replica));
                self.struck(strike, applied).await
            }
        }
    }

    fn passage(&self, name: &'static str, spot: Spot<'_>, is_point: bool) -> Passage {
        let now = self.sim.now();
        self.sim.with(|i| {
            if i.is_dead(self.replica) {
                return Passage::Dead;
            }
            if now < i.outage_until {
                return Passage::Down;
            }
            if is_point && let Some(edge) = i.faults.commit_point() {
                return Passage::Dies(edge);
            }
            i.faults.fate(name, spot).map_or(Passage::Free, Passage::Struck)
        })
    }

    async fn struck<T: Send>(
        &self,
        mut strike: Strike,
        applied: impl Future<Output = StoreResult<T>> + Send,
    ) -> StoreResult<T> {
        let sim = &self.sim;
        match strike.fault {
            Fault::CrashBefore => self.die().await,
            Fault::CrashAfter => {
                // The answer dies with the process.
                let _ = applied.await;
                self.die().await
            }
            Fault::AnswerLost => {
                // The answer is lost on its way.
                let _ = applied.await;
                down()
            }
            Fault::SlowBefore => {
                self.pass_time(&mut strike).await;
                applied.await
            }
            Fault::SlowAfter => {
                let answer = applied.await;
                self.pass_time(&mut strike).await;
                answer
            }
            Fault::Outage => {
                let until = sim.now() + Span::secs(1 + strike.number(240));
                sim.with(|i| i.outage_until = until);
                down()
            }
            // `Fails`, and whatever else a scenario names at a store call.
            _fails => down(),
        }
    }

    async fn die<T>(&self) -> T {
        self.sim.crash(self.replica);
        never(&self.sim).await
    }

    async fn pass_time(&self, strike: &mut Strike) {
        // Mostly short; now and then longer than a lease.
        let long = strike.below(5) == 0;
        let span = Span(strike.number(if long { 150_000 } else { 8_000 }));
        sleep(&self.sim, span).await;
    }

    fn done(&self, name: &'static str, kind: Kind) {
        let word = name.bytes().fold(0u64, |w, b| w.rotate_left(5) ^ u64::from(b));
        match kind {
            Kind::Touches => self.sim.touched(word),
            Kind::Writes => self.sim.wrote(word),
        }
    }

    /// A commit as it is sent: what a serialization failure, an older version or a doubled call make of it.
    async fn commits(&self, commit: Box<Commit>) -> CommitOutcome {
        let (sim, spot) = (&self.sim, Spot::Task(commit.task.id));
        if sim.strikes(Fault::Conflict, spot) {
            return CommitOutcome::Conflict;
        }
        let old = version::could_write(&commit) && sim.strikes(Fault::OldVersion, spot);
        let commit = if old { Box::new(version::rewritten(&sim.store, *commit)) } else { commit };
        let twice = sim.strikes(Fault::Twice, spot).then(|| commit.clone());
        let first = sim.rows().commit(*commit).await;
        match twice {
            Some(again) => sim.rows().commit(*again).await,
            None => first,
        }
    }

    /// What a call that is about no task touches.
    const fn here(&self) -> Spot<'static> {
        Spot::Replica(self.replica)
    }

    fn inner(&self) -> &dyn Store {
        self.sim.rows()
    }
}

fn down<T>() -> StoreResult<T> {
    Err(StoreError::Unavailable("the simulated store is down".to_owned()))
}

#[async_trait]
impl Store for SimStore {
    async fn ensure_repo(&self, repo: &Repo) -> StoreResult<()> {
        self.writes("ensure_repo", Kind::Writes, self.here(), self.inner().ensure_repo(repo)).await
    }
    async fn create_task(&self, new: NewTask) -> StoreResult<CreateOutcome> {
        self.writes("create_task", Kind::Writes, self.here(), self.inner().create_task(new)).await
    }
    async fn put_input(&self, to: &Address, id: InputId, input: &Input, at: Timestamp) -> StoreResult<()> {
        self.writes("put_input", Kind::Writes, Spot::Of(to), self.inner().put_input(to, id, input, at)).await
    }
    async fn input_outcome(&self, id: InputId) -> StoreResult<InputOutcome> {
        self.reads("input_outcome", self.here(), self.inner().input_outcome(id)).await
    }
    async fn load(&self, task: TaskId, since: Timestamp) -> StoreResult<Option<Loaded>> {
        self.reads("load", Spot::Task(task), self.inner().load(task, since)).await
    }
    async fn load_repo(&self, repo: &RepoId) -> StoreResult<Option<LoadedRepo>> {
        self.reads("load_repo", self.here(), self.inner().load_repo(repo)).await
    }
    async fn rows_of(&self, of: &Address) -> StoreResult<Option<Rows>> {
        self.reads("rows_of", Spot::Of(of), self.inner().rows_of(of)).await
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
        let (sim, replica, task) = (&self.sim, self.replica, commit.task.id);
        // A future that holds a row is copied whole wherever it is handed on.
        let commit = Box::new(commit);
        let applied = async move {
            let answer = self.commits(commit).await;
            if answer == CommitOutcome::Committed && !silent {
                sim.with(|i| i.commits += 1);
            }
            sim.say(|| format!("replica {replica} commits {id}: {answer:?}"));
            if answer == CommitOutcome::Committed {
                for line in said {
                    sim.say(|| format!("    {line}"));
                }
            }
            Ok(answer)
        };
        self.writes("commit", kind, Spot::Task(task), applied).await.unwrap_or(CommitOutcome::Unknown)
    }
    async fn commit_repo(&self, commit: RepoCommit) -> CommitOutcome {
        let sim = &self.sim;
        let applied = async move {
            let said = format!("{:?}", commit.change.events);
            let answer = sim.rows().commit_repo(commit).await;
            sim.say(|| format!("a repository commits: {answer:?} {said}"));
            if answer == CommitOutcome::Committed {
                sim.with(|i| i.commits += 1);
            }
            Ok(answer)
        };
        let answer = self.writes("commit_repo", Kind::Writes, Spot::World, Box::pin(applied)).await;
        answer.unwrap_or(CommitOutcome::Unknown)
    }
    async fn was_committed(&self, transition: TransitionId) -> StoreResult<bool> {
        self.reads("was_committed", self.here(), self.inner().was_committed(transition)).await
    }
    async fn due(&self, now: Timestamp, limit: u32) -> StoreResult<Due> {
        self.reads("due", self.here(), self.inner().due(now, limit)).await
    }
    async fn claim(&self, filter: &ClaimFilter, runs: &[RunId]) -> StoreResult<Vec<Claimed>> {
        self.writes("claim", Kind::Writes, self.here(), self.inner().claim(filter, runs)).await
    }
    async fn renew(
        &self,
        boot: BootId,
        held: &[(JobId, Token)],
        ttl: Span,
    ) -> StoreResult<Vec<RenewOutcome>> {
        self.writes("renew", Kind::Touches, self.here(), self.inner().renew(boot, held, ttl)).await
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
            let twice = self.sim.strikes(Fault::Twice, Spot::Job(job));
            let mut answer = self.inner().settle(job, token, result, fact, at).await;
            if twice {
                answer = self.inner().settle(job, token, result, fact, at).await;
            }
            self.sim.say(|| format!("replica {} settles {job}: {answer:?} {result:?}", self.replica));
            answer
        };
        self.writes("settle", Kind::Writes, Spot::Job(job), applied).await
    }
    async fn release(&self, job: JobId, token: Token) -> StoreResult<SettleOutcome> {
        self.writes("release", Kind::Writes, Spot::Job(job), self.inner().release(job, token)).await
    }
    async fn send_effect(&self, effect: EffectId, job: JobId, token: Token) -> StoreResult<SendOutcome> {
        self.writes("send_effect", Kind::Writes, Spot::Job(job), self.inner().send_effect(effect, job, token))
            .await
    }
    async fn expired(&self, limit: u32) -> StoreResult<Vec<Expired>> {
        self.reads("expired", self.here(), self.inner().expired(limit)).await
    }
    async fn take_over(&self, boot: BootId, ttl: Span) -> StoreResult<Vec<Claimed>> {
        self.writes("take_over", Kind::Writes, self.here(), self.inner().take_over(boot, ttl)).await
    }
    async fn dirty_projections(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<Dirty>> {
        self.reads("dirty_projections", self.here(), self.inner().dirty_projections(now, limit)).await
    }
    async fn ack_projection(
        &self,
        task: TaskId,
        surface: Surface,
        version: u64,
        shown: &str,
    ) -> StoreResult<()> {
        let applied = self.inner().ack_projection(task, surface, version, shown);
        self.writes("ack_projection", Kind::Touches, Spot::Task(task), applied).await
    }
    async fn defer_projection(
        &self,
        task: TaskId,
        surface: Surface,
        error: &str,
        retry_at: Timestamp,
    ) -> StoreResult<()> {
        let applied = self.inner().defer_projection(task, surface, error, retry_at);
        self.writes("defer_projection", Kind::Touches, Spot::Task(task), applied).await
    }
    async fn set_drained(&self, drained: bool, by: &Actor, at: Timestamp) -> StoreResult<()> {
        self.writes("set_drained", Kind::Writes, self.here(), self.inner().set_drained(drained, by, at)).await
    }
    async fn wake_all(&self, at: Timestamp) -> StoreResult<()> {
        self.writes("wake_all", Kind::Writes, self.here(), self.inner().wake_all(at)).await
    }

    async fn drained(&self) -> StoreResult<bool> {
        self.reads("drained", self.here(), self.inner().drained()).await
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
        self.reads("provider_events", self.here(), self.inner().provider_events(limit)).await
    }
    async fn add_dependency(
        &self,
        task: TaskId,
        on: &Key,
        source: &str,
        at: Timestamp,
    ) -> StoreResult<DependencyOutcome> {
        self.writes(
            "add_dependency",
            Kind::Writes,
            Spot::Task(task),
            self.inner().add_dependency(task, on, source, at),
        )
        .await
    }
    async fn remove_dependency(&self, task: TaskId, on: &Key, at: Timestamp) -> StoreResult<()> {
        self.writes(
            "remove_dependency",
            Kind::Writes,
            Spot::Task(task),
            self.inner().remove_dependency(task, on, at),
        )
        .await
    }
    async fn tasks(&self) -> StoreResult<Vec<(Task, u64)>> {
        self.reads("tasks", self.here(), self.inner().tasks()).await
    }
    async fn find_task(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<TaskId>> {
        self.reads("find_task", self.here(), self.inner().find_task(project, key)).await
    }
    async fn repos(&self) -> StoreResult<Vec<(Repo, u64)>> {
        self.reads("repos", self.here(), self.inner().repos()).await
    }
    async fn providers(&self) -> StoreResult<Vec<(Health, u64)>> {
        self.reads("providers", self.here(), self.inner().providers()).await
    }
    async fn dependencies(&self) -> StoreResult<Vec<(TaskId, Key, String)>> {
        self.reads("dependencies", self.here(), self.inner().dependencies()).await
    }
    async fn task_events(&self, task: TaskId, after: u64, limit: u32) -> StoreResult<Vec<Logged<Event>>> {
        self.reads("task_events", Spot::Task(task), self.inner().task_events(task, after, limit)).await
    }
    async fn repo_events(
        &self,
        repo: &RepoId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<Logged<RepoEvent>>> {
        self.reads("repo_events", self.here(), self.inner().repo_events(repo, after, limit)).await
    }
    async fn jobs(&self, task: Option<TaskId>, limit: u32) -> StoreResult<Vec<JobRow>> {
        self.reads("jobs", self.here(), self.inner().jobs(task, limit)).await
    }
    async fn ledger(&self, task: Option<TaskId>) -> StoreResult<Vec<LedgerRow>> {
        self.reads("ledger", self.here(), self.inner().ledger(task)).await
    }
    async fn inventory(&self) -> StoreResult<Inventory> {
        self.reads("inventory", self.here(), self.inner().inventory()).await
    }
}
