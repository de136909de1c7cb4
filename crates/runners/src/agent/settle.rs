//! The end of a role's run: what it left is taken into the mirror, what it said is read, and the task branch moves only
//! for a completed run that stands on its start. Everything else is kept aside and named. Safe to repeat.

use std::time::Duration;

use orchd_core::id::{RefName, Sha};
use orchd_core::job::{AgentOutcome, AgentRun, JobResult};
use orchd_core::verdict::Submission;
use orchd_git::{GitError, RunHeads};
use orchd_launcher::dialect::{self, Reading};
use orchd_launcher::result::LeftoverOutcome;
use orchd_launcher::{Ended, RunDir, RunResult, Waited};

use super::enter::{self, REQUEST};
use super::site::Site;
use super::{account, documents, submission};
use crate::error::RunnerError;
use crate::suite::last_lines;
use crate::task_branch;
use crate::watch;

/// Of a failed run's output, for the next attempt to read.
const TAIL: usize = 4 * 1024;

/// Between tries to take a run's work in.
const INTAKE_PAUSES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// How the run counts.
enum Counted {
    /// It does, with what it said.
    Yes { said: Submission, ignored: Vec<String> },
    /// It does not.
    No(AgentOutcome),
}

/// What the run left, in the mirror.
struct Taken {
    heads: RunHeads,
    /// Paths it changed since its start, committed or not.
    changed: Vec<String>,
    /// Where they are to be found.
    tip: Option<Sha>,
    /// The branch grew on top of the start.
    on_start: bool,
    /// Nobody was in the clone since it was made.
    untouched: bool,
}

impl Taken {
    /// Whether the clone is to be made anew at `head`, and may be: such a one says all that the run's own did, so that the
    /// end, were it to be told again, would be the same.
    fn is_renewable(&self, head: &Sha) -> bool {
        !self.untouched && self.heads == RunHeads { head: Some(head.clone()), salvage: None }
    }
}

pub(super) async fn settle(site: &Site<'_>, waited: Waited) -> Result<JobResult, RunnerError> {
    match waited {
        Waited::Ended(result) => ended(site, &result).await,
        Waited::Lost(lost) => {
            watch::gone(site.context.run(), &lost)?;
            let mut reason = format!("the run was lost: {}", lost.why);
            match take(site, false).await {
                Ok(taken) => {
                    let kept = keep(site, &taken).await?;
                    reason.extend(kept.map(|kept| format!("; its work is kept under {kept}")));
                }
                // Nothing can be saved from what is not a clone any more.
                Err(error) => reason.push_str(&format!("; its work could not be kept: {}", error.reason())),
            }
            Ok(JobResult::lost(reason))
        }
    }
}

async fn ended(site: &Site<'_>, result: &RunResult) -> Result<JobResult, RunnerError> {
    let dir = RunDir::open(&site.dir).map_err(RunnerError::io("open", &site.dir))?;
    let untouched = matches!(result.leftovers, LeftoverOutcome::Clean { untouched: true, .. });
    let taken = take(site, untouched).await;
    if let Some(why) = told(site, result) {
        if let Ok(taken) = &taken {
            keep(site, taken).await?;
        }
        return Ok(JobResult::ended(why));
    }
    let reading =
        site.profile.read(&dir, &result.ended).map_err(RunnerError::io("read the output in", &site.dir))?;
    let outcome = outcome(&reading, result);
    let (taken, counted) = match (taken, outcome) {
        (Ok(taken), None) => {
            let counted = counts(site, &dir, result, &taken).await?;
            (Some(taken), counted)
        }
        (Ok(taken), Some(outcome)) => (Some(taken), Counted::No(outcome)),
        (Err(RunnerError::Git(GitError::CloneUnusable { why, .. })), _) => {
            let why = format!(
                "the run broke its clone: {why}; nothing of its work could be kept; the next run starts in a \
                 fresh clone and must leave .git to git"
            );
            (None, Counted::No(AgentOutcome::Failed { why }))
        }
        (Err(error), _) => return Err(error),
    };
    report(site, result, &reading, taken, counted).await
}

