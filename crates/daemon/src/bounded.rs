//! Surfaces with a bound: one that does not answer is an error, tried again, and nobody waits behind it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use orchd_core::id::{Branch, RepoId, Sha};
use orchd_core::port::forge::Forge;
use orchd_core::port::tracker::OutsideError;
use orchd_core::task::Task;
use tokio::time::timeout;

/// Of one write or question; a first push of much may take longer, and goes through by and by.
const PATIENCE: Duration = Duration::from_secs(20);

/// A forge that answers in time, or is said not to.
pub(crate) struct Bounded(pub(crate) Arc<dyn Forge>);

#[async_trait]
impl Forge for Bounded {
    async fn ensure_pull(
        &self,
        repo: &RepoId,
        head: &Branch,
        title: &str,
        text: &str,
        open: bool,
    ) -> Result<(), OutsideError> {
        bounded(self.0.ensure_pull(repo, head, title, text, open)).await
    }

    async fn write_records(&self, task: &Task, files: &[(String, String)]) -> Result<(), OutsideError> {
        bounded(self.0.write_records(task, files)).await
    }

    async fn branch_head(&self, repo: &RepoId, branch: &Branch) -> Result<Option<Sha>, OutsideError> {
        bounded(self.0.branch_head(repo, branch)).await
    }
}

async fn bounded<T>(asked: impl Future<Output = Result<T, OutsideError>>) -> Result<T, OutsideError> {
    let late = |_| OutsideError { system: "git", why: format!("no answer within {} s", PATIENCE.as_secs()) };
    timeout(PATIENCE, asked).await.map_err(late)?
}
