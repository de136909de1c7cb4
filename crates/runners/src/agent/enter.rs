//! Making an agent's clone ready: a former run's processes gone, its commits kept, the task branch at the last good
//! head, the request written down. The clone is entered by one run at a time.

use std::io;
use std::path::{Path, PathBuf};

use orchd_core::id::{RefName, RunId, Sha, TaskId};
use orchd_git::{AgentClone, CloneSpec, GitError};

use super::site::Site;
use crate::error::RunnerError;
use crate::task_branch;
use crate::watch;
use crate::workshop::Workshop;

/// The request as the tracker had it.
pub(super) const REQUEST: &str = "00-business-request.md";

/// Where the last run that entered a task's clone is noted, beside the clone.
fn note_path(shop: &Workshop, task: TaskId) -> PathBuf {
    shop.clone_dir(task).with_extension("run")
}

/// Ends a run of an earlier job that may still live in the task's clone, and makes sure that nothing of it does.
pub(crate) async fn end_former_run(shop: &Workshop, task: TaskId, me: RunId) -> Result<(), RunnerError> {
    let path = note_path(shop, task);
    let former = match tokio::fs::read_to_string(&path).await {
        Ok(text) => text.trim().parse::<RunId>().ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(RunnerError::io("read", &path)(error)),
    };
    match former.filter(|run| *run != me) {
        Some(run) => watch::evict(&shop.run_dir(run), run, "another job of the task took its place").await,
        None => Ok(()),
    }
}

/// Forgets who was last in a clone that is gone.
pub(crate) async fn forget_former_run(shop: &Workshop, task: TaskId) -> Result<(), RunnerError> {
    let path = note_path(shop, task);
    match tokio::fs::remove_file(&path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RunnerError::io("remove", &path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Notes that this run enters the clone: before it can have a process.
pub(super) async fn note_run(site: &Site<'_>) -> Result<(), RunnerError> {
    let path = note_path(site.shop, site.task.id);
    let draft = path.with_extension("run.new");
    let failed = |source| RunnerError::Io { doing: "write", path: path.clone(), source };
    tokio::fs::write(&draft, format!("{}\n", site.context.run())).await.map_err(failed)?;
    tokio::fs::rename(&draft, &path).await.map_err(failed)
}

/// The task branch and the clone, both at the start of the run.
pub(super) async fn make_ready(site: &Site<'_>) -> Result<(), RunnerError> {
    let (mirror, start) = (&site.mirror, site.assigned.start);
    mirror.fetch_main().await?;
    task_branch::need(mirror, site.branch(), start).await?;
    task_branch::put(mirror, site.branch(), start).await?;
    let spec = CloneSpec {
        branch: site.branch().clone(),
        at: start.clone(),
        author: site.author(),
        caches: site.context.policy.caches.clone(),
    };
    match AgentClone::prepare(mirror, &site.clone, &spec).await {
        Ok(_) => {}
        Err(GitError::Unsalvaged { head, .. }) => {
            keep_former(site, &head).await?;
            AgentClone::prepare(mirror, &site.clone, &spec).await?;
        }
        Err(error) => return Err(error.into()),
    }
    write_request(site).await
}

/// A run whose end was never taken in: what it committed is kept before its clone is replaced.
async fn keep_former(site: &Site<'_>, head: &Sha) -> Result<(), RunnerError> {
    let (mirror, run) = (&site.mirror, site.context.run());
    match mirror.fetch_run(&site.clone, site.branch(), run).await {
        Ok(heads) => {
            if let Some(taken) = &heads.head {
                let name = RefName::new(format!("refs/orchd/salvage/{head}"));
                task_branch::keep(mirror, &name, taken).await?;
            }
            mirror.delete_ref(&RefName::run(run)).await?;
        }
        Err(error @ GitError::CloneUnusable { .. }) => {
            // Nobody can have these commits: the run that broke them was told, and the task must go on.
            tracing::warn!(task = %site.task.id, "what a former run left is given up: {error}");
            AgentClone::discard(&site.clone).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Writes the request into the clone where the branch has none yet. It becomes part of the run's own commit, so a run
/// that does not count leaves it to the next. A judge's clone stays as it is.
async fn write_request(site: &Site<'_>) -> Result<(), RunnerError> {
    let folder = task_branch::docs_folder(&site.task.key);
    let path = format!("{folder}/{REQUEST}");
    let there = site.mirror.tree_digest(site.assigned.start, &path).await?.is_some();
    if there || site.assigned.role.is_judge() {
        return Ok(());
    }
    let target = inner(&site.clone, &path)?;
    if let Some(parent) = target.parent() {
        tokio::fs::create_dir_all(parent).await.map_err(RunnerError::io("make", parent))?;
    }
    let request = &site.task.request;
    let text = format!("# {}\n\n{}\n", request.title.trim(), request.description.trim());
    tokio::fs::write(&target, text).await.map_err(RunnerError::io("write", &target))
}

/// `path` below `root`, with nothing on the way that a repository could lead elsewhere with.
fn inner(root: &Path, path: &str) -> Result<PathBuf, RunnerError> {
    let mut target = root.to_owned();
    for part in path.split('/') {
        target.push(part);
        if target.is_symlink() {
            return Err(RunnerError::Link { path: target });
        }
    }
    Ok(target)
}
