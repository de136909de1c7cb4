//! Git as the demonstration uses it: in its own project, and in the clone of its scripted agent. Identity, branch name,
//! hooks and signing are given with each call; nothing of the user's configuration is read. What orchd itself does
//! with git is `orchd-git`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::env::search_path;

/// In whose name commits are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who {
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    /// A fixed date; the present one where there is none.
    pub(super) date: Option<&'static str>,
}

/// Git said no, or could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitFailed {
    /// Not started.
    #[error("git could not be started: {source}; the demonstration needs git 2.38 or newer in PATH")]
    Start {
        /// What the system said.
        source: std::io::Error,
    },
    /// An exit code that is not 0.
    #[error("`git {command}` in {dir} failed: {said}")]
    Refused {
        /// The arguments.
        command: String,
        /// Where.
        dir: PathBuf,
        /// What it said.
        said: String,
    },
}

/// Settings that would otherwise come from a configuration, or could run a program.
const SETTINGS: &[&str] = &[
    "advice.detachedHead=false",
    "commit.gpgSign=false",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.excludesFile=/dev/null",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "init.templateDir=",
    "maintenance.auto=false",
    "protocol.version=2",
    "safe.directory=*",
    "tag.gpgSign=false",
];

/// Git in one directory.
#[derive(Debug, Clone)]
pub(super) struct Git {
    dir: PathBuf,
    who: Who,
}

impl Git {
    pub(super) fn at(dir: &Path, who: Who) -> Self {
        Self { dir: dir.to_owned(), who }
    }

    /// The answer, trimmed; any exit code but 0 is an error.
    pub(super) fn ask(&self, args: &[&str]) -> Result<String, GitFailed> {
        let output = self.command(args).output().map_err(|source| GitFailed::Start { source })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(GitFailed::Refused { command: args.join(" "), dir: self.dir.clone(), said })
    }

    /// Whether a question of git's own (`merge-base --is-ancestor`, `cat-file -e`) is answered with yes.
    pub(super) fn says_yes(&self, args: &[&str]) -> Result<bool, GitFailed> {
        let output = self.command(args).output().map_err(|source| GitFailed::Start { source })?;
        Ok(output.status.success())
    }

    fn command(&self, args: &[&str]) -> Command {
        let Who { name, email, date } = self.who;
        let mut command = Command::new("git");
        command.env_clear().current_dir(&self.dir).stdin(Stdio::null());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(args);
        command.env("PATH", search_path()).env("HOME", &self.dir);
        command.envs([
            ("GIT_AUTHOR_EMAIL", email),
            ("GIT_AUTHOR_NAME", name),
            ("GIT_COMMITTER_EMAIL", email),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_EDITOR", "true"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("LC_ALL", "C"),
            ("TZ", "UTC"),
        ]);
        if let Some(date) = date {
            command.env("GIT_AUTHOR_DATE", date).env("GIT_COMMITTER_DATE", date);
        }
        command
    }
}
