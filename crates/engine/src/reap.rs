//! Reaping: a running job whose lease is over is settled as lost, under the token it ran with. A reaper that
//! loses the race does nothing at all.

use orchd_core::id::InputId;
use orchd_core::job::JobResult;
use orchd_core::mutant::{self, Mutant};

use crate::{Engine, EngineError};

const BATCH: u32 = 64;

impl Engine {
    /// Settles expired leases as lost. After an outage of the store nobody reaps for one full lease length.
    pub async fn reap(&self) -> Result<usize, EngineError> {
        let expired = self.deps.store.expired(BATCH).await;
        self.note_store(&expired);
        let expired = expired?;
        if !self.may_reap() || mutant::on(Mutant::Inc05) {
            return Ok(0);
        }
        for one in &expired {
            let reason = format!("the lease of {} ended and no result was found", one.owner);
            let result = JobResult::lost(reason);
            self.deps.store.settle(one.job, one.token, &result, InputId(one.run.0), self.now()).await?;
        }
        Ok(expired.len())
    }
}
