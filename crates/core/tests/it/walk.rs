//! A random walk over the driver: two or three tasks in one repository, jobs that end in every possible way,
//! commands at any moment. The invariants are checked after every turn (`support/check.rs`), and at the end
//! that everybody can still be stopped, and that nobody was waiting for nothing.

use std::collections::{BTreeMap, BTreeSet};

use orchd_core::command::{RepoWanted, Shown, Wanted};
use orchd_core::effect::ProbeAnswer;
use orchd_core::event::{Event, How};
use orchd_core::fact::Fact;
use orchd_core::id::TaskId;
use orchd_core::pipeline::Pipeline;
use orchd_core::policy::{Approval, Ci, OnBroken, Policy, Suite, TestingBy};
use orchd_core::provider::Breaker;
use orchd_core::reason::{Reason, Wait};
use orchd_core::stage::Stage;
use orchd_core::task::{CiState, Task};
use orchd_core::time::Span;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::build::{agents, hook, policy, sha, task_id};
use crate::support::check;
use crate::support::config;
use crate::support::driver::{Driver, Queued};
use crate::support::world::Luck;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Op {
    /// One of the jobs that may be claimed is answered.
    Answer(u8, Luck),
    /// So are the next ones, all alike: budgets run out, or the work comes far.
    Streak(u8, Luck),
    /// One of them is taken up, and answered later.
    Claim(u8),
    /// A former result arrives once more.
    Echo(u8),
    /// A person commands, about what stands there or about an older visit.
    Command(u8, Wanted, bool),
    /// Time passes.
    Tick(u32),
    /// Somebody else's commit lands.
    MainMoves,
    /// Main turns red where it stands.
    MainRed,
    /// A worker that was declared lost acts after all.
    Zombie(u8),
    /// A person freezes or thaws the repository.
    Freeze(bool),
    /// The operator drains, or ends it.
    Drain(bool),
    /// CI reports about the head of a task.
    Ci(u8, bool),
    /// A task is woken for no reason.
    Wake(u8),
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        12 => Just(Luck::Good),
        3 => Just(Luck::Red),
        3 => Just(Luck::Changed),
        2 => Just(Luck::Infra),
        2 => Just(Luck::LostAfter),
        2 => Just(Luck::LostBefore),
        2 => Just(Luck::OwnInfra),
        1 => Just(Luck::Transient),
        1 => Just(Luck::Quota),
        1 => Just(Luck::Failed),
        1 => Just(Luck::Asks),
    ]
}

fn wanted() -> impl Strategy<Value = Wanted> {
    prop_oneof![
        3 => Just(Wanted::Approve),
        2 => Just(Wanted::ConfirmDeploy),
        1 => Just(Wanted::Reject { reason: "not like this".to_owned() }),
        1 => any::<bool>().prop_map(|now| Wanted::Pause { why: "later".to_owned(), now }),
        2 => Just(Wanted::Resume { answers: Some("blue".to_owned()) }),
        3 => any::<bool>().prop_map(|repair| Wanted::Retry { repair, answers: repair.then(|| "go on".to_owned()) }),
        1 => Just(Wanted::Escalate),
        1 => (0..3i32).prop_map(|priority| Wanted::Prioritise { priority }),
        1 => Just(Wanted::Stop),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => (any::<u8>(), luck()).prop_map(|(n, luck)| Op::Answer(n, luck)),
        3 => (1..12u8, luck()).prop_map(|(n, luck)| Op::Streak(n, luck)),
        4 => any::<u8>().prop_map(Op::Claim),
        1 => any::<u8>().prop_map(Op::Echo),
        8 => (any::<u8>(), wanted(), prop::bool::weighted(0.1)).prop_map(|(n, w, old)| Op::Command(n, w, old)),
        6 => prop_oneof![Just(1), Just(30), Just(120), Just(4000), Just(90_000)].prop_map(Op::Tick),
        1 => Just(Op::MainMoves),
        1 => Just(Op::MainRed),
        2 => any::<u8>().prop_map(Op::Zombie),
        1 => any::<bool>().prop_map(Op::Freeze),
        1 => any::<bool>().prop_map(Op::Drain),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(n, green)| Op::Ci(n, green)),
        1 => any::<u8>().prop_map(Op::Wake),
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..120)
}

