//! A forge that is git and nothing else: the local one, whose pull requests are rows of the board, and any remote that may
//! be pushed to, which has none. Reports are commits on refs of orchd's own, branches as git has them. Everything is
//! safe to repeat.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use orchd_core::id::{Branch, RefName, RepoId, Sha};
use orchd_core::port::board::{Board, Pull};
use orchd_core::port::forge::Forge;
use orchd_core::port::tracker::OutsideError;
use orchd_core::task::Task;
use orchd_git::{Mirror, RecordOutcome};

/// One repository.
#[derive(Debug, Clone)]
pub struct GitRepo {
    /// Its mirror, where commits are written before they are published. The executors' own, so that there is one.
    pub mirror: Mirror,
    /// Whether it has pull requests, on the board.
    pub pulls: bool,
}

/// The forge over the built-in board and git repositories.
pub struct GitForge {
    board: Arc<dyn Board>,
    repos: BTreeMap<RepoId, GitRepo>,
}

impl GitForge {
    /// A forge with these repositories.
    pub fn new(board: Arc<dyn Board>, repos: BTreeMap<RepoId, GitRepo>) -> Self {
        Self { board, repos }
    }

    fn need(&self, repo: &RepoId) -> Result<&GitRepo, OutsideError> {
        self.repos
            .get(repo)
            .ok_or_else(|| failed(format!("it has no repository {repo}; start orchd with one configured")))
    }
}

#[async_trait]
impl Forge for GitForge {
    async fn ensure_pull(
        &self,
        repo: &RepoId,
        head: &Branch,
        title: &str,
        text: &str,
        open: bool,
    ) -> Result<(), OutsideError> {
        if !self.need(repo)?.pulls {
            return Ok(());
        }
        let (title, text) = (title.to_owned(), text.to_owned());
        let wanted = Pull { repo: repo.clone(), head: head.clone(), title, text, open };
        let stored = |error| failed(format!("the pull request of {head} was not stored: {error}"));
        let there = self.board.pulls(repo).await.map_err(stored)?;
        if there.contains(&wanted) {
            return Ok(());
        }
        self.board.put_pull(&wanted).await.map_err(stored)
    }

    async fn write_records(&self, task: &Task, files: &[(String, String)]) -> Result<(), OutsideError> {
        let mirror = &self.need(&task.repo)?.mirror;
        let name = RefName::records(task.id);
        let files: Vec<(String, Vec<u8>)> =
            files.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes())).collect();
        let message = format!("{}: records\n", task.key);
        let not = |why: String| failed(format!("the records of {} were not written: {why}", task.key));
        mirror.commit_tree_ref(&name, &files, &message).await.map_err(|error| not(error.to_string()))?;
        match mirror.publish_records(&name).await.map_err(|error| not(error.to_string()))? {
            RecordOutcome::Published => Ok(()),
            RecordOutcome::Refused { why } | RecordOutcome::Unknown { why } => Err(not(why)),
        }
    }

    async fn branch_head(&self, repo: &RepoId, branch: &Branch) -> Result<Option<Sha>, OutsideError> {
        let mirror = &self.need(repo)?.mirror;
        let asked = mirror.remote_branch(branch).await;
        asked.map_err(|error| failed(format!("it was not told where {branch} stands: {error}")))
    }
}

fn failed(why: String) -> OutsideError {
    OutsideError { system: "git", why }
}
