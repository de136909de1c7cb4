//! What all futures of a run share: the virtual clock, the store, the seeded streams, the world outside, and
//! the mailbox to the schedule. One thread, so every lock is free.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use orchd_core::audit::{Truth, Violation};
use orchd_core::id::{InputId, Key, ProjectId, ProviderId, RunId, TaskId};
use orchd_core::job::JobResult;
use orchd_core::port::clock::{Clock, Ids};
use orchd_core::port::store::Store;
use orchd_core::time::{Span, Timestamp};
use orchd_engine::Engine;

use super::fault::Fault;
use super::faults::{Faults, Strike};
use super::git::Git;
use super::roles::Trouble;
use super::sched::{Owner, Wake, Work};
use super::shape::Shape;
use super::spot::Spot;
use super::twin::Twin;
use super::{Options, Policies};
use crate::clock::{CountingIds, ManualClock};
use crate::memory::MemoryStore;
use crate::rng::Rng;

/// The moment at which every run begins.
pub(super) const START: Timestamp = Timestamp(1_780_000_000_000);

/// What all futures share.
pub(super) struct Sim {
    pub(super) clock: Arc<ManualClock>,
    pub(super) ids: CountingIds,
    /// What invariants are asked about, and all rows where no store is beside it.
    pub(super) store: Arc<MemoryStore>,
    /// The same rows with those of another store beside them, where one was asked for.
    pub(super) twin: Option<Twin>,
    pub(super) shape: Shape,
    pub(super) policies: Policies,
    /// How far each process's wall clock is off, in milliseconds.
    skews: Vec<AtomicI64>,
    /// A line is kept for everything that happens.
    traces: bool,
    inner: Mutex<Inner>,
}

/// What changes during a run.
pub(super) struct Inner {
    /// Chance of everything that is no fault.
    pub(super) chance: Rng,
    pub(super) faults: Faults,
    pub(super) git: Git,
    pub(super) replicas: Vec<Replica>,
    /// The store is down until then.
    pub(super) outage_until: Timestamp,
    /// What is wrong with providers of agents.
    pub(super) troubles: BTreeMap<ProviderId, Trouble>,
    /// Runs outlive the process that started them.
    pub(super) runs: BTreeMap<RunId, Run>,
    /// What each issue's board shows.
    pub(super) boards: BTreeMap<(ProjectId, Key), (String, String)>,
    /// Commands whose acceptance was answered.
    pub(super) accepted: Vec<InputId>,
    /// Tasks that a person of the calm phase has retried, and how often.
    pub(super) retried: BTreeMap<TaskId, u32>,
    /// Heads whose CI report was sent.
    pub(super) reported: BTreeSet<orchd_core::id::Sha>,
    /// Faults are over; people answer what they are asked.
    pub(super) calm: bool,
    /// The furthest that a process's clock was ever off.
    pub(super) skew: Span,
    /// When a person last stopped or allowed admission.
    pub(super) drained_at: Option<Timestamp>,
    /// Futures that the schedule has not taken over yet.
    pub(super) spawned: Vec<(Owner, Work)>,
    wake: Option<Wake>,
    dead: Vec<usize>,
    written: bool,
    pub(super) hash: u64,
    pub(super) commits: u64,
    pub(super) crashes: u64,
    pub(super) trace: Option<Vec<String>>,
    /// What the watcher found: violations, the truth, polls.
    pub(super) verdict: Option<(Vec<Violation>, Truth, u64)>,
}

impl Inner {
    /// Whether the process died while its future is still being polled.
    pub(super) fn is_dead(&self, replica: usize) -> bool {
        self.dead.contains(&replica)
    }
}

/// One process.
pub(super) struct Replica {
    /// Its engine while it is up.
    pub(super) engine: Option<Arc<Engine>>,
    /// It stands still until then.
    pub(super) stopped_until: Timestamp,
    /// It was asked to stop: no loop takes another step.
    pub(super) stopping: bool,
}

