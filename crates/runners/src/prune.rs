//! Housekeeping: what runs left behind goes once it is old enough to be nobody's business any more. Directories of
//! runs, checkouts and drafts that a killed orchd left, clones that were moved aside, programs' state without a clone, and the refs that keep the work of
//! runs which did not count. A run that a job still holds is never touched.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::UNIX_EPOCH;

use orchd_core::id::{RefName, RunId};
use orchd_core::time::{Span, Timestamp};
use orchd_launcher::RunDir;
use orchd_launcher::launcher::{Found, find};

use crate::error::{RunnerError, chain};
use crate::task_branch::BRANCH_SUFFIX;
use crate::watch;
use crate::workshop::{SET_ASIDE, Workshop};

/// What is removed once it is older than `keep`, by the moment that a run's own identity names.
const RUN_REFS: [&str; 2] = ["refs/orchd/salvage/", "refs/orchd/run/"];

/// How the name of a clone ends that is being made.
const DRAFT: &str = ".new";

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Directories of runs.
    pub runs: usize,
    /// Checkouts of runs, drafts of clones, clones that were moved aside, state of programs.
    pub folders: usize,
    /// Refs in the mirrors.
    pub refs: usize,
}

/// Removes what is older than its span: `keep_runs` for directories, `keep_salvage` for refs and for clones that were
/// moved aside. `busy` are the runs that jobs hold.
pub async fn prune(
    shop: &Workshop,
    busy: &BTreeSet<RunId>,
    now: Timestamp,
    keep_runs: Span,
    keep_salvage: Span,
) -> Result<Pruned, RunnerError> {
    let old = |run: RunId, keep: Span| !busy.contains(&run) && began(run).is_some_and(|at| at + keep < now);
    let mut pruned = Pruned::default();
    for name in names(&shop.checkouts_dir()).await? {
        let Ok(run) = name.parse::<RunId>() else { continue };
        let dir = shop.run_dir(run);
        if old(run, keep_runs) && (!dir.exists() || nothing_lives(shop, run).await) {
            shop.discard(&shop.checkouts(run)).await;
            pruned.folders += 1;
        }
    }
    for name in names(&shop.clones_dir()).await? {
        let path = shop.clones_dir().join(&name);
        let goes = match name.split_once(SET_ASIDE) {
            Some((_, run)) => run.parse().is_ok_and(|run| old(run, keep_salvage)),
            // A clone is made within minutes: what is this old will not be renamed into place any more.
            None => name.ends_with(DRAFT) && changed(&path).await.is_some_and(|at| at + keep_runs < now),
        };
        if goes {
            shop.discard(&path).await;
            pruned.folders += 1;
        }
    }
    for name in names(&shop.states_dir()).await? {
        let path = shop.states_dir().join(&name);
        // Sessions can only be gone on with in their clone.
        let is_alone = name.parse().is_ok_and(|task| !shop.clone_dir(task).exists());
        if is_alone && changed(&path).await.is_some_and(|at| at + keep_runs < now) {
            shop.discard(&path).await;
            pruned.folders += 1;
        }
    }
    for name in names(&shop.runs_dir()).await? {
        let Ok(run) = name.parse::<RunId>() else { continue };
        if old(run, keep_runs) && nothing_lives(shop, run).await {
            shop.discard(&shop.run_dir(run)).await;
            pruned.runs += 1;
        }
    }
    for repo in shop.repos() {
        let mirror = shop.mirror(repo).await?;
        for prefix in RUN_REFS {
            for name in mirror.refs_below(prefix).await? {
                if run_of(&name, prefix).is_some_and(|run| old(run, keep_salvage)) {
                    mirror.delete_ref(&name).await?;
                    pruned.refs += 1;
                }
            }
        }
    }
    Ok(pruned)
}

/// When a run was claimed: its identity is time-ordered. A commit's own date would be the agent's word.
fn began(run: RunId) -> Option<Timestamp> {
    let (seconds, nanos) = run.0.get_timestamp()?.to_unix();
    let millis = i64::try_from(seconds).ok()?.checked_mul(1000)? + i64::from(nanos / 1_000_000);
    Some(Timestamp(millis))
}

/// Refs with another name (of a task, of a commit) are kept: what they hold has no date of ours.
fn run_of(name: &RefName, prefix: &str) -> Option<RunId> {
    let name = name.as_str().strip_prefix(prefix)?;
    name.strip_suffix(BRANCH_SUFFIX).unwrap_or(name).parse().ok()
}

/// When a folder's own entries last changed.
async fn changed(path: &Path) -> Option<Timestamp> {
    let at = tokio::fs::symlink_metadata(path).await.ok()?.modified().ok()?;
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp)
}

/// What lies in a folder; nothing where there is none.
async fn names(folder: &Path) -> Result<Vec<String>, RunnerError> {
    let failed = RunnerError::io("list", folder);
    let mut found = Vec::new();
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(failed(error)),
    };
    loop {
        match entries.next_entry().await {
            Ok(Some(entry)) => found.extend(entry.file_name().to_str().map(str::to_owned)),
            Ok(None) => return Ok(found),
            Err(error) => return Err(failed(error)),
        }
    }
}

/// A shim that still lives keeps its directory, whoever has forgotten it.
async fn nothing_lives(shop: &Workshop, run: RunId) -> bool {
    let at = shop.run_dir(run);
    let found = match RunDir::open(&at) {
        Ok(dir) => find(&dir, run).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(Found::Running(_)) => false,
        Ok(Found::NotStarted | Found::Ended(_)) => true,
        Ok(Found::Lost(lost)) => watch::gone(run, &lost).is_ok(),
        Err(error) => {
            tracing::warn!("{} is kept: {}", at.display(), chain(&error));
            false
        }
    }
}
