//! Leases in virtual time: two processes of the real engine over one store. A dead one's job does not hold up the
//! rest, and a living one's long work is not taken away from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use orchd_core::fact::{Fact, Input};
use orchd_core::id::JobId;
use orchd_core::job::{JobKind, JobResult, SuiteOutcome, SuiteRun, Work};
use orchd_core::lease::LeasePolicy;
use orchd_core::policy::Policy;
use orchd_core::port::clock::Clock;
use orchd_core::port::executor::{Executor, RunContext};
use orchd_core::port::store::{JobState, SettleOutcome, Store};
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};
use orchd_engine::{Deps, Engine};
use orchd_testkit::contract::lab::{Lab, sha};
use orchd_testkit::{CountingIds, ManualClock, NoSurfaces, Space, block_on, contract, join_all, yield_once};

/// The lease of the incident, and how often a reaper looks.
const LEASE: LeasePolicy = LeasePolicy { ttl: Span::secs(300) };
const LOOK: Span = Span::secs(20);

/// A suite that takes so long, whatever else happens.
struct Suite {
    clock: Arc<ManualClock>,
    takes: Span,
}

#[async_trait]
impl Executor for Suite {
    async fn run(&self, context: RunContext) -> JobResult {
        let Work::Test { head } = &context.spec().work else { panic!("{:?}", context.spec().work) };
        let ends_at = self.clock.now() + self.takes;
        while self.clock.now() < ends_at {
            yield_once().await;
        }
        let outcome = SuiteOutcome::Green { tests: Some(23), warning: None };
        JobResult::Suite(SuiteRun { head: head.clone(), base: sha(2), base_tree: sha(3), outcome })
    }
}

/// A process of this store, with one place for work in all.
fn process(lab: &Lab, n: u64, takes: Span) -> Engine {
    let policy = Policy::new("project", "repo", "P");
    let suite = Suite { clock: Arc::clone(&lab.clock), takes };
    let executors = BTreeMap::from([(JobKind::Test, Arc::new(suite) as Arc<dyn Executor>)]);
    Engine::new(Deps {
        store: lab.shared() as Arc<dyn Store>,
        clock: Arc::clone(&lab.clock) as Arc<dyn Clock>,
        ids: Arc::new(CountingIds::new(n)),
        tracker: Arc::new(NoSurfaces),
        forge: Arc::new(NoSurfaces),
        alerts: Arc::new(NoSurfaces),
        executors,
        host: Arc::new(Space(true)),
        policies: BTreeMap::from([(policy.project.clone(), Arc::new(policy))]),
        boot: lab.boot(),
        leases: LEASE,
        max_running: Some(1),
    })
}

/// A suite to run, of a task of its own repository.
async fn queued(lab: &Lab, task: Task) -> (Task, JobId) {
    let job = lab.enqueue(&task, Work::Test { head: sha(1) }).await;
    (task, job)
}

/// How the job of a task ended, as the task will be told.
async fn told(lab: &Lab, task: &Task) -> Vec<JobResult> {
    let inputs = lab.load(task).await.inputs;
    let ended = inputs.into_iter().filter_map(|pending| match pending.input {
        Input::Fact { fact: Fact::JobEnded { result, .. } } => Some(*result),
        _other => None,
    });
    ended.collect()
}

#[test]
fn inc_05_a_dead_process_does_not_hold_the_queue() {
    let lab = Lab::new(contract::memory);
    block_on(async {
        let (first, held) = queued(&lab, lab.task("A").await).await;
        let (second, waiting) = queued(&lab, lab.task_elsewhere("B").await).await;
        let dies = process(&lab, 71, Span::secs(900));
        let begun = dies.claim(16).await.unwrap();
        assert_eq!(begun.iter().map(|one| one.claimed.job).collect::<Vec<_>>(), [held]);
        // The process is gone with all it held; nobody told the store.
        drop((dies, begun));
        let lives = process(&lab, 72, Span::secs(30));
        let mut claimed = Vec::new();
        let end = lab.now() + Span(LEASE.ttl.0 * 2);
        while claimed.is_empty() && lab.now() < end {
            lab.wait(LOOK);
            lives.reap().await.unwrap();
            claimed = lives.claim(16).await.unwrap();
        }
        let jobs: Vec<JobId> = claimed.iter().map(|one| one.claimed.job).collect();
        assert_eq!(jobs, [waiting], "the queue of one is held by a job that nobody works on");
        assert_eq!(lab.row(held).await.state, JobState::Failed);
        assert!(matches!(told(&lab, &first).await[..], [JobResult::Lost { .. }]));
        let context = claimed.remove(0);
        let run = lives.work(context);
        let time = async {
            while lab.row(waiting).await.state == JobState::Running && lab.now() < end + LEASE.ttl {
                lab.wait(LOOK);
                yield_once().await;
            }
        };
        join_all(vec![
            Box::pin(async { assert_eq!(run.await.unwrap(), SettleOutcome::Settled) }) as _,
            Box::pin(time) as _,
        ])
        .await;
        assert!(matches!(told(&lab, &second).await[..], [JobResult::Suite(_)]));
    });
}

