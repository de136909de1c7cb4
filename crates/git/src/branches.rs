//! Task branches: the mirror's own copy, moved by compare-and-swap, and the remote's, moved by a push with a
//! lease. Main is refused here by name; it has its own module.

use orchd_core::id::{Branch, RefName, Sha};

use crate::error::GitError;
use crate::mirror::Mirror;
use crate::names::branch_ref;
use crate::push::{PushAnswer, RefAnswer, RefChange, push};

/// What became of a ref of the mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefUpdate {
    /// It stands at the new commit now.
    Updated,
    /// It stood there already.
    Unchanged,
    /// It was not where it was believed to be; nothing was changed.
    Stale {
        /// Where it stands; none if it does not exist.
        actual: Option<Sha>,
    },
}

/// What became of a push of a task branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The remote's branch stands at the new commit now.
    Pushed,
    /// It stood there already.
    UpToDate,
    /// Somebody moved it; nothing was changed.
    Stale {
        /// Where it stands; none if it does not exist.
        actual: Option<Sha>,
    },
    /// The remote would not take it.
    Refused {
        /// The remote's words.
        why: String,
    },
    /// No answer: ask [`Mirror::remote_branch`].
    Unknown {
        /// What broke.
        why: String,
    },
}

/// What became of the deletion of a remote branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It is gone.
    Deleted,
    /// It was not there.
    Absent,
    /// It holds something else than expected; kept.
    Stale {
        /// Where it stands.
        actual: Sha,
    },
    /// The remote would not.
    Refused {
        /// The remote's words.
        why: String,
    },
    /// No answer: ask [`Mirror::remote_branch`].
    Unknown {
        /// What broke.
        why: String,
    },
}

impl Mirror {
    /// The mirror's branch, cut at `at` if there is none yet; says where it stands.
    pub async fn ensure_branch(&self, branch: &Branch, at: &Sha) -> Result<Sha, GitError> {
        let name = self.task_ref("cut a branch", branch)?;
        match self.swap_ref(&name, at, None).await? {
            RefUpdate::Updated | RefUpdate::Unchanged => Ok(at.clone()),
            RefUpdate::Stale { actual: Some(actual) } => Ok(actual),
            RefUpdate::Stale { actual: None } => {
                Err(GitError::Contended { what: name.to_string(), doing: "cut a branch" })
            }
        }
    }

    /// Where the mirror's branch stands.
    pub async fn branch_head(&self, branch: &Branch) -> Result<Option<Sha>, GitError> {
        self.resolve(&branch_ref(branch)?).await
    }

    /// Moves the mirror's branch, only from `expected_old` (`None`: must not exist).
    pub async fn update_branch(
        &self,
        branch: &Branch,
        new: &Sha,
        expected_old: Option<&Sha>,
    ) -> Result<RefUpdate, GitError> {
        let name = self.task_ref("move a branch", branch)?;
        self.swap_ref(&name, new, expected_old).await
    }

    /// Where the remote's branch stands now.
    pub async fn remote_branch(&self, branch: &Branch) -> Result<Option<Sha>, GitError> {
        let name = branch_ref(branch)?;
        Ok(self.ls_remote(&[&name]).await?.into_iter().next().map(|(_, sha)| sha))
    }

    /// Fetches the remote's branch (a head pushed by a person) and says where it stands.
    pub async fn fetch_branch(&self, branch: &Branch) -> Result<Option<Sha>, GitError> {
        self.fetch_ref("fetch a branch", &branch_ref(branch)?, &self.tracking(branch)?).await
    }

    /// Pushes `new` to the remote's task branch, only over `expected_old` (`None`: must not exist). Never main.
    pub async fn push_branch(
        &self,
        branch: &Branch,
        new: &Sha,
        expected_old: Option<&Sha>,
    ) -> Result<PushOutcome, GitError> {
        let name = self.task_ref("push a branch", branch)?;
        let expected = expected_old.map_or(String::new(), |sha| sha.as_str().to_owned());
        let change = RefChange { name, expected, source: new.as_str().to_owned() };
        let why = match push(self, "push a branch", &[change]).await? {
            PushAnswer::Accepted(answers) if answers.iter().all(|(_, a)| *a == RefAnswer::UpToDate) => {
                return Ok(PushOutcome::UpToDate);
            }
            PushAnswer::Accepted(_) => return Ok(PushOutcome::Pushed),
            PushAnswer::NoAnswer { why } => return Ok(PushOutcome::Unknown { why }),
            PushAnswer::Rejected { why, .. } => why,
        };
        // git's words differ between a lease lost here and a lock lost there; the ref itself does not.
        let actual = match self.remote_branch(branch).await {
            Ok(actual) => actual,
            Err(error) => return Ok(PushOutcome::Unknown { why: format!("{why}; then: {error}") }),
        };
        Ok(if actual.as_ref() == Some(new) {
            PushOutcome::UpToDate
        } else if actual.as_ref() != expected_old {
            PushOutcome::Stale { actual }
        } else {
            PushOutcome::Refused { why }
        })
    }

    /// Deletes the remote's task branch if it still stands at `expected`. Never main.
    pub async fn delete_remote_branch(
        &self,
        branch: &Branch,
        expected: &Sha,
    ) -> Result<DeleteOutcome, GitError> {
        let name = self.task_ref("delete a branch", branch)?;
        let change = RefChange { name, expected: expected.as_str().to_owned(), source: String::new() };
        let answer = push(self, "delete a branch", &[change]).await?;
        let why = match answer {
            PushAnswer::Accepted(_) => return Ok(DeleteOutcome::Deleted),
            PushAnswer::NoAnswer { why } | PushAnswer::Rejected { why, .. } => why,
        };
        Ok(match self.remote_branch(branch).await {
            Ok(None) => DeleteOutcome::Absent,
            Ok(Some(actual)) if actual != *expected => DeleteOutcome::Stale { actual },
            Ok(Some(_)) => DeleteOutcome::Refused { why },
            Err(_) => DeleteOutcome::Unknown { why },
        })
    }

    /// The ref of a branch that is not main.
    fn task_ref(&self, doing: &'static str, branch: &Branch) -> Result<RefName, GitError> {
        if branch == self.main_branch() {
            return Err(GitError::MainIsLandings { doing });
        }
        branch_ref(branch)
    }
}
