//! Polling: asks the world again about what no event will announce. It only records; the turn decides.

use orchd_core::command::{RepoCommand, RepoWanted};
use orchd_core::fact::{Address, Input};
use orchd_core::id::{Actor, InputId};

use crate::{Engine, EngineError};

impl Engine {
    /// Looks at main again where it can not be imported: the wait ends by itself once it can be.
    pub async fn poll(&self) -> Result<usize, EngineError> {
        let mut asked = 0;
        for (repo, _) in self.deps.store.repos().await? {
            let diverged = repo.frozen.as_ref().is_some_and(|freeze| freeze.diverged);
            if !diverged || repo.main_job.is_some() {
                continue;
            }
            let command = RepoCommand { what: RepoWanted::Look, by: Actor::new("orchd") };
            let id = InputId(self.deps.ids.next());
            self.deps
                .store
                .put_input(&Address::Repo(repo.id), id, &Input::RepoCommand { command }, self.now())
                .await?;
            asked += 1;
        }
        Ok(asked)
    }
}
