//! What is measured: tasks that go round between a developer who always delivers and a reviewer who always
//! finds something else, one task per repository. A cycle is one job of each task (claimed, carried out at
//! once, settled) and the two decisions that follow it. The engine and its store are the real ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use orchd_core::id::{Actor, BootId, Key, TaskId};
use orchd_core::job::JobKind;
use orchd_core::lease::LeasePolicy;
use orchd_core::policy::{Agent, Approval, Policy, Suite};
use orchd_core::port::clock::{Clock, Ids};
use orchd_core::port::executor::Executor;
use orchd_core::port::host::{Host, Room};
use orchd_core::port::store::{SettleOutcome, Store};
use orchd_core::repo::Repo;
use orchd_core::stage::Role;
use orchd_core::task::Request;
use orchd_core::time::{Span, Timestamp};
use orchd_engine::{Deps, Engine, NewRequest};
use orchd_store_sqlite::SqliteStore;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::stand_ins::{AtOnce, NoSurfaces};

/// Decisions, or jobs, that are under way at once.
pub(crate) const IN_FLIGHT: usize = 32;
/// Jobs of one claim, as the daemon asks for them.
pub(crate) const CLAIM: usize = 16;
/// Decisions that follow a job: the stage is left, the next run is ordered.
pub(crate) const DECISIONS_PER_JOB: usize = 2;
/// The moment at which everything happens; nothing here waits for a time to come.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// Cycles before anything is measured: all tasks are at work then, and every statement has been prepared.
const WARM_UP: usize = 6;

/// The sizes of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Tasks, each with a project and a repository of its own.
    pub(crate) tasks: usize,
    /// Cycles of a round.
    pub(crate) cycles: usize,
    /// Rounds, of the floor and of the engine in turn.
    pub(crate) rounds: usize,
}

impl Size {
    pub(crate) const fn jobs(self) -> usize {
        self.tasks * self.cycles
    }
    pub(crate) const fn decisions(self) -> usize {
        self.jobs() * DECISIONS_PER_JOB
    }
}

/// The clock of both sides: it stands.
#[derive(Debug)]
pub(crate) struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Identities as the shipped program draws them: random, in the order of time.
struct Random;

impl Ids for Random {
    fn next(&self) -> Uuid {
        #[expect(
            clippy::disallowed_methods,
            reason = "a measurement draws identities as the shipped program does"
        )]
        Uuid::now_v7()
    }
}

fn policy(n: usize) -> Policy {
    let mut policy = Policy::new(&format!("project-{n}"), &format!("repo-{n}"), "BENCH");
    policy.approval = Approval::Auto;
    policy.test = Some(Suite { command: "sh tests/run.sh".to_owned(), timeout: Span::mins(2) });
    policy.budgets.rework = u32::MAX;
    for role in Role::ALL {
        let command = vec!["orchctl".to_owned(), "demo-agent".to_owned()];
        let agent = Agent::new("script", command, Span::mins(2));
        policy.agents.insert(role, agent);
    }
    policy
}

/// A host that always has room.
struct Roomy;

impl Host for Roomy {
    fn room(&self) -> Room {
        Room::Enough
    }
}

/// An engine over a store, with the policies of so many projects.
pub(crate) fn engine(store: Arc<dyn Store>, tasks: usize) -> Arc<Engine> {
    let at_once = || -> Arc<dyn Executor> { Arc::new(AtOnce) };
    let policies: Vec<Policy> = (0..tasks).map(policy).collect();
    Arc::new(Engine::new(Deps {
        store,
        clock: Arc::new(Standing),
        ids: Arc::new(Random),
        tracker: Arc::new(NoSurfaces),
        forge: Arc::new(NoSurfaces),
        alerts: Arc::new(NoSurfaces),
        executors: BTreeMap::from([(JobKind::Agent, at_once()), (JobKind::MainSuite, at_once())]),
        policies: policies.into_iter().map(|p| (p.project.clone(), Arc::new(p))).collect(),
        boot: BootId(Random.next()),
        leases: LeasePolicy::default(),
        max_running: u32::try_from(IN_FLIGHT).ok(),
        host: Arc::new(Roomy),
    }))
}

/// Opens the store as the daemon does: with its threads and group commit.
pub(crate) fn open(path: &Path) -> Result<SqliteStore> {
    SqliteStore::open(path, Arc::new(Standing)).with_context(|| format!("cannot open {}", path.display()))
}

/// Makes a store whose tasks are all at work, each with a job that nobody has claimed.
pub(crate) async fn prepare(path: &Path, size: Size) -> Result<Vec<TaskId>> {
    let engine = engine(Arc::new(open(path)?), size.tasks);
    let mut tasks = Vec::new();
    for n in 0..size.tasks {
        let policy = policy(n);
        engine.store().ensure_repo(&Repo::new(policy.repo, policy.project.clone())).await?;
        let request = Request {
            title: format!("Refuse a header that is cut short ({n})"),
            description: "A connection that closes in the middle of a header is reported as a parser bug."
                .repeat(6),
            ..Request::default()
        };
        let track = Some("express".to_owned());
        let key = Key::new(format!("BENCH-{n}"));
        let new = NewRequest {
            project: policy.project,
            key,
            request,
            track,
            repair: false,
            by: Actor::new("bench"),
        };
        tasks.push(engine.start(new).await?.id);
    }
    for _ in 0..WARM_UP {
        while engine.decide_due().await? > 0 {}
        jobs(&engine).await?;
    }
    while engine.decide_due().await? > 0 {}
    for (task, _) in engine.store().tasks().await? {
        ensure!(task.job.is_some(), "{} has no job after the warm-up: {:?}", task.key, task.reason);
    }
    Ok(tasks)
}

/// Takes the decisions of a cycle, so many tasks at once.
pub(crate) async fn decisions(engine: &Arc<Engine>, tasks: &[TaskId]) -> Result<()> {
    let mut under_way = JoinSet::new();
    let mut next = tasks.iter().copied();
    loop {
        while under_way.len() < IN_FLIGHT
            && let Some(task) = next.next()
        {
            let engine = Arc::clone(engine);
            under_way.spawn(async move {
                for _ in 0..DECISIONS_PER_JOB {
                    engine.decide_task(task).await?;
                }
                anyhow::Ok(())
            });
        }
        match under_way.join_next().await {
            Some(done) => done??,
            None => return Ok(()),
        }
    }
}

/// Claims and settles until no job is left; answers how many there were.
pub(crate) async fn jobs(engine: &Arc<Engine>) -> Result<usize> {
    let mut under_way = JoinSet::new();
    let (mut queued, mut done) = (true, 0);
    while queued || !under_way.is_empty() {
        if queued {
            let free = CLAIM.min(IN_FLIGHT - under_way.len());
            let contexts = engine.claim(u32::try_from(free)?).await?;
            // Nothing is enqueued meanwhile: a claim that got less than it asked for has emptied the queue.
            queued = contexts.len() == free;
            for context in contexts {
                let engine = Arc::clone(engine);
                under_way.spawn(async move { engine.work(context).await });
            }
        }
        // Until there is room for the next claim; at the end, until nothing is under way.
        let stay = if queued { IN_FLIGHT - CLAIM } else { 0 };
        while under_way.len() > stay
            && let Some(settled) = under_way.join_next().await
        {
            ensure!(settled?? == SettleOutcome::Settled, "a lease was lost in the middle of the measurement");
            done += 1;
        }
    }
    Ok(done)
}
