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
        let sim = &self.sim;
        let infra = sim.strikes(Fault::Infra);
        let span = match &context.spec().work {
            Work::Agent { .. } => sim.between(5_000, 240_000),
            Work::Ci { .. } | Work::Test { .. } | Work::RebaseAndRetest { .. } | Work::MainSuite { .. } => {
                sim.between(1_000, 90_000)
            }
            Work::Push { .. } | Work::Deploy { .. } | Work::Probe { .. } | Work::CleanUp { .. } => {
                sim.between(100, 5_000)
            }
        };
        let ends_at = sim.now() + span;
        let mishaps = sim.shape.mishaps;
        let result = sim.with(|i| {
            if infra {
                return JobResult::infra("the disk is full");
            }
            outcome(i, context, mishaps, ends_at)
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
        if sim.strikes(Fault::Infra) {
            // Only now: before the guard's word nobody knows whether a former holder sent it.
            return LandingAnswer::NotSent { why: "the mirror is locked".to_owned() };
        }
        if !sim.is_calm() && sim.one_in(30) {
            return LandingAnswer::Refused { why: "the receiver says no".to_owned() };
        }
        if sim.strikes(Fault::Misleading) {
            // A pull request of the same branch was merged, and it was not the code.
            let main = sim.with(|i| i.git.main());
            return match sim.with(|i| i.git.proof(&main)) {
                Some(proof) => LandingAnswer::Landed { proof },
                None => LandingAnswer::Unknown { why: "no answer".to_owned() },
            };
        }
        if sim.strikes(Fault::RequestLost) {
            sleep(sim, PATIENCE).await;
            return LandingAnswer::Unknown { why: "timed out".to_owned() };
        }
        let late = sim.strikes(Fault::LateAct);
        let travel = if late { sim.between(31_000, 400_000) } else { sim.between(10, 4_000) };
        let letter = self.send(push.clone(), travel);
        sleep(sim, Span(travel.0.min(PATIENCE.0) + 1)).await;
        let answer = read(&letter).filter(|_| !sim.strikes(Fault::ReplyLost));
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
        if sim.strikes(Fault::RequestLost) {
            sleep(sim, PATIENCE).await;
            return DeployAnswer::Unknown { why: "the hook could not be started".to_owned() };
        }
        let exit = if sim.is_calm() { 0 } else { sim.below(10) };
        let letter: Letter<()> = Arc::default();
        let (world, done, travel) = (Arc::clone(sim), Arc::clone(&letter), sim.between(500, 25_000));
        sim.spawn(Owner::World, async move {
            sleep(&world, travel).await;
            world.with(|i| {
                i.git.running = match exit {
                    8 => i.git.running.take(),
                    9 => None,
                    _deployed => Some(hook.sha.clone()),
                };
                i.git.hooks.push(hook);
            });
            world.wrote(8);
            post(&done, ());
        });
        sleep(sim, Span(travel.0 + 1)).await;
        match (read(&letter), sim.strikes(Fault::ReplyLost), exit) {
            (None, ..) | (_, true, _) => {
                DeployAnswer::Unknown { why: "the hook's exit is not known".to_owned() }
            }
            (_, _, 8) => DeployAnswer::FailedTakenBack { output: "exit 1".to_owned() },
            (_, _, 9) => DeployAnswer::FailedBroken { output: "exit 2".to_owned() },
            _deployed => DeployAnswer::Deployed,
        }
    }

    async fn probe(&self, context: &RunContext, task: &Task, of: &ProbeOf, close: bool) -> JobResult {
        let sim = &self.sim;
        sleep(sim, sim.between(10, 4_000)).await;
        if sim.strikes(Fault::Infra) {
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
        None => ProbeAnswer::Absent { main },
    }
}

/// What a program will answer.
fn outcome(i: &mut Inner, context: &RunContext, mishaps: u64, now: Timestamp) -> JobResult {
    let has_suite = context.policy.test.is_some();
    match (&context.spec().work, &context.about) {
        (work @ Work::Agent { role, entry, start, base, answers, .. }, About::Task(task)) => {
            let provider = work.provider();
            let (role, entry, answered) = (*role, *entry, answers.is_some());
            let run = context.run();
            play(i, &Play { task, run, role, entry, start, base, mishaps, now, answered, provider })
        }
        (Work::Ci { head } | Work::Test { head }, About::Task(task)) => {
            JobResult::Suite(suite(i, task, head))
        }
        (Work::RebaseAndRetest { head, patch, tested }, About::Task(task)) => {
            let asked = has_suite.then_some(*tested);
            JobResult::Ready(Box::new(rebase(i, task, head, patch, asked)))
        }
        (Work::MainSuite { at, known }, _) => JobResult::Main(look(i, at.as_ref(), known, has_suite, now)),
        (Work::CleanUp { .. }, _) => JobResult::Cleaned { salvaged: Vec::new() },
        _acts => JobResult::infra("no such program"),
    }
}

fn flaky(i: &mut Inner, outcome: SuiteOutcome) -> SuiteOutcome {
    if i.faults.strikes(Fault::Infra) {
        return SuiteOutcome::Infra { reason: "timed out after 600 s".to_owned() };
    }
    outcome
}

fn suite(i: &mut Inner, task: &Task, head: &Sha) -> SuiteRun {
    let base = task.branch_state.as_ref().map_or_else(|| i.git.main(), |b| b.base.clone());
    let said = i.git.suite(head);
    let outcome = flaky(i, said);
    SuiteRun { head: head.clone(), base_tree: i.git.tree_sha(&base), base, outcome }
}

/// `tested` is `None` where the project has no suite.
fn rebase(i: &mut Inner, task: &Task, head: &Sha, patch: &Digest, tested: Option<bool>) -> ReadyRun {
    let main = i.git.main();
    let base = task.branch_state.as_ref().map_or_else(|| main.clone(), |b| b.base.clone());
    let outcome = match i.git.rebase(&base, head) {
        ReadyOutcome::Ready { branch, rebased, .. } => {
            let said = i.git.suite(&branch.head);
            let asked = tested.is_some_and(|tested| rebased || !tested);
            let suite = asked.then(|| flaky(i, said));
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
            suites.push((tree, flaky(i, said)));
        }
    }
    MainReport { sha: main, tree, at: now, diverged: None, suites }
}
