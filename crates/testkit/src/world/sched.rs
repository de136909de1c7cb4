//! The executor: polls the futures of replicas and of the world in seeded order, moves the virtual clock when
//! nothing else can happen, and drops a replica's futures when it dies. No waker, no thread, no real time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use orchd_core::port::clock::Clock;
use orchd_core::time::{Span, Timestamp};

use super::sim::Sim;
use crate::rng::Rng;

/// A future that the schedule polls.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whose future it is: a replica's dies with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The replica of this index.
    Replica(usize),
    /// Git, agents, people: what outlives every replica.
    World,
}

/// When a future is polled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// With the others that are ready.
    Ready,
    /// At this moment.
    At(Timestamp),
    /// At this moment, or when something was written.
    Hint(Timestamp),
    /// Never.
    Never,
}

impl Wake {
    /// The moment, for the order among several.
    pub(super) const fn at(self) -> Timestamp {
        match self {
            Self::Ready => Timestamp(i64::MIN),
            Self::At(at) | Self::Hint(at) => at,
            Self::Never => Timestamp(i64::MAX),
        }
    }
}

struct Slot {
    owner: Owner,
    work: Work,
    /// When it is polled again; the beginning of time is at once, its end is never.
    at: Timestamp,
    /// It is also polled when something was written.
    hears: bool,
    /// Its place in [`Schedule::still`].
    lane: usize,
}

impl Slot {
    fn new(owner: Owner, work: Work) -> Self {
        let lane = match owner {
            Owner::World => 0,
            Owner::Replica(replica) => replica + 1,
        };
        Self { owner, work, at: Wake::Ready.at(), hears: false, lane }
    }
}

/// The futures that are under way.
pub(super) struct Schedule {
    rng: Rng,
    slots: Vec<Slot>,
    /// Those that are ready in the present turn; kept for its room.
    ready: Vec<usize>,
    /// Until when each owner stands still: the world, which never does, then the replicas.
    still: Vec<Timestamp>,
}

/// What one turn of the schedule did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    /// A future was polled.
    Polled,
    /// Nothing is ready: the next moment at which something is.
    Idle(Option<Timestamp>),
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed ^ 0x5c4e_d01e), slots: Vec::new(), ready: Vec::new(), still: Vec::new() }
    }

    /// Polls one of the futures that are ready.
    pub(super) fn turn(&mut self, sim: &Arc<Sim>) -> Turned {
        let now = sim.clock.now();
        let any_still = sim.with(|i| {
            if !i.spawned.is_empty() {
                let spawned = i.spawned.drain(..);
                self.slots.extend(spawned.map(|(owner, work)| Slot::new(owner, work)));
            }
            let any_still = i.replicas.iter().any(|replica| replica.stopped_until > now);
            if any_still {
                self.still.clear();
                self.still.push(Wake::Ready.at());
                self.still.extend(i.replicas.iter().map(|replica| replica.stopped_until));
            }
            any_still
        });
        self.ready.clear();
        let mut next = Wake::Never.at();
        for (index, slot) in self.slots.iter().enumerate() {
            let mut at = slot.at;
            if any_still && let Some(still) = self.still.get(slot.lane) {
                at = at.max(*still);
            }
            if at <= now {
                self.ready.push(index);
            } else {
                next = next.min(at);
            }
        }
        let Some(index) = self.rng.pick(&self.ready).copied() else {
            return Turned::Idle((next != Wake::Never.at()).then_some(next));
        };
        self.poll(sim, index);
        Turned::Polled
    }

    fn poll(&mut self, sim: &Arc<Sim>, index: usize) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let mut context = Context::from_waker(Waker::noop());
        let done = slot.work.as_mut().poll(&mut context).is_ready();
        let wake = sim.take_wake();
        (slot.at, slot.hears) = (wake.at(), matches!(wake, Wake::Hint(_)));
        if done {
            drop(self.slots.swap_remove(index));
        }
    }

    /// Drops everything that a dead replica had in memory.
    pub(super) fn bury(&mut self, replica: usize) {
        self.slots.retain(|slot| slot.owner != Owner::Replica(replica));
    }

    /// Something was written: who waits for a hint is ready, but for a hint lost now and then.
    pub(super) fn hint(&mut self) {
        for slot in &mut self.slots {
            if slot.hears && !self.rng.one_in(10) {
                (slot.at, slot.hears) = (Wake::Ready.at(), false);
            }
        }
    }
}

/// Waits for virtual time to pass.
pub(super) async fn sleep(sim: &Arc<Sim>, span: Span) {
    wait_until(sim, sim.clock.now() + span, Wake::At).await;
}

/// Waits for virtual time to pass, or for something to be written.
pub(super) async fn sleep_or_hint(sim: &Arc<Sim>, span: Span) {
    let until = sim.clock.now() + span;
    let mut first = true;
    std::future::poll_fn(|_| {
        if std::mem::take(&mut first) {
            sim.set_wake(Wake::Hint(until));
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

async fn wait_until(sim: &Arc<Sim>, until: Timestamp, wake: fn(Timestamp) -> Wake) {
    std::future::poll_fn(|_| {
        if sim.clock.now() >= until {
            return Poll::Ready(());
        }
        sim.set_wake(wake(until));
        Poll::Pending
    })
    .await;
}

/// Gives way once.
pub(super) async fn give_way(sim: &Arc<Sim>) {
    let mut first = true;
    std::future::poll_fn(|_| {
        if std::mem::take(&mut first) {
            sim.set_wake(Wake::Ready);
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// Never goes on: the process that waits is dead.
pub(super) async fn never<T>(sim: &Arc<Sim>) -> T {
    std::future::poll_fn(|_| {
        sim.set_wake(Wake::Never);
        Poll::Pending
    })
    .await
}
