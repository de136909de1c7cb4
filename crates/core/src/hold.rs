//! Hold codes: why a task waits for a person to decide or repair. One table says who acts, which commands
//! end it and what each does; every surface reads it, and docs/ref/holds.md is generated from it.

use serde::{Deserialize, Serialize};

use crate::command::CommandKind;
use crate::gate::GateName;
use crate::time::Timestamp;

/// A Hold as the row keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The code.
    pub code: HoldCode,
    /// What happened, to what, in one or two sentences.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
    /// The gate whose budget ran out, where one did: `retry` grants that one.
    pub gate: Option<GateName>,
}

/// Why a task is on Hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldCode {
    /// The request does not pass the entry check.
    Entry,
    /// Rework is used up.
    Escalated,
    /// The same findings came twice.
    NoProgress,
    /// An agent's runs failed too often.
    AgentFailed,
    /// The provider's errors did not end.
    ProviderDown,
    /// Infrastructure failed too often.
    Infra,
    /// Money.
    Budget,
    /// A blocking question where nobody may be asked.
    Ambiguous,
    /// Nobody answered in time.
    Unanswered,
    /// CI stayed pending.
    CiPending,
    /// Main fails the same way.
    MainRed,
    /// The rebase changed the patch three times in a row.
    MainMoves,
    /// The landing was refused, or could not be proven.
    NotMerged,
    /// A marker vanished from main.
    MainRegressed,
    /// A person declined the deployment.
    DeployDeclined,
    /// The deployment failed and was taken back.
    DeployFailed,
    /// The deployment failed and was not taken back.
    EnvironmentBroken,
    /// Nobody can tell whether the deployment happened.
    DeployUnknown,
    /// Fix-forward is used up while main or production is broken.
    MainBroken,
    /// A dependency ended in anything but `done`.
    DependencyEnded,
}

/// What `retry` or `approve` on a Hold does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldRow {
    /// Its code on surfaces and in errors.
    pub name: &'static str,
    /// Who acts.
    pub who: &'static str,
    /// The sentence: what must be done.
    pub todo: &'static str,
    /// The commands that end it.
    pub ends: &'static [CommandKind],
    /// What `retry` resets or grants.
    pub retry: &'static str,
    /// Main or production is wrong: the repository freezes with it.
    pub freezes: bool,
}

impl HoldCode {
    /// All codes.
    pub const ALL: [Self; 20] = [
        Self::Entry,
        Self::Escalated,
        Self::NoProgress,
        Self::AgentFailed,
        Self::ProviderDown,
        Self::Infra,
        Self::Budget,
        Self::Ambiguous,
        Self::Unanswered,
        Self::CiPending,
        Self::MainRed,
        Self::MainMoves,
        Self::NotMerged,
        Self::MainRegressed,
        Self::DeployDeclined,
        Self::DeployFailed,
        Self::EnvironmentBroken,
        Self::DeployUnknown,
        Self::MainBroken,
        Self::DependencyEnded,
    ];

    /// The code's row.
    pub const fn row(self) -> HoldRow {
        const RETRY: &[CommandKind] = &[CommandKind::Retry, CommandKind::Stop];
        const RETRY_APPROVE: &[CommandKind] = &[CommandKind::Retry, CommandKind::Approve, CommandKind::Stop];
        const fn row(
            name: &'static str,
            who: &'static str,
            todo: &'static str,
            retry: &'static str,
        ) -> HoldRow {
            HoldRow { name, who, todo, ends: RETRY, retry, freezes: false }
        }
        match self {
            Self::Entry => row(
                "entry",
                "requester",
                "give the request a title of 5 to 200 characters and a description (orchctl task amend), then retry",
                "asks the entry check again",
            ),
            Self::Escalated => row(
                "escalated",
                "developer",
                "read the findings; help with the change or narrow the request, then retry",
                "grants one rework; back to development with the last findings",
            ),
            Self::NoProgress => row(
                "no-progress",
                "developer",
                "the same findings came twice; help with the change, then retry",
                "grants one rework; back to development with the last findings",
            ),
            Self::AgentFailed => row(
                "agent-failed",
                "operator",
                "read the run's log and mend what made it fail, then retry",
                "grants one more run of the role",
            ),
            Self::ProviderDown => row(
                "provider-down",
                "operator",
                "wait for the provider or choose another profile, then retry",
                "grants one more try",
            ),
            Self::Infra => row(
                "infra",
                "operator",
                "repair the named cause, then retry",
                "grants one more try of the gate",
            ),
            Self::Budget => {
                row("budget", "owner", "raise the cap in the policy, then retry", "asks the budget again")
            }
            Self::Ambiguous => row(
                "ambiguous",
                "requester",
                "answer the question in the request (orchctl task amend), then retry",
                "starts the role again",
            ),
            Self::Unanswered => row(
                "unanswered",
                "approver",
                "nobody answered in time; retry asks again",
                "asks the person again, with a new deadline",
            ),
            Self::CiPending => row(
                "ci-pending",
                "operator",
                "see why CI does not answer, then retry",
                "waits for CI again, with a new limit",
            ),
            Self::MainRed => HoldRow {
                name: "main-red",
                who: "developer",
                todo: "make main green and unfreeze the repository, then retry",
                ends: RETRY,
                retry: "rebases onto main and tests again",
                freezes: true,
            },
            Self::MainMoves => row(
                "main-moves",
                "developer",
                "main keeps changing under the patch; freeze others or retry",
                "asks merge-ready again",
            ),
            Self::NotMerged => row(
                "not-merged",
                "operator",
                "the landing was refused or is unproven; mend the cause, then retry",
                "asks merge-ready and landing again",
            ),
            Self::MainRegressed => HoldRow {
                name: "main-regressed",
                who: "developer",
                todo: "text that must stay in main is gone; restore it or retire the marker, then retry",
                ends: RETRY,
                retry: "looks at main again",
                freezes: true,
            },
            Self::DeployDeclined => row(
                "deploy-declined",
                "approver",
                "the code is in main and stays there; retry asks again",
                "asks for confirm-deploy again",
            ),
            Self::DeployFailed => row(
                "deploy-failed",
                "operator",
                "the hook failed and took itself back; mend the cause, then retry",
                "next attempt, after confirm-deploy",
            ),
            Self::EnvironmentBroken => HoldRow {
                name: "environment-broken",
                who: "operator",
                todo: "the environment is broken; repair it, unfreeze the repository, then retry",
                ends: RETRY,
                retry: "next attempt, after confirm-deploy",
                freezes: true,
            },
            Self::DeployUnknown => HoldRow {
                name: "deploy-unknown",
                who: "operator",
                todo: "look at the environment: approve if the commit runs there, retry if it does not",
                ends: RETRY_APPROVE,
                retry: "next attempt, after confirm-deploy",
                freezes: false,
            },
            Self::MainBroken => HoldRow {
                name: "main-broken",
                who: "developer",
                todo: "attempts to mend main are used up; mend it, unfreeze the repository, then retry",
                ends: RETRY,
                retry: "grants one more fix-forward attempt",
                freezes: true,
            },
            Self::DependencyEnded => row(
                "dependency-ended",
                "requester",
                "a task this one waits for will never be done; remove the dependency (orchctl deps rm), then retry",
                "asks the dependencies again",
            ),
        }
    }

    /// The wire name.
    pub const fn name(self) -> &'static str {
        self.row().name
    }
}