/// What the project decides, and how many tasks it has.
#[derive(Debug, Clone)]
struct Setup {
    tasks: u64,
    track: &'static str,
    serial: bool,
    approve: bool,
    deploy: Option<bool>,
    fix_forward: bool,
    ci: u8,
    tester: bool,
    suite: bool,
    deadline: bool,
    chain: bool,
    head_start: u8,
    provider: bool,
}

fn setup() -> impl Strategy<Value = Setup> {
    let track = prop_oneof![Just("full"), Just("bug"), Just("express"), Just("tiny"), Just("untested")];
    let first = (2..4u64, track, prop::bool::weighted(0.8), any::<bool>(), any::<Option<bool>>());
    let second = (
        prop::bool::weighted(0.3),
        0..3u8,
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.8),
        any::<bool>(),
        any::<bool>(),
        0..20u8,
        prop::bool::weighted(0.4),
    );
    (first, second).prop_map(
        |(
            (tasks, track, serial, approve, deploy),
            (fix_forward, ci, tester, suite, deadline, chain, head_start, provider),
        )| {
            Setup {
                tasks,
                track,
                serial,
                approve,
                deploy,
                fix_forward,
                ci,
                tester,
                suite,
                deadline,
                chain,
                head_start,
                provider,
            }
        },
    )
}

impl Setup {
    fn policy(&self) -> Policy {
        let mut policy = policy();
        let mut tracks: BTreeMap<_, _> = Pipeline::default().tracks;
        tracks.insert("tiny".to_owned(), vec![Stage::Development, Stage::Deploy]);
        tracks.insert(
            "untested".to_owned(),
            vec![Stage::Analysis, Stage::Development, Stage::DeployStaging, Stage::Deploy],
        );
        policy.pipeline.tracks = tracks;
        policy.serial = self.serial;
        policy.approval = if self.approve { Approval::Auto } else { Approval::Ask };
        if let Some(auto) = self.deploy {
            policy.deploy = hook(auto);
        }
        if self.fix_forward {
            policy.on_broken = OnBroken::FixForward { attempts: 2, within: Span::hours(9) };
        }
        let suite = Suite { command: "ci".to_owned(), timeout: Span::mins(1) };
        policy.ci = match self.ci {
            0 => Ci::None,
            1 => Ci::Command(suite),
            _ => Ci::Forge,
        };
        policy.testing_by = if self.tester { TestingBy::Agent } else { TestingBy::Runner };
        if !self.suite {
            policy.test = None;
        }
        // Small, so that a walk sees each of them run out.
        policy.budgets.agent_failures = 1;
        policy.budgets.transient = 2;
        policy.budgets.infra = 2;
        policy.budgets.breaker_failures = 1;
        if self.provider {
            policy.agents = agents("north");
        }
        policy.person_deadline = self.deadline.then(|| Span::hours(20));
        policy
    }

    fn driver(&self) -> Driver {
        let mut driver = Driver::new(self.policy());
        for n in 1..=self.tasks {
            driver.create(n, self.track);
        }
        if self.chain {
            driver.depends(task_id(2), task_id(1));
        }
        driver
    }
}

/// The walk itself; the results already used, for echoes.
struct Walk {
    driver: Driver,
    tasks: u64,
    answered: Vec<Queued>,
}

impl Walk {
    fn task(&self, n: u8) -> TaskId {
        task_id(u64::from(n) % self.tasks + 1)
    }

    fn answer(&mut self, n: u8, luck: Luck) {
        let claimable = self.driver.claimable();
        if let Some(id) = pick(&claimable, n) {
            let job = self.driver.queue.iter().find(|job| job.id == *id).cloned();
            self.answered.extend(job);
            self.driver.answer(*id, luck);
        }
    }

