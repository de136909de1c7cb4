//! Dialects: reading what an agent program left, in one vocabulary for all of them. Reading is lenient and never
//! fails a run for its usage or cost; the outcome is judged from the end of the process, strictly.

pub mod plain;

use crate::ended::{Ended, ExitClass, class};

/// What a finished run of an agent program amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// How the program did.
    pub outcome: AgentOutcome,
    /// The end of its output, for people.
    pub tail: String,
    /// Tokens and money, where it told.
    pub usage: Option<Usage>,
}

/// How an agent program did. That it worked says nothing about the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentOutcome {
    /// It ended by itself and in order.
    Finished,
    /// It failed in a way that passes (a provider's limit, an overload): again later.
    Transient {
        /// For people.
        why: String,
    },
    /// It failed, and would again.
    Permanent {
        /// For people.
        why: String,
    },
    /// It was not given the chance: infrastructure.
    Infra {
        /// For people.
        why: String,
    },
}

/// What a run used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens read by the model.
    pub input_tokens: u64,
    /// Tokens written by the model.
    pub output_tokens: u64,
    /// Money, in millionths of a US dollar, where it was told.
    pub cost_micro_usd: Option<u64>,
}

/// `EX_TEMPFAIL` of sysexits: the one exit code with which any program can say "again later".
pub const EXIT_TEMPFAIL: i32 = 75;

/// The outcome by the end of the process alone, as programs without typed events are judged.
pub fn by_end(ended: &Ended) -> AgentOutcome {
    match class(ended) {
        ExitClass::Success => AgentOutcome::Finished,
        ExitClass::Work { code: EXIT_TEMPFAIL } => AgentOutcome::Transient {
            why: format!("exit {EXIT_TEMPFAIL}: the program asks to be run again later"),
        },
        ExitClass::Work { code } => AgentOutcome::Permanent { why: format!("exit {code}") },
        ExitClass::Infra { reason } => AgentOutcome::Infra { why: reason },
    }
}
