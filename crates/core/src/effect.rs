//! The effect ledger's vocabulary: what cannot be undone is an intent first, then an act with expected SHAs,
//! then an outcome by probe (spec 2.4, 3.8, 3.9). What to do about each is decided in `decide/effect.rs`.

use serde::{Deserialize, Serialize};

use crate::id::{EffectId, RepoId, Sha, TaskId};
use crate::mutant::{self, Mutant};
use crate::time::Timestamp;

/// What is done, with what is expected of the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Intent {
    /// Main goes from `base` to `head`.
    Landing {
        /// The landing's number within the task.
        landing: u32,
        /// Main as expected.
        base: Sha,
        /// The validated head.
        head: Sha,
    },
    /// The environment goes to `sha`.
    Deploy {
        /// The commit.
        sha: Sha,
        /// The attempt.
        attempt: u32,
        /// The environment.
        environment: String,
    },
}

impl Intent {
    /// The resource: at most one open irreversible effect may have it.
    pub fn target(&self, repo: &RepoId) -> String {
        match self {
            Self::Landing { .. } => format!("merge/{repo}#main"),
            Self::Deploy { environment, .. } => format!("deploy/{repo}#{environment}"),
        }
    }

    /// The idempotency key: an applied effect of this key is never carried out again.
    pub fn key(&self, task: TaskId) -> String {
        match self {
            Self::Landing { landing, .. } => format!("merge/{task}/{landing}"),
            Self::Deploy { sha, .. } if mutant::on(Mutant::Inc17) => format!("deploy/{task}/{sha}"),
            Self::Deploy { sha, attempt, .. } => format!("deploy/{task}/{sha}/{attempt}"),
        }
    }
}

/// Where an effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectState {
    /// Stored; nothing was sent.
    Intent,
    /// The act is under way.
    Sent,
    /// It happened; proven.
    Applied,
    /// It did not happen and can not happen any more.
    Refused,
    /// Nobody knows; a probe must ask the resource.
    Unknown,
}

impl EffectState {
    /// Whether the question is still open.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Intent | Self::Sent | Self::Unknown => true,
            Self::Applied | Self::Refused => false,
        }
    }

    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Sent => "sent",
            Self::Applied => "applied",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// A ledger entry, as the task's row holds its open one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Its identity.
    pub id: EffectId,
    /// What was intended.
    pub intent: Intent,
    /// Where it stands.
    pub state: EffectState,
    /// When the intent was stored.
    pub since: Timestamp,
    /// Times it was probed.
    pub probes: u32,
    /// A probe found it absent while main stood here; a late act may still be on its way.
    pub absent_at: Option<Sha>,
}

/// The proof of a landing: the head was an ancestor of main when git was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The validated head.
    pub head: Sha,
    /// Main at that moment.
    pub main: Sha,
    /// The tree of main.
    pub main_tree: Sha,
    /// Markers that main lacks (spec 3.10).
    pub missing_markers: Vec<String>,
    /// The look for markers failed; a warning.
    pub marker_warning: Option<String>,
}

/// The answer of the landing job. Outcome enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "landing", rename_all = "kebab-case")]
pub enum LandingAnswer {
    /// It landed, and git said so.
    Landed {
        /// The proof.
        proof: Proof,
    },
    /// Main is not the expected base any more; nothing was changed.
    StaleBase {
        /// Main now.
        main: Sha,
    },
    /// The receiver refused it for good.
    Refused {
        /// Its words.
        why: String,
    },
    /// Nothing was sent: the act did not start.
    NotSent {
        /// Why.
        why: String,
    },
    /// Sent, and the answer was lost or means nothing.
    Unknown {
        /// What is known.
        why: String,
    },
}

/// The answer of a probe. Outcome enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "kebab-case")]
pub enum ProbeAnswer {
    /// The landing happened.
    Landed {
        /// The proof.
        proof: Proof,
    },
    /// It has not happened; a late act may still be on its way.
    Absent {
        /// Main now.
        main: Sha,
    },
    /// The door is closed: it never happened and never will.
    Closed {
        /// Main now.
        main: Sha,
    },
    /// The environment runs the commit or a descendant.
    Deployed,
    /// The environment runs something else.
    NotDeployed,
    /// The environment can not be asked.
    NoRevision,
    /// The resource did not answer.
    Infra {
        /// What happened.
        why: String,
    },
}
