//! A person's word about a provider: its breaker is closed, its used-up quota forgotten, and whoever waited looks again.
//! What runs say of providers comes with their tasks' turns.

use orchd_core::id::{Actor, ProviderId};
use orchd_core::port::store::{CommitOutcome, StoreError};

use crate::commands::CommandError;
use crate::{Engine, EngineError};

/// Tries before the person is told to try again: a conflict means that a run just said something about the provider.
const TRIES: u32 = 8;

impl Engine {
    /// The providers that the configuration names.
    pub fn named_providers(&self) -> Vec<ProviderId> {
        let policies = self.policies();
        let agents = policies.values().flat_map(|policy| policy.agents.values());
        let mut names: Vec<ProviderId> = agents.map(|agent| ProviderId::new(agent.provider())).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Closes a provider's breaker and forgets its quota. One that is well is refused: there is nothing to close.
    pub async fn close_provider(&self, id: &ProviderId, by: &Actor) -> Result<(), CommandError> {
        let mut sent = false;
        for _ in 0..TRIES {
            let known = self.store().providers().await?;
            let unwell = match known.iter().find(|(health, _)| health.provider == *id) {
                Some((health, epoch)) if !health.is_well(self.now()) => Some(*epoch),
                Some(_) => None,
                None if self.named_providers().contains(id) => None,
                None => return Err(CommandError::NotFound { what: format!("provider {id}") }),
            };
            let Some(epoch) = unwell else {
                // An answer that was lost, and the word had arrived; or somebody was faster.
                return if sent { Ok(()) } else { Err(nothing_to_close(id)) };
            };
            match self.store().close_provider(id, epoch, by, self.now()).await {
                CommitOutcome::Committed => return Ok(()),
                CommitOutcome::Conflict | CommitOutcome::Unknown => sent = true,
            }
        }
        let why = format!("provider {id} changes faster than it can be closed");
        Err(EngineError::Store(StoreError::Unavailable(why)).into())
    }
}

fn nothing_to_close(id: &ProviderId) -> CommandError {
    CommandError::Refused {
        code: "not-asked".to_owned(),
        why: format!("provider {id} is well: its breaker is closed and no quota is used up"),
    }
}
