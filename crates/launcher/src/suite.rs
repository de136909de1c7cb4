//! A project's own command (its test suite) under the same shim as an agent: deadline, sweep, files. Exit codes are
//! told apart from infrastructure here; against which subject they count is the caller's.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use orchd_core::id::RunId;
use orchd_core::time::Span;

use crate::ended::{Ended, ExitClass};
use crate::launcher::{Launcher, Waited};
use crate::log;
use crate::run_dir::RunDir;
use crate::spec::RunSpec;
use crate::summary::{Reader, Summary};

/// Kept of each of the two outputs, for findings.
const TAIL: u64 = 32 * 1024;
/// A line of a summary is short; the rest of a longer one is no summary.
const LINE: usize = 4096;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteSpec {
    /// As configured, for `/bin/sh -c`. Values reach it through `env` only, never by being put into it.
    pub command: String,
    /// Where.
    pub cwd: PathBuf,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// Wall-clock budget.
    pub deadline: Span,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuiteOutcome {
    /// The command really ran and ended by itself with 0..=125.
    Ran {
        /// Its exit code.
        code: i32,
        /// The end of its standard output, then of its standard error; broken UTF-8 replaced.
        output: String,
        /// What its runner says it did.
        summary: Summary,
    },
    /// Somebody asked for the end of the run.
    Stopped {
        /// What they said.
        why: String,
    },
    /// It did not get to say anything: nobody's code is at fault.
    Infra {
        /// For people.
        reason: String,
        /// The end of its output, where it had any.
        output: String,
    },
}

/// What a suite that ran says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuiteVerdict {
    /// Exit 0 and at least one test, none failed.
    Passed,
    /// Exit 0 of a runner whose format is not known: trusted, with a warning.
    PassedUnseen,
    /// It ran and said no.
    Failed,
    /// A known format that shows no test at all: not a pass.
    NothingRan,
}

/// The verdict of an exit code and a summary. Pure; a failed test counts even where the command hid it behind exit 0.
pub fn verdict(code: i32, summary: &Summary) -> SuiteVerdict {
    match (code, summary) {
        (_, Summary::Known { passed: 0, failed: 0, .. }) => SuiteVerdict::NothingRan,
        (0, Summary::Known { failed: 0, .. }) => SuiteVerdict::Passed,
        (0, Summary::Unknown) => SuiteVerdict::PassedUnseen,
        (_, Summary::Known { .. } | Summary::Unknown) => SuiteVerdict::Failed,
    }
}

/// The run of a suite: no stall watchdog (a compiler's silence is long), no clone of its own.
pub fn run_spec(run: RunId, suite: &SuiteSpec) -> RunSpec {
    let argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), suite.command.clone()];
    let mut spec = RunSpec::new(run, argv, &suite.cwd, suite.deadline);
    spec.env = suite.env.clone();
    spec
}

/// Starts it, waits, and reads the outcome. Dropping the future leaves the run going; see [`outcome`] for afterwards.
pub async fn run(
    launcher: &Launcher,
    dir: &RunDir,
    run: RunId,
    suite: &SuiteSpec,
) -> io::Result<SuiteOutcome> {
    let mut running = match launcher.start(dir, &run_spec(run, suite)).await {
        Ok(running) => running,
        Err(error) => return Ok(SuiteOutcome::Infra { reason: chain(&error), output: String::new() }),
    };
    let waited = running.wait().await?;
    outcome(dir, &waited)
}

/// The outcome of a suite's run that ended, whoever waited for it.
pub fn outcome(dir: &RunDir, waited: &Waited) -> io::Result<SuiteOutcome> {
    let result = match waited {
        Waited::Ended(result) => result,
        Waited::Lost(lost) => {
            let reason = format!("the suite's run was lost: {}", lost.why);
            return Ok(SuiteOutcome::Infra { reason, output: output(dir)? });
        }
    };
    if let Ended::Stopped { why } = &result.ended {
        return Ok(SuiteOutcome::Stopped { why: why.clone() });
    }
    let code = match result.class() {
        ExitClass::Success => 0,
        ExitClass::Work { code } => code,
        ExitClass::Infra { reason } => return Ok(SuiteOutcome::Infra { reason, output: output(dir)? }),
    };
    let mut reader = Reader::default();
    log::lines(dir, RunDir::STDOUT, LINE, |line| reader.line(line))?;
    log::lines(dir, RunDir::STDERR, LINE, |line| reader.line(line))?;
    Ok(SuiteOutcome::Ran { code, output: output(dir)?, summary: reader.finish() })
}

fn output(dir: &RunDir) -> io::Result<String> {
    let mut text = String::new();
    for name in [RunDir::STDOUT, RunDir::STDERR] {
        let tail = log::tail(dir, name, TAIL)?;
        if tail.before > 0 {
            let dropped = match tail.dropped {
                0 => String::new(),
                bytes => format!(", of which {bytes} are no longer kept"),
            };
            text.push_str(&format!("[{} bytes before this are in {name}{dropped}]\n", tail.before));
        }
        text.push_str(&tail.text);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
