//! Why a job could not be carried out. Every one of these is infrastructure to the engine: none says anything about a
//! task's work.

use std::io;
use std::path::{Path, PathBuf};

use orchd_core::id::{RepoId, RunId};
use orchd_core::job::{JobKind, JobResult};
use orchd_core::stage::Role;
use orchd_git::GitError;
use orchd_launcher::LaunchError;
use orchd_launcher::profile::InvocationError;

/// A job that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// git, or the files below it.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The supervised process could not be started.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// What no program can be told.
    #[error(transparent)]
    Invocation(#[from] InvocationError),
    /// A file operation.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// The operation.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },
    /// The repository has no place in this process's configuration.
    #[error("the repository {0} is not configured here; add it to the configuration and start orchd again")]
    UnknownRepo(RepoId),
    /// A job of another kind, or about a repository where a task was expected.
    #[error("a {} job reached an executor that cannot carry it out", .0.name())]
    Misrouted(JobKind),
    /// Nobody plays the role.
    #[error("no agent can be started for the role {role}: {why}")]
    NoAgent {
        /// The role.
        role: Role,
        /// What the configuration lacks.
        why: String,
    },
    /// A former run still lives in the clone.
    #[error(
        "processes of the former run {run} still live ({pids}); its clone is not entered; end them by hand"
    )]
    Occupied {
        /// The run.
        run: RunId,
        /// Its pids, as far as they are known.
        pids: String,
    },
    /// A document of orchd's would be written through a link of the repository's.
    #[error("{} is a link in the repository; orchd writes no document through a link", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The commit a job speaks about is not to be had.
    #[error("the commit {0} is neither in the mirror nor on the remote's branch; nothing can be run on it")]
    NoCommit(orchd_core::id::Sha),
}

impl RunnerError {
    /// Wraps an I/O error, naming the operation and the path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// The whole chain in one line: what a person reads on the task.
    pub(crate) fn reason(&self) -> String {
        chain(self)
    }
}

/// An error with everything that caused it, once each.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

/// The answer of an executor whose work ended early.
pub(crate) fn infra(error: &RunnerError) -> JobResult {
    JobResult::infra(error.reason())
}
