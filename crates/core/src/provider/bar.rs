//! What keeps queued jobs of a provider in the queue: those that were queued before it was unwell. A claim passes them
//! over as a decision would not have started them, and none of them waits for ever. A store keeps this beside the row.

use super::{Breaker, Health};
use crate::id::JobId;
use crate::time::Timestamp;

/// What a claim may not take. The moments are the engine's, compared with the store's own time, as `available_at` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Nothing before this.
    pub until: Timestamp,
    /// But for this job: it tries the provider.
    pub probe: Option<JobId>,
    /// After that one at a time, as nobody knows whether the provider answers; else all.
    pub one_by_one: bool,
}

impl Health {
    /// What keeps its queued jobs in the queue; `None` where nothing does.
    pub fn bar(&self) -> Option<Bar> {
        let (until, probe, one_by_one) = match &self.breaker {
            Breaker::Closed => (None, None, false),
            Breaker::Open { until, .. } => (Some(*until), None, true),
            Breaker::HalfOpen { probe, .. } => (Some(probe.until), Some(probe.job), true),
        };
        let until = until.max(self.quota.as_ref().map(|used_up| used_up.resets_at))?;
        Some(Bar { until, probe, one_by_one })
    }
}

impl Bar {
    /// Whether a claim may take the job. `tried`: a job of the provider runs that was taken at `until` or later.
    pub fn admits(&self, job: JobId, tried: bool, now: Timestamp) -> bool {
        self.probe == Some(job) || (self.until <= now && !(self.one_by_one && tried))
    }
}
