//! A board in memory that counts its writes.

use std::sync::Mutex;

use async_trait::async_trait;
use orchd_core::id::{Key, ProjectId, RepoId};
use orchd_core::port::board::{Board, Issue, Pull};
use orchd_core::port::store::{StoreError, StoreResult};
use orchd_core::time::Timestamp;

#[derive(Default)]
pub(crate) struct MemoryBoard {
    issues: Mutex<Vec<Issue>>,
    pulls: Mutex<Vec<Pull>>,
    pub(crate) pull_writes: Mutex<u32>,
}

#[async_trait]
impl Board for MemoryBoard {
    async fn add_issue(
        &self,
        project: &ProjectId,
        prefix: &str,
        title: &str,
        description: &str,
        _: Timestamp,
    ) -> StoreResult<Issue> {
        let mut issues = self.issues.lock().unwrap();
        let issue = Issue {
            project: project.clone(),
            key: Key::new(format!("{prefix}-{}", issues.len() + 1)),
            title: title.to_owned(),
            description: description.to_owned(),
            status: "backlog".to_owned(),
            line: String::new(),
        };
        issues.push(issue.clone());
        Ok(issue)
    }

    async fn issue(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<Issue>> {
        let issues = self.issues.lock().unwrap();
        Ok(issues.iter().find(|issue| issue.project == *project && issue.key == *key).cloned())
    }

    async fn issues(&self, _: &ProjectId) -> StoreResult<Vec<Issue>> {
        Ok(self.issues.lock().unwrap().clone())
    }

    async fn set_issue_status(
        &self,
        project: &ProjectId,
        key: &Key,
        status: &str,
        line: &str,
    ) -> StoreResult<()> {
        let mut issues = self.issues.lock().unwrap();
        let issue = issues.iter_mut().find(|issue| issue.project == *project && issue.key == *key);
        let issue = issue.ok_or_else(|| StoreError::Unavailable(format!("no issue {key}")))?;
        (issue.status, issue.line) = (status.to_owned(), line.to_owned());
        Ok(())
    }

    async fn put_pull(&self, pull: &Pull) -> StoreResult<()> {
        *self.pull_writes.lock().unwrap() += 1;
        let mut pulls = self.pulls.lock().unwrap();
        pulls.retain(|other| (&other.repo, &other.head) != (&pull.repo, &pull.head));
        pulls.push(pull.clone());
        Ok(())
    }

    async fn pulls(&self, repo: &RepoId) -> StoreResult<Vec<Pull>> {
        let pulls = self.pulls.lock().unwrap();
        Ok(pulls.iter().filter(|pull| pull.repo == *repo).cloned().collect())
    }
}
