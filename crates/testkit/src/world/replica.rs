//! One process: the loops that the daemon drives with its runtime, over the very same steps. It dies with all
//! its futures and comes back with a new identity; a replica that is alone takes over its former leases.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchd_core::id::BootId;
use orchd_core::job::JobKind;
use orchd_core::lease::LeasePolicy;
use orchd_core::port::clock::{Clock, Ids};
use orchd_core::port::executor::{Executor, RunContext};
use orchd_core::port::host::{Host, Room};
use orchd_core::port::store::{JobState, Store};
use orchd_core::repo::{Freeze, Repo};
use orchd_core::time::{Span, Timestamp};
use orchd_engine::{Deps, Engine, EngineError};
use uuid::Uuid;

use super::fault::Fault;
use super::nature::{befalls, until_stopped};
use super::outside::Outside;
use super::sched::{Owner, sleep, sleep_or_hint};
use super::sim::Sim;
use super::spot::Spot;
use super::store::SimStore;
use super::work::SimExecutor;
use crate::memory::{Job, Projection, TaskRow};

/// The longest that a loop waits for a hint.
const TICK: Span = Span::secs(60);
/// As the daemon does: what changes at once is shown once.
const SURFACES_AFTER: Span = Span::millis(100);

struct SharedIds(Arc<Sim>);

impl Ids for SharedIds {
    fn next(&self) -> Uuid {
        self.0.ids.next()
    }
}

/// Starts a process: new identity, empty memory.
pub(super) async fn boot(sim: Arc<Sim>, replica: usize) {
    let policy = sim.shape.policy();
    // The repository is known from the first start on; the answer is the same every time.
    let _ = sim.rows().ensure_repo(&Repo::new(policy.repo.clone(), policy.project.clone())).await;
    let engine = Arc::new(Engine::new(deps(&sim, replica)));
    sim.with(|i| {
        if let Some(slot) = i.replicas.get_mut(replica) {
            slot.engine = Some(Arc::clone(&engine));
        }
    });
    sim.say(|| format!("replica {replica} starts as {}", engine.boot()));
    let owner = Owner::Replica(replica);
    let life = || Life { sim: Arc::clone(&sim), engine: Arc::clone(&engine), replica };
    let until = || Arc::clone(&sim);
    sim.spawn(owner, until_stopped(until(), replica, decides(life())));
    sim.spawn(owner, until_stopped(until(), replica, works(life())));
    sim.spawn(owner, until_stopped(until(), replica, reaps(life())));
    if replica == 0 {
        // One writer per surface (spec 4.2): which process that is, is a lease's business, not the projector's.
        sim.spawn(owner, until_stopped(until(), replica, projects(life())));
    }
    // The last to end: what runs is held until it has settled.
    sim.spawn(owner, renews(life()));
    sim.spawn(Owner::World, befalls(life()));
}

/// A dead process is started again after a while.
pub(super) async fn revive(sim: Arc<Sim>, replica: usize) {
    sleep(&sim, sim.between(200, 90_000)).await;
    boot(sim, replica).await;
}

fn deps(sim: &Arc<Sim>, replica: usize) -> Deps {
    let store: Arc<dyn Store> = Arc::new(SimStore { sim: Arc::clone(sim), replica });
    let executor: Arc<dyn Executor> = Arc::new(SimExecutor { sim: Arc::clone(sim) });
    let outside = Arc::new(Outside { sim: Arc::clone(sim), replica });
    let executors: BTreeMap<JobKind, Arc<dyn Executor>> =
        JobKind::ALL.into_iter().map(|kind| (kind, Arc::clone(&executor))).collect();
    Deps {
        store,
        clock: Arc::new(WallClock { sim: Arc::clone(sim), replica }),
        ids: Arc::new(SharedIds(Arc::clone(sim))),
        tracker: Arc::clone(&outside) as _,
        alerts: Arc::clone(&outside) as _,
        forge: outside,
        executors,
        policies: sim.policies.clone(),
        boot: BootId(sim.ids.next()),
        leases: LeasePolicy::default(),
        max_running: sim.shape.slots,
        host: Arc::new(SimHost { sim: Arc::clone(sim), replica }),
    }
}

/// The wall clock of one process: it jumps now and then. The store has a clock of its own.
struct WallClock {
    sim: Arc<Sim>,
    replica: usize,
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        self.sim.now_at(self.replica)
    }
}

/// A host that is out of space now and then.
struct SimHost {
    sim: Arc<Sim>,
    replica: usize,
}

impl Host for SimHost {
    fn room(&self) -> Room {
        match self.sim.strikes(Fault::DiskFull, Spot::Replica(self.replica)) {
            true => Room::Short { why: "the disk is full".to_owned() },
            false => Room::Enough,
        }
    }
}

/// One life of one process.
pub(super) struct Life {
    pub(super) sim: Arc<Sim>,
    pub(super) engine: Arc<Engine>,
    pub(super) replica: usize,
}

impl Life {
    /// Whether this life has not ended yet.
    pub(super) fn goes_on(&self) -> bool {
        self.sim.with(|i| {
            let engine = i.replicas.get(self.replica).and_then(|slot| slot.engine.as_ref());
            engine.is_some_and(|engine| Arc::ptr_eq(engine, &self.engine))
        })
    }

