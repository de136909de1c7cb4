//! The tracker: where requests come from and where people look first. Writes are idempotent.

use async_trait::async_trait;

use crate::id::{Key, ProjectId};

/// Why an outside system could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{system}: {why}")]
pub struct OutsideError {
    /// Which system.
    pub system: &'static str,
    /// What happened.
    pub why: String,
}

/// The tracker.
#[async_trait]
pub trait Tracker: Send + Sync {
    /// Shows a status for an issue; showing the present one again does nothing.
    async fn set_status(
        &self,
        project: &ProjectId,
        key: &Key,
        status: &str,
        line: &str,
    ) -> Result<(), OutsideError>;
}