#[test]
fn inc_08_work_that_outlives_its_lease_keeps_it() {
    let lab = Lab::new(contract::memory);
    block_on(async {
        let (task, job) = queued(&lab, lab.task("A").await).await;
        let (works, reaps) = (process(&lab, 81, Span::secs(900)), process(&lab, 82, Span::secs(900)));
        let context = works.claim(1).await.unwrap().remove(0);
        let began = lab.now();
        let held = works.held();
        let run = async { works.work(context).await.unwrap() };
        // Beside the work: renewal at a third of the lease, and somebody else's reaper all the time.
        let beside = async {
            let mut renewed = began;
            while !held.is_empty() && lab.now() < began + Span::secs(2_000) {
                if lab.now() >= renewed + LEASE.renew_every() {
                    renewed = lab.now();
                    held.renew(works.boot()).await.unwrap();
                }
                reaps.reap().await.unwrap();
                assert!(reaps.claim(1).await.unwrap().is_empty(), "the job was taken from who works on it");
                lab.wait(LOOK);
                yield_once().await;
            }
            SettleOutcome::Settled
        };
        let ended = join_all(vec![Box::pin(run) as _, Box::pin(beside) as _]).await;
        assert!(lab.now() - began > Span(LEASE.ttl.0 * 2), "it did not outlive its lease");
        assert_eq!(ended[0], SettleOutcome::Settled, "a finished result was thrown away");
        assert!(matches!(told(&lab, &task).await[..], [JobResult::Suite(_)]));
        assert_eq!(lab.row(job).await.attempt, 1);
        // And no longer than it works.
        assert!(held.is_empty());
        assert_eq!(lab.row(job).await.until, None::<Timestamp>);
    });
}

/// A laptop was closed for an hour: the process's own reaper must not throw away what ended meanwhile.
#[test]
fn a_standstill_of_the_only_process_loses_no_result() {
    let lab = Lab::new(contract::memory);
    block_on(async {
        let (task, job) = queued(&lab, lab.task("A").await).await;
        let works = process(&lab, 83, Span::secs(120));
        let context = works.claim(1).await.unwrap().remove(0);
        // The loops of the process once it goes on: reaping, renewing, and only then the work's end.
        lab.wait(Span::secs(3_600));
        assert_eq!(works.reap().await.unwrap(), 0);
        works.held().renew(works.boot()).await.unwrap();
        assert_eq!(works.reap().await.unwrap(), 0);
        assert_eq!(lab.row(job).await.state, JobState::Running);
        let run = async { works.work(context).await.unwrap() };
        let time = async {
            for _ in 0..20 {
                lab.wait(LOOK);
                yield_once().await;
            }
            SettleOutcome::Settled
        };
        let ended = join_all(vec![Box::pin(run) as _, Box::pin(time) as _]).await;
        assert_eq!(ended[0], SettleOutcome::Settled, "a finished result was thrown away");
        assert!(matches!(told(&lab, &task).await[..], [JobResult::Suite(_)]));
        // Once it has told, it is a stranger's lease like any other.
        assert!(works.held().is_empty());
    });
}

#[test]
fn a_lease_that_is_never_renewed_is_taken() {
    let lab = Lab::new(contract::memory);
    block_on(async {
        let (task, _) = queued(&lab, lab.task("A").await).await;
        let (works, reaps) = (process(&lab, 91, Span::secs(900)), process(&lab, 92, Span::secs(900)));
        let context = works.claim(1).await.unwrap().remove(0);
        let run = async { works.work(context).await.unwrap() };
        let beside = async {
            for _ in 0..50 {
                reaps.reap().await.unwrap();
                lab.wait(LOOK);
                yield_once().await;
            }
            SettleOutcome::Stale
        };
        join_all(vec![Box::pin(run) as _, Box::pin(beside) as _]).await;
        // What it answered in the end changed nothing: the task was told once.
        assert!(matches!(told(&lab, &task).await[..], [JobResult::Lost { .. }]));
    });
}
