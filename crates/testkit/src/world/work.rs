//! The executors: they act on the ground truth, take virtual time, and answer as the real ones do: infrastructure
//! apart from work, an act only after the guard's word, and `unknown` for whatever was sent and not answered.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use orchd_core::audit::TrueHook;
use orchd_core::effect::{LandingAnswer, ProbeAnswer};
use orchd_core::id::{Digest, EffectId, Sha, TaskId};
use orchd_core::job::{
    DeployAnswer, JobResult, MainReport, ProbeOf, ReadyOutcome, ReadyRun, SuiteOutcome, SuiteRun, Work,
};
use orchd_core::policy::Deploy;
use orchd_core::port::executor::{About, Executor, RunContext};
use orchd_core::port::store::SendOutcome;
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};

use super::fault::Fault;
use super::git::Pushed;
use super::roles::{Play, account, play};
use super::sched::{Owner, sleep};
use super::sim::{Inner, Run, Sim};
use super::spot::Spot;

/// What is left alive of a run is ended this long after its end.
const GRACE: Span = Span::secs(20);
/// How long a caller waits for an answer of git or of the environment.
const PATIENCE: Span = Span::secs(30);

/// Carries out every kind of job.
pub(super) struct SimExecutor {
    pub(super) sim: Arc<Sim>,
}

/// A landing as it travels.
#[derive(Debug, Clone)]
struct Push {
    task: TaskId,
    landing: u32,
    base: Sha,
    head: Sha,
}

/// Where the answer of something that outlives its caller is left.
type Letter<T> = Arc<Mutex<Option<T>>>;

