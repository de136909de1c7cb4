//! The engine in small: tasks of one repository, their inputs, jobs and due times, driven through the pure
//! functions in the order the engine uses them. Every decision is checked as it is made (`check.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;

use orchd_core::admission::{self, Candidacy};
use orchd_core::command::{Acceptance, Command, RepoCommand, RepoWanted, Shown, Wanted, accept};
use orchd_core::enact::{Minted, NewJob};
use orchd_core::event::{Birth, Event, RepoEvent};
use orchd_core::evolve::born;
use orchd_core::fact::{Address, Fact, Input, Pending};
use orchd_core::id::{EffectId, InputId, JobId, ProviderId, TaskId};
use orchd_core::job::{JobClass, JobKind, JobResult, JobSpec};
use orchd_core::policy::{Money, Policy};
use orchd_core::provider::Health;
use orchd_core::repo::Repo;
use orchd_core::stage::Stage;
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};
use orchd_core::turn::{Turn, repo_turn, turn};
use orchd_core::view::{Candidate, Dep, DepState, View};
use uuid::Uuid;

use super::build::{T0, birth, job_id, person};
use super::check;
use super::world::{Asked, Luck, World};

/// A task with everything around its row.
pub(crate) struct Slot {
    pub(crate) task: Task,
    pub(crate) log: Vec<(Timestamp, Event)>,
    pub(crate) due: Option<Timestamp>,
    pub(crate) deps: Vec<TaskId>,
    inputs: Vec<Pending>,
}

/// A job that nobody has answered yet.
#[derive(Debug, Clone)]
pub(crate) struct Queued {
    pub(crate) id: JobId,
    pub(crate) of: Address,
    pub(crate) spec: JobSpec,
    pub(crate) ending: bool,
    /// A worker has claimed it. One that nobody has ends at once when it is told to.
    pub(crate) claimed: bool,
}

/// An entry of the ledger, as opened.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) effect: EffectId,
    pub(crate) key: String,
}

pub(crate) struct Driver {
    pub(crate) policy: Arc<Policy>,
    pub(crate) repo: Repo,
    pub(crate) repo_log: Vec<RepoEvent>,
    pub(crate) tasks: BTreeMap<TaskId, Slot>,
    pub(crate) queue: Vec<Queued>,
    pub(crate) ledger: Vec<Opened>,
    pub(crate) world: World,
    pub(crate) now: Timestamp,
    pub(crate) drained: bool,
    pub(crate) providers: BTreeMap<ProviderId, Health>,
    ids: u64,
}

/// Decisions in a row that one wake-up may lead to.
const DECISIONS: u32 = 60;

impl Driver {
    pub(crate) fn new(policy: Policy) -> Self {
        policy.pipeline.check().expect("the test's pipeline is sound");
        Self {
            repo: Repo::new(policy.repo.clone(), policy.project.clone()),
            policy: Arc::new(policy),
            repo_log: Vec::new(),
            tasks: BTreeMap::new(),
            queue: Vec::new(),
            ledger: Vec::new(),
            world: World::new(),
            now: T0,
            drained: false,
            providers: BTreeMap::new(),
            ids: 0,
        }
    }

    pub(crate) fn create(&mut self, n: u64, track: &str) -> TaskId {
        self.create_as(birth(n, track))
    }

    pub(crate) fn create_as(&mut self, birth: Birth) -> TaskId {
        let task = born(&birth, self.now);
        let id = birth.id;
        let log = vec![(self.now, Event::Created { birth: Box::new(birth) })];
        let slot = Slot { task, log, due: Some(self.now), deps: Vec::new(), inputs: Vec::new() };
        self.tasks.insert(id, slot);
        id
    }

    /// `task` waits for `on`.
    pub(crate) fn depends(&mut self, task: TaskId, on: TaskId) {
        self.tasks.get_mut(&task).expect("the task exists").deps.push(on);
    }

    pub(crate) fn task(&self, id: TaskId) -> &Task {
        &self.tasks[&id].task
    }

