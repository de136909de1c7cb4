//! `spec.json`: everything the shim needs to know about a run, written before the shim is started. The only way
//! into a run: the shim reads no configuration and no environment of its own.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use orchd_core::id::{Branch, RunId, Sha};
use orchd_core::time::Span;
use serde::{Deserialize, Serialize};

use crate::dialect::Dialect;
use crate::limits::Limits;
use crate::log::Keep;
use crate::run_dir::RunDir;
use crate::sandbox::Sandbox;
use crate::untouched::Untouched;

/// The version of the file this code writes and reads.
const VERSION: u32 = 1;
/// A specification holds an argument list and an environment; the kernel would refuse a larger one.
const CAP: u64 = 16 * 1024 * 1024;

/// What to run, how long, and what to do with what it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    /// Version of this format.
    pub v: u32,
    /// The run's identity; also in the result, so that a foreign result is recognised.
    pub run: RunId,
    /// Program and arguments. Never a shell string: who needs a shell says `["/bin/sh", "-c", command]` and passes
    /// values through the environment.
    pub argv: Vec<String>,
    /// Working directory.
    pub cwd: PathBuf,
    /// The whole environment (see [`crate::env::scrubbed_env`]); the shim only adds [`RunSpec::MARK`].
    pub env: BTreeMap<String, String>,
    /// Wall-clock budget from the start.
    pub deadline: Span,
    /// Between SIGTERM and SIGKILL.
    pub grace: Span,
    /// End the run after this long without output and CPU use; `None`: never.
    pub stall: Option<Span>,
    /// End the run when it wrote more than this to one of its outputs, kept or not (bytes).
    pub output_ceiling: u64,
    /// What is kept of a long output while the run goes on.
    #[serde(default)]
    pub keep: Keep,
    /// What it may use of the host.
    #[serde(default)]
    pub limits: Limits,
    /// What it may see and write; `None`: what its user may.
    #[serde(default)]
    pub sandbox: Option<Sandbox>,
    /// What its output is written in, for who reads it; the shim does not.
    #[serde(default)]
    pub dialect: Dialect,
    /// Names of variables in `env` whose values are masked wherever the output is shown.
    #[serde(default)]
    pub masked: Vec<String>,
    /// Files the run hands in beside its submission and its usage (`12-review.md`): from a sandbox they are taken over
    /// into the run's directory after its end. Plain names; one that is missing, is no file or is too large is not
    /// taken.
    #[serde(default)]
    pub takes: Vec<String>,
    /// Files of the run's directory it may read in a sandbox too, as it may its prompt (`must-fix.json`). Plain names;
    /// written before the start.
    #[serde(default)]
    pub gives: Vec<String>,
    /// A success without a submission is none: leftovers go to the salvage branch.
    pub submission_required: bool,
    /// Commit what the run left in its clone; `None` where there is no clone of its own.
    pub leftovers: Option<Leftovers>,
    /// The mark of that clone where it stood at its start with nothing uncommitted: if it still holds after the run,
    /// there are no leftovers, and no git is asked.
    #[serde(default)]
    pub untouched: Option<Untouched>,
}

/// What happens to uncommitted changes in the clone of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// The top of the agent's clone.
    pub clone: PathBuf,
    /// The task branch.
    pub branch: Branch,
    /// Takes what may not go to the task branch; made or moved, in the same clone.
    pub salvage: Branch,
    /// The head the clone was prepared at; when nothing came on top of it there is nothing to salvage.
    pub start: Option<Sha>,
    /// Whose change it is.
    pub author: Ident,
    /// Who commits.
    pub committer: Ident,
    /// The whole message, trailers included.
    pub message: String,
    /// Whether a success goes to the task branch.
    pub when: CommitOn,
}

/// A name in a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ident {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// When leftovers go to the task branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommitOn {
    /// When the run ended by itself with exit 0, and with a valid submission where one is required.
    Success,
    /// Never: what a judge changed is only kept aside.
    Never,
}