fn read<T: Clone>(letter: &Letter<T>) -> Option<T> {
    letter.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn post<T>(letter: &Letter<T>, answer: T) {
    *letter.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
}

#[async_trait]
impl Executor for SimExecutor {
    async fn run(&self, context: RunContext) -> JobResult {
        match (&context.spec().work, &context.about) {
            (Work::Push { effect, landing, base, head }, About::Task(task)) => {
                let (landing, base, head) = (*landing, base.clone(), head.clone());
                let push = Push { task: task.id, landing, base, head };
                JobResult::Landing(self.land(&context, *effect, push).await)
            }
            (Work::Deploy { effect, sha, attempt, .. }, About::Task(task)) => {
                let hook = TrueHook { task: task.id, sha: sha.clone(), attempt: *attempt };
                JobResult::Deploy(self.deploy(&context, *effect, hook).await)
            }
            (Work::Probe { of, close, .. }, About::Task(task)) => {
                self.probe(&context, task, of, *close).await
            }
            _program => self.program(&context).await,
        }
    }
}

impl SimExecutor {
    /// A program under its shim: it goes on when the process that started it dies, and is found again.
    async fn program(&self, context: &RunContext) -> JobResult {
        let (sim, run) = (&self.sim, context.run());
        let ends_at = match sim.with(|i| i.runs.get(&run).map(|r| r.ends_at)) {
            Some(ends_at) => ends_at,
            None => self.start(context),
        };
        while sim.now() < ends_at {
            if let Some(why) = context.guard.told_to_end() {
                sim.with(|i| i.runs.remove(&run));
                let account = context.spec().work.role().map(|_| Box::new(account()));
                return JobResult::Ended { why, account };
            }
            let left = ends_at - sim.now();
            sleep(sim, Span(left.0.min(15_000))).await;
        }
        let result = sim.with(|i| i.runs.get(&run).map(|r| r.result.clone()));
        result.unwrap_or_else(|| JobResult::lost("nobody knows the run"))
    }

    fn start(&self, context: &RunContext) -> Timestamp {
        let (sim, spot) = (&self.sim, spot(context));
        let infra = sim.strikes(Fault::Infra, spot);
        // A rebase asks for the mirror itself.
        let locked =
            !matches!(context.spec().work, Work::RebaseAndRetest { .. }) && sim.strikes(Fault::Locked, spot);
        if let (Work::Agent { .. } | Work::RebaseAndRetest { .. }, About::Task(task)) =
            (&context.spec().work, &context.about)
            && let Some(mut strike) = sim.strike(Fault::BranchForced, spot)
        {
            let until = sim.now() + Span::secs(60 + strike.number(900));
            sim.with(|i| i.git.forced.insert(task.id, until));
        }
        let mut span = match &context.spec().work {
            Work::Agent { .. } => sim.between(5_000, 240_000),
            Work::Ci { .. } | Work::Test { .. } | Work::RebaseAndRetest { .. } | Work::MainSuite { .. } => {
                sim.between(1_000, 90_000)
            }
            Work::Push { .. } | Work::Deploy { .. } | Work::Probe { .. } | Work::CleanUp { .. } => {
                sim.between(100, 5_000)
            }
        };
        let mut hangs = false;
        if let Work::Agent { role, .. } = &context.spec().work {
            hangs = sim.strikes(Fault::AgentHangs, spot);
            if hangs {
                span = context.policy.role_timeout(*role);
            }
            if sim.strikes(Fault::AgentLingers, spot) {
                // Nothing of it may live when the clone is free again.
                span = Span(span.0 + GRACE.0);
            }
        }
        let ends_at = sim.now() + span;
        let mishaps = sim.shape.mishaps;
        let result = sim.with(|i| {
            if infra {
                return JobResult::infra("the program is missing");
            }
            if locked {
                return JobResult::infra("the mirror is locked");
            }
            outcome(i, context, Course { mishaps, hangs, ends_at })
        });
        sim.with(|i| i.runs.insert(context.run(), Run { ends_at, result }));
        ends_at
    }

    async fn land(&self, context: &RunContext, effect: EffectId, push: Push) -> LandingAnswer {
        let sim = &self.sim;
        sleep(sim, sim.between(10, 3_000)).await;
        match context.guard.may_send(effect).await {
            SendOutcome::MaySend => {}
            // A former holder may have sent it: nobody knows.
            SendOutcome::Stale => return LandingAnswer::Unknown { why: "the lease is not fresh".to_owned() },
        }
        let spot = spot(context);
        if sim.strikes(Fault::Locked, spot) {
            // Only now: before the guard's word nobody knows whether a former holder sent it.
            return LandingAnswer::NotSent { why: "the mirror is locked".to_owned() };
        }
        if sim.strikes(Fault::PushRefused, spot) {
            return LandingAnswer::Refused { why: "a hook of the forge says no".to_owned() };
        }
        if sim.strikes(Fault::Misleading, spot) {
            // A pull request of the same branch was merged, and it was not the code.
            let main = sim.with(|i| i.git.main());
            return match sim.with(|i| i.git.proof(&main)) {
                Some(proof) => LandingAnswer::Landed { proof },
                None => LandingAnswer::Unknown { why: "no answer".to_owned() },
            };
        }
        if sim.strikes(Fault::MainMoved, Spot::World) {
            sim.with(|i| i.git.outside_push(false, false));
            sim.wrote(12);
        }
        if sim.strikes(Fault::RequestLost, spot) {
            sleep(sim, PATIENCE).await;
            return LandingAnswer::Unknown { why: "timed out".to_owned() };
        }
        let travel = match sim.strike(Fault::LateAct, spot) {
            Some(mut strike) => Span(31_000 + strike.number(370_000)),
            None => sim.between(10, 4_000),
        };
        if let Some(mut strike) = sim.strike(Fault::Twice, spot) {
            // Something on the way sends it once more; whoever is second finds the first one's work.
            drop(self.send(push.clone(), Span(10 + strike.number(60_000))));
        }
        let letter = self.send(push.clone(), travel);
        sleep(sim, Span(travel.0.min(PATIENCE.0) + 1)).await;
        let answer = read(&letter).filter(|_| !sim.strikes(Fault::ReplyLost, spot));
        // Whatever the answer was: the proof is asked of git.
        match (sim.with(|i| i.git.proof(&push.head)), answer) {
            (Some(proof), Some(_)) => LandingAnswer::Landed { proof },
            (_, None) => LandingAnswer::Unknown { why: "no answer within the patience".to_owned() },
            (None, Some(Pushed::Tombstoned)) => {
                LandingAnswer::Refused { why: "the door is closed".to_owned() }
            }
            (None, Some(Pushed::Stale | Pushed::Landed)) => {
                LandingAnswer::StaleBase { main: sim.with(|i| i.git.main()) }
            }
        }
    }

    /// What was sent arrives, whatever becomes of the sender.
    fn send(&self, push: Push, travel: Span) -> Letter<Pushed> {
        let letter: Letter<Pushed> = Arc::default();
        let (sim, answer) = (Arc::clone(&self.sim), Arc::clone(&letter));
        self.sim.spawn(Owner::World, async move {
            sleep(&sim, travel).await;
            let pushed = sim.with(|i| i.git.push(push.task, push.landing, &push.base, &push.head));
            sim.say(|| format!("git: {push:?} → {pushed:?}"));
            sim.wrote(7);
            post(&answer, pushed);
        });
        letter
    }

    async fn deploy(&self, context: &RunContext, effect: EffectId, hook: TrueHook) -> DeployAnswer {
        let sim = &self.sim;
        sleep(sim, sim.between(10, 3_000)).await;
        match context.guard.may_send(effect).await {
            SendOutcome::MaySend => {}
            SendOutcome::Stale => return DeployAnswer::Unknown { why: "the lease is not fresh".to_owned() },
        }
        let spot = spot(context);
        if sim.strikes(Fault::DeployUnreachable, spot) {
            sleep(sim, PATIENCE).await;
            return DeployAnswer::Unknown { why: "the environment could not be reached".to_owned() };
        }
        let exit = if sim.is_calm() { 0 } else { sim.below(10) };
        let killed = sim.strikes(Fault::DeployKilled, spot);
        let raced = sim.strikes(Fault::DeployRaced, spot);
        let travel = match sim.strike(Fault::DeployOrphan, spot) {
            Some(mut strike) => Span(31_000 + strike.number(370_000)),
            None => sim.between(500, 25_000),
        };
        let letter: Letter<()> = Arc::default();
        let (world, done) = (Arc::clone(sim), Arc::clone(&letter));
        sim.spawn(Owner::World, async move {
            sleep(&world, travel).await;
            world.with(|i| {
                let others = i.git.main();
                i.git.running = match exit {
                    _any if killed => None,
                    _any if raced => Some(others),
                    8 => i.git.running.take(),
                    9 => None,
                    _deployed => Some(hook.sha.clone()),
                };
                i.git.hooks.push(hook);
            });
            world.wrote(8);
            post(&done, ());
        });
        sleep(sim, Span(travel.0.min(PATIENCE.0) + 1)).await;
        match (read(&letter), killed || sim.strikes(Fault::DeployReplyLost, spot), exit) {
            (None, ..) | (_, true, _) => {
                DeployAnswer::Unknown { why: "the hook's exit is not known".to_owned() }
            }
            (_, _, 8) => DeployAnswer::FailedTakenBack { output: "exit 1".to_owned() },
            (_, _, 9) => DeployAnswer::FailedBroken { output: "exit 2".to_owned() },
            _deployed => DeployAnswer::Deployed { revision: None },
        }
    }

    async fn probe(&self, context: &RunContext, task: &Task, of: &ProbeOf, close: bool) -> JobResult {
        let sim = &self.sim;
        sleep(sim, sim.between(10, 4_000)).await;
        if sim.strikes(Fault::Locked, Spot::Row(task)) {
            return JobResult::Probe(ProbeAnswer::Infra { why: "git did not answer".to_owned() });
        }
        JobResult::Probe(match of {
            ProbeOf::Landing { landing, head } => {
                sim.with(|i| probe_landing(i, task.id, *landing, head, close))
            }
            ProbeOf::Deploy { sha, .. } => {
                let asked = matches!(&context.policy.deploy, Deploy::Hook { has_revision: true, .. });
                let runs = sim.with(|i| i.git.running.as_ref() == Some(sha));
                match (asked, runs) {
                    (false, _) => ProbeAnswer::NoRevision,
                    (true, true) => ProbeAnswer::Deployed,
                    (true, false) => ProbeAnswer::NotDeployed,
                }
            }
        })
    }
}

fn probe_landing(i: &mut Inner, task: TaskId, landing: u32, head: &Sha, close: bool) -> ProbeAnswer {
    let main = i.git.main();
    match i.git.proof(head) {
        Some(proof) => ProbeAnswer::Landed { proof },
        None if i.git.is_closed(task, landing) => ProbeAnswer::Closed { main },
        None if close && i.git.close(task, landing) => ProbeAnswer::Closed { main },
        // The door says it landed and main does not have it: a person took it out. Whoever stops the task may close it.
        None if i.git.has_landed(task, landing) && close => ProbeAnswer::Closed { main },
        None if i.git.has_landed(task, landing) => ProbeAnswer::Infra {
            why: "the door and main contradict each other; a person must look".to_owned(),
        },
        None => ProbeAnswer::Absent { main },
    }
}

/// Whose job it is.
fn spot(context: &RunContext) -> Spot<'_> {
    match &context.about {
        About::Task(task) => Spot::Row(task),
        About::Repo => Spot::World,
    }
}

