//! Lease arithmetic: when a lease ends, when its holder must renew, when it must stop starting irreversible
//! effects, and when a reaper may act. Pure numbers; whose clock they come from is the store's promise.

use crate::time::{Span, Timestamp};

/// The lease of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeasePolicy {
    /// How long a lease lasts from a claim or a renewal.
    pub ttl: Span,
}

impl Default for LeasePolicy {
    fn default() -> Self {
        Self { ttl: Span::secs(60) }
    }
}

impl LeasePolicy {
    /// When a lease that is taken or renewed at `now` ends.
    pub fn until(self, now: Timestamp) -> Timestamp {
        now + self.ttl
    }

    /// How often the holder renews.
    pub const fn renew_every(self) -> Span {
        Span(self.ttl.0 / 3)
    }

    /// Whether a holder whose last successful renewal *started* at `renewed` may start an irreversible effect.
    pub fn may_act(self, renewed: Timestamp, now: Timestamp) -> bool {
        now >= renewed && (now - renewed).0 < self.ttl.0 / 2
    }

    /// Whether a lease is over.
    pub fn expired(until: Timestamp, now: Timestamp) -> bool {
        now > until
    }

    /// Whether this process may reap: after an outage of the store all leases look expired, so it waits one
    /// whole lease from its own first success since.
    pub fn may_reap(self, store_up_since: Timestamp, now: Timestamp) -> bool {
        (now - store_up_since).0 >= self.ttl.0
    }
}
