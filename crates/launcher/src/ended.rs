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
    /// It used more memory than it may.
    MemoryCeiling {
        /// Bytes it may use.
        ceiling: u64,
    },
    /// It had more processes and threads than it may.
    ProcessCeiling {
        /// How many it may have.
        ceiling: u32,
    },
    /// It took more disk space than it may.
    DiskCeiling {
        /// Bytes by which its directories may grow.
        ceiling: u64,
    },
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
        | Ended::MemoryCeiling { .. }
        | Ended::ProcessCeiling { .. }
        | Ended::DiskCeiling { .. }
        | Ended::SpawnFailed { .. } => ExitClass::Infra { reason: ended.to_string() },
    }
}

impl Ended {
    /// Whether the run broke a limit that it knew nothing of: its time, its silence or one of its ceilings. That is
    /// the program's doing, where the class can only say that it was ended.
    pub const fn is_a_broken_limit(&self) -> bool {
        match self {
            Self::DeadlineExceeded
            | Self::Stalled
            | Self::OutputCeiling
            | Self::MemoryCeiling { .. }
            | Self::ProcessCeiling { .. }
            | Self::DiskCeiling { .. } => true,
            Self::Exited { .. }
            | Self::Signalled { .. }
            | Self::Stopped { .. }
            | Self::SpawnFailed { .. } => false,
        }
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
            Self::MemoryCeiling { ceiling } => {
                write!(f, "used more than its {} of memory and was ended", Size(*ceiling))
            }
            Self::ProcessCeiling { ceiling } => {
                write!(f, "had more than its {ceiling} processes and threads and was ended")
            }
            Self::DiskCeiling { ceiling } => {
                write!(f, "took more than its {} of disk space and was ended", Size(*ceiling))
            }
            Self::SpawnFailed { error, .. } => write!(f, "did not start: {error}"),
        }
    }
}

/// Bytes as people read them.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1024 * 1024;
        match self.0 {
            bytes if bytes >= MIB && bytes.is_multiple_of(MIB) => write!(f, "{} MiB", bytes / MIB),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests;
