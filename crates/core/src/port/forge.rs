//! The forge: pull requests and reports beside the code. Landing is not here: it is a job with an effect.

use async_trait::async_trait;

use crate::id::{Branch, RepoId, Sha};
use crate::port::tracker::OutsideError;
use crate::task::Task;

/// The forge.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Makes sure that an open pull request of exactly this head branch into main exists, with this text;
    /// closed where the task is over.
    async fn ensure_pull(
        &self,
        repo: &RepoId,
        head: &Branch,
        title: &str,
        text: &str,
        open: bool,
    ) -> Result<(), OutsideError>;
    /// Mirrors a task's reports to `refs/orchd/records/<task>`: file name and content.
    async fn write_records(&self, task: &Task, files: &[(String, String)]) -> Result<(), OutsideError>;
    /// The head of a branch, if it exists.
    async fn branch_head(&self, repo: &RepoId, branch: &Branch) -> Result<Option<Sha>, OutsideError>;
}
