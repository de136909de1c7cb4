//! Profiles: how an agent program is started for a role's run, and which dialect its output is read in. Data in, data
//! out; starting is the launcher's, the prompt's text is the caller's. Further programs are further variants.

pub mod script;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use orchd_core::id::Key;
use orchd_core::stage::Role;

use crate::dialect::{Reading, plain};
use crate::result::RunResult;
use crate::run_dir::RunDir;

pub use script::Script;

/// A configured agent program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// Any executable: a contract test, a demo, a deterministic tool.
    Script(Script),
}

/// What a profile is told about one run.
#[derive(Debug, Clone, Copy)]
pub struct RoleRun<'a> {
    /// Who works.
    pub role: Role,
    /// The task's key, for people.
    pub key: &'a Key,
    /// The run's directory; the prompt lies there already.
    pub dir: &'a RunDir,
    /// Where the agent works.
    pub worktree: &'a Path,
    /// The executable whose `submit` files a verdict.
    pub submit: &'a Path,
}

/// How to start it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables on top of the allowlist.
    pub env: BTreeMap<String, String>,
}

/// A path that cannot be said in an argument or a variable.
#[derive(Debug, thiserror::Error)]
#[error("{path} is not UTF-8; choose a data directory and a repository path that are")]
pub struct BadPath {
    /// The path, as far as it can be shown.
    pub path: String,
}

impl Profile {
    /// The name people and configuration use.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Script(_) => "script",
        }
    }

    /// Arguments and environment of a run.
    pub fn invocation(&self, run: &RoleRun<'_>) -> Result<Invocation, BadPath> {
        match self {
            Self::Script(script) => script.invocation(run),
        }
    }

    /// What the program said and used, once its run ended.
    pub fn read(&self, dir: &RunDir, result: &RunResult) -> io::Result<Reading> {
        match self {
            Self::Script(_) => plain::read(dir, &result.ended),
        }
    }
}

pub(crate) fn text(path: &Path) -> Result<String, BadPath> {
    path.to_str().map(str::to_owned).ok_or_else(|| BadPath { path: path.display().to_string() })
}