    fn happen(&mut self, op: &Op) {
        match op {
            Op::Answer(n, luck) => self.answer(*n, *luck),
            Op::Streak(n, luck) => {
                for _ in 0..*n {
                    self.answer(0, *luck);
                    self.driver.settle_due();
                    self.driver.advance(Span::secs(20));
                }
            }
            Op::Claim(n) => {
                if let Some(id) = pick(&self.driver.claimable(), *n) {
                    self.driver.claim(*id);
                }
            }
            Op::Echo(n) => {
                if let Some(job) = pick(&self.answered, *n).cloned() {
                    let result = orchd_core::job::JobResult::infra("said twice");
                    self.driver.settle(&job, result);
                }
            }
            Op::Command(n, what, old) => {
                let id = self.task(*n);
                let visit = self.driver.task(id).visit.checked_sub(u32::from(*old));
                let shown = old.then(|| Shown::Head(sha("what was there before")));
                self.driver.command_as_shown(id, what.clone(), visit, shown);
            }
            Op::Tick(secs) => self.driver.advance(Span::secs(i64::from(*secs))),
            Op::MainMoves => self.driver.world.main_moves(),
            Op::MainRed => self.driver.world.main_is_red(&["tests::a"]),
            Op::Zombie(n) => self.driver.world.zombie_acts(usize::from(*n)),
            Op::Freeze(true) => {
                self.driver.repo_command(RepoWanted::Freeze { why: "a person said so".to_owned() });
            }
            Op::Freeze(false) => self.driver.repo_command(RepoWanted::Unfreeze),
            Op::Drain(drained) => self.driver.drain(*drained),
            Op::Ci(n, green) => {
                let id = self.task(*n);
                if let Some(head) = self.driver.task(id).head().cloned() {
                    let output = "ci is red".to_owned();
                    let state = if *green { CiState::Success } else { CiState::Failure { output } };
                    self.driver.fact(id, Fact::Ci { head, state });
                }
            }
            Op::Wake(n) => {
                let id = self.task(*n);
                self.driver.step(id);
            }
        }
        self.driver.settle_due();
    }
}

fn pick<T>(from: &[T], n: u8) -> Option<&T> {
    if from.is_empty() { None } else { from.get(usize::from(n) % from.len()) }
}

fn walk(setup: &Setup, ops: &[Op]) -> Walk {
    let mut walk = Walk { driver: setup.driver(), tasks: setup.tasks, answered: Vec::new() };
    walk.driver.settle_due();
    for _ in 0..setup.head_start {
        walk.answer(0, Luck::Good);
        walk.driver.settle_due();
        walk.driver.command(task_id(1), Wanted::Approve);
    }
    ops.iter().for_each(|op| walk.happen(op));
    walk
}

proptest! {
    #![proptest_config(config())]

    /// I-1 to I-15 as they can be seen in the core, and I-17: stop ends in `cancelled` while the world answers.
    #[test]
    fn a_random_life_keeps_the_invariants_and_can_be_stopped(
        setup in setup(),
        ops in ops(),
    ) {
        let mut driver = walk(&setup, &ops).driver;
        let before: Vec<_> = driver.tasks.values().map(|s| (s.task.id, s.task.stage)).collect();
        for (id, _) in &before {
            driver.command(*id, Wanted::Stop);
        }
        driver.run_for(Span::hours(24));
        for (id, stage) in before {
            let task = driver.task(id);
            let expected = if stage == Stage::Done { Stage::Done } else { Stage::Cancelled };
            prop_assert_eq!(task.stage, expected, "I-17: {} is not cancelled: {:?}", task.key, task.reason);
        }
        prop_assert!(driver.queue.iter().all(|job| job.spec.work.kind() == orchd_core::job::JobKind::MainSuite));
        prop_assert!(driver.repo.occupants.is_empty() && driver.repo.landing_task.is_none());
        prop_assert!(driver.repo.lane_queue.is_empty() && driver.repo.deploying.is_empty());
        check::replay(&driver);
    }

    /// I-18: when faults end, every task comes to its end, to a person, or waits for one that does.
    #[test]
    fn when_faults_end_nobody_waits_for_nothing(
        setup in setup(),
        ops in ops(),
    ) {
        let mut driver = walk(&setup, &ops).driver;
        driver.drain(false);
        driver.run_for(Span::hours(8));
        for slot in driver.tasks.values() {
            let reason = slot.task.reason.as_ref().expect("a task at rest has a reason");
            prop_assert!(ends_or_asks(&driver, slot.task.id, reason), "{} waits for nothing: {:?}", slot.task.key, reason);
        }
        check::replay(&driver);
    }
}

