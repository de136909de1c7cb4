//! The stages of the pipeline and the roles that work in them: names, order, what is terminal.
//! Which stages a project walks is `pipeline.rs`; what guards them is `gate/`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a task is. The order of the variants is the order of the pipeline; `Cancelled` is a sink outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nobody works; waiting for admission.
    Created,
    /// The analyst turns the request into a BRD or asks.
    Analysis,
    /// The architect records decisions and risks.
    Architecture,
    /// The developer commits to the task branch.
    Development,
    /// The reviewer judges the patch.
    Review,
    /// The project's tests, by a runner or a tester.
    Testing,
    /// The staging suite.
    DeployStaging,
    /// Landing on main, then deployment where the project has one.
    Deploy,
    /// Terminal: proven to be in main.
    Done,
    /// Terminal: stopped by a person.
    Cancelled,
}

impl Stage {
    /// All stages in pipeline order, the sink last.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Analysis,
        Self::Architecture,
        Self::Development,
        Self::Review,
        Self::Testing,
        Self::DeployStaging,
        Self::Deploy,
        Self::Done,
        Self::Cancelled,
    ];

    /// The one function that every place asks "is this task finished".
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }

    /// The wire name (spec 1.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Analysis => "analysis",
            Self::Architecture => "architecture",
            Self::Development => "development",
            Self::Review => "review",
            Self::Testing => "testing",
            Self::DeployStaging => "deploy-staging",
            Self::Deploy => "deploy",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// The stage of a wire name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A role an agent plays. Each has a prompt `agents/<role>.md` and a submission schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Works in `analysis`.
    Analyst,
    /// Works in `architecture`.
    Architect,
    /// Works in `development`.
    Developer,
    /// Works in `review`.
    Reviewer,
    /// Works in `testing`, where a project chooses an agent over the runner.
    Tester,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] =
        [Self::Analyst, Self::Architect, Self::Developer, Self::Reviewer, Self::Tester];

    /// The wire name, and the stem of the prompt's file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Analyst => "analyst",
            Self::Architect => "architect",
            Self::Developer => "developer",
            Self::Reviewer => "reviewer",
            Self::Tester => "tester",
        }
    }

    /// The role of a wire name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// A judge's changes to the tree are dropped (spec 1.1); the others must change something.
    pub const fn is_judge(self) -> bool {
        matches!(self, Self::Reviewer | Self::Tester)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
