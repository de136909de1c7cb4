//! How a run ended, and the only judgement made of it here: success, the work's own failure, or infrastructure
//! (spec 1.2: a timeout, a missing binary, 126, 127 and death by a signal are never a code fault). Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the main process of a run ended. Ends that orchd forced are named by their reason, not by the signal it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Ended {
    /// It ended by itself with an exit code.
    Exited {
        /// The code, 0..=255.
        code: i32,
    },
    /// It died of a signal orchd did not send.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// The wall-clock budget ran out.
    DeadlineExceeded,
    /// No output and no CPU for the span of the stall watchdog.
    Stalled,
    /// Somebody asked for it.
    Stopped {
        /// What they said.
        why: String,
    },
    /// It wrote more than the ceiling to one of its two outputs.
    OutputCeiling,
    /// It never started.
    SpawnFailed {
        /// What the system said, to which program, in which directory.
        error: String,
        /// `errno`, where there was one.
        os_code: Option<i32>,
    },
}

/// What an end means for the one who asked for the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitClass {
    /// Exit 0.
    Success,
    /// The program ran and said no.
    Work {
        /// 1..=125.
        code: i32,
    },
    /// The program did not get to say anything: nobody's code is at fault.
    Infra {
        /// For people.
        reason: String,
    },
}

/// The class of an end. Everything that is not plainly a verdict of the program is infrastructure.
pub fn class(ended: &Ended) -> ExitClass {
    match ended {
        Ended::Exited { code: 0 } => ExitClass::Success,
        Ended::Exited { code } if (1..=125).contains(code) => ExitClass::Work { code: *code },
        Ended::Exited { .. }
        | Ended::Signalled { .. }
        | Ended::DeadlineExceeded
        | Ended::Stalled
        | Ended::Stopped { .. }
        | Ended::OutputCeiling
        | Ended::SpawnFailed { .. } => ExitClass::Infra { reason: ended.to_string() },
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code: 126 } => {
                f.write_str("exit 126: a command was found but may not be executed")
            }
            Self::Exited { code: 127 } => f.write_str("exit 127: a command was not found"),
            Self::Exited { code } if *code > 128 && *code <= 128 + 64 => {
                write!(f, "exit {code}: a command inside it died of signal {}", code - 128)
            }
            Self::Exited { code } => write!(f, "exit {code}"),
            Self::Signalled { signal } => write!(f, "died of signal {signal}"),
            Self::DeadlineExceeded => f.write_str("ran out of its time budget and was ended"),
            Self::Stalled => f.write_str("showed neither output nor CPU use and was ended"),
            Self::Stopped { why } => write!(f, "was stopped: {why}"),
            Self::OutputCeiling => f.write_str("wrote more output than allowed and was ended"),
            Self::SpawnFailed { error, .. } => write!(f, "did not start: {error}"),
        }
    }
}

#[cfg(test)]
mod tests;