/// Why the run was ended, where it was at the engine's word. A run can ask its shim for its own end, by its signal or
/// the file for it; were that "told to end", it would be begun again without budget.
fn told(site: &Site<'_>, result: &RunResult) -> Option<String> {
    let Ended::Stopped { why } = &result.ended else { return None };
    site.context.guard.told_to_end().map(|_| why.clone())
}

/// What the end of the process alone says; `None` where it ended in order, and what it said decides.
fn outcome(reading: &Reading, result: &RunResult) -> Option<AgentOutcome> {
    let failed = |why: &str| {
        let tail = last_lines(&reading.tail, TAIL);
        let tail = if tail.is_empty() { String::new() } else { format!("; its output ended:\n{tail}") };
        Some(AgentOutcome::Failed { why: format!("the run failed: {why}{tail}") })
    };
    match (&reading.outcome, &result.ended) {
        (_, Ended::Stopped { why }) => {
            failed(&format!("its end was asked for, and not by orchd ({why}); a run ends by itself"))
        }
        (dialect::AgentOutcome::Finished, _) => None,
        (dialect::AgentOutcome::Permanent { why }, _) => failed(why),
        (dialect::AgentOutcome::Transient { why, retry_after }, _) => {
            let retry_at = retry_after.map(|span| result.ended_at + span);
            Some(AgentOutcome::Transient { why: why.clone(), retry_at })
        }
        (dialect::AgentOutcome::Quota { why, resets_at }, _) => Some(match resets_at {
            Some(resets_at) => AgentOutcome::Quota { resets_at: *resets_at },
            // Without a moment to wait for it is tried again like any limit.
            None => AgentOutcome::Transient { why: why.clone(), retry_at: None },
        }),
        // An agent that hangs or floods, while its provider answers, is the agent's failure, not the host's.
        (dialect::AgentOutcome::Infra { .. }, ended) if ended.is_a_broken_limit() => {
            failed(&format!("timeout or limit: it {ended}"))
        }
        (dialect::AgentOutcome::Infra { why }, _) => Some(AgentOutcome::Infra { why: why.clone() }),
    }
}

/// Takes what lies in the clone into the mirror. What may pass (a full disk, a lock of another git) is tried again: a
/// run's result is worth more than some seconds. `untouched`: nobody wrote into it, as its shim saw once nothing of the
/// run lived.
async fn take(site: &Site<'_>, untouched: bool) -> Result<Taken, RunnerError> {
    let mut pauses = INTAKE_PAUSES.into_iter();
    loop {
        match (take_once(site, untouched).await, pauses.next()) {
            (Err(error @ RunnerError::Git(GitError::CloneUnusable { .. })), _) => return Err(error),
            (Err(error), Some(pause)) => {
                tracing::warn!(task = %site.task.id, "a run's work is taken in again soon: {}", error.reason());
                tokio::time::sleep(pause).await;
            }
            (taken, _) => return taken,
        }
    }
}

async fn take_once(site: &Site<'_>, untouched: bool) -> Result<Taken, RunnerError> {
    let (mirror, start) = (&site.mirror, site.assigned.start);
    if untouched {
        // Its branch stands where the run started, and there is nothing to take.
        let heads = RunHeads { head: Some(start.clone()), salvage: None };
        let tip = heads.head.clone();
        return Ok(Taken { tip, heads, changed: Vec::new(), on_start: true, untouched: true });
    }
    let heads = mirror.fetch_run(&site.clone, site.branch(), site.context.run()).await?;
    let mut changed = Vec::new();
    let mut on_start = false;
    for head in [&heads.head, &heads.salvage].into_iter().flatten() {
        let (base, files) = tokio::join!(mirror.merge_base(start, head), mirror.changed_files(start, head));
        match base? {
            Some(base) => {
                on_start |= heads.head.as_ref() == Some(head) && base == *start;
                changed.extend(files?);
            }
            None => changed.push(format!("(a history of its own, at {head})")),
        }
    }
    changed.sort();
    changed.dedup();
    // Partial work stands on what was committed before it.
    let tip = heads.salvage.clone().or_else(|| heads.head.clone());
    Ok(Taken { heads, changed, tip, on_start, untouched: false })
}

