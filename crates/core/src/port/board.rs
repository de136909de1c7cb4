//! The built-in board: issues and pull requests as rows of orchd's own store. Implemented by stores; used by
//! the local tracker and forge only.

use async_trait::async_trait;

use crate::id::{Branch, Key, ProjectId, RepoId};
use crate::port::store::StoreResult;
use crate::time::Timestamp;

/// An issue of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The project.
    pub project: ProjectId,
    /// Its key, given by the board.
    pub key: Key,
    /// The title.
    pub title: String,
    /// The description.
    pub description: String,
    /// The status people see.
    pub status: String,
    /// One line below it.
    pub line: String,
}

/// A pull request of the local forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// The repository.
    pub repo: RepoId,
    /// The head branch; the base is main.
    pub head: Branch,
    /// The title.
    pub title: String,
    /// The text.
    pub text: String,
    /// Open, or closed.
    pub open: bool,
}

/// The board.
#[async_trait]
pub trait Board: Send + Sync {
    /// Adds an issue without a status and gives it the project's next key (`PREFIX-n`, n from 1 without gaps, over
    /// all prefixes), in one transaction.
    async fn add_issue(
        &self,
        project: &ProjectId,
        prefix: &str,
        title: &str,
        description: &str,
        at: Timestamp,
    ) -> StoreResult<Issue>;
    /// One issue.
    async fn issue(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<Issue>>;
    /// All issues, oldest first.
    async fn issues(&self, project: &ProjectId) -> StoreResult<Vec<Issue>>;
    /// Shows a status. An unknown issue is `Inconsistent`.
    async fn set_issue_status(
        &self,
        project: &ProjectId,
        key: &Key,
        status: &str,
        line: &str,
    ) -> StoreResult<()>;
    /// Creates or replaces a pull request; its identity is (repository, head). The repository need not be known.
    async fn put_pull(&self, pull: &Pull) -> StoreResult<()>;
    /// All pull requests of a repository, in the order they were created.
    async fn pulls(&self, repo: &RepoId) -> StoreResult<Vec<Pull>>;
}