/// A run of an executor's program, under its shim.
pub(super) struct Run {
    pub(super) ends_at: Timestamp,
    pub(super) result: JobResult,
}

impl Sim {
    pub(super) fn new(options: &Options) -> Arc<Self> {
        let seed = options.seed;
        let mut root = Rng::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x0c8d);
        let clock = Arc::new(ManualClock::new(START));
        let store = Arc::new(MemoryStore::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let other = options.beside.map(|make| make(Arc::clone(&clock) as Arc<dyn Clock>));
        let twin = other.map(|other| Twin::new(Arc::clone(&store), other));
        let faults = Faults::of(options, Rng::new(root.next()), &store);
        let drawn = Shape::draw(&mut Rng::new(root.next()));
        let shape = options.scenario.as_ref().map_or(drawn, |scenario| scenario.shape.clone());
        let policies = shape.policies();
        let replica = || Replica { engine: None, stopped_until: START, stopping: false };
        let replicas = (0..shape.replicas).map(|_| replica()).collect();
        let skews = (0..shape.replicas).map(|_| AtomicI64::new(0)).collect();
        let inner = Inner {
            chance: Rng::new(root.next()),
            faults,
            git: Git::new(root.next(), shape.trouble),
            replicas,
            outage_until: START,
            troubles: BTreeMap::new(),
            runs: BTreeMap::new(),
            boards: BTreeMap::new(),
            accepted: Vec::new(),
            retried: BTreeMap::new(),
            reported: BTreeSet::new(),
            calm: false,
            skew: Span(0),
            drained_at: None,
            spawned: Vec::new(),
            wake: None,
            dead: Vec::new(),
            written: false,
            hash: 0xcbf2_9ce4_8422_2325,
            commits: 0,
            crashes: 0,
            trace: options.trace.then(Vec::new),
            verdict: None,
        };
        let ids = CountingIds::new(root.next());
        Arc::new(Self {
            clock,
            ids,
            store,
            twin,
            shape,
            policies,
            skews,
            traces: options.trace,
            inner: Mutex::new(inner),
        })
    }

    pub(super) fn with<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The store as everybody but the audit reaches it.
    pub(super) fn rows(&self) -> &dyn Store {
        match &self.twin {
            Some(twin) => twin,
            None => &*self.store,
        }
    }

    /// Whether the store beside answered differently.
    pub(super) fn has_parted(&self) -> bool {
        self.twin.as_ref().is_some_and(|twin| twin.parted().is_some())
    }

    /// A number below `n`, from the stream of everything that is no fault.
    pub(super) fn below(&self, n: u64) -> u64 {
        self.with(|i| i.chance.below(n))
    }

    /// True once in `n` times.
    pub(super) fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A span between two, in milliseconds.
    pub(super) fn between(&self, low: i64, high: i64) -> Span {
        let width = u64::try_from(high - low).unwrap_or(1).max(1);
        Span(low + i64::try_from(self.below(width)).unwrap_or(0))
    }

    /// Whether this kind of fault strikes here and now.
    pub(super) fn strikes(&self, fault: Fault, spot: Spot) -> bool {
        self.strike(fault, spot).is_some()
    }

    /// The fault, if this kind strikes here and now.
    pub(super) fn strike(&self, fault: Fault, spot: Spot) -> Option<Strike> {
        let struck = self.with(|i| i.faults.strikes(fault, spot))?;
        self.say(|| format!("fault: {}", fault.name()));
        Some(struck)
    }

    /// The time as a process's own wall clock has it.
    pub(super) fn now_at(&self, replica: usize) -> Timestamp {
        let skew = self.skews.get(replica).map_or(0, |skew| skew.load(Ordering::Relaxed));
        self.clock.now() + Span(skew)
    }

    /// A process's wall clock jumps to this distance from the true time.
    pub(super) fn skew(&self, replica: usize, to: Span) {
        if let Some(skew) = self.skews.get(replica) {
            skew.store(to.0, Ordering::Relaxed);
            self.with(|i| i.skew = i.skew.max(Span(to.0.abs())));
        }
    }