/// A run that ended in order counts if it said something well-formed and left its branch in order.
async fn counts(
    site: &Site<'_>,
    dir: &RunDir,
    result: &RunResult,
    taken: &Taken,
) -> Result<Counted, RunnerError> {
    let failed = |why: String| Ok(Counted::No(AgentOutcome::Failed { why }));
    let tip = taken.tip.as_ref();
    let (said, ignored) = match submission::read(site, dir, result, &taken.changed, tip).await {
        Ok(said) => said,
        Err(why) => return failed(why),
    };
    if site.assigned.role.is_judge() {
        return Ok(Counted::Yes { said, ignored });
    }
    match &result.leftovers {
        LeftoverOutcome::Clean { .. } | LeftoverOutcome::Committed { .. } | LeftoverOutcome::NotAsked => {}
        LeftoverOutcome::Salvaged { why, .. } => {
            let branch = site.branch();
            return failed(format!(
                "its changes do not count: {why}; end with {branch} checked out, your work on it, and nothing half done"
            ));
        }
        LeftoverOutcome::Failed { error } => {
            return failed(format!(
                "its changes could not be committed in its clone, so that only its own commits are kept: {error}"
            ));
        }
    }
    match &taken.heads.head {
        None => failed(format!("the run removed its branch {}; leave it in place", site.branch())),
        Some(head) if taken.on_start => match in_the_way(site, head).await? {
            None => Ok(Counted::Yes { said, ignored }),
            Some(why) => failed(why),
        },
        Some(head) => failed(format!(
            "the run rewrote history: {head} does not contain {}, where it started; add commits, never replace them",
            site.assigned.start
        )),
    }
}

/// What on the branch would keep others from its work: the task's next run, or whoever gets the branch.
async fn in_the_way(site: &Site<'_>, head: &Sha) -> Result<Option<String>, RunnerError> {
    let folder = task_branch::docs_folder(&site.task.key);
    if let Some(part) = site.mirror.obstacle(head, &folder).await? {
        return Ok(Some(format!(
            "{part} is in the way of the task's documents in {folder}; make it a folder"
        )));
    }
    let foreign = site.mirror.undeclared_repositories(site.assigned.start, head).await?;
    Ok(foreign.first().map(|path| {
        format!(
            "{path} is a repository of its own, so that nothing in it is on the branch; remove {path}/.git and commit \
             its files, or declare it in .gitmodules"
        )
    }))
}

