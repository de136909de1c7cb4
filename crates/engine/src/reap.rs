//! Reaping: a running job whose lease is over is settled as lost, under the token it ran with. A reaper that
//! loses the race does nothing at all. Nobody reaps what it works on itself.

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
        // After a standstill (a suspended laptop) the leases of this very process are over too. Whoever works on the
        // job here hears it at the next renewal and tells what became of it, until another process was faster.
        let gone = expired.iter().filter(|one| !self.held.holds(one.job, one.token));
        let mut reaped = 0;
        for one in gone {
            let reason = format!("the lease of {} ended and no result was found", one.owner);
            let result = JobResult::lost(reason);
            self.deps.store.settle(one.job, one.token, &result, InputId(one.run.0), self.now()).await?;
            reaped += 1;
        }
        Ok(reaped)
    }
}
