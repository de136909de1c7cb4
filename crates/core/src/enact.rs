//! The only translation of a decision into events of the task and of its repository. What must be true of
//! place and lane after every decision (who holds them gives way) is settled here once, for all decisions.

use std::sync::Arc;

use crate::admission;
use crate::decide::{Decided, Decision, FreezeOrder, Order};
use crate::effect::{Effect, EffectState, Intent};
use crate::event::{Event, How, RepoEvent};
use crate::evolve::{evolve, evolve_repo};
use crate::gate::GateResult;
use crate::id::{Actor, EffectId, JobId};
use crate::job::{JobRef, JobSpec, Work};
use crate::mutant::{self, Mutant};
use crate::reason::{Reason, Wait};
use crate::repo::{Freeze, Repo};
use crate::stage::Stage;
use crate::task::Task;
use crate::time::Timestamp;
use crate::view::View;

/// Identities a decision may need, drawn before it is enacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minted {
    /// For a job of the task.
    pub job: JobId,
    /// For a look at main.
    pub look: JobId,
    /// For an effect.
    pub effect: EffectId,
}

/// A job to enqueue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its identity.
    pub id: JobId,
    /// What to do.
    pub spec: JobSpec,
}

/// What a decision writes, and the rows after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Enacted {
    /// The task after all events.
    pub task: Arc<Task>,
    /// The repository after all events.
    pub repo: Arc<Repo>,
    /// The task's events, in order.
    pub events: Vec<Event>,
    /// The repository's events, in order; empty leaves its epoch alone.
    pub repo_events: Vec<RepoEvent>,
    /// A job of the task.
    pub job: Option<NewJob>,
    /// A job of the repository.
    pub repo_job: Option<NewJob>,
    /// A job that is told to end.
    pub end_job: Option<JobId>,
    /// When the task must be decided again though nothing happens.
    pub due_at: Option<Timestamp>,
}

/// What is being written, and the rows as they become.
struct Draft<'v> {
    view: &'v View,
    now: Timestamp,
    out: Enacted,
}

/// Enacts a decision about a view. A Stay that changes nothing writes nothing.
pub fn enact(view: &View, decided: Decided, minted: Minted, now: Timestamp) -> Enacted {
    let out = Enacted {
        task: Arc::clone(&view.task),
        repo: Arc::clone(&view.repo),
        events: Vec::new(),
        repo_events: Vec::new(),
        job: None,
        repo_job: None,
        end_job: None,
        due_at: None,
    };
    let mut draft = Draft { view, now, out };
    draft.enact(decided, minted);
    draft.out
}

