//! What can go wrong around the git program, apart from the outcomes that are answers. Every variant says what
//! was being done, to what, why it failed and what to do; none of them is ever a verdict about a task's work.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use orchd_core::id::Sha;

use crate::permission::shell_quote;

/// A failure of git, of the file system beneath it, or of what was given to it.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program could not be started.
    #[error(
        "cannot start {program:?} to {doing}; install git or name it in the configuration",
        program = program.display().to_string()
    )]
    Spawn {
        /// The program asked for.
        program: PathBuf,
        /// What it was wanted for.
        doing: &'static str,
        /// The operating system's words.
        source: io::Error,
    },
    /// The call outlived its deadline; its whole process group was ended.
    #[error("git did not {doing} within {after:?} and was ended; see whether the remote or the disk is slow")]
    Deadline {
        /// What it was doing.
        doing: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// git ran and failed.
    #[error("git could not {doing} ({}): {stderr}", exit(.code))]
    Failed {
        /// What it was doing.
        doing: &'static str,
        /// Its exit code; none after death by a signal.
        code: Option<i32>,
        /// Its words, capped.
        stderr: String,
    },
    /// git answered in a form that this wrapper does not know.
    #[error("git's answer to {doing:?} is not understood: {why}; orchd needs git 2.34 or newer")]
    Unreadable {
        /// What was asked.
        doing: &'static str,
        /// What is odd about the answer.
        why: String,
    },
    /// The answer is larger than the caller allowed.
    #[error("{what} is larger than {limit} bytes; raise the limit or make it smaller")]
    TooLarge {
        /// What was read.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file belongs to somebody else or refuses its mode (INC-36).
    #[error("no permission for {} (owner {owner}, mode {mode:o}); mend it with: {remedy}", path.display())]
    Permission {
        /// The first path found that refuses.
        path: PathBuf,
        /// Its owner: name and number.
        owner: String,
        /// Its permission bits.
        mode: u32,
        /// The command that mends it.
        remedy: String,
    },
    /// A file operation failed otherwise.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// The operation.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },
    /// A branch, ref or path that git or orchd would not take.
    #[error("{text:?} is not usable as a {kind}: {why}")]
    BadName {
        /// Branch, ref, path, URL.
        kind: &'static str,
        /// What was given.
        text: String,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// The remote has no main branch (an empty repository, or another name for it).
    #[error("{remote} has no branch {main:?}; push a first commit there or configure the branch's name")]
    NoMain {
        /// The remote, without credentials.
        remote: String,
        /// The branch looked for.
        main: String,
    },
    /// Main may only be moved by a landing (I-20).
    #[error("{doing} on main was refused: main is moved by a landing and by nothing else")]
    MainIsLandings {
        /// What was asked.
        doing: &'static str,
    },
    /// An agent's clone is not of the shape orchd made.
    #[error("the agent's clone {} cannot be read: {why}; prepare it afresh", path.display())]
    CloneUnusable {
        /// The clone.
        path: PathBuf,
        /// What is odd.
        why: String,
    },
    /// Removing the clone would lose commits (B-17).
    #[error("the agent's clone {} holds {head} which the mirror lacks; fetch it to a salvage ref first", path.display())]
    Unsalvaged {
        /// The clone.
        path: PathBuf,
        /// Its branch's head.
        head: Sha,
    },
    /// A shallow repository has no ancestry to judge by.
    #[error("{} is a shallow clone; run: git -C {} fetch --unshallow", path.display(), shell_quote(path))]
    Shallow {
        /// The repository.
        path: PathBuf,
    },
    /// A partial clone is not to be cloned from while it lacks objects.
    #[error(
        "{} is a partial clone, and objects of its history are at its remote alone; run: git -C {} fetch --refetch --no-filter",
        path.display(),
        shell_quote(path)
    )]
    Partial {
        /// The repository.
        path: PathBuf,
    },
    /// A repository of another kind of object names.
    #[error("{} names its objects by {format}; orchd works with repositories of sha1 names alone", path.display())]
    OtherNames {
        /// The repository.
        path: PathBuf,
        /// How it names its objects.
        format: String,
    },
    /// What should be the user's repository is none.
    #[error("git can not read {} as a repository ({why}); mend it, or go into another", path.display())]
    NoRepository {
        /// Where it should be.
        path: PathBuf,
        /// git's words.
        why: String,
    },
    /// A compare-and-swap on a ref kept losing.
    #[error("{what} kept moving while orchd {doing}; try again")]
    Contended {
        /// The ref.
        what: String,
        /// What was being done.
        doing: &'static str,
    },
    /// The local forge's guard would not run.
    #[error("the update hook {} is not executable; is the file system mounted noexec? main would be unguarded", path.display())]
    HookInert {
        /// The hook.
        path: PathBuf,
    },
}

fn exit(code: &Option<i32>) -> String {
    code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit {code}"))
}

impl GitError {
    /// Wraps an I/O error, naming the operation and the path.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
