//! The built-in board as the tracker: a status is a field of the issue's row.

use std::sync::Arc;

use async_trait::async_trait;
use orchd_core::id::{Key, ProjectId};
use orchd_core::port::board::Board;
use orchd_core::port::tracker::{OutsideError, Tracker};

/// The tracker over the built-in board.
pub struct LocalTracker {
    board: Arc<dyn Board>,
}

impl LocalTracker {
    /// A tracker over this board.
    pub fn new(board: Arc<dyn Board>) -> Self {
        Self { board }
    }
}

#[async_trait]
impl Tracker for LocalTracker {
    async fn set_status(
        &self,
        project: &ProjectId,
        key: &Key,
        status: &str,
        line: &str,
    ) -> Result<(), OutsideError> {
        let set = self.board.set_issue_status(project, key, status, line).await;
        set.map_err(|error| OutsideError {
            system: "local board",
            why: format!("the status of {key} was not written: {error}"),
        })
    }
}
