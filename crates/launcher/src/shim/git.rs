//! Git in the agent's clone, run by the shim in the agent's environment, group and sandbox (spec 5.2: orchd itself
//! never does). Identity, hooks and signing are given with each call; each call is bounded in time and its processes
//! are swept like the run's.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use orchd_core::id::Sha;
use orchd_core::time::Span;
use rustix::process::{PidfdFlags, pidfd_open};

use super::Surroundings;
use super::git_dir::GitDir;
use crate::clock;
use crate::ended::Ended;
use crate::log;
use crate::spec::{Leftovers, RunSpec};

/// A large tree on a slow disk; beyond it git hangs.
const LIMIT: Span = Span::mins(5);
const GRACE: Span = Span::secs(2);
const LOOK_MS: i64 = 250;
const OUT: &str = "git.out";
const ERR: &str = "git.err";
/// Answers are object names and paths.
const ANSWER_CAP: u64 = 64 * 1024;

/// Settings of the clone that could run a program, open an editor or lose an object in a power cut.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.fsync=all",
    "core.fsyncMethod=batch",
    "core.safecrlf=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.addEmbeddedRepo=false",
];

/// Variables that would make git work on another repository than the clone.
const ELSEWHERE: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// Git said no, or could not be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitError {
    #[error("git {command}: {said}")]
    Refused { command: String, said: String },
    #[error("git {command}: {source}")]
    Io { command: String, source: io::Error },
}

/// One clone.
pub(super) struct Git<'a> {
    wanted: &'a Leftovers,
    around: Surroundings<'a>,
    clone: PathBuf,
    /// What a call says on its two outputs, emptied before the next one.
    said: [File; 2],
    /// Used instead of the clone's own index, once set.
    pub(super) index: Option<PathBuf>,
}

impl<'a> Git<'a> {
    pub(super) fn new(wanted: &'a Leftovers, around: Surroundings<'a>) -> Result<Self, GitError> {
        let opened = |source| GitError::Io { command: format!("in {}", wanted.clone.display()), source };
        // A run that put a link in place of its clone means another directory: nothing of that is its work.
        let kind = fs::symlink_metadata(&wanted.clone).map_err(opened)?.file_type();
        if !kind.is_dir() {
            let said = "what is there is no longer a directory of its own (a link, or a file)";
            return Err(opened(io::Error::new(io::ErrorKind::NotADirectory, said)));
        }
        let clone = fs::canonicalize(&wanted.clone).map_err(opened)?;
        let fresh = |name| around.dir.fresh(name).map_err(opened);
        Ok(Self { wanted, around, clone, said: [fresh(OUT)?, fresh(ERR)?], index: None })
    }

    /// The clone's own repository, for what the shim does there itself.
    pub(super) fn dir(&self) -> Result<GitDir, GitError> {
        let command = format!("in {}", self.clone.display());
        GitDir::of(&self.clone).map_err(|source| GitError::Io { command, source })
    }

    /// The answer, trimmed; a refusal is an error.
    pub(super) fn ask<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<String, GitError> {
        self.tell(args, None)
    }

    /// The answer to a command that reads a file of the run's directory.
    pub(super) fn tell<S: AsRef<OsStr>>(&self, args: &[S], input: Option<&str>) -> Result<String, GitError> {
        match self.run(args, input)? {
            Ok(answer) => Ok(answer),
            Err(said) => Err(GitError::Refused { command: shown(args), said }),
        }
    }

    /// The answer of a question that may have none (`--quiet` commands that exit 1).
    pub(super) fn try_ask(&self, args: &[&str]) -> Result<Option<String>, GitError> {
        Ok(self.run(args, None)?.ok().filter(|answer| !answer.is_empty()))
    }

    /// The commit a revision names, if it names one.
    pub(super) fn commit_of(&self, revision: &str) -> Result<Option<Sha>, GitError> {
        let asked = ["rev-parse", "--quiet", "--verify", &format!("{revision}^{{commit}}")];
        self.try_ask(&asked)?.map(|name| sha(&name)).transpose()
    }

