//! The small vocabulary in which a run is shown to whoever is attached (spec 5.2, 5.3): the same for every program.
//! Each turn ends with exactly one [`Event::TurnEnd`]. Texts are bounded, and secrets in them masked, before they get
//! here.

use orchd_core::time::Span;
use serde::Serialize;

use super::usage::Usage;

/// The most of a tool call's arguments that is kept, in bytes.
pub const ARGUMENTS_CAP: usize = 4 * 1024;
/// The most of any other text of one event that is kept, in bytes.
pub const TEXT_CAP: usize = 64 * 1024;

/// One thing that happened in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Somebody spoke to the model: a prompt, a follow-up, a note of the program's.
    User {
        /// What was said.
        text: String,
    },
    /// The session began, or goes on.
    Session {
        /// The program's name of it.
        id: Option<String>,
        /// The model it begins with.
        model: Option<String>,
    },
    /// The model spoke.
    Text {
        /// What it said, or the next piece of it.
        text: String,
    },
    /// A tool was called, or a call came to its end; both carry the whole of it.
    Tool {
        /// The call's identity within the session.
        call: String,
        /// The tool.
        name: String,
        /// Its arguments as JSON, cut at [`ARGUMENTS_CAP`].
        arguments: String,
        /// Where the call stands.
        outcome: ToolOutcome,
        /// How long it took, once it ended and where that is known.
        took: Option<Span>,
    },
    /// The turn's own conclusion.
    Result {
        /// The program's last word on it.
        text: String,
    },
    /// Something went wrong.
    Error {
        /// What the program said.
        message: String,
        /// The program goes on by itself.
        passing: bool,
    },
    /// The turn was broken off from outside.
    Cancelled {
        /// How.
        why: String,
    },
    /// The turn is over. Always the last event of it.
    TurnEnd,
    /// What was used so far in this turn or step.
    Usage {
        /// By which model.
        model: String,
        /// How much.
        #[serde(flatten)]
        usage: Usage,
    },
}

/// Where a tool call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolOutcome {
    /// It runs.
    Running,
    /// It did what it was asked.
    Succeeded,
    /// It ran and failed, which the model was told.
    Failed,
    /// The program did not let it run.
    Denied,
}