    async fn after_failure(&self, error: EngineError) {
        self.sim.say(|| format!("replica {}: {error}", self.replica));
        sleep(&self.sim, Span::millis(500)).await;
    }

    /// Whether a look for what is due would find anything. One that finds nothing changes nothing: seeds are spent on
    /// those that do.
    fn is_due(&self) -> bool {
        let now = self.sim.now_at(self.replica);
        let is_due = |row: &TaskRow| row.due_at.is_some_and(|at| at <= now);
        self.sim.store.inspect(|s| !s.waiting.is_empty() || s.tasks.values().any(is_due))
    }

    /// Whether a job is queued whose time has come.
    fn is_claimable(&self) -> bool {
        let now = self.sim.now();
        let may = |job: &Job| {
            job.row.state == JobState::Queued && job.row.job.not_before.is_none_or(|at| at <= now)
        };
        self.sim.store.inspect(|s| s.active.values().filter_map(|id| s.jobs.get(id)).any(may))
    }

    /// Whether a main can not be imported.
    fn is_diverged(&self) -> bool {
        let diverged = |freeze: &Freeze| freeze.diverged;
        self.sim.store.inspect(|s| s.repos.values().any(|row| row.repo.frozen.as_ref().is_some_and(diverged)))
    }

    /// Whether a running job's lease is over.
    fn is_expired(&self) -> bool {
        let now = self.sim.now();
        let is_over = |job: &Job| job.is_expired(now);
        self.sim.store.inspect(|s| s.active.values().filter_map(|id| s.jobs.get(id)).any(is_over))
    }

    /// Whether a surface is behind and may be tried.
    fn is_behind(&self) -> bool {
        let now = self.sim.now_at(self.replica);
        let behind = |p: &Projection| p.wanted > p.shown_version && p.retry_at.is_none_or(|at| at <= now);
        self.sim.store.inspect(|s| s.projections.values().any(behind))
    }

    /// How long until a task is due by time alone, at most a tick.
    fn until_due(&self) -> Span {
        self.until(self.sim.store.inspect(|s| s.tasks.values().filter_map(|row| row.due_at).min()))
    }

    /// How long until a queued job's time comes, at most a tick.
    fn until_claimable(&self) -> Span {
        let now = self.sim.now();
        self.until(self.sim.store.inspect(|s| {
            let jobs = s.active.values().filter_map(|id| s.jobs.get(id)?.row.job.not_before);
            jobs.filter(|at| *at > now).min()
        }))
    }

    fn until(&self, next: Option<Timestamp>) -> Span {
        let span = next.map_or(TICK, |at| at - self.sim.now());
        Span(span.0.clamp(250, TICK.0))
    }
}

async fn decides(life: Life) {
    loop {
        if !life.is_due() {
            sleep_or_hint(&life.sim, life.until_due()).await;
            continue;
        }
        match life.engine.decide_due().await {
            Ok(0) => sleep_or_hint(&life.sim, life.until_due()).await,
            Ok(_) => {}
            Err(error) => life.after_failure(error).await,
        }
    }
}

async fn works(life: Life) {
    if life.sim.shape.replicas == 1 {
        loop {
            match life.engine.take_over().await {
                Ok(contexts) => {
                    start_all(&life, contexts);
                    break;
                }
                Err(error) => life.after_failure(error).await,
            }
        }
    }
    loop {
        if !life.is_claimable() {
            sleep_or_hint(&life.sim, life.until_claimable()).await;
            continue;
        }
        match life.engine.claim(2).await {
            Ok(contexts) if contexts.is_empty() => sleep_or_hint(&life.sim, life.until_claimable()).await,
            Ok(contexts) => start_all(&life, contexts),
            Err(error) => life.after_failure(error).await,
        }
    }
}

fn start_all(life: &Life, contexts: Vec<RunContext>) {
    for context in contexts {
        let (sim, engine) = (Arc::clone(&life.sim), Arc::clone(&life.engine));
        life.sim.spawn(Owner::Replica(life.replica), async move {
            let (claimed, result) = engine.run(context).await;
            while engine.settle(&claimed, &result).await.is_err() {
                sleep(&sim, Span::millis(500)).await;
            }
        });
    }
}

async fn renews(life: Life) {
    let held = life.engine.held();
    loop {
        sleep(&life.sim, LeasePolicy::default().renew_every()).await;
        if let Err(error) = held.renew(life.engine.boot()).await {
            life.after_failure(error.into()).await;
        }
    }
}

async fn reaps(life: Life) {
    loop {
        if life.is_diverged()
            && let Err(error) = life.engine.poll().await
        {
            life.after_failure(error).await;
        }
        if life.is_expired()
            && let Err(error) = life.engine.reap().await
        {
            life.after_failure(error).await;
        }
        sleep(&life.sim, Span::secs(30)).await;
    }
}

async fn projects(life: Life) {
    loop {
        if !life.is_behind() {
            sleep_or_hint(&life.sim, TICK).await;
            sleep(&life.sim, SURFACES_AFTER).await;
            continue;
        }
        match life.engine.project().await {
            // Another one was faster, or will be.
            Ok(0) => sleep_or_hint(&life.sim, TICK).await,
            Ok(_) => {}
            Err(error) => life.after_failure(error).await,
        }
    }
}
