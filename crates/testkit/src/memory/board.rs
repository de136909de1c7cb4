//! The built-in board and the local forge's pull requests, as rows beside the store's.

use async_trait::async_trait;
use orchd_core::id::{Key, ProjectId, RepoId};
use orchd_core::port::board::{Board, Issue, Pull};
use orchd_core::port::store::StoreResult;
use orchd_core::time::Timestamp;

use super::MemoryStore;
use super::state::{State, inconsistent};

#[async_trait]
impl Board for MemoryStore {
    async fn add_issue(
        &self,
        project: &ProjectId,
        prefix: &str,
        title: &str,
        description: &str,
        _: Timestamp,
    ) -> StoreResult<Issue> {
        Ok(self.with(|state| {
            let issues = state.issues.entry(project.clone()).or_default();
            let issue = Issue {
                project: project.clone(),
                // Issues are never removed: their number is the latest key's.
                key: Key::new(format!("{prefix}-{}", issues.len() + 1)),
                title: title.to_owned(),
                description: description.to_owned(),
                status: String::new(),
                line: String::new(),
            };
            issues.push(issue.clone());
            issue
        }))
    }

    async fn issue(&self, project: &ProjectId, key: &Key) -> StoreResult<Option<Issue>> {
        Ok(self.with(|state| of_key(state, project, key).cloned()))
    }

    async fn issues(&self, project: &ProjectId) -> StoreResult<Vec<Issue>> {
        Ok(self.with(|state| state.issues.get(project).cloned().unwrap_or_default()))
    }

    async fn set_issue_status(
        &self,
        project: &ProjectId,
        key: &Key,
        status: &str,
        line: &str,
    ) -> StoreResult<()> {
        self.with(|state| {
            let issue = of_key(state, project, key).ok_or_else(|| {
                inconsistent("issues", format!("{project}/{key}"), "there is no such issue")
            })?;
            issue.status = status.to_owned();
            issue.line = line.to_owned();
            Ok(())
        })
    }

    async fn put_pull(&self, pull: &Pull) -> StoreResult<()> {
        self.with(|state| {
            let same = |p: &&mut Pull| p.repo == pull.repo && p.head == pull.head;
            match state.pulls.iter_mut().find(same) {
                Some(stored) => stored.clone_from(pull),
                None => state.pulls.push(pull.clone()),
            }
        });
        Ok(())
    }

    async fn pulls(&self, repo: &RepoId) -> StoreResult<Vec<Pull>> {
        Ok(self.with(|state| state.pulls.iter().filter(|p| p.repo == *repo).cloned().collect()))
    }
}

fn of_key<'s>(state: &'s mut State, project: &ProjectId, key: &Key) -> Option<&'s mut Issue> {
    state.issues.get_mut(project)?.iter_mut().find(|issue| issue.key == *key)
}
