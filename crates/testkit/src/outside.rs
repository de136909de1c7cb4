//! What an engine is wired to where a test is about something else: surfaces that nobody looks at, a host that says what
//! it is told to. The simulation has models of its own.

use async_trait::async_trait;
use orchd_core::id::{Branch, Key, ProjectId, RepoId, Sha};
use orchd_core::port::alert::{Alert, Alerts};
use orchd_core::port::forge::Forge;
use orchd_core::port::host::{Host, Room};
use orchd_core::port::tracker::{OutsideError, Tracker};
use orchd_core::task::Task;

/// Surfaces that take everything and show nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoSurfaces;

#[async_trait]
impl Tracker for NoSurfaces {
    async fn set_status(&self, _: &ProjectId, _: &Key, _: &str, _: &str) -> Result<(), OutsideError> {
        Ok(())
    }
}

#[async_trait]
impl Forge for NoSurfaces {
    async fn ensure_pull(
        &self,
        _: &RepoId,
        _: &Branch,
        _: &str,
        _: &str,
        _: bool,
    ) -> Result<(), OutsideError> {
        Ok(())
    }
    async fn write_records(&self, _: &Task, _: &[(String, String)]) -> Result<(), OutsideError> {
        Ok(())
    }
    async fn branch_head(&self, _: &RepoId, _: &Branch) -> Result<Option<Sha>, OutsideError> {
        Ok(None)
    }
}

#[async_trait]
impl Alerts for NoSurfaces {
    async fn tell(&self, _: &Alert) -> Result<(), OutsideError> {
        Ok(())
    }
}

/// A host that has room, or has none.
#[derive(Debug, Clone, Copy)]
pub struct Space(pub bool);

impl Host for Space {
    fn room(&self) -> Room {
        if self.0 { Room::Enough } else { Room::Short { why: "the disk is full".to_owned() } }
    }
}
