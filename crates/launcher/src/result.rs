//! `result.json`: how a run ended, written last, once, durably, by its shim. A file that is missing, cut, altered or
//! of another run is told apart and never read as a result; only a complete one of the expected run counts.

use std::io;

use orchd_core::id::{Digest, RunId, Sha};
use orchd_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::containment::Containment;
use crate::ended::{Ended, ExitClass, class};
use crate::log;
use crate::run_dir::RunDir;
use crate::sandbox::SandboxUse;
use crate::spec::RunSpec;

/// The version of the file this code writes and reads.
const VERSION: u32 = 1;
/// A result is a few kilobytes.
const CAP: u64 = 1024 * 1024;

/// Of an output this much is hashed: all that is kept, unless the file system could drop nothing of a flood.
const HASHED: u64 = RunSpec::WHOLE_OUTPUT_CEILING;
const HASH_PIECE: usize = 256 * 1024;

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunResult {
    /// Which run.
    pub run: RunId,
    /// How its main process ended.
    pub ended: Ended,
    /// When the shim began.
    pub started_at: Timestamp,
    /// When the last process of the run was gone.
    pub ended_at: Timestamp,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// What the agent submitted.
    pub submission: SubmissionState,
    /// What became of changes in the clone.
    pub leftovers: LeftoverOutcome,
    /// What kept its processes together.
    #[serde(default)]
    pub containment: Option<Containment>,
    /// What kept it from the rest of the host.
    #[serde(default)]
    pub sandbox: SandboxUse,
}

/// One output file at the end of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Bytes that were written.
    pub bytes: u64,
    /// How many of them are no longer kept.
    #[serde(default)]
    pub dropped: u64,
    /// SHA-256 of what is kept, at most of its first 512 MiB.
    pub sha256: Digest,
}

/// What the shim saw of `submission.json`. It checks that it is a JSON object of bounded size, nothing more: the
/// role's schema is checked by `orchctl submit` and by the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum SubmissionState {
    /// There is no such file.
    None,
    /// An object.
    Present {
        /// SHA-256 of the file.
        digest: Digest,
    },
    /// Something else.
    Broken {
        /// What is wrong with it.
        why: String,
    },
}

/// What became of changes in the clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum LeftoverOutcome {
    /// The run had no clone of its own.
    NotAsked,
    /// Nothing was left.
    Clean {
        /// Head of the task branch, if it exists.
        head: Option<Sha>,
        /// Nothing at all was written into the clone, its `.git` included (see [`crate::Untouched`]).
        #[serde(default)]
        untouched: bool,
    },
    /// Committed on the task branch.
    Committed {
        /// The branch's new head.
        head: Sha,
    },
    /// Kept under the salvage branch; the task branch was not moved.
    Salvaged {
        /// Head of the task branch as the run left it, if it exists.
        head: Option<Sha>,
        /// Head of the salvage branch.
        salvage: Sha,
        /// Why not on the task branch.
        why: String,
    },
    /// Git refused; the changes are still in the clone, uncommitted.
    Failed {
        /// What it said.
        error: String,
    },
}

/// Why there is no result to read.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// No file: the run is going on, or its shim died.
    #[error("the run's directory has no result.json")]
    Missing,
    /// The text ends too early.
    #[error("result.json is cut off")]
    Truncated,
    /// Not the format.
    #[error("result.json cannot be read: {why}")]
    Malformed {
        /// What is wrong.
        why: String,
    },
    /// Written by another version.
    #[error("result.json has version {found}, this program reads {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// Altered after it was written.
    #[error("the digest in result.json does not match its content")]
    BadDigest,
    /// A result, but not of this run.
    #[error("result.json speaks of run {found}, expected was {expected}")]
    ForeignRun {
        /// Whose it is.
        found: RunId,
        /// Whose was asked for.
        expected: RunId,
    },
    /// The file could not be opened or read.
    #[error("result.json could not be read")]
    Io(#[source] io::Error),
}