    pub(super) fn is_calm(&self) -> bool {
        self.with(|i| i.calm)
    }

    pub(super) fn mint_input(&self) -> InputId {
        InputId(self.ids.next())
    }

    /// Adds a line to the trace, where one is kept.
    pub(super) fn say(&self, line: impl FnOnce() -> String) {
        if !self.traces {
            return;
        }
        let at = self.now() - START;
        self.with(|i| {
            if let Some(trace) = &mut i.trace {
                trace.push(format!("{:>9}.{:03} {}", at.0 / 1000, at.0 % 1000, line()));
            }
        });
    }

    pub(super) const fn traces(&self) -> bool {
        self.traces
    }

    pub(super) fn spawn(&self, owner: Owner, work: impl Future<Output = ()> + Send + 'static) {
        self.with(|i| i.spawned.push((owner, Box::pin(work))));
    }

    /// A future waits for this; of several that were polled as one, the earliest counts.
    pub(super) fn set_wake(&self, wake: Wake) {
        self.with(|i| {
            if i.wake.is_none_or(|other| wake.at() < other.at()) {
                i.wake = Some(wake);
            }
        });
    }

    /// What the future that was just polled waits for.
    pub(super) fn take_wake(&self) -> Wake {
        self.with(|i| i.wake.take()).unwrap_or(Wake::Ready)
    }

    /// The process dies; its futures are dropped as soon as the one that is polled has given way.
    pub(super) fn crash(&self, replica: usize) {
        self.say(|| format!("replica {replica} dies"));
        self.with(|i| i.crashes += 1);
        self.leaves(replica);
    }

    /// The process is gone, and is started again after a while.
    pub(super) fn leaves(&self, replica: usize) {
        self.with(|i| {
            i.dead.push(replica);
            // What it was about to start dies with it.
            i.spawned.retain(|(owner, _)| *owner != Owner::Replica(replica));
            if let Some(gone) = i.replicas.get_mut(replica) {
                gone.engine = None;
                gone.stopped_until = START;
                gone.stopping = false;
            }
        });
    }

    /// The run is over: engines that are up hold the world, and it them.
    pub(super) fn let_go(&self) {
        let (engines, spawned) = self.with(|i| {
            let engines: Vec<_> = i.replicas.iter_mut().map(|replica| replica.engine.take()).collect();
            (engines, std::mem::take(&mut i.spawned))
        });
        // Outside of the lock, which what they drop might want.
        drop((engines, spawned));
    }

    pub(super) fn take_dead(&self) -> Vec<usize> {
        self.with(|i| std::mem::take(&mut i.dead))
    }

    /// The engine of a replica that is up, chosen by chance.
    pub(super) fn some_engine(&self) -> Option<(usize, Arc<Engine>)> {
        self.with(|i| {
            let up: Vec<(usize, Arc<Engine>)> = i
                .replicas
                .iter()
                .enumerate()
                .filter_map(|(n, replica)| replica.engine.clone().map(|engine| (n, engine)))
                .collect();
            i.chance.pick(&up).cloned()
        })
    }

    /// Rows changed that invariants speak about, or the world outside did: who waits for a hint gets one.
    pub(super) fn wrote(&self, word: u64) {
        self.with(|i| i.written = true);
        self.touched(word);
    }

    /// Something happened that goes into the run's hash and nowhere else.
    pub(super) fn touched(&self, word: u64) {
        let now = self.now();
        self.with(|i| {
            fold(&mut i.hash, now.0 as u64);
            fold(&mut i.hash, word);
        });
    }

    /// Whether something was written since the last time.
    pub(super) fn take_written(&self) -> bool {
        self.with(|i| std::mem::take(&mut i.written))
    }
}

/// FNV-1a over the bytes of a number.
pub(super) fn fold(hash: &mut u64, word: u64) {
    for byte in word.to_le_bytes() {
        *hash = (*hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
}
