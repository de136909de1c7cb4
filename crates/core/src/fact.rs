//! Facts: what became known, addressed to one task or one repository. They carry no judgement and no wish;
//! a person's wish is a command.

use serde::{Deserialize, Serialize};

use crate::command::{Command, RepoCommand};
use crate::id::{InputId, JobId, RepoId, Sha, TaskId};
use crate::job::{JobKind, JobResult};
use crate::task::CiState;
use crate::time::Timestamp;

/// What became known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum Fact {
    /// A job ended.
    JobEnded {
        /// The job.
        job: JobId,
        /// Its kind.
        kind: JobKind,
        /// What came of it.
        result: Box<JobResult>,
    },
    /// CI said something about a commit.
    Ci {
        /// The commit.
        head: Sha,
        /// What it said.
        state: CiState,
    },
    /// An issue this task depends on changed its standing; the view has the rest.
    DependencyMoved,
}

/// What the inbox holds for a task or a repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "kebab-case")]
pub enum Input {
    /// A fact.
    Fact {
        /// The fact.
        fact: Fact,
    },
    /// A person's command.
    Command {
        /// The command.
        command: Command,
    },
    /// A person's command to a repository.
    RepoCommand {
        /// The command.
        command: RepoCommand,
    },
}

/// To whom an input is addressed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Address {
    /// A task.
    Task(TaskId),
    /// A repository.
    Repo(RepoId),
}

/// An input as the inbox holds it; its id is its dedupe key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// Identity.
    pub id: InputId,
    /// The input.
    pub input: Input,
    /// When it was stored.
    pub at: Timestamp,
}
