//! Making an agent's clone ready: a former run's processes gone, its commits kept, the task branch at the last good
//! head, the request written down. The clone is entered by one run at a time.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use orchd_core::id::{Branch, RefName, RunId, Sha, TaskId};
use orchd_git::{AgentClone, CloneSpec, GitError, Mirror};
use orchd_launcher::Untouched;
use rustix::fs::OFlags;

use super::site::{self, Site};
use crate::error::RunnerError;
use crate::task_branch;
use crate::watch;
use crate::workshop::{FreshClone, Workshop};

/// The request as the tracker had it.
pub(super) const REQUEST: &str = "00-business-request.md";

/// Where the last run that entered a task's clone is noted, beside the clone.
fn note_path(shop: &Workshop, task: TaskId) -> PathBuf {
    shop.clone_dir(task).with_extension("run")
}

/// The run that was last in a task's clone.
pub(crate) async fn former_run(shop: &Workshop, task: TaskId) -> Result<Option<RunId>, RunnerError> {
    if let Some(over) = shop.over(task) {
        return Ok(Some(over));
    }
    let path = note_path(shop, task);
    match tokio::fs::read_to_string(&path).await {
        Ok(text) => Ok(text.trim().parse::<RunId>().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RunnerError::io("read", &path)(error)),
    }
}

/// Ends a run of an earlier job that may still live in the task's clone, and makes sure that nothing of it does.
pub(crate) async fn end_former_run(shop: &Workshop, task: TaskId, me: RunId) -> Result<(), RunnerError> {
    if shop.over(task).is_some() {
        return Ok(());
    }
    match former_run(shop, task).await?.filter(|run| *run != me) {
        Some(run) => watch::evict(&shop.run_dir(run), run, "another job of the task took its place").await,
        None => Ok(()),
    }
}

