//! The invariants, asked of the engine's own store while it works.

use orchd_core::audit::{Violation, World, audit};

use crate::{Engine, EngineError};

impl Engine {
    /// Asks every invariant that rows alone can answer. They are of one moment, whoever writes meanwhile: no commit is
    /// seen half, so what is found is broken, and need not be asked again.
    pub async fn audit(&self) -> Result<Vec<Violation>, EngineError> {
        let inventory = self.deps.store.inventory().await?;
        Ok(audit(&World::of(&inventory, &self.policies(), None, self.now())))
    }
}
