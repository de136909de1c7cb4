//! Typed identities and the small value types that name things: tasks, runs, commits, branches.
//! Identities come from the `Ids` port and never from here; nothing in this module draws randomness.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_hyphenated())
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Uuid::try_parse(text).map(Self).map_err(|_| BadId::new(stringify!($name), text))
            }
        }
    )*};
}

ids! {
    /// One life of one tracker issue. Paths and `refs/orchd/*` use it; people see the key.
    TaskId;
    /// A row of the job table.
    JobId;
    /// One process started for a job; names the work, not the controller.
    RunId;
    /// A row of the effect ledger.
    EffectId;
    /// Chosen before a commit, so that a lost answer can be looked up.
    TransitionId;
    /// One input (fact or command) of a task or a repository; its dedupe key.
    InputId;
    /// One life of one orchd process: the owner in a lease.
    BootId;
}

/// Text that is not an identity of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}")]
pub struct BadId {
    /// The identity's type.
    pub kind: &'static str,
    /// What was given; of a long text its beginning.
    pub text: String,
}

impl BadId {
    fn new(kind: &'static str, text: &str) -> Self {
        const ENOUGH: usize = 100;
        let kept: String = text.chars().take(ENOUGH).collect();
        let cut = if kept.len() < text.len() { "…" } else { "" };
        Self { kind, text: kept + cut }
    }
}

/// Rows are full of names, and rows are copied: a copy shares the text.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps text that is known to be of this kind.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

names! {
    /// A project of the configuration.
    ProjectId;
    /// A code repository of the configuration.
    RepoId;
    /// Whose models a profile uses: the runs of one provider wait together.
    ProviderId;
    /// The tracker's own key of an issue, unpadded (`ORCH-26`); for people.
    Key;
    /// A branch name without `refs/heads/`.
    Branch;
    /// A full ref name (`refs/…`).
    RefName;
    /// Who did something: a person, a policy, the engine.
    Actor;
}

/// A digest (SHA-256, hexadecimal) of what a gate read. Copies share the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Digest(Arc<str>);

impl Digest {
    /// Wraps text that is known to be a digest.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        const DIGITS: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let digit = |half: u8| DIGITS[usize::from(half & 0xf)];
        let bytes = sha2::Sha256::digest(bytes);
        let text: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
        Self(text.into())
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl From<String> for Digest {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.as_str().to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A full git object name: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits. Copies share the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha(Arc<str>);

impl Sha {
    /// Checks and wraps; anything but a full object name is refused, so that nothing is ever bound to an abbreviation.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let text = text.trim();
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && (text.len() == 40 || text.len() == 64) {
            Ok(Self(text.into()))
        } else {
            Err(BadId::new("commit SHA", text))
        }
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

impl TryFrom<String> for Sha {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        Self::parse(&text)
    }
}

impl From<Sha> for String {
    fn from(sha: Sha) -> Self {
        sha.as_str().to_owned()
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

/// A fencing token: grows with every claim and is never reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub i64);

impl RefName {
    /// The must-not-exist ref of a landing: whoever creates it first decides (spec 3.9).
    pub fn merge(task: TaskId, landing: u32) -> Self {
        Self::new(format!("refs/orchd/merge/{task}/{landing}"))
    }
    /// Where the mirror keeps what a run left on its branch.
    pub fn run(run: RunId) -> Self {
        Self::new(format!("refs/orchd/run/{run}"))
    }
    /// Where partial work is kept before anything is removed.
    pub fn salvage(run: RunId) -> Self {
        Self::new(format!("refs/orchd/salvage/{run}"))
    }
    /// Where a task's reports are mirrored.
    pub fn records(task: TaskId) -> Self {
        Self::new(format!("refs/orchd/records/{task}"))
    }
}