/// Forgets who was last in a clone that is gone.
pub(crate) async fn forget_former_run(shop: &Workshop, task: TaskId) -> Result<(), RunnerError> {
    shop.forget_over(task);
    let path = note_path(shop, task);
    match tokio::fs::remove_file(&path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RunnerError::io("remove", &path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Notes that this run enters the clone: before it can have a process.
pub(super) async fn note_run(site: &Site<'_>) -> Result<(), RunnerError> {
    site.shop.forget_over(site.task.id);
    let path = note_path(site.shop, site.task.id);
    let (line, to) = (format!("{}\n", site.context.run()), path.clone());
    let written = tokio::task::spawn_blocking(move || write_note(&to, line.as_bytes())).await;
    written.map_err(io::Error::other).flatten().map_err(RunnerError::io("write", &path))
}

/// Whole, in place of whatever is there. Over the note of another run with one write, as all are of one length: a file in
/// place of a file would have to reach the disk first.
fn write_note(path: &Path, line: &[u8]) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).map_err(io::Error::other)?;
    if let Ok(note) = OpenOptions::new().write(true).custom_flags(flags).open(path)
        && let Ok(found) = note.metadata()
        // An agent may have put anything there, another name of a person's file too.
        && found.is_file()
        && (found.nlink(), found.len()) == (1, line.len() as u64)
    {
        return note.write_all_at(line, 0);
    }
    let draft = path.with_extension("run.new");
    std::fs::write(&draft, line)?;
    std::fs::rename(&draft, path)
}

/// The commits that a run is about, once the mirror has them: main, which is returned, and its own start.
pub(super) async fn fetch(site: &Site<'_>) -> Result<Sha, RunnerError> {
    let main = site.mirror.fetch_main().await?;
    task_branch::need(&site.mirror, site.branch(), site.assigned.start).await?;
    Ok(main.sha)
}

/// The task branch and the clone, both at the start of the run; answers with the mark of a clone that holds nothing else.
/// `fresh`: how the clone was made, if nobody has touched it since.
pub(super) async fn make_ready(
    site: &Site<'_>,
    main: &Sha,
    fresh: Option<FreshClone>,
) -> Result<Option<Untouched>, RunnerError> {
    let start = site.assigned.start;
    let put = task_branch::put(&site.mirror, site.branch(), start);
    let (put, former) = tokio::join!(put, former_run(site.shop, site.task.id));
    put?;
    let spec = spec(site, start, former?);
    if !fresh.is_some_and(|fresh| is_for(&fresh, &spec, main)) {
        make(site, spec, main.clone()).await?;
    }
    if write_request(site).await? {
        // A change to be committed with the run's.
        site.shop.note_fresh(site.task.id, None);
    }
    Ok(site.shop.mark_of(site.task.id))
}

/// What the task's clone is to be like at `at`.
fn spec(site: &Site<'_>, at: &Sha, former: Option<RunId>) -> CloneSpec {
    CloneSpec {
        branch: site.branch().clone(),
        at: at.clone(),
        author: site::anybody(),
        caches: site.context.policy.caches.clone(),
        former,
    }
}

/// Makes the clone anew, and notes how.
async fn make(site: &Site<'_>, spec: CloneSpec, main: Sha) -> Result<(), RunnerError> {
    site.shop.note_fresh(site.task.id, None);
    let AgentClone { dir, caches, .. } = prepare(site, &spec).await?;
    let marked = tokio::task::spawn_blocking(move || Untouched::of(&dir, &caches)).await;
    // Without a mark git is asked later, which is as good.
    if let Ok(Ok(Some(mark))) = marked {
        site.shop.note_fresh(site.task.id, Some(FreshClone { made_for: spec, main, mark }));
    }
    Ok(())
}

/// Makes the clone ready for the task's next run, at `head`, once all that this one left in it was taken in. That run
/// would do it too; here it costs nobody time, as the branch is pushed meanwhile.
pub(super) async fn renew(site: &Site<'_>, head: &Sha) {
    let renewed = async {
        let Some(main) = site.mirror.main().await? else { return Ok(()) };
        make(site, spec(site, head, Some(site.context.run())), main.sha).await
    };
    if let Err(error) = renewed.await {
        tracing::debug!(task = %site.task.id, "the clone is left for the next run to make: {}", error.reason());
    }
}

/// Whether a clone that nobody has touched is what this run needs.
fn is_for(fresh: &FreshClone, spec: &CloneSpec, main: &Sha) -> bool {
    let same = CloneSpec { former: fresh.made_for.former, ..spec.clone() };
    fresh.made_for == same && fresh.main == *main
}

/// A clone as `spec` says, in place of the last one.
async fn prepare(site: &Site<'_>, spec: &CloneSpec) -> Result<AgentClone, RunnerError> {
    let (mirror, start) = (&site.mirror, site.assigned.start);
    let mut prepared = AgentClone::prepare(mirror, &site.clone, spec).await;
    if let Err(GitError::Unsalvaged { .. }) = &prepared {
        // A run whose end was never taken in: what it left is kept before its clone is replaced.
        let run = spec.former.unwrap_or(site.context.run());
        prepared = match take_in(mirror, &site.clone, site.branch(), run, start).await {
            Ok(()) => AgentClone::prepare(mirror, &site.clone, spec).await,
            Err(error) => Err(error),
        };
    }
    match prepared {
        Err(error @ GitError::CloneUnusable { .. }) => {
            set_aside(site.shop, site.task.id, site.context.run(), &error).await?;
            Ok(AgentClone::prepare(mirror, &site.clone, spec).await?)
        }
        prepared => Ok(prepared?),
    }
}

/// Takes in what a run left whose end nobody did, and keeps it.
async fn take_in(
    mirror: &Mirror,
    clone: &Path,
    branch: &Branch,
    run: RunId,
    start: &Sha,
) -> Result<(), GitError> {
    let heads = mirror.fetch_run(clone, branch, run).await?;
    task_branch::keep_run(mirror, run, &heads, start).await?;
    mirror.delete_ref(&RefName::run(run)).await
}

/// Moves a clone that nothing can be taken from out of the way: it keeps no task from going on, and what a person might
/// still find in it stays until housekeeping.
pub(crate) async fn set_aside(
    shop: &Workshop,
    task: TaskId,
    me: RunId,
    why: &GitError,
) -> Result<(), RunnerError> {
    let (clone, aside) = (shop.clone_dir(task), shop.set_aside_dir(task, me));
    tracing::warn!(%task, "the task's clone is moved to {}: {why}", aside.display());
    tokio::fs::rename(&clone, &aside).await.map_err(RunnerError::io("move aside", &clone))
}

/// Writes the request into the clone where the branch has none yet. It becomes part of the run's own commit, so a run
/// that does not count leaves it to the next. A judge's clone stays as it is. Answers whether it was written.
async fn write_request(site: &Site<'_>) -> Result<bool, RunnerError> {
    let folder = task_branch::docs_folder(&site.task.key);
    let path = format!("{folder}/{REQUEST}");
    let there = site.mirror.tree_digest(site.assigned.start, &path).await?.is_some();
    if there || site.assigned.role.is_judge() {
        return Ok(false);
    }
    let target = inner(&site.clone, &path)?;
    if let Some(parent) = target.parent() {
        tokio::fs::create_dir_all(parent).await.map_err(RunnerError::io("make", parent))?;
    }
    let request = &site.task.request;
    let text = format!("# {}\n\n{}\n", request.title.trim(), request.description.trim());
    tokio::fs::write(&target, text).await.map_err(RunnerError::io("write", &target))?;
    Ok(true)
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

#[cfg(test)]
mod tests;
