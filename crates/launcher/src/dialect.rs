//! Dialects: reading what an agent program prints, in one vocabulary for all of them. Reading is lenient (unknown
//! events and fields are passed over, broken lines counted) and never fails a run for its usage or cost; the outcome
//! is judged strictly, from the program's own closing event, its exit code and the end of its process together.
//!
//! Map: `translator` cuts output into lines and drives one dialect (`claude`, `codex`, `gemini`, `opencode`); `heard`
//! is what all of them fill; `event` is the vocabulary for whoever is attached; `fault` classes errors.

pub mod event;
pub mod plain;
pub mod translator;

mod claude;
mod codex;
mod fault;
mod field;
mod gemini;
mod heard;
mod lines;
pub(crate) mod mask;
mod opencode;
mod usage;

use std::io;

use orchd_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ended::{Ended, ExitClass, class};
use crate::log;
use crate::run_dir::RunDir;
use mask::Secrets;

pub use event::{Event, ToolOutcome};
pub use translator::Translator;
pub use usage::{Usage, UsageByModel};

/// Enough of standard error to see what went wrong.
const STDERR_TAIL: u64 = 16 * 1024;

/// A language agent programs print in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Text for people; the end of the process is the verdict.
    #[default]
    Plain,
    /// Claude Code's `--output-format stream-json`.
    ClaudeStreamJson,
    /// Codex's `exec --json`.
    CodexJsonl,
    /// Gemini CLI's `-o stream-json`.
    GeminiStreamJson,
    /// opencode's `run --format json`.
    OpencodeJson,
}

/// What a finished run of an agent program amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// How the program did.
    pub outcome: AgentOutcome,
    /// The end of its output, for people.
    pub tail: String,
    /// Tokens and money of all models together, where it told. A run that was killed has what was seen until then.
    pub usage: Option<Usage>,
    /// The same by model; a program that names none has one entry under the model it was asked for.
    pub models: UsageByModel,
    /// The program's name of its session, for a run that goes on where this one stopped.
    pub session: Option<String>,
    /// The model that really answered, where the program tells.
    pub model: Option<String>,
    /// Turns of the model, as the program counts them.
    pub turns: Option<u32>,
    /// The last thing it said, its end if it was long.
    pub last_words: Option<String>,
    /// Tool calls the program itself refused: it goes on and may still end in order, with no work done.
    pub denied: u32,
    /// Lines that were not an event.
    pub broken_lines: u64,
    /// Lines too long to be read.
    pub dropped_lines: u64,
}

/// How an agent program did. That it worked says nothing about the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentOutcome {
    /// It ended by itself and in order.
    Finished,
    /// It failed in a way that passes (a provider's limit, an overload, a broken connection): again later.
    Transient {
        /// For people.
        why: String,
        /// The provider's own word on when, from the end of the run.
        retry_after: Option<Span>,
    },
    /// A quota or subscription limit is used up.
    Quota {
        /// For people.
        why: String,
        /// When it is filled again, where the program tells.
        resets_at: Option<Timestamp>,
    },
    /// It failed, and would again.
    Permanent {
        /// For people: what happened and what to do.
        why: String,
    },
    /// It was not given the chance: infrastructure.
    Infra {
        /// For people.
        why: String,
    },
}

/// `EX_TEMPFAIL` of sysexits: the one exit code with which any program can say "again later".
pub const EXIT_TEMPFAIL: i32 = 75;

/// The outcome by the end of the process alone, as programs without typed events are judged.
pub fn by_end(ended: &Ended) -> AgentOutcome {
    match class(ended) {
        ExitClass::Success => AgentOutcome::Finished,
        ExitClass::Work { code: EXIT_TEMPFAIL } => AgentOutcome::Transient {
            why: format!("exit {EXIT_TEMPFAIL}: the program asks to be run again later"),
            retry_after: None,
        },
        ExitClass::Work { code } => AgentOutcome::Permanent { why: format!("exit {code}") },
        ExitClass::Infra { reason } => AgentOutcome::Infra { why: reason },
    }
}

impl AgentOutcome {
    /// The same outcome, its sentence passed through `word`.
    fn reworded(self, word: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Finished => Self::Finished,
            Self::Transient { why, retry_after } => Self::Transient { why: word(&why), retry_after },
            Self::Quota { why, resets_at } => Self::Quota { why: word(&why), resets_at },
            Self::Permanent { why } => Self::Permanent { why: word(&why) },
            Self::Infra { why } => Self::Infra { why: word(&why) },
        }
    }
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 5] =
        [Self::Plain, Self::ClaudeStreamJson, Self::CodexJsonl, Self::GeminiStreamJson, Self::OpencodeJson];

    /// The name people and configuration use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ClaudeStreamJson => "claude-stream-json",
            Self::CodexJsonl => "codex-jsonl",
            Self::GeminiStreamJson => "gemini-stream-json",
            Self::OpencodeJson => "opencode-json",
        }
    }

    /// Reads a finished run; `asked` is the model it was asked for, `secrets` are masked in what is read. Only the
    /// output files can fail it.
    pub fn read(
        self,
        dir: &RunDir,
        ended: &Ended,
        asked: Option<&str>,
        secrets: impl IntoIterator<Item = String>,
    ) -> io::Result<Reading> {
        if self == Self::Plain {
            return plain::read(dir, ended, &Secrets::new(secrets));
        }
        let mut translator = Translator::new(self, asked).masking(secrets);
        log::pieces(dir, RunDir::STDOUT, |bytes, dropped| {
            if dropped > 0 {
                // The lines at both sides of what is no longer kept are cut: they end here.
                drop(translator.push(b"\n", None));
            }
            // Nobody is attached to a run that is over.
            drop(translator.push(bytes, None));
        })?;
        let stderr = translator.secrets().tail(dir, RunDir::STDERR, STDERR_TAIL)?;
        Ok(translator.reading(ended, &stderr))
    }
}

/// Whether a text may be handed to a program as a session's name. It comes from a program's output, so that anything
/// that could be read as an option is none.
pub fn is_session_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=128).contains(&text.len()) && !text.starts_with('-') && text.chars().all(plain)
}

#[cfg(test)]
mod tests;