/// Moves the branch or keeps the work aside, and tells all of it.
async fn report(
    site: &Site<'_>,
    result: &RunResult,
    reading: &Reading,
    taken: Option<Taken>,
    counted: Counted,
) -> Result<JobResult, RunnerError> {
    let (role, start) = (site.assigned.role, site.assigned.start);
    let main = main(site).await?;
    let head = match (&counted, &taken) {
        (Counted::Yes { .. }, Some(taken)) if !role.is_judge() => taken.heads.head.as_ref().unwrap_or(start),
        (Counted::Yes { .. } | Counted::No(_), _) => start,
    };
    let (branch_changes, dropped) = changes(site, &taken, &counted);
    let said = match &counted {
        Counted::Yes { said, .. } => Some(said),
        Counted::No(_) => None,
    };
    let counts = matches!(counted, Counted::Yes { .. });
    // At once: each reads the head that is in the mirror already. What is published of a result that is then not stored
    // is put back by the next run.
    let (published, docs, branch, ()) = tokio::join!(
        async { if counts { publish(site, head).await } else { Ok(()) } },
        documents::facts(site, &main, head, &branch_changes, said),
        task_branch::state(&site.mirror, &site.task.key, &main, head),
        async {
            if counts && taken.as_ref().is_some_and(|taken| taken.is_renewable(head)) {
                enter::renew(site, head).await;
            }
        },
    );
    let (docs, branch) = (docs?, branch?);
    published?;
    let salvage = match (&counted, &taken) {
        (Counted::No(_), Some(taken)) => keep(site, taken).await?,
        (Counted::Yes { .. } | Counted::No(_), _) => None,
    };
    let (outcome, ignored_fields) = match counted {
        Counted::Yes { said, ignored } => (AgentOutcome::Completed { submission: Box::new(said) }, ignored),
        Counted::No(outcome) => (outcome, Vec::new()),
    };
    Ok(JobResult::Agent(Box::new(AgentRun {
        run: site.context.run(),
        role,
        entry: site.assigned.entry,
        outcome,
        branch: Some(branch),
        dropped,
        ignored_fields,
        docs,
        account: account::of(site, reading),
        took_ms: (result.ended_at - result.started_at).0.max(0),
        salvage,
    })))
}

/// Paths that are now on the branch, and paths of a judge's that were dropped: all but its report.
fn changes(site: &Site<'_>, taken: &Option<Taken>, counted: &Counted) -> (Vec<String>, Vec<String>) {
    let Some(taken) = taken else { return (Vec::new(), Vec::new()) };
    if site.assigned.role.is_judge() {
        let report = submission::artifact_paths(site);
        let dropped = taken.changed.iter().filter(|path| !report.contains(path)).cloned().collect();
        return (Vec::new(), dropped);
    }
    match counted {
        Counted::Yes { .. } => (taken.changed.clone(), Vec::new()),
        Counted::No(_) => (Vec::new(), Vec::new()),
    }
}

/// Main, freshly fetched if it can be: a finished run's result is not lost over an unreachable remote.
async fn main(site: &Site<'_>) -> Result<Sha, RunnerError> {
    match site.mirror.fetch_main().await {
        Ok(main) => Ok(main.sha),
        Err(error) => match site.mirror.main().await? {
            Some(main) => Ok(main.sha),
            None => Err(error.into()),
        },
    }
}

/// Keeps what a run left that does not count; names the ref. Nothing on top of the start is nothing to keep, and
/// neither is the request, which orchd wrote there itself.
async fn keep(site: &Site<'_>, taken: &Taken) -> Result<Option<String>, RunnerError> {
    let run = site.context.run();
    let own = format!("{}/{REQUEST}", task_branch::docs_folder(&site.task.key));
    let worked = taken.changed.iter().any(|path| *path != own);
    let kept = match worked {
        true => task_branch::keep_run(&site.mirror, run, &taken.heads, site.assigned.start).await?,
        false => Vec::new(),
    };
    site.mirror.delete_ref(&RefName::run(run)).await?;
    // The run's own name; where its branch parted from its partial work, that lies beside it.
    Ok(kept.into_iter().next())
}

/// Moves the mirror's branch, then the remote's. The mirror has the work: a remote that is down costs nobody a run, as
/// the branch is pushed again before it lands.
async fn publish(site: &Site<'_>, head: &Sha) -> Result<(), RunnerError> {
    task_branch::put(&site.mirror, site.branch(), head).await?;
    let own = RefName::run(site.context.run());
    // Once the branch holds them, the run's commits need no name of their own.
    let (pushed, forgotten) =
        tokio::join!(task_branch::push(&site.mirror, site.branch(), head), site.mirror.delete_ref(&own));
    forgotten?;
    let why = match pushed {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(why)) => why,
        Err(error) => error.to_string(),
    };
    tracing::warn!(task = %site.task.id, "the task branch was not pushed yet: {why}");
    Ok(())
}