/// The file: the body as text under its own digest, so that a later version may add fields without breaking it.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    v: u32,
    sha256: Digest,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl RunResult {
    /// Writes it, durably and whole.
    pub fn write(&self, dir: &RunDir) -> io::Result<()> {
        let body = serde_json::value::to_raw_value(self)?;
        let sha256 = Digest::of(body.get().as_bytes());
        let file = serde_json::to_vec(&Envelope { v: VERSION, sha256, body: &body })?;
        dir.write(RunDir::RESULT, &file)
    }

    /// The result of `expected`, or why there is none. Says nothing about whether the shim still lives: ask
    /// [`crate::launcher::find`], which does.
    pub fn read(dir: &RunDir, expected: RunId) -> Result<Self, ResultError> {
        let bytes = dir.read(RunDir::RESULT, CAP).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ResultError::Missing,
            _ => ResultError::Io(error),
        })?;
        let envelope: Envelope<'_> = serde_json::from_slice(&bytes).map_err(unreadable)?;
        if envelope.v != VERSION {
            return Err(ResultError::Version { found: envelope.v });
        }
        if Digest::of(envelope.body.get().as_bytes()) != envelope.sha256 {
            return Err(ResultError::BadDigest);
        }
        let result: Self = serde_json::from_str(envelope.body.get()).map_err(unreadable)?;
        if result.run == expected {
            Ok(result)
        } else {
            Err(ResultError::ForeignRun { found: result.run, expected })
        }
    }

    /// What its end means.
    pub fn class(&self) -> ExitClass {
        class(&self.ended)
    }

    /// Head of the task branch after the leftovers' commit, where the run had a clone.
    pub fn head(&self) -> Option<&Sha> {
        match &self.leftovers {
            LeftoverOutcome::Committed { head } => Some(head),
            LeftoverOutcome::Clean { head, .. } | LeftoverOutcome::Salvaged { head, .. } => head.as_ref(),
            LeftoverOutcome::NotAsked | LeftoverOutcome::Failed { .. } => None,
        }
    }

    /// Head of the salvage branch, if anything was kept there.
    pub fn salvage(&self) -> Option<&Sha> {
        match &self.leftovers {
            LeftoverOutcome::Salvaged { salvage, .. } => Some(salvage),
            LeftoverOutcome::NotAsked
            | LeftoverOutcome::Clean { .. }
            | LeftoverOutcome::Committed { .. }
            | LeftoverOutcome::Failed { .. } => None,
        }
    }

    /// Whether both output files are still what the shim saw at the end.
    pub fn logs_are_intact(&self, dir: &RunDir) -> io::Result<bool> {
        Ok(Output::of(dir, RunDir::STDOUT)? == self.stdout && Output::of(dir, RunDir::STDERR)? == self.stderr)
    }
}

fn unreadable(error: serde_json::Error) -> ResultError {
    match error.classify() {
        Category::Eof => ResultError::Truncated,
        Category::Io | Category::Syntax | Category::Data => ResultError::Malformed { why: error.to_string() },
    }
}

impl Output {
    /// Size and digest of a file of the run; a missing one is empty (the run never started). Bounded in time, however
    /// much was written.
    pub fn of(dir: &RunDir, name: &str) -> io::Result<Self> {
        use sha2::Digest as _;
        use std::fmt::Write as _;
        let mut hash = sha2::Sha256::new();
        if let Some(file) = log::open(dir, name)?
            // An empty one has nothing that could be lost.
            && file.metadata()?.len() > 0
        {
            file.sync_all()?;
        }
        let extent = log::extent(dir, name)?;
        let (mut at, mut hashed) = (0, 0);
        loop {
            let piece = log::chunk(dir, name, at, HASH_PIECE)?;
            let left = usize::try_from(HASHED - hashed).unwrap_or(usize::MAX);
            let part = &piece.bytes[..piece.bytes.len().min(left)];
            hash.update(part);
            hashed += part.len() as u64;
            at = piece.next;
            if piece.eof || hashed >= HASHED {
                break;
            }
        }
        let mut hex = String::with_capacity(64);
        for byte in hash.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Ok(Self { bytes: extent.total, dropped: extent.dropped_bytes(), sha256: Digest::new(hex) })
    }
}

#[cfg(test)]
mod tests;
