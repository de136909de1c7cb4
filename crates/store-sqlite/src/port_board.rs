//! The port `Board`: what is asked, handed to `query/board.rs`.

use async_trait::async_trait;
use orchd_core::id::{Key, ProjectId, RepoId};
use orchd_core::port::board::{Board, Issue, Pull};
use orchd_core::port::store::StoreResult;
use orchd_core::time::Timestamp;

use crate::query::board::{self, NewIssue};
use crate::store::SqliteStore;

#[async_trait]
impl Board for SqliteStore {
    async fn add_issue(
        &self,
        project: &ProjectId,
        prefix: &str,
        title: &str,
        description: &str,
        at: Timestamp,
    ) -> StoreResult<Issue> {
        let new = NewIssue {
            project: project.clone(),
            prefix: prefix.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
            at: at.0,
        };
        Ok(self.write("add_issue", move |conn| board::add(conn, new)).await?)
    }

    async fn issue(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<Issue>> {
        let (project, key) = (project.clone(), key.clone());
        Ok(self.read(move |conn| board::one(conn, &project, &key)).await?)
    }

    async fn issues(&self, project: &ProjectId) -> StoreResult<Vec<Issue>> {
        let project = project.clone();
        Ok(self.read(move |conn| board::all(conn, &project)).await?)
    }

    async fn set_issue_status(
        &self,
        project: &ProjectId,
        key: &Key,
        status: &str,
        line: &str,
    ) -> StoreResult<()> {
        let (project, key) = (project.to_string(), key.to_string());
        let (status, line) = (status.to_owned(), line.to_owned());
        Ok(self
            .write("set_issue_status", move |conn| board::set_status(conn, &project, &key, &status, &line))
            .await?)
    }

    async fn put_pull(&self, pull: &Pull) -> StoreResult<()> {
        let pull = pull.clone();
        Ok(self.write("put_pull", move |conn| board::put_pull(conn, &pull)).await?)
    }

    async fn pulls(&self, repo: &RepoId) -> StoreResult<Vec<Pull>> {
        let repo = repo.clone();
        Ok(self.read(move |conn| board::pulls(conn, &repo)).await?)
    }
}
