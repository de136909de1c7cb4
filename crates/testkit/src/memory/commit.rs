//! Commits: one decision, whole or not at all. Everything is checked first (`check.rs`); what follows can
//! not fail.

use orchd_core::fact::Address;
use orchd_core::id::InputId;
use orchd_core::mutant::{self, Mutant};
use orchd_core::port::store::{Commit, CommitOutcome, Disposition, RepoChange, RepoCommit};
use orchd_core::time::Timestamp;

use super::check::{self, Refusal};
use super::jobs;
use super::state::{ProviderRow, State};

pub(super) fn commit(state: &mut State, commit: Commit) -> CommitOutcome {
    if state.transitions.contains(&commit.transition) {
        return CommitOutcome::Committed;
    }
    match check::commit(state, &commit) {
        Err(refusal) => refused(state, refusal),
        Ok(ledger) => {
            if let Some(ledger) = ledger {
                state.ledger = ledger;
            }
            apply(state, commit);
            CommitOutcome::Committed
        }
    }
}

pub(super) fn commit_repo(state: &mut State, commit: RepoCommit) -> CommitOutcome {
    if state.transitions.contains(&commit.transition) {
        return CommitOutcome::Committed;
    }
    let of = Address::Repo(commit.change.repo.id.clone());
    let checked =
        check::repo_change(state, &commit.change).and_then(|()| check::inputs(state, &of, &commit.consumed));
    if let Err(refusal) = checked {
        return refused(state, refusal);
    }
    let RepoCommit { transition, change, consumed, wake_repo, at } = commit;
    state.commits += 1;
    let repo = change.repo.id.clone();
    consume(state, consumed);
    apply_repo(state, change, at);
    if wake_repo {
        state.wake_all(at, |t| t.repo == repo);
    }
    state.transitions.insert(transition);
    CommitOutcome::Committed
}

/// A decision that found nothing new: it only says when to look again.
pub(crate) fn is_silent(commit: &Commit) -> bool {
    commit.events.is_empty() && commit.repo.is_none() && commit.job.is_none() && commit.consumed.is_empty()
}

/// A broken constraint is a bug of the caller; a real store answers the same, and its log names it.
const fn refused(state: &mut State, refusal: Refusal) -> CommitOutcome {
    if let Refusal::Violates(constraint) = refusal {
        state.last_violation = Some(constraint);
    }
    CommitOutcome::Conflict
}

fn apply(state: &mut State, commit: Commit) {
    let at = commit.at;
    state.commits += u64::from(!is_silent(&commit));
    let (id, repo) = (commit.task.id, commit.task.repo.clone());
    let (project, key) = (commit.task.project.clone(), commit.task.key.clone());
    let why = commit.end_job.and_then(|job| commit.task.job_of(job)).and_then(|job| job.ending.clone());
    consume(state, commit.consumed);
    for event in commit.events {
        state.log(id, &project, event, at);
    }
    if let Some(change) = commit.repo {
        apply_repo(state, change, at);
    }
    for (id, change) in commit.providers {
        if let Some(health) = change.health {
            state.providers.insert(id, ProviderRow { health, epoch: change.epoch + 1 });
        }
    }
    if let Some(job) = commit.end_job {
        jobs::tell_to_end(state, job, why.as_deref().unwrap_or("told to end"), at);
    }
    if let Some(job) = commit.job {
        jobs::enqueue(state, Address::Task(id), job, at);
    }
    if let Some(row) = state.tasks.get_mut(&id) {
        row.version += 1;
        row.task = commit.task;
        if row.candidacy != commit.candidacy {
            (row.candidacy, row.candidate_since) = (commit.candidacy, at);
        }
        // What woke the task since it was loaded has not been looked at.
        let seen_all = row.wakes == commit.wakes || mutant::on(Mutant::WakesIgnored);
        row.due_at = if seen_all { commit.due_at } else { Some(at) };
        for surface in commit.dirty {
            state.projections.entry((id, surface)).or_default().wanted = row.version;
        }
    }
    if commit.wake_repo {
        state.wake_all(at, |t| t.id != id && t.repo == repo);
    }
    if commit.wake_dependents {
        state.wake_dependents(&project, &key, at);
    }
    if commit.wake_all {
        state.wake_all(at, |t| t.id != id);
    }
    state.transitions.insert(commit.transition);
}

fn consume(state: &mut State, consumed: Vec<(InputId, Disposition)>) {
    for (id, disposition) in consumed {
        state.consume(id, disposition);
    }
}

fn apply_repo(state: &mut State, change: RepoChange, at: Timestamp) {
    let id = change.repo.id.clone();
    if let Some(row) = state.repos.get_mut(&id) {
        row.epoch += 1;
        row.repo = change.repo;
    }
    for event in change.events {
        state.log_repo(&id, event, at);
    }
    if let Some(job) = change.job {
        jobs::enqueue(state, Address::Repo(id), job, at);
    }
}
