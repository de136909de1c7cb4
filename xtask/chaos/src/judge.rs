//! What must be true whatever was killed: asked of the database, of git, of the runs' own files and of the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use orchd_core::event::Event;
use orchd_core::id::{RepoId, Sha};
use orchd_core::job::JobResult;
use orchd_core::port::store::{Inventory, JobRow, TaskRecord};
use orchd_core::stage::Stage;
use orchd_daemon::{Asked, audit};
use orchd_launcher::{Ended, RunDir, RunResult};
use tokio::time::sleep;

use crate::Figures;
use crate::project::git;

/// Asks the invariants; what breaks one is told with the point after which it did.
pub(crate) async fn invariants(
    data: &Path,
    asked: Asked,
    after: &str,
    figures: &mut Figures,
) -> Result<Option<Inventory>> {
    if !data.join("orchd.db").exists() {
        return Ok(None);
    }
    let forge = data.join("forges").join("demo.git");
    let main = if forge.join("refs").exists() { in_main(&forge)? } else { BTreeSet::new() };
    let (found, all) = audit(data, Some(BTreeMap::from([(RepoId::new("demo"), main)])), asked).await?;
    figures.audits += 1;
    figures.violations.extend(found.iter().map(|violation| format!("after {after}: {violation}")));
    Ok(Some(all))
}

fn in_main(forge: &Path) -> Result<BTreeSet<Sha>> {
    let listed = git(forge, &["rev-list", "refs/heads/main"]);
    // A forge that was killed while it was made has no main yet.
    let Ok(listed) = listed else { return Ok(BTreeSet::new()) };
    listed.lines().map(|line| Sha::parse(line).with_context(|| line.to_owned())).collect()
}

/// Each agent's run that came to its own end was counted once; everything was done. Where the process stood still for
/// longer than its leases, its reaper may have given up a run that ended meanwhile: that is told, as it was paid for.
pub(crate) fn outcome(data: &Path, all: &Inventory, stood_still: bool, figures: &mut Figures) -> Result<()> {
    let mut counted: BTreeMap<String, u32> = finished(data)?.into_iter().map(|run| (run, 0)).collect();
    figures.runs += counted.len();
    for TaskRecord { task, events, .. } in &all.tasks {
        if task.stage != Stage::Done {
            figures.violations.push(format!("{} ended in {}: {:?}", task.key, task.stage, task.reason));
        }
        for logged in events {
            if let Event::RunEnded { run } = &logged.event {
                *counted.entry(run.run.to_string()).or_default() += 1;
            }
        }
    }
    let lost = |run: &str| {
        let is_lost = |row: &&JobRow| matches!(row.result, Some(JobResult::Lost { .. }));
        all.jobs.iter().filter(is_lost).any(|row| row.run.is_some_and(|id| id.to_string() == run))
    };
    for (run, times) in counted {
        match times {
            1 => {}
            0 if stood_still && lost(&run) => figures.given_up += 1,
            _ => figures.repeated.push(format!("{run} was counted {times} times")),
        }
    }
    Ok(())
}

/// A prompt is what an agent's run has and a suite's lacks.
fn finished(data: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for dir in runs(data)? {
        let name = dir.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Ok(run) = name.parse() else { continue };
        let ended = RunResult::read(&dir, run).map(|result| result.ended);
        if dir.file(RunDir::PROMPT).is_file() && matches!(ended, Ok(Ended::Exited { .. })) {
            found.push(name);
        }
    }
    Ok(found)
}

fn runs(data: &Path) -> Result<Vec<RunDir>> {
    let entries = fs::read_dir(data.join("runs")).context("the runs can not be listed")?;
    let mut found = Vec::new();
    for entry in entries {
        found.push(RunDir::open(entry?.path())?);
    }
    Ok(found)
}

/// What still runs of any run, once all are over and a moment has passed.
pub(crate) async fn left(data: &Path, figures: &mut Figures) -> Result<()> {
    let mut left = Vec::new();
    for _ in 0..100 {
        left.clear();
        for dir in runs(data)? {
            let Some(identity) = dir.identity()? else { continue };
            for process in [Some(identity.shim), identity.child].into_iter().flatten() {
                if process.is_alive()? {
                    left.push(format!("{process:?} of {}", dir.path().display()));
                }
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    figures.left.extend(left);
    Ok(())
}