    /// `Ok(Err(said))`: git ran and exited with something else than 0.
    fn run<S: AsRef<OsStr>>(
        &self,
        args: &[S],
        input: Option<&str>,
    ) -> Result<Result<String, String>, GitError> {
        let failed = |source| GitError::Io { command: shown(args), source };
        let dir = self.around.dir;
        let mut command = self.command(args);
        if let Some(name) = input {
            command.stdin(dir.regular(name).map_err(failed)?);
        }
        let [out, err] = &self.said;
        command.stdout(emptied(out).map_err(failed)?).stderr(emptied(err).map_err(failed)?);
        let ended = self.wait(&mut command).map_err(failed)?;
        match ended {
            Ended::Exited { code: 0 } => {
                let answer = log::tail(dir, OUT, ANSWER_CAP).map_err(failed)?;
                Ok(Ok(answer.text.trim_end_matches('\n').to_owned()))
            }
            Ended::Exited { code } => {
                let said = log::tail(dir, ERR, 2_000).map_err(failed)?.text;
                Ok(Err(format!("exit {code}: {}", said.trim())))
            }
            forced @ (Ended::Signalled { .. }
            | Ended::DeadlineExceeded
            | Ended::Stalled
            | Ended::Stopped { .. }
            | Ended::OutputCeiling
            | Ended::MemoryCeiling { .. }
            | Ended::ProcessCeiling { .. }
            | Ended::DiskCeiling { .. }
            | Ended::SpawnFailed { .. }) => Err(failed(io::Error::other(forced.to_string()))),
        }
    }

    fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = self.around.enclosure.command("git");
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        command.args(args).current_dir(&self.clone).env_clear().envs(&self.around.spec.env);
        for name in ELSEWHERE {
            command.env_remove(name);
        }
        // A clone whose .git is gone must not be taken for a part of a repository around it.
        command.env("GIT_CEILING_DIRECTORIES", self.clone.parent().unwrap_or(Path::new("/")));
        command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        command
            .env("GIT_AUTHOR_NAME", &self.wanted.author.name)
            .env("GIT_AUTHOR_EMAIL", &self.wanted.author.email);
        command.env("GIT_COMMITTER_NAME", &self.wanted.committer.name);
        command.env("GIT_COMMITTER_EMAIL", &self.wanted.committer.email);
        command.env_remove("GIT_AUTHOR_DATE").env_remove("GIT_COMMITTER_DATE");
        command.env(RunSpec::MARK, self.around.spec.run.to_string());
        if let Some(index) = &self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.stdin(Stdio::null());
        command
    }

    fn wait(&self, command: &mut Command) -> io::Result<Ended> {
        let pid = self.around.enclosure.spawn(command)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok();
        let deadline = clock::boot_ms().saturating_add(LIMIT.0);
        let mut tree = self.around.enclosure.tree(pid);
        let ended = loop {
            if let Some(ended) = tree.reap() {
                break ended.clone();
            }
            if clock::boot_ms() >= deadline {
                break Ended::DeadlineExceeded;
            }
            self.around.bell.wait(LOOK_MS, pidfd.as_ref().map(|fd| fd.as_fd()));
        };
        // A filter of the clone may have left something behind.
        tree.end(GRACE, self.around.bell);
        Ok(ended)
    }
}

/// The same file, from its beginning: whoever wrote there before is gone.
fn emptied(mut file: &File) -> io::Result<File> {
    file.set_len(0)?;
    file.rewind()?;
    file.try_clone()
}

/// A full object name out of an answer.
pub(super) fn sha(name: &str) -> Result<Sha, GitError> {
    Sha::parse(name)
        .map_err(|bad| GitError::Refused { command: "answered".to_owned(), said: bad.to_string() })
}

fn shown<S: AsRef<OsStr>>(args: &[S]) -> String {
    args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ")
}
