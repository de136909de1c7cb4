//! The surfaces: a board and a forge that show what they were last told, fail now and then, and sometimes did
//! it though they failed.

use std::sync::Arc;

use async_trait::async_trait;
use orchd_core::id::{Branch, Key, ProjectId, RepoId, Sha};
use orchd_core::port::forge::Forge;
use orchd_core::port::tracker::{OutsideError, Tracker};
use orchd_core::task::Task;

use super::fault::Fault;
use super::sched::{give_way, sleep};
use super::sim::Sim;

/// The tracker and the forge as one replica reaches them.
pub(super) struct Outside {
    pub(super) sim: Arc<Sim>,
    pub(super) replica: usize,
}

impl Outside {
    async fn write(&self, apply: impl FnOnce(&mut super::sim::Inner) + Send) -> Result<(), OutsideError> {
        let down = || OutsideError { system: "sim", why: "the surface did not answer".to_owned() };
        give_way(&self.sim).await;
        if self.sim.strikes(Fault::SurfaceFails) {
            return Err(down());
        }
        if self.sim.one_in(8) {
            sleep(&self.sim, self.sim.between(50, 4_000)).await;
        }
        self.sim.with(apply);
        if self.sim.strikes(Fault::SurfaceAnswerLost) {
            return Err(down());
        }
        Ok(())
    }
}

#[async_trait]
impl Tracker for Outside {
    async fn set_status(
        &self,
        project: &ProjectId,
        key: &Key,
        status: &str,
        line: &str,
    ) -> Result<(), OutsideError> {
        let shown = (status.to_owned(), line.to_owned());
        let issue = (project.clone(), key.clone());
        self.sim.say(|| format!("replica {} shows {key}: {status} / {line}", self.replica));
        self.write(move |i| {
            i.boards.insert(issue, shown);
        })
        .await
    }
}

#[async_trait]
impl Forge for Outside {
    async fn ensure_pull(
        &self,
        _repo: &RepoId,
        _head: &Branch,
        _title: &str,
        _text: &str,
        _open: bool,
    ) -> Result<(), OutsideError> {
        self.write(|_| {}).await
    }

    async fn write_records(&self, _task: &Task, _files: &[(String, String)]) -> Result<(), OutsideError> {
        self.write(|_| {}).await
    }

    async fn branch_head(&self, _repo: &RepoId, _branch: &Branch) -> Result<Option<Sha>, OutsideError> {
        Ok(None)
    }
}
