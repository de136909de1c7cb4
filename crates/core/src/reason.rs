//! Why a task is not moving: one value per wait, each with a sentence for people, who must act and, where
//! time alone ends it, until when. A task never waits without one (I-18).

use serde::{Deserialize, Serialize};

use crate::gate::GateName;
use crate::hold::HoldCode;
use crate::id::{JobId, ProviderId, Sha};
use crate::job::JobKind;
use crate::mutant::{self, Mutant};
use crate::time::{Span, Timestamp};

/// How long a wait that others end goes unlooked at.
pub const RECHECK: Span = Span::secs(60);

/// The reason of a Stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// A job of the task is queued or runs.
    Working {
        /// The job.
        job: JobId,
        /// Its kind.
        kind: JobKind,
        /// It was told to end.
        ending: bool,
    },
    /// An answer is not in; nothing is at fault.
    Wait(Wait),
    /// Infrastructure is at fault; asked again at a known moment.
    Deferred {
        /// The gate that could not be asked.
        gate: GateName,
        /// What happened.
        why: String,
        /// When it is asked again.
        until: Timestamp,
    },
    /// A person must decide or repair.
    Held {
        /// The code; `hold.rs` has who and how.
        code: HoldCode,
    },
    /// Paused.
    Paused {
        /// By whom or what.
        by: String,
        /// The reason or the questions.
        why: String,
    },
    /// Terminal.
    Ended,
}

/// What a Wait is for (spec 1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "kebab-case")]
pub enum Wait {
    /// The operator stopped admission.
    Drained,
    /// The repository is frozen.
    Frozen {
        /// Why.
        why: String,
    },
    /// Another issue must be done first.
    Dependency {
        /// The key.
        on: String,
    },
    /// Another task goes first.
    Predecessor {
        /// Its key.
        on: String,
    },
    /// The repository is full.
    Capacity,
    /// Another task lands.
    Lane {
        /// Its key or the environment's holder.
        on: String,
        /// Places before this task.
        position: u32,
    },
    /// A person is asked.
    Person {
        /// For what.
        ask: Ask,
        /// Until when, where policy says so.
        until: Option<Timestamp>,
    },
    /// CI has not answered.
    Ci {
        /// The commit.
        head: Sha,
        /// The limit.
        until: Timestamp,
    },
    /// A provider's quota is used up.
    Quota {
        /// When it resets.
        until: Timestamp,
    },
    /// A provider does not answer.
    Provider {
        /// The provider.
        provider: ProviderId,
        /// When it is tried again; `None` while a run of another task tries it.
        until: Option<Timestamp>,
        /// What it said last.
        why: String,
    },
    /// Main is being looked at or tested.
    Main,
}

/// What a person is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Approve the BRD.
    Approve,
    /// Confirm the deployment.
    ConfirmDeploy,
}