    pub(crate) fn events(&self, id: TaskId) -> Vec<&Event> {
        self.tasks[&id].log.iter().map(|(_, event)| event).collect()
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    // What a decision sees.

    fn dep_state(&self, on: TaskId) -> DepState {
        match self.tasks[&on].task.stage {
            Stage::Done => DepState::Done,
            Stage::Cancelled => DepState::Ended,
            _ => DepState::Open,
        }
    }

    fn candidates(&self) -> Vec<Candidate> {
        let waiting = |slot: &&Slot| {
            let candidacy = admission::candidacy(&slot.task, self.repo.occupied_by(slot.task.id));
            let met = slot.deps.iter().all(|on| self.dep_state(*on) == DepState::Done);
            candidacy == Candidacy::Returning || (candidacy == Candidacy::Created && met)
        };
        let candidate = |slot: &Slot| Candidate {
            task: slot.task.id,
            key: slot.task.key.clone(),
            seq: slot.task.seq,
            returning: slot.task.stage != Stage::Created,
            priority: slot.task.request.priority,
            since: slot.task.reason_since,
        };
        self.tasks.values().filter(waiting).map(candidate).collect()
    }

    pub(crate) fn view(&self, id: TaskId) -> View {
        let slot = &self.tasks[&id];
        View {
            task: Arc::new(slot.task.clone()),
            repo: Arc::new(self.repo.clone()),
            candidates: self.candidates(),
            names: self.tasks.values().map(|s| (s.task.id, s.task.key.clone())).collect(),
            deps: slot
                .deps
                .iter()
                .map(|on| Dep { on: self.tasks[on].task.key.clone(), state: self.dep_state(*on) })
                .collect(),
            spent_today: self.spent_today(),
            drained: self.drained,
            providers: self.providers.clone(),
            policy: Arc::clone(&self.policy),
        }
    }

    /// What all runs cost whose end was written down today.
    fn spent_today(&self) -> Money {
        let mut sum = Money(0);
        let log = self.tasks.values().flat_map(|slot| &slot.log);
        let today = log.filter(|(at, _)| *at >= self.now.day_start());
        today.filter_map(|(_, event)| event.account()).for_each(|account| sum += account.cost);
        sum
    }

    // What reaches a task.

    pub(crate) fn input(&mut self, id: TaskId, input: Input) {
        let pending = self.pending(input);
        let now = self.now;
        let slot = self.tasks.get_mut(&id).expect("the task exists");
        slot.inputs.push(pending);
        slot.due = Some(now);
    }

    pub(crate) fn fact(&mut self, id: TaskId, fact: Fact) {
        self.input(id, Input::Fact { fact });
    }

    /// A command about what stands there now, and what came of it.
    pub(crate) fn command(&mut self, id: TaskId, what: Wanted) -> Acceptance {
        let visit = Some(self.task(id).visit);
        self.command_as_shown(id, what, visit, None)
    }

    /// A command as a surface sends it.
    pub(crate) fn command_as_shown(
        &mut self,
        id: TaskId,
        what: Wanted,
        visit: Option<u32>,
        subject: Option<Shown>,
    ) -> Acceptance {
        let command = Command { what, by: person(), visit, subject };
        let acceptance = accept(&self.view(id), &command);
        self.input(id, Input::Command { command });
        self.step(id);
        acceptance
    }

    /// An input of the repository.
    pub(crate) fn repo_input(&mut self, input: Input) {
        let pending = self.pending(input);
        let look = job_id(3 * self.next_id());
        let turn = repo_turn(Arc::new(self.repo.clone()), vec![pending], look, self.now);
        self.repo_log.extend(turn.events);
        self.repo = Arc::unwrap_or_clone(turn.repo);
        self.enqueue(Address::Repo(self.repo.id.clone()), turn.job);
        if turn.wake_repo {
            self.wake_waiting(None);
        }
    }

    pub(crate) fn repo_command(&mut self, what: RepoWanted) {
        self.repo_input(Input::RepoCommand { command: RepoCommand { what, by: person() } });
    }

    pub(crate) fn drain(&mut self, drained: bool) {
        self.drained = drained;
        self.wake_waiting(None);
    }

    fn pending(&mut self, input: Input) -> Pending {
        let id = InputId(Uuid::from_u128(0x1f << 64 | u128::from(self.next_id())));
        Pending { id, input, at: self.now }
    }

    // One wake-up of a task: its inputs and a decision, as often as a decision asks to be followed by another.

    pub(crate) fn step(&mut self, id: TaskId) {
        for _ in 0..DECISIONS {
            let view = self.view(id);
            let slot = self.tasks.get_mut(&id).expect("the task exists");
            slot.due = None;
            let inputs = std::mem::take(&mut slot.inputs);
            let minted = self.minted();
            let turn = turn(view.clone(), inputs.clone(), minted, self.now);
            assert_eq!(turn, again(&view, &inputs, minted, self.now), "I-15: a turn is not deterministic");
            check::turned(&view, &turn, self.now);
            self.apply(id, turn);
            check::repository(self);
            if self.tasks[&id].due.is_none_or(|due| due > self.now) {
                check::settled(self, id);
                return;
            }
        }
        panic!("{id} does not come to rest: {:#?}", self.task(id).reason);
    }

    fn write(&mut self, id: TaskId, events: Vec<Event>) {
        for event in &events {
            if let Event::EffectOpened { effect } = event {
                let key = effect.intent.key(id);
                self.ledger.push(Opened { effect: effect.id, key });
            }
        }
        let now = self.now;
        let slot = self.tasks.get_mut(&id).expect("the task exists");
        slot.log.extend(events.into_iter().map(|event| (now, event)));
    }

    fn minted(&mut self) -> Minted {
        let n = self.next_id();
        Minted {
            job: job_id(3 * n),
            look: job_id(3 * n + 1),
            effect: EffectId(Uuid::from_u128(0xeff << 64 | u128::from(n))),
        }
    }

    fn apply(&mut self, id: TaskId, turn: Turn) {
        self.repo_log.extend(turn.repo_events);
        self.repo = Arc::unwrap_or_clone(turn.repo);
        self.write(id, turn.events);
        let slot = self.tasks.get_mut(&id).expect("the task exists");
        slot.task = Arc::unwrap_or_clone(turn.task);
        slot.due = turn.due_at;
        self.enqueue(Address::Task(id), turn.job);
        self.enqueue(Address::Repo(self.repo.id.clone()), turn.repo_job);
        if let Some(end) = turn.end_job {
            self.end_job(end);
        }
        self.providers.extend(turn.providers.into_iter().filter_map(|(id, health)| Some((id, health?))));
        if turn.wake_repo || turn.wake_all {
            self.wake_waiting(Some(id));
        }
        if turn.wake_dependents {
            let dependents = self.tasks.values_mut().filter(|slot| slot.deps.contains(&id));
            dependents.for_each(|slot| slot.due = Some(self.now));
        }
    }

    fn end_job(&mut self, id: JobId) {
        let Some(job) = self.queue.iter_mut().find(|job| job.id == id) else { return };
        job.ending = true;
        if !job.claimed {
            let job = job.clone();
            self.settle(&job, JobResult::ended("ended before anybody took it up"));
        }
    }

    fn wake_waiting(&mut self, but: Option<TaskId>) {
        let now = self.now;
        let others =
            self.tasks.values_mut().filter(|s| Some(s.task.id) != but && !s.task.stage.is_terminal());
        others.for_each(|slot| slot.due = Some(now));
    }

    fn enqueue(&mut self, of: Address, job: Option<NewJob>) {
        if let Some(NewJob { id, spec }) = job {
            self.queue.push(Queued { id, of, spec, ending: false, claimed: false });
        }
    }

    // The world's side.

    /// A worker takes the job up.
    pub(crate) fn claim(&mut self, id: JobId) {
        self.queue.iter_mut().filter(|job| job.id == id).for_each(|job| job.claimed = true);
    }

    /// Answers one job, as luck has it.
    pub(crate) fn answer(&mut self, id: JobId, luck: Luck) {
        let job = self.queue.iter().find(|job| job.id == id).expect("the job is queued").clone();
        let kind = job.spec.work.kind();
        let may_end = !matches!(kind, JobKind::Push | JobKind::Deploy);
        let result = if job.ending && may_end {
            let account = (kind == JobKind::Agent).then(|| Box::new(super::world::account()));
            JobResult::Ended { why: "told to end".to_owned(), account }
        } else {
            self.result_of(&job, luck)
        };
        self.settle(&job, result);
    }

    /// The world's answer to a job, which reaches nobody yet.
    pub(crate) fn result_of(&mut self, job: &Queued, luck: Luck) -> JobResult {
        let task = match &job.of {
            Address::Task(task) => Some(self.tasks[task].task.clone()),
            Address::Repo(_) => None,
        };
        let effect_key = task.as_ref().and_then(|task| {
            let effect = task.effect.as_ref()?;
            self.ledger.iter().find(|o| o.effect == effect.id).map(|o| o.key.clone())
        });
        let asked = Asked {
            work: &job.spec.work,
            task: task.as_ref(),
            effect_key,
            has_suite: self.policy.test.is_some(),
            now: self.now,
        };
        self.world.answer(&asked, luck)
    }

    /// A job's result reaches its address.
    pub(crate) fn settle(&mut self, job: &Queued, result: JobResult) {
        self.queue.retain(|queued| queued.id != job.id);
        let fact = Fact::JobEnded { job: job.id, kind: job.spec.work.kind(), result: Box::new(result) };
        match &job.of {
            Address::Task(task) => self.fact(*task, fact),
            Address::Repo(_) => self.repo_input(Input::Fact { fact }),
        }
    }

    // Time.

    /// Tasks that are due are decided, until none is.
    pub(crate) fn settle_due(&mut self) {
        for _ in 0..1000 {
            let now = self.now;
            let due = self.tasks.values().find(|slot| slot.due.is_some_and(|at| at <= now));
            let Some(id) = due.map(|slot| slot.task.id) else { return };
            self.step(id);
        }
        panic!("the tasks keep waking each other at {:?}", self.now);
    }

    /// The jobs that somebody works on, or may claim now.
    pub(crate) fn claimable(&self) -> Vec<JobId> {
        let now = self.now;
        let free = |job: &&Queued| {
            let due = job.spec.not_before.is_none_or(|at| at <= now);
            let side = job.spec.work.kind().class() == JobClass::Side;
            job.claimed || (due && (side || !self.drained))
        };
        self.queue.iter().filter(free).map(|job| job.id).collect()
    }

    /// Goes on with good luck until nothing moves any more, or for `span` at most.
    pub(crate) fn run_for(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            self.settle_due();
            if let Some(id) = self.claimable().first().copied() {
                self.answer(id, Luck::Good);
                continue;
            }
            let dues = self.tasks.values().filter_map(|slot| slot.due);
            let starts = self.queue.iter().filter_map(|job| job.spec.not_before);
            match dues.chain(starts).filter(|at| *at > self.now).min() {
                Some(next) if next <= end => self.now = next,
                Some(_) | None => return,
            }
        }
    }

