//! The surfaces: a board and a forge that show what they were last told, fail now and then, and sometimes did
//! it though they failed.

use std::sync::Arc;

use async_trait::async_trait;
use orchd_core::id::{Branch, Key, ProjectId, RepoId, Sha};
use orchd_core::port::alert::{Alert, Alerts};
use orchd_core::port::forge::Forge;
use orchd_core::port::tracker::{OutsideError, Tracker};
use orchd_core::task::Task;
use orchd_core::time::Span;

use super::fault::Fault;
use super::sched::{give_way, sleep};
use super::sim::Sim;
use super::spot::Spot;

/// The tracker and the forge as one replica reaches them.
pub(super) struct Outside {
    pub(super) sim: Arc<Sim>,
    pub(super) replica: usize,
}

impl Outside {
    async fn write(
        &self,
        spot: Spot<'_>,
        apply: impl FnOnce(&mut super::sim::Inner) + Send,
    ) -> Result<(), OutsideError> {
        let sim = &self.sim;
        let error = |why: &str| Err(OutsideError { system: "sim", why: why.to_owned() });
        give_way(sim).await;
        if sim.strikes(Fault::SurfaceBusy, spot) {
            return error("429: too many requests");
        }
        if sim.strikes(Fault::SurfaceFails, spot) {
            return error("the surface did not answer");
        }
        if let Some(mut strike) = sim.strike(Fault::SurfaceSlow, spot) {
            sleep(sim, Span::secs(20 + strike.number(200))).await;
        } else if sim.one_in(8) {
            sleep(sim, sim.between(50, 4_000)).await;
        }
        sim.with(apply);
        if sim.strikes(Fault::SurfaceAnswerLost, spot) {
            return error("the surface did not answer");
        }
        Ok(())
    }

    /// The task that a surface shows, by the issue's latest life.
    fn spot(&self, project: &ProjectId, key: &Key) -> Spot<'static> {
        let latest =
            self.sim.store.inspect(|s| s.lives.get(&(project.clone(), key.clone()))?.last().copied());
        latest.map_or(Spot::World, Spot::Task)
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
        let spot = self.spot(project, key);
        self.write(spot, move |i| {
            i.boards.insert(issue, shown);
        })
        .await
    }
}

#[async_trait]
impl Alerts for Outside {
    async fn tell(&self, alert: &Alert) -> Result<(), OutsideError> {
        self.sim.say(|| format!("replica {} tells {alert:?}", self.replica));
        let spot = alert.task.as_ref().map_or(Spot::World, |key| self.spot(&alert.project, key));
        self.write(spot, |_| ()).await
    }
}

#[async_trait]
impl Forge for Outside {
    async fn ensure_pull(
        &self,
        _repo: &RepoId,
        head: &Branch,
        _title: &str,
        _text: &str,
        _open: bool,
    ) -> Result<(), OutsideError> {
        // A branch is named after its issue.
        let key = Key::new(head.as_str().trim_start_matches("orchd/"));
        self.write(self.spot(&self.sim.shape.project(), &key), |_| {}).await
    }

    async fn write_records(&self, task: &Task, _files: &[(String, String)]) -> Result<(), OutsideError> {
        self.write(Spot::Row(task), |_| {}).await
    }

    async fn branch_head(&self, _repo: &RepoId, _branch: &Branch) -> Result<Option<Sha>, OutsideError> {
        Ok(None)
    }
}
