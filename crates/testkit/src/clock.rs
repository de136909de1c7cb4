//! Time and identities for tests: a clock that moves only when told to, and ids that count. Both are
//! deterministic, so that a seed reproduces a run.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use orchd_core::port::clock::{Clock, Ids};
use orchd_core::time::{Span, Timestamp};
use uuid::Uuid;

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self { now: AtomicI64::new(now.0) }
    }

    /// Moves on by `span`; a negative span moves it back, as a wall clock may.
    pub fn advance(&self, span: Span) {
        self.now.fetch_add(span.0, Ordering::SeqCst);
    }

    /// Sets it.
    pub fn set(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }
}

/// Identities that count up from a start of their own.
#[derive(Debug)]
pub struct CountingIds {
    space: u64,
    next: AtomicU64,
}

impl CountingIds {
    /// Identities of the space `space`: two spaces never give the same one.
    pub const fn new(space: u64) -> Self {
        Self { space, next: AtomicU64::new(1) }
    }
}

impl Ids for CountingIds {
    fn next(&self) -> Uuid {
        Uuid::from_u64_pair(self.space, self.next.fetch_add(1, Ordering::SeqCst))
    }
}