    /// Goes on with good luck until the task is in `stage` and its job, if it has one, waits to be claimed.
    pub(crate) fn run_to(&mut self, id: TaskId, stage: Stage) {
        for _ in 0..200 {
            self.settle_due();
            if self.task(id).stage == stage {
                return;
            }
            let next = self.claimable().first().copied();
            self.answer(next.expect("a job goes on"), Luck::Good);
        }
        panic!("{id} does not reach {stage}: {:?}", self.task(id).reason);
    }

    /// Goes on with good luck until a job of this kind waits to be claimed.
    pub(crate) fn run_to_job(&mut self, kind: JobKind) -> Queued {
        for _ in 0..200 {
            self.settle_due();
            if let Some(job) = self.queue.iter().find(|job| job.spec.work.kind() == kind) {
                return job.clone();
            }
            let next = self.claimable().first().copied();
            self.answer(next.unwrap_or_else(|| panic!("nothing leads to {kind:?}")), Luck::Good);
        }
        panic!("no {kind:?} job comes");
    }

    /// The queued job of a task.
    pub(crate) fn job_of(&self, id: TaskId) -> Option<Queued> {
        self.queue.iter().find(|job| job.of == Address::Task(id)).cloned()
    }

    pub(crate) fn advance(&mut self, span: Span) {
        self.now = self.now + span;
    }
}

fn again(view: &View, inputs: &[Pending], minted: Minted, now: Timestamp) -> Turn {
    turn(view.clone(), inputs.to_vec(), minted, now)
}