impl Draft<'_> {
    fn write(&mut self, event: Event) {
        evolve(Arc::make_mut(&mut self.out.task), &event, self.now);
        self.out.events.push(event);
    }

    fn write_repo(&mut self, event: RepoEvent) {
        evolve_repo(Arc::make_mut(&mut self.out.repo), &event);
        self.out.repo_events.push(event);
    }

    fn enact(&mut self, decided: Decided, minted: Minted) {
        let unchanged = matches!(&decided.decision, Decision::Stay(reason) if self.view.task.reason.as_ref() == Some(reason));
        for result in decided.judged.iter().filter(|r| worth_storing(r, unchanged)) {
            self.write(Event::GateJudged { result: result.clone() });
        }
        if !unchanged {
            self.explain(&decided.decision);
        }
        if let Some(look) = decided.look {
            self.look(look.at, look.ask_anew, minted.look);
        }
        if let Some(order) = decided.freeze {
            self.freeze(order);
        }
        let held = matches!(&decided.decision, Decision::Stay(Reason::Held { .. }));
        let task = &self.out.task;
        if task.hold.is_some() && task.stopping.is_none() && !task.stage.is_terminal() && !held {
            self.write(Event::HoldEnded { why: "what it waited for is gone".to_owned() });
        }
        self.carry_out(decided.decision, minted);
        self.settle_place();
    }

    /// The event that stores what the decision rested on.
    fn explain(&mut self, decision: &Decision) {
        let repo = &self.view.repo;
        let mut admission = format!(
            "occupants={} lane={} frozen={} candidates={} drained={}",
            repo.occupants.len(),
            repo.landing_task.is_some(),
            repo.frozen.is_some(),
            self.view.candidates.len(),
            self.view.drained
        );
        for line in self.view.providers.values().filter_map(|health| health.line(self.now)) {
            admission.push_str("; ");
            admission.push_str(&line);
        }
        let policy = self.view.policy.digest().clone();
        self.write(Event::Decided { decision: word(decision).to_owned(), policy, admission });
    }

    fn carry_out(&mut self, decision: Decision, minted: Minted) {
        match decision {
            Decision::Stay(reason) => self.stay(reason),
            Decision::Run(order) => self.run(*order, minted),
            Decision::EndJob { job, why } => {
                self.write(Event::JobToldToEnd { job, why });
                self.out.end_job = Some(job);
                if let Some(kind) = self.out.task.job_of(job).map(|j| j.kind) {
                    self.stayed(Reason::Working { job, kind, ending: true });
                }
            }
            Decision::Advance { to, cut_from } => {
                let from = self.out.task.stage;
                self.write(Event::Entered { from, to, how: How::Advance, assignment: None, cut_from });
                self.let_in();
                self.out.due_at = Some(self.now);
            }
            Decision::Rollback { to, how, assignment } => {
                let fix = matches!(how, How::FixForward { .. });
                let cut_from = self.out.task.landing.proof.as_ref().filter(|_| fix).map(|p| p.main.clone());
                let from = self.out.task.stage;
                self.write(Event::Entered { from, to, how, assignment, cut_from });
                self.let_in();
                self.out.due_at = Some(self.now);
            }
            Decision::Pause { questions } => {
                let (by, why) = (Actor::new("orchd"), "questions are open".to_owned());
                let text = questions.join(" / ");
                self.write(Event::Paused { by: by.clone(), why, questions, now: false });
                self.stayed(Reason::Paused { by: by.to_string(), why: text });
            }
            Decision::Hold { code, detail, gate } => {
                self.write(Event::Held { code, detail, gate });
                self.stayed(Reason::Held { code });
            }
            Decision::Cancel => self.end(Stage::Cancelled, How::Stopped, minted.job),
            Decision::Finish => self.end(Stage::Done, How::Advance, minted.job),
        }
    }

    fn stay(&mut self, reason: Reason) {
        if let Reason::Deferred { gate, why, until } = &reason {
            let same = self.view.task.deferred.as_ref().is_some_and(|d| d.gate == *gate && d.until == *until);
            if !same {
                self.write(Event::Deferred { gate: *gate, why: why.clone(), until: *until });
            }
        }
        let queue = matches!(reason, Reason::Wait(Wait::Lane { .. }))
            && self.view.task.stage != Stage::Done
            && !self.view.task.landed();
        if queue && !self.out.repo.lane_queue.contains(&self.out.task.id) {
            self.write_repo(RepoEvent::LaneQueued { task: self.out.task.id });
        }
        self.out.due_at = reason.wake_at(self.now);
        self.stayed(reason);
    }

    fn stayed(&mut self, reason: Reason) {
        if self.out.task.reason.as_ref() != Some(&reason) {
            self.write(Event::Stayed { reason });
        }
    }

    fn run(&mut self, order: Order, minted: Minted) {
        let Order { mut spec, intent, spends } = order;
        let resent = self.out.task.effect.as_ref().map(|e| (e.id, e.intent.clone()));
        if let Some(intent) = intent {
            stamp(&mut spec.work, minted.effect);
            let (state, since) = (EffectState::Intent, self.now);
            let effect = Effect { id: minted.effect, intent, state, since, probes: 0, absent_at: None };
            self.write(Event::EffectOpened { effect });
        } else if let (Work::Push { .. }, Some((id, intent))) = (&spec.work, resent) {
            let (state, observed) =
                (EffectState::Intent, "sent again: it was absent and its base stands".to_owned());
            self.write(Event::EffectMoved { id, intent, state, observed });
        }
        let kind = spec.work.kind();
        let job = JobRef::new(minted.job, &spec, self.now);
        self.begin_with(&job);
        self.out.job = Some(NewJob { id: minted.job, spec: spec.clone() });
        self.let_in();
        self.take_lane(&spec.work);
        self.write(Event::JobQueued { job, spec: Box::new(spec), spends });
        self.stayed(Reason::Working { job: minted.job, kind, ending: false });
    }

    /// Where its provider's breaker is not closed, `decide` let exactly this run try it. Written before the job: the
    /// commit compares and raises the provider's epoch, so that of several that would try only one does.
    fn begin_with(&mut self, job: &JobRef) {
        let known = job.provider.as_ref().and_then(|id| self.view.providers.get(id));
        let (Some(known), Some(role)) = (known, job.role) else { return };
        let timeout = self.view.policy.role_timeout(role);
        let health = known.begun(self.out.task.id, job.id, timeout, self.now);
        if health != *known {
            self.write(Event::ProviderChanged { health: Box::new(health) });
        }
    }

    /// An intent always takes its lane anew: so its commit compares the repository's epoch, and a freeze that was
    /// faster stops it.
    fn take_lane(&mut self, work: &Work) {
        let task = self.out.task.id;
        match work {
            Work::RebaseAndRetest { .. } if self.out.repo.landing_task == Some(task) => {}
            Work::RebaseAndRetest { .. } | Work::Push { .. } => {
                self.write_repo(RepoEvent::LaneTaken { task })
            }
            Work::Deploy { environment, .. } => {
                self.write_repo(RepoEvent::DeployLaneTaken { task, environment: environment.clone() });
            }
            Work::Agent { .. }
            | Work::Ci { .. }
            | Work::Test { .. }
            | Work::Probe { .. }
            | Work::MainSuite { .. }
            | Work::CleanUp { .. } => {}
        }
    }

    /// A decision that acts makes the task occupy its repository; admission was asked before.
    fn let_in(&mut self) {
        let task = &self.out.task;
        if admission::needs_place(task) && task.stopping.is_none() && !self.out.repo.occupied_by(task.id) {
            let task = task.id;
            self.write_repo(RepoEvent::LetIn { task });
        }
    }

    fn look(&mut self, at: Option<crate::id::Sha>, ask_anew: bool, id: JobId) {
        if ask_anew {
            self.write(Event::MainAsked);
        }
        if self.out.repo.main_job.is_some() {
            return;
        }
        let budgets = &self.view.policy.budgets;
        let failures = self.out.repo.main_failures;
        let not_before =
            (failures > 0).then(|| self.now + crate::budget::backoff(budgets, self.out.task.id, failures));
        let known = self.out.repo.suites.iter().map(|r| r.tree.clone()).collect();
        let spec = JobSpec { work: Work::MainSuite { at, known }, not_before };
        let job = JobRef::new(id, &spec, self.now);
        self.out.repo_job = Some(NewJob { id, spec: spec.clone() });
        self.write_repo(RepoEvent::MainJobQueued { job, spec: Box::new(spec) });
    }

    fn freeze(&mut self, order: FreezeOrder) {
        let task = self.out.task.id;
        match &self.out.repo.frozen {
            None => {
                let cause = order.by_task.then_some(task);
                let freeze =
                    Freeze { why: order.why, cause, by: Actor::new("orchd"), at: self.now, diverged: false };
                self.write_repo(RepoEvent::Frozen { freeze });
            }
            // Frozen for another reason already: the task must be able to mend its own all the same.
            Some(freeze)
                if order.by_task && freeze.cause != Some(task) && !self.out.repo.repair.contains(&task) =>
            {
                self.write_repo(RepoEvent::RepairNamed { task });
            }
            Some(_) => {}
        }
    }

    fn end(&mut self, to: Stage, how: How, minted: JobId) {
        let from = self.out.task.stage;
        self.write(Event::Entered { from, to, how, assignment: None, cut_from: None });
        self.stayed(Reason::Ended);
        let task = self.out.task.id;
        if to == Stage::Done {
            self.clean_up(minted);
            if self.out.repo.frozen.as_ref().is_some_and(|f| f.cause == Some(task)) {
                self.write_repo(RepoEvent::Unfrozen { by: Actor::new("orchd") });
            }
        }
    }

    /// A finished task leaves nothing behind but what was salvaged: a side job, which never changes its stage.
    fn clean_up(&mut self, id: JobId) {
        let spec = JobSpec { work: Work::CleanUp { branch: self.out.task.branch.clone() }, not_before: None };
        let job = JobRef::new(id, &spec, self.now);
        self.out.job = Some(NewJob { id, spec: spec.clone() });
        self.write(Event::JobQueued { job, spec: Box::new(spec), spends: None });
    }

    /// After every decision: who gives way holds neither its place nor a lane; put off while an irreversible
    /// effect of the task is open or a job of it runs (spec 1.5, 2.4).
    fn settle_place(&mut self) {
        let (id, task) = (self.out.task.id, &self.out.task);
        if task.landed() && self.out.repo.landing_task == Some(id) {
            // Proven: the lane is free, whatever comes after.
            self.write_repo(RepoEvent::LaneLeft { task: id });
        }
        let task = &self.out.task;
        if task.effect.is_some() || task.job.is_some() {
            return;
        }
        // Who enters a stage was let in just now; the reason that still stands there is the former stage's.
        let entered = self.out.events.iter().any(|event| matches!(event, Event::Entered { .. }));
        let gives_way = !entered && task.reason.as_ref().is_some_and(Reason::gives_way);
        let over = !admission::needs_place(task) || task.stopping.is_some() || gives_way;
        let keeps = task.stage.is_terminal() && mutant::on(Mutant::PlaceKept);
        if self.out.repo.occupied_by(id) && !keeps && over {
            self.write_repo(RepoEvent::GaveWay { task: id });
        }
        let waits_for_lane = matches!(task_reason(&self.out.task), Some(Reason::Wait(Wait::Lane { .. })));
        let keeps_lane = !over && (self.out.task.evidence.ready.is_some() || waits_for_lane);
        let has_lane = self.out.repo.landing_task == Some(id) || self.out.repo.lane_queue.contains(&id);
        if has_lane && !keeps_lane {
            self.write_repo(RepoEvent::LaneLeft { task: id });
            if !self.out.task.landed() && self.out.task.evidence.ready.is_some() {
                self.write(Event::LaneGivenBack);
            }
        }
        if self.out.repo.deploying.iter().any(|(_, t)| *t == id) {
            self.write_repo(RepoEvent::DeployLaneLeft { task: id });
        }
    }
}