/// Whether a reason is an end, a person's turn, or the wait for another task's.
fn ends_or_asks(driver: &Driver, id: TaskId, reason: &Reason) -> bool {
    match reason {
        Reason::Ended | Reason::Held { .. } | Reason::Paused { .. } => true,
        Reason::Wait(Wait::Person { .. } | Wait::Frozen { .. }) => true,
        // Something of another task's must be in the way.
        Reason::Wait(Wait::Dependency { .. }) => {
            driver.tasks[&id].deps.iter().any(|on| driver.task(*on).stage != Stage::Done)
        }
        // So must an irreversible effect whose outcome only a person can still find out (I-7).
        Reason::Wait(Wait::Predecessor { on } | Wait::Lane { on, .. }) => {
            let held = |task: &Task| task.key.as_str() == on && task.hold.is_some() && task.effect.is_some();
            driver.tasks.values().any(|slot| held(&slot.task))
        }
        Reason::Wait(Wait::Capacity | Wait::Drained | Wait::Main)
        | Reason::Wait(Wait::Ci { .. } | Wait::Quota { .. } | Wait::Provider { .. })
        | Reason::Working { .. }
        | Reason::Deferred { .. } => false,
    }
}

/// A walk that never lands, never holds and never rolls back proves little: what it must have met.
#[test]
fn the_walk_meets_what_it_is_there_for() {
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[3; 32]));
    let mut met = BTreeSet::new();
    for _ in 0..600 {
        let drawn = (setup(), ops()).new_tree(&mut runner).expect("the strategies reject nothing");
        let (setup, ops) = drawn.current();
        let driver = walk(&setup, &ops).driver;
        for (_, event) in driver.tasks.values().flat_map(|slot| &slot.log) {
            met.insert(word(event));
        }
    }
    let wanted = [
        "to done",
        "to cancelled",
        "rollback",
        "patch-changed",
        "person",
        "fix-forward",
        "landed",
        "effect unknown",
        "effect refused",
        "effect applied",
        "absent",
        "probe closed",
        "lane given back",
        "hold escalated",
        "hold agent-failed",
        "hold infra",
        "hold main-red",
        "hold not-merged",
        "hold deploy-failed",
        "hold environment-broken",
        "hold deploy-declined",
        "hold deploy-unknown",
        "hold unanswered",
        "hold dependency-ended",
        "hold ci-pending",
        "wait drained",
        "wait frozen",
        "wait dependency",
        "wait predecessor",
        "wait lane",
        "wait person",
        "wait ci",
        "wait quota",
        "wait provider",
        "provider open",
        "provider half-open",
        "wait main",
        "paused",
        "deferred",
        "told to end",
        "refused command",
    ];
    let missing: Vec<_> = wanted.iter().filter(|word| !met.contains(**word)).collect();
    assert!(missing.is_empty(), "the walk never met {missing:?}; it met {met:?}");
}

/// The word of an event that the coverage counts.
fn word(event: &Event) -> String {
    match event {
        Event::Entered { how: How::Advance | How::Stopped, to, .. } => format!("to {to}"),
        Event::Entered { how: How::Rollback { .. }, .. } => "rollback".to_owned(),
        Event::Entered { how: How::PatchChanged, .. } => "patch-changed".to_owned(),
        Event::Entered { how: How::Person { .. }, .. } => "person".to_owned(),
        Event::Entered { how: How::FixForward { .. }, .. } => "fix-forward".to_owned(),
        Event::Landed { .. } => "landed".to_owned(),
        Event::EffectMoved { state, .. } => format!("effect {}", state.name()),
        Event::EffectAbsent { .. } => "absent".to_owned(),
        Event::ProbeAnswered { answer: ProbeAnswer::Closed { .. } } => "probe closed".to_owned(),
        Event::LaneGivenBack => "lane given back".to_owned(),
        Event::Held { code, .. } => format!("hold {}", code.name()),
        Event::Stayed { reason: reason @ Reason::Wait(_) } => format!("wait {}", reason.word()),
        Event::Paused { .. } => "paused".to_owned(),
        Event::Deferred { .. } => "deferred".to_owned(),
        Event::JobToldToEnd { .. } => "told to end".to_owned(),
        Event::CommandRefused { .. } => "refused command".to_owned(),
        Event::ProviderChanged { health } => match health.breaker {
            Breaker::Closed => "provider closed".to_owned(),
            Breaker::Open { .. } => "provider open".to_owned(),
            Breaker::HalfOpen { .. } => "provider half-open".to_owned(),
        },
        _other => "something else".to_owned(),
    }
}