/// How a program goes.
#[derive(Debug, Clone, Copy)]
struct Course {
    mishaps: u64,
    hangs: bool,
    ends_at: Timestamp,
}

/// What a program will answer.
fn outcome(i: &mut Inner, context: &RunContext, course: Course) -> JobResult {
    let has_suite = context.policy.test.is_some();
    let Course { mishaps, hangs, ends_at: now } = course;
    match (&context.spec().work, &context.about) {
        (work @ Work::Agent { role, entry, start, base, answers, .. }, About::Task(task)) => {
            let provider = work.provider();
            let (role, entry, answered) = (*role, *entry, answers.is_some());
            let run = context.run();
            play(i, &Play { task, run, role, entry, start, base, mishaps, hangs, now, answered, provider })
        }
        (Work::Ci { head } | Work::Test { head }, About::Task(task)) => {
            JobResult::Suite(suite(i, task, head))
        }
        (Work::RebaseAndRetest { head, patch, tested }, About::Task(task)) => {
            let asked = has_suite.then_some(*tested);
            JobResult::Ready(Box::new(rebase(i, task, (head, patch), asked, now)))
        }
        (Work::MainSuite { at, known }, _) => JobResult::Main(look(i, at.as_ref(), known, has_suite, now)),
        (Work::CleanUp { .. }, _) => JobResult::Cleaned { salvaged: Vec::new() },
        _acts => JobResult::infra("no such program"),
    }
}

