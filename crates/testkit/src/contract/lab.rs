//! What every case of the contract works with: a fresh store, a clock, identities, and short words for the
//! usual steps. The rows it commits are made by `evolve`, as the engine's are.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use orchd_core::admission;
use orchd_core::enact::NewJob;
use orchd_core::event::{Birth, Event, RepoEvent};
use orchd_core::evolve::{evolve, evolve_repo};
use orchd_core::fact::{Address, Fact, Input};
use orchd_core::id::{
    Actor, BootId, Branch, EffectId, InputId, JobId, Key, ProjectId, RepoId, RunId, Sha, TaskId, Token,
    TransitionId,
};
use orchd_core::job::{JobRef, JobResult, JobSpec, Work};
use orchd_core::policy::Agent;
use orchd_core::port::clock::{Clock, Ids};
use orchd_core::port::store::{
    ClaimFilter, Claimed, Commit, CommitOutcome, CreateOutcome, Disposition, JobRow, Loaded, LoadedRepo,
    NewTask, RepoChange, RepoCommit, SettleOutcome, StoreResult,
};
use orchd_core::repo::Repo;
use orchd_core::stage::{Role, Stage};
use orchd_core::task::{Request, Task};
use orchd_core::time::{Span, Timestamp};
use uuid::Uuid;

use super::{FullStore, Make, Subject};
use crate::{CountingIds, ManualClock};

/// The lease that the cases ask for.
pub const TTL: Span = Span::secs(60);

/// One case's store and surroundings.
pub struct Lab {
    subject: Subject,
    /// The store's clock.
    pub clock: Arc<ManualClock>,
    ids: CountingIds,
}

/// The answer of a store that has no reason not to answer.
pub fn answered<T, E: Display>(result: Result<T, E>) -> T {
    match result {
        Ok(answer) => answer,
        Err(error) => panic!("the store did not answer: {error}"),
    }
}

/// A commit name of 40 digits, the same for the same number.
pub fn sha(n: u64) -> Sha {
    answered(Sha::parse(&format!("{n:040x}")))
}

/// The actor of a case.
pub fn actor() -> Actor {
    Actor::new("person")
}

/// Work of a pipeline job.
pub fn test_work() -> Work {
    Work::Test { head: sha(1) }
}

/// Work of a role whose program uses this provider.
pub fn agent_work(provider: &str) -> Work {
    let agent =
        Agent { provider: Some(provider.to_owned()), ..Agent::new("script", Vec::new(), Span::mins(1)) };
    Work::Agent {
        role: Role::Developer,
        entry: 1,
        start: sha(1),
        base: sha(1),
        agent: Some(Box::new(agent)),
        resume: None,
        must_fix: Vec::new(),
        questions: Vec::new(),
        answers: None,
        last_failure: None,
    }
}

/// Work of a side job of a task.
pub fn side_work() -> Work {
    Work::CleanUp { branch: Branch::new("orchd/side") }
}

/// Work of a repository.
pub fn look_work() -> Work {
    Work::MainSuite { at: None, known: Vec::new() }
}

/// A result that means nothing to the case.
pub fn some_result() -> JobResult {
    JobResult::infra("no space left")
}

/// A fact that means nothing to the case.
pub const fn some_input() -> Input {
    Input::Fact { fact: Fact::DependencyMoved }
}