impl RunSpec {
    /// The variable the shim adds to every run: by it the leavings of a lost run are found.
    pub const MARK: &str = "ORCHD_RUN_ID";
    /// SIGTERM to SIGKILL, unless said otherwise (spec 2.6).
    pub const GRACE: Span = Span::secs(20);
    /// The stall watchdog of an agent (spec 2.6).
    pub const STALL: Span = Span::mins(10);
    /// Per output: beyond it a program is broken, however little of it is kept.
    pub const OUTPUT_CEILING: u64 = 2 * 1024 * 1024 * 1024;
    /// Per output where the file system cannot drop the middle of a file, so that all of it takes space.
    pub const WHOLE_OUTPUT_CEILING: u64 = 512 * 1024 * 1024;

    /// A run of `argv` in `cwd` with the usual grace and outputs, no stall watchdog, no limits, no sandbox, no
    /// submission, no leftovers.
    pub fn new(run: RunId, argv: Vec<String>, cwd: impl Into<PathBuf>, deadline: Span) -> Self {
        Self {
            v: VERSION,
            run,
            argv,
            cwd: cwd.into(),
            env: BTreeMap::new(),
            deadline,
            grace: Self::GRACE,
            stall: None,
            output_ceiling: Self::OUTPUT_CEILING,
            keep: Keep::default(),
            limits: Limits::default(),
            sandbox: None,
            dialect: Dialect::default(),
            masked: Vec::new(),
            takes: Vec::new(),
            gives: Vec::new(),
            submission_required: false,
            leftovers: None,
            untouched: None,
        }
    }

    /// The values of [`Self::masked`].
    pub fn secrets(&self) -> Vec<String> {
        self.hidden().into_values().collect()
    }

    /// The variables of [`Self::masked`]: what reaches the shim with its order and is in no file.
    pub fn hidden(&self) -> BTreeMap<String, String> {
        let is_masked = |name: &String| self.masked.contains(name);
        self.env.iter().filter(|(name, _)| is_masked(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    /// With the hidden variables put back, each as `value` has it.
    pub fn revealed(mut self, value: impl Fn(&str) -> Option<String>) -> Self {
        for name in &self.masked {
            if let Some(value) = value(name) {
                self.env.insert(name.clone(), value);
            }
        }
        self
    }

    /// Writes it durably into the run's directory, without what is hidden. Names in [`Self::takes`] and
    /// [`Self::gives`] that could mean another file are refused.
    pub fn write(&self, dir: &RunDir) -> io::Result<()> {
        self.check_names()?;
        let mut shown = self.clone();
        shown.env.retain(|name, _| !self.masked.contains(name));
        dir.put(RunDir::SPEC, &serde_json::to_vec_pretty(&shown)?)
    }

    /// Reads it back; another version is refused, as guessing would run something else.
    pub fn read(dir: &RunDir) -> io::Result<Self> {
        let spec: Self = serde_json::from_slice(&dir.read(RunDir::SPEC, CAP)?)?;
        if spec.v != VERSION {
            let said = format!("spec.json has version {}, this program reads {VERSION}", spec.v);
            return Err(io::Error::new(io::ErrorKind::InvalidData, said));
        }
        spec.check_names()?;
        Ok(spec)
    }

    fn check_names(&self) -> io::Result<()> {
        let refused = |name: &String, why: &str| {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("the file name {name:?} {why}")))
        };
        for name in self.takes.iter().chain(&self.gives) {
            if !RunDir::is_free_name(name) {
                return refused(
                    name,
                    "is no plain name, or one that means something else in a run's directory",
                );
            }
        }
        match self.takes.iter().find(|name| self.gives.contains(name)) {
            // What is given is unchangeable: there is nothing to take.
            Some(name) => refused(name, "is both given to the run and taken from it"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
