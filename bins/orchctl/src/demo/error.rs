//! Why the demonstration can not go on: what happened, to what, and what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orchd_http::client::ClientError;

use super::git::GitFailed;

/// An end without a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// A file or directory.
    #[error("could not {doing} {path}: {source}; choose another place with `--dir DIR`")]
    File {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else lies there.
    #[error("{dir} is not empty and is no directory of the demonstration; name an empty one or a new one")]
    Foreign {
        /// The directory.
        dir: PathBuf,
    },
    /// Two at once.
    #[error("another demonstration runs in {dir}; wait for it, or name another directory")]
    Busy {
        /// The directory.
        dir: PathBuf,
    },
    /// A Unix socket's path is short.
    #[error("{socket} is longer than the {max} bytes a socket's path may have; name a shorter `--dir`")]
    LongPath {
        /// The path.
        socket: PathBuf,
        /// The limit.
        max: usize,
    },
    /// Git.
    #[error(transparent)]
    Git(#[from] GitFailed),
    /// The engine's process.
    #[error("the engine could not be {doing}: {source}; its log is {log}")]
    Engine {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
        /// Where it writes.
        log: PathBuf,
    },
    /// It ended by itself.
    #[error("the engine ended ({status}); its last words, from {log}:\n{tail}")]
    EngineEnded {
        /// How.
        status: String,
        /// Where it writes.
        log: PathBuf,
        /// The end of that.
        tail: String,
    },
    /// It did not get ready.
    #[error("the engine was not ready after {after:?}; its log is {log}; the same command goes on")]
    NotReady {
        /// The limit.
        after: Duration,
        /// Where it writes.
        log: PathBuf,
    },
    /// It had to be killed.
    #[error(
        "the engine did not end within {after:?} and was killed; a run of it may be left: start the same \
         command again to have it ended; the engine's log is {log}"
    )]
    Killed {
        /// The limit.
        after: Duration,
        /// Where it writes.
        log: PathBuf,
    },
    /// The API.
    #[error("the engine's API: {0}; the same command goes on")]
    Api(#[from] ClientError),
    /// It takes too long.
    #[error(
        "not finished after {after:?}; the same command goes on where this one stopped. Last seen:\n{seen}"
    )]
    TooLong {
        /// The limit.
        after: Duration,
        /// Each task's reason.
        seen: String,
    },
    /// What git says is not what was reported.
    #[error("the result does not hold: {why}; this is a fault of orchd, please report it with {data}")]
    NotProven {
        /// What does not.
        why: String,
        /// The evidence.
        data: PathBuf,
    },
}

impl DemoError {
    pub(super) fn file(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { doing, path: path.to_owned(), source }
    }
}
