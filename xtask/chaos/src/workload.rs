//! A workload: two requests from nothing to done, over as many lives as it takes, in a directory that is removed
//! unless something was wrong.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use orchd_daemon::Asked;

use crate::life::{End, Place, live};
use crate::point::Points;
use crate::{Figures, judge, project};

/// After so many kills it is left alone, so that it comes to its end.
const MOST: u32 = 25;

pub(crate) struct Workload<'p> {
    program: &'p Path,
    dir: tempfile::TempDir,
    data: PathBuf,
    project: PathBuf,
}

impl<'p> Workload<'p> {
    pub(crate) fn new(program: &'p Path) -> Result<Self> {
        let dir =
            tempfile::Builder::new().prefix("orchd-chaos-").tempdir().context("a directory is needed")?;
        let (data, project) = (dir.path().join("data"), dir.path().join("project"));
        std::fs::create_dir(&data)?;
        project::make(&project)?;
        Ok(Self { program, dir, data, project })
    }

    /// Runs it to its end.
    pub(crate) async fn run(self, points: &mut Points, kills: u32, figures: &mut Figures) -> Result<()> {
        let lived = self.lives(points, kills, figures).await;
        let good = figures.violations.is_empty() && figures.repeated.is_empty() && figures.left.is_empty();
        if lived.is_err() || !good {
            println!("everything of it is kept in {}", self.dir.keep().display());
        }
        lived
    }

    async fn lives(&self, points: &mut Points, kills: u32, figures: &mut Figures) -> Result<()> {
        let place = Place { program: self.program, data: &self.data, project: &self.project };
        let mut mine = 0;
        loop {
            let point = (mine < MOST && figures.killed() < kills).then(|| points.next());
            let name = point.as_ref().map_or("the last start", |point| point.name.as_str());
            match live(place, point.as_ref()).await.with_context(|| format!("with the point {name}"))? {
                End::Killed => {
                    mine += 1;
                    *figures.kills.entry(name.to_owned()).or_default() += 1;
                    judge::invariants(&self.data, Asked::Always, name, figures).await?;
                }
                End::Done { stood_still } => {
                    figures.stops += u32::from(stood_still);
                    figures.missed += u32::from(point.is_some() && !stood_still);
                    let all = judge::invariants(&self.data, Asked::AtRest, name, figures).await?;
                    let all = all.context("there is no database at the end")?;
                    judge::outcome(&self.data, &all, stood_still, figures)?;
                    return judge::left(&self.data, figures).await;
                }
            }
        }
    }
}