impl Lab {
    /// A fresh store with an empty repository `repo` of the project `project`, and a second one, `other`.
    pub fn new(make: Make) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000)));
        let subject = make(Arc::<ManualClock>::clone(&clock));
        let lab = Self { subject, clock, ids: CountingIds::new(1) };
        crate::block_on(async {
            for id in ["repo", "other"] {
                let repo = Repo::new(RepoId::new(id), ProjectId::new("project"));
                answered(lab.store().ensure_repo(&repo).await);
            }
        });
        lab
    }

    /// The store.
    pub fn store(&self) -> &dyn FullStore {
        &*self.subject.store
    }

    /// The store, for another thread.
    pub fn shared(&self) -> Arc<dyn FullStore> {
        Arc::clone(&self.subject.store)
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass; answers the moment after it.
    pub fn wait(&self, span: Span) -> Timestamp {
        self.clock.advance(span);
        self.now()
    }

    /// Identities must not order anything: as they are drawn, these go up and down.
    fn unordered(&self) -> Uuid {
        Uuid::from_u128(self.ids.next().as_u128().reverse_bits())
    }
    /// A new identity of a task.
    pub fn task_id(&self) -> TaskId {
        TaskId(self.unordered())
    }
    /// A new identity of a job.
    pub fn job_id(&self) -> JobId {
        JobId(self.unordered())
    }
    /// A new identity of an input.
    pub fn input_id(&self) -> InputId {
        InputId(self.unordered())
    }
    /// A new identity of an effect.
    pub fn effect_id(&self) -> EffectId {
        EffectId(self.unordered())
    }
    /// A new identity of a process.
    pub fn boot(&self) -> BootId {
        BootId(self.ids.next())
    }
    /// New identities of runs.
    pub fn runs(&self, n: usize) -> Vec<RunId> {
        (0..n).map(|_| RunId(self.ids.next())).collect()
    }
    /// A new identity of a transition.
    pub fn transition(&self) -> TransitionId {
        TransitionId(self.ids.next())
    }

    /// What asks for a task of an issue.
    pub fn asking(&self, project: &str, repo: &str, key: &str) -> NewTask {
        let request = Request { title: format!("the title of {key}"), priority: 3, ..Request::default() };
        let birth = Birth {
            id: self.task_id(),
            seq: 0,
            project: ProjectId::new(project),
            repo: RepoId::new(repo),
            key: Key::new(key),
            life: 0,
            branch: Branch::new(format!("orchd/{key}")),
            request,
            track: "full".to_owned(),
            by: actor(),
        };
        NewTask { birth, at: self.now() }
    }

    /// Creates what was asked for.
    pub async fn create(&self, new: NewTask) -> Task {
        match answered(self.store().create_task(new).await) {
            CreateOutcome::Created(task) => *task,
            CreateOutcome::Alive { key, .. } => panic!("{key} was to be created and is alive"),
            CreateOutcome::KeyTaken { project, .. } => panic!("the key is taken by {project}"),
        }
    }

    /// A new task of the issue in the repository `repo`.
    pub async fn task(&self, key: &str) -> Task {
        self.create(self.asking("project", "repo", key)).await
    }

    /// A task that is in the repository `other`.
    pub async fn task_elsewhere(&self, key: &str) -> Task {
        self.create(self.asking("project", "other", key)).await
    }

    /// A task as stored, with all that was ever spent.
    pub async fn load(&self, task: &Task) -> Loaded {
        match answered(self.store().load(task.id, Timestamp(0)).await) {
            Some(loaded) => loaded,
            None => panic!("{} is not there", task.key),
        }
    }

    /// The repository `repo`.
    pub async fn load_repo(&self) -> LoadedRepo {
        match answered(self.store().load_repo(&RepoId::new("repo")).await) {
            Some(loaded) => loaded,
            None => panic!("the repository is not there"),
        }
    }

    /// A commit about what was loaded that changes nothing yet.
    pub fn about(&self, loaded: &Loaded) -> Commit {
        let occupies = loaded.repo.occupied_by(loaded.task.id);
        Commit {
            transition: self.transition(),
            version: loaded.version,
            wakes: loaded.wakes,
            task: loaded.task.clone(),
            candidacy: admission::candidacy(&loaded.task, occupies),
            events: Vec::new(),
            consumed: Vec::new(),
            repo: None,
            providers: BTreeMap::new(),
            job: None,
            end_job: None,
            ledger: Vec::new(),
            dirty: Vec::new(),
            due_at: None,
            wake_repo: false,
            wake_dependents: false,
            wake_all: false,
            at: self.now(),
        }
    }

    /// A commit about the task as it stands.
    pub async fn plan(&self, task: &Task) -> Commit {
        let loaded = self.load(task).await;
        self.about(&loaded)
    }

    /// The same, with a change of its repository.
    pub async fn plan_with_repo(&self, task: &Task, events: Vec<RepoEvent>) -> Commit {
        let loaded = self.load(task).await;
        let mut commit = self.about(&loaded);
        commit.repo = Some(change(&loaded.repo, loaded.epoch, events));
        commit
    }

    /// A repository's commit about what was loaded.
    pub fn about_repo(&self, loaded: &LoadedRepo, events: Vec<RepoEvent>) -> RepoCommit {
        RepoCommit {
            transition: self.transition(),
            change: change(&loaded.repo, loaded.epoch, events),
            consumed: Vec::new(),
            wake_repo: false,
            at: self.now(),
        }
    }

    /// Commits.
    pub async fn commit(&self, commit: Commit) -> CommitOutcome {
        self.store().commit(commit).await
    }

    /// Commits what must be accepted.
    pub async fn committed(&self, commit: Commit) {
        assert_eq!(self.store().commit(commit).await, CommitOutcome::Committed);
    }

    /// Commits what must be refused.
    pub async fn conflicts(&self, commit: Commit) {
        assert_eq!(self.store().commit(commit).await, CommitOutcome::Conflict);
    }

    /// Moves a task to a stage.
    pub async fn enter(&self, task: &Task, to: Stage) {
        let mut commit = self.plan(task).await;
        let from = commit.task.stage;
        let how = orchd_core::event::How::Advance;
        write(&mut commit, Event::Entered { from, to, how, assignment: None, cut_from: None });
        commit.candidacy = admission::candidacy(&commit.task, false);
        self.committed(commit).await;
    }

    /// A job of this work, with a new identity.
    pub fn job(&self, work: Work) -> NewJob {
        NewJob { id: self.job_id(), spec: JobSpec { work, not_before: None } }
    }

    /// Enqueues a job of a task.
    pub async fn enqueue(&self, task: &Task, work: Work) -> JobId {
        let mut commit = self.plan(task).await;
        let job = self.job(work);
        let id = job.id;
        queue(&mut commit, job);
        self.committed(commit).await;
        id
    }

    /// Enqueues a job of the repository `repo`.
    pub async fn enqueue_look(&self) -> JobId {
        let loaded = self.load_repo().await;
        let mut commit = self.about_repo(&loaded, Vec::new());
        let job = self.job(look_work());
        let id = job.id;
        commit.change.job = Some(job);
        assert_eq!(self.store().commit_repo(commit).await, CommitOutcome::Committed);
        id
    }

    /// Tells a job of a task to end.
    pub async fn tell_to_end(&self, task: &Task, job: JobId, why: &str) {
        let mut commit = self.plan(task).await;
        write(&mut commit, Event::JobToldToEnd { job, why: why.to_owned() });
        commit.end_job = Some(job);
        self.committed(commit).await;
    }

    /// A claim without limits.
    pub fn filter(&self, boot: BootId) -> ClaimFilter {
        ClaimFilter { boot, ttl: TTL, limit: 100, max_running: None }
    }

    /// Claims all there is.
    pub async fn claim(&self, boot: BootId) -> Vec<Claimed> {
        answered(self.store().claim(&self.filter(boot), &self.runs(100)).await)
    }

    /// Claims the one job that there is to claim.
    pub async fn claim_one(&self, boot: BootId) -> Claimed {
        let mut claimed = self.claim(boot).await;
        assert_eq!(claimed.len(), 1, "one job was to be claimed: {claimed:?}");
        claimed.remove(0)
    }

    /// Settles a job with a result that means nothing.
    pub async fn settle(&self, job: JobId, token: Token, fact: InputId) -> StoreResult<SettleOutcome> {
        self.store().settle(job, token, &some_result(), fact, self.now()).await
    }

    /// A job's row.
    pub async fn row(&self, job: JobId) -> JobRow {
        let rows = answered(self.store().jobs(None, u32::MAX).await);
        match rows.into_iter().find(|row| row.job.id == job) {
            Some(row) => row,
            None => panic!("{job} is not there"),
        }
    }

    /// Stores an input that means nothing.
    pub async fn put(&self, to: &Address) -> InputId {
        let id = self.input_id();
        answered(self.store().put_input(to, id, &some_input(), self.now()).await);
        id
    }

    /// Tasks that are due now.
    pub async fn due(&self) -> Vec<TaskId> {
        self.due_at(self.now(), u32::MAX).await
    }

    /// Tasks that are due at a moment, the first so many.
    pub async fn due_at(&self, at: Timestamp, limit: u32) -> Vec<TaskId> {
        answered(self.store().due(at, limit).await).tasks
    }

    /// Repositories that are due, the first so many.
    pub async fn due_repos(&self, limit: u32) -> Vec<RepoId> {
        answered(self.store().due(self.now(), limit).await).repos
    }

    /// Commits every due task without a due time, so that nothing is due any more.
    pub async fn quiet(&self) {
        for id in self.due().await {
            if let Some(loaded) = answered(self.store().load(id, Timestamp(0)).await) {
                let mut commit = self.about(&loaded);
                commit.consumed = loaded.inputs.iter().map(|i| (i.id, Disposition::Applied)).collect();
                self.committed(commit).await;
            }
        }
        assert_eq!(self.due().await, []);
    }
}

/// The row of a commit, to be changed.
pub fn row(commit: &mut Commit) -> &mut Task {
    Arc::make_mut(&mut commit.task)
}

/// Writes an event and what it does to the row.
pub fn write(commit: &mut Commit, event: Event) {
    let at = commit.at;
    evolve(row(commit), &event, at);
    commit.events.push(event);
}

/// Enqueues a job with the event that says so.
pub fn queue(commit: &mut Commit, job: NewJob) {
    let reference = JobRef::new(job.id, &job.spec, commit.at);
    write(commit, Event::JobQueued { job: reference, spec: Box::new(job.spec.clone()), spends: None });
    commit.job = Some(job);
}

/// A repository's change by events.
pub fn change(repo: &Repo, epoch: u64, events: Vec<RepoEvent>) -> RepoChange {
    let mut repo = repo.clone();
    for event in &events {
        evolve_repo(&mut repo, event);
    }
    RepoChange { epoch, repo: Arc::new(repo), events, job: None }
}