fn flaky(i: &mut Inner, spot: Spot, outcome: SuiteOutcome) -> SuiteOutcome {
    if i.faults.strikes(Fault::Infra, spot).is_some() {
        return SuiteOutcome::Infra { reason: "timed out after 600 s".to_owned() };
    }
    outcome
}

fn suite(i: &mut Inner, task: &Task, head: &Sha) -> SuiteRun {
    let base = task.branch_state.as_ref().map_or_else(|| i.git.main(), |b| b.base.clone());
    let said = i.git.suite(head);
    let outcome = flaky(i, Spot::Row(task), said);
    SuiteRun { head: head.clone(), base_tree: i.git.tree_sha(&base), base, outcome }
}

/// `tested` is `None` where the project has no suite.
fn rebase(
    i: &mut Inner,
    task: &Task,
    (head, patch): (&Sha, &Digest),
    tested: Option<bool>,
    now: Timestamp,
) -> ReadyRun {
    let main = i.git.main();
    let base = task.branch_state.as_ref().map_or_else(|| main.clone(), |b| b.base.clone());
    let forced = i.git.forced.get(&task.id).is_some_and(|until| now < *until) && !i.calm;
    let rebased = if forced {
        ReadyOutcome::Infra { reason: "the branch holds what orchd did not push".to_owned() }
    } else if i.faults.strikes(Fault::Locked, Spot::Row(task)).is_some() {
        ReadyOutcome::Infra { reason: "the mirror is locked".to_owned() }
    } else {
        i.git.rebase(&base, head)
    };
    let outcome = match rebased {
        ReadyOutcome::Ready { branch, rebased, .. } => {
            let said = i.git.suite(&branch.head);
            let asked = tested.is_some_and(|tested| rebased || !tested);
            let suite = asked.then(|| flaky(i, Spot::Row(task), said));
            ReadyOutcome::Ready { branch, rebased, suite }
        }
        other => other,
    };
    let main_tree = i.git.tree_sha(&main);
    ReadyRun { from: head.clone(), patch_before: patch.clone(), main, main_tree, outcome }
}

fn look(i: &mut Inner, at: Option<&Sha>, known: &[Sha], has_suite: bool, now: Timestamp) -> MainReport {
    let main = i.git.main();
    let tree = i.git.tree_sha(&main);
    let mut suites = Vec::new();
    if has_suite {
        for commit in std::iter::once(&main).chain(at) {
            let tree = i.git.tree_sha(commit);
            if known.contains(&tree) || suites.iter().any(|(t, _)| *t == tree) {
                continue;
            }
            let said = i.git.suite(commit);
            suites.push((tree, flaky(i, Spot::World, said)));
        }
    }
    let diverged = (now < i.git.diverged_until && !i.calm)
        .then(|| "the person's main and the forge's have parted; put one on top of the other".to_owned());
    MainReport { sha: main, tree, at: now, diverged, suites }
}