fn task_reason(task: &Task) -> Option<&Reason> {
    task.reason.as_ref()
}

/// A result that opens the way is progress; one that does not is stored with the decision it leads to, once.
fn worth_storing(result: &GateResult, unchanged: bool) -> bool {
    let waits = matches!(result.outcome, crate::gate::GateOutcome::Wait { .. });
    result.outcome.opens() || (!unchanged && !waits)
}

/// The act's job names its ledger entry.
fn stamp(work: &mut Work, id: EffectId) {
    match work {
        Work::Push { effect, .. } | Work::Deploy { effect, .. } => *effect = id,
        Work::Agent { .. }
        | Work::Ci { .. }
        | Work::Test { .. }
        | Work::RebaseAndRetest { .. }
        | Work::Probe { .. }
        | Work::MainSuite { .. }
        | Work::CleanUp { .. } => {}
    }
}

/// Whether a repository event changes who may run; others leave the waiting tasks alone.
pub fn changes_who_may_run(event: &RepoEvent) -> bool {
    match event {
        RepoEvent::GaveWay { .. }
        | RepoEvent::LaneLeft { .. }
        | RepoEvent::DeployLaneLeft { .. }
        | RepoEvent::LetIn { .. }
        | RepoEvent::Frozen { .. }
        | RepoEvent::Unfrozen { .. }
        | RepoEvent::RepairNamed { .. }
        | RepoEvent::MainJobClosed { .. }
        | RepoEvent::SuiteKnown { .. }
        | RepoEvent::MainObserved { .. } => true,
        RepoEvent::LaneQueued { .. }
        | RepoEvent::LaneTaken { .. }
        | RepoEvent::DeployLaneTaken { .. }
        | RepoEvent::MainJobQueued { .. }
        | RepoEvent::MarkerAdded { .. } => false,
    }
}

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Stay(_) => "stay",
        Decision::Run(order) => match &order.intent {
            Some(Intent::Landing { .. }) => "land",
            Some(Intent::Deploy { .. }) => "deploy",
            None => "run",
        },
        Decision::EndJob { .. } => "end-job",
        Decision::Advance { .. } => "advance",
        Decision::Rollback { .. } => "rollback",
        Decision::Pause { .. } => "pause",
        Decision::Hold { .. } => "hold",
        Decision::Cancel => "cancel",
        Decision::Finish => "finish",
    }
}