impl Reason {
    /// The next moment at which the task must be decided again though nothing happens. A wait that others end
    /// is looked at again now and then all the same: a lost wake-up costs latency, never the task (I-18).
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Deferred { until, .. } => (!mutant::on(Mutant::DeferredForEver)).then_some(*until),
            Self::Wait(wait) => match wait {
                Wait::Ci { .. } if mutant::on(Mutant::CiForEver) => None,
                Wait::Ci { until, .. } | Wait::Quota { until } => Some(*until),
                Wait::Provider { until, .. } => Some(until.unwrap_or(now + RECHECK)),
                Wait::Person { until, .. } => *until,
                Wait::Drained
                | Wait::Frozen { .. }
                | Wait::Dependency { .. }
                | Wait::Predecessor { .. }
                | Wait::Capacity
                | Wait::Lane { .. }
                | Wait::Main => Some(now + RECHECK),
            },
            Self::Working { .. } | Self::Held { .. } | Self::Paused { .. } | Self::Ended => None,
        }
    }

    /// Whether a task with this reason gives way: it holds neither its place nor a lane (spec 1.5, 2.4).
    pub fn gives_way(&self) -> bool {
        match self {
            Self::Held { .. } | Self::Ended => true,
            Self::Paused { .. } => !mutant::on(Mutant::Inc24),
            Self::Wait(Wait::Person { .. } | Wait::Frozen { .. }) => true,
            Self::Wait(
                Wait::Drained
                | Wait::Dependency { .. }
                | Wait::Predecessor { .. }
                | Wait::Capacity
                | Wait::Lane { .. }
                | Wait::Ci { .. }
                | Wait::Quota { .. }
                | Wait::Provider { .. }
                | Wait::Main,
            )
            | Self::Working { .. }
            | Self::Deferred { .. } => false,
        }
    }

    /// The short word of the kind, for tables and metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Working { .. } => "working",
            Self::Deferred { .. } => "deferred",
            Self::Held { .. } => "hold",
            Self::Paused { .. } => "paused",
            Self::Ended => "ended",
            Self::Wait(wait) => match wait {
                Wait::Drained => "drained",
                Wait::Frozen { .. } => "frozen",
                Wait::Dependency { .. } => "dependency",
                Wait::Predecessor { .. } => "predecessor",
                Wait::Capacity => "capacity",
                Wait::Lane { .. } => "lane",
                Wait::Person { .. } => "person",
                Wait::Ci { .. } => "ci",
                Wait::Quota { .. } => "quota",
                Wait::Provider { .. } => "provider",
                Wait::Main => "main",
            },
        }
    }

    /// The sentence for people: what it waits for, who acts, with what command.
    pub fn sentence(&self, key: &str) -> String {
        match self {
            Self::Working { kind, ending: false, .. } => format!("{} is queued or running.", kind.name()),
            Self::Working { kind, ending: true, .. } => {
                format!("{} was told to end and is ending.", kind.name())
            }
            Self::Deferred { gate, why, .. } => {
                format!("{} could not be asked ({why}); it is asked again by itself.", gate.name())
            }
            Self::Held { code } => {
                let row = code.row();
                format!("On Hold ({}): the {} must act: {}.", row.name, row.who, row.todo)
            }
            Self::Paused { by, why } if why.is_empty() => {
                format!("Paused by {by}; `orchctl resume {key}` goes on.")
            }
            Self::Paused { by, why } => {
                format!("Paused by {by}: {why} `orchctl resume {key} --answer \"…\"` answers and goes on.")
            }
            Self::Ended => "Finished.".to_owned(),
            Self::Wait(wait) => wait.sentence(key),
        }
    }
}

impl Wait {
    fn sentence(&self, key: &str) -> String {
        match self {
            Self::Drained => "orchd is drained: `orchctl undrain` lets work start again.".to_owned(),
            Self::Frozen { why } => {
                format!(
                    "The repository is frozen ({why}): a person mends the cause, then `orchctl repo unfreeze`."
                )
            }
            Self::Dependency { on } => format!("{on} must be done first."),
            Self::Predecessor { on } => format!("{on} goes first; this task is let in when it gives way."),
            Self::Capacity => "As many tasks as the policy allows are at work in this repository.".to_owned(),
            Self::Lane { on, position } => format!("{on} is landing; place {position} in the lane."),
            Self::Person { ask: Ask::Approve, .. } => {
                format!("A person must read the analysis: `orchctl approve {key}` or `orchctl reject {key}`.")
            }
            Self::Person { ask: Ask::ConfirmDeploy, .. } => {
                format!(
                    "A person must confirm the deployment: `orchctl confirm-deploy {key}` or `orchctl reject {key}`."
                )
            }
            Self::Ci { head, .. } => format!("CI has not spoken for {} yet.", head.short()),
            Self::Quota { .. } => {
                "The provider's quota is used up; work resumes by itself when it resets.".to_owned()
            }
            Self::Provider { provider, until: Some(_), why } => {
                format!(
                    "Provider {provider} does not answer ({why}); it is tried again by itself, nobody must act."
                )
            }
            Self::Provider { provider, until: None, why } => {
                format!(
                    "Provider {provider} did not answer ({why}); one run is trying it, and nobody must act."
                )
            }
            Self::Main => "Main is being looked at and tested.".to_owned(),
        }
    }
}
