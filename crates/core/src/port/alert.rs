//! Alerts: what cannot go on without a person, told to wherever people hear it.

use async_trait::async_trait;
use serde::Serialize;

use crate::id::{Key, ProjectId, RepoId};
use crate::port::tracker::OutsideError;
use crate::time::Timestamp;

/// What is wanted of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKind {
    /// To approve or send back what a role made.
    Approval,
    /// To let a deployment begin.
    ConfirmDeploy,
    /// To answer.
    Question,
    /// To mend, or to decide.
    Hold,
    /// To mend main, or to unfreeze the repository.
    Frozen,
}

/// Something that needs a person. The same need is the same alert, to the last field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// What is wanted.
    pub kind: AlertKind,
    /// The project.
    pub project: ProjectId,
    /// The repository.
    pub repo: RepoId,
    /// The task's key, unless it is about the whole repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Key>,
    /// The request's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The code of a Hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What happened, for people.
    pub sentence: String,
    /// What is asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<String>,
    /// Commands that end it, ready to be typed.
    pub commands: Vec<String>,
    /// Since when, in milliseconds since 1970 (UTC).
    pub since: Timestamp,
}

/// Where people hear of alerts.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Tells it. An error is tried again; what was told and not answered for is told twice.
    async fn tell(&self, alert: &Alert) -> Result<(), OutsideError>;
}
