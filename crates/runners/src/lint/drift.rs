//! What the linter finds, and how it is told: where, what is wrong, what to write instead.

use std::fmt;

use orchd_core::stage::Role;

/// The largest prompt of a project's own, in bytes. It is a part of every prompt of its role, and is paid for each time.
pub const PROMPT_MAX: usize = 64 * 1024;

/// What a prompt mentions and the role's contract does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A name in backticks.
    Name(String),
    /// A word that no field may have.
    Word(String),
    /// A document.
    Document(String),
    /// A variable.
    Variable(String),
    /// Something to call of orchd's.
    Tool(String),
    /// An example that would be refused, and why.
    Example(String),
    /// A word about how the pipeline is steered.
    Steering(String),
    /// A verdict that is asked for whatever the work is like.
    Forced { verdict: String, by: String },
}

/// One place where a prompt and the role's contract have drifted apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Whose prompt.
    pub role: Role,
    /// The line, from 1.
    pub line: usize,
    pub(super) what: What,
    /// What there is instead.
    pub(super) known: String,
}

impl Drift {
    /// What to write instead.
    pub fn suggestion(&self) -> String {
        let known = &self.known;
        match &self.what {
            What::Name(_) => format!(
                "fields are {known}; write a command with its arguments, a path with its folder, and other names without \
                 backticks"
            ),
            What::Word(_) => format!("words are {known}; write other names without backticks"),
            What::Document(_) => {
                format!("documents are {known}; write a file of the repository with its folder")
            }
            What::Variable(_) => format!("a run has {known}"),
            What::Tool(_) => format!("there is {known}"),
            What::Example(_) => {
                format!(
                    "see `orchctl submit --schema {}`, or give the block another language than json",
                    self.role
                )
            }
            What::Steering(_) => "say what is to be done or found out, in other words".to_owned(),
            What::Forced { .. } => "say when each verdict is right".to_owned(),
        }
    }
}

/// What is wrong, without what to do.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, line, .. } = self;
        write!(f, "line {line}: ")?;
        match &self.what {
            What::Name(name) => write!(f, "`{name}` is no field or tool of the {role}"),
            What::Word(word) => write!(f, "{word} is no word that the {role} may submit"),
            What::Document(name) => write!(f, "{name} is no document that the {role} reads or writes"),
            What::Variable(name) => write!(f, "no run has the variable {name}"),
            What::Tool(name) => write!(f, "the {role} cannot call {name:?} of orchd's program"),
            What::Example(why) => write!(f, "the example would be refused: {why}"),
            What::Steering(word) => {
                write!(f, "{word:?} tells how work is steered, which no role decides or needs to know")
            }
            What::Forced { verdict, by } => {
                write!(f, "it asks for {verdict} whatever the work is like ({by:?})")
            }
        }
    }
}

/// Why a project's own prompt is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPrompt {
    /// Nothing but space.
    #[error("it is empty")]
    Empty,
    /// Larger than [`PROMPT_MAX`].
    #[error("it is larger than {} KiB", PROMPT_MAX / 1024)]
    TooLong,
    /// Bytes that are no text.
    #[error("it is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// The first bad one, from 0.
        at: usize,
    },
    /// It mentions what there is not.
    #[error("{0}")]
    Drift(Drift),
}

impl BadPrompt {
    /// What to do about it.
    pub fn suggestion(&self) -> String {
        match self {
            Self::Empty => {
                "write the role's instructions into it, or remove the key: then orchd's own are used"
                    .to_owned()
            }
            Self::TooLong => {
                "shorten it; long material belongs into the repository, where the role can read it".to_owned()
            }
            Self::NotUtf8 { .. } => "save it as UTF-8".to_owned(),
            Self::Drift(drift) => drift.suggestion(),
        }
    }
}
