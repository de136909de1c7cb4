//! What a commit must satisfy before anything of it is written: nobody was faster, and what the schema of a
//! real store forbids. Reads only; `commit.rs` writes.

use std::collections::BTreeSet;

use orchd_core::effect::EffectState;
use orchd_core::fact::Address;
use orchd_core::id::{InputId, JobId, ProviderId, TaskId};
use orchd_core::job::JobClass;
use orchd_core::mutant::{self, Mutant};
use orchd_core::port::store::{
    Commit, Disposition, JobState, LedgerRow, LedgerWrite, ProviderChange, RepoChange,
};
use orchd_core::repo::Repo;
use orchd_core::task::Task;

use super::state::State;

/// Why a commit is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Somebody else was faster.
    Raced,
    /// It breaks the named constraint: a bug of the caller.
    Violates(&'static str),
}

type Checked<T> = Result<T, Refusal>;

fn holds(constraint: &'static str, it_does: bool) -> Checked<()> {
    if it_does { Ok(()) } else { Err(Refusal::Violates(constraint)) }
}

/// Checks a task's commit; the answer is the ledger after it, where it changes.
pub(super) fn commit(state: &State, commit: &Commit) -> Checked<Option<Vec<LedgerRow>>> {
    let task = &commit.task;
    let stored = state.tasks.get(&task.id).ok_or(Refusal::Violates("task-exists"))?;
    if stored.version != commit.version && !mutant::on(Mutant::Inc07) {
        return Err(Refusal::Raced);
    }
    if let Some(change) = &commit.repo {
        repo_change(state, change)?;
        holds("repository-of-task", change.repo.id == task.repo)?;
    }
    for (id, change) in &commit.providers {
        provider(state, id, change)?;
    }
    inputs(state, &Address::Task(task.id), &commit.consumed)?;
    holds("task-identity", same_identity(&stored.task, task))?;
    let terminal = stored.task.stage.is_terminal();
    holds("terminal-stage-is-final", !terminal || stored.task.stage == task.stage)?;
    jobs(state, commit)?;
    ledger(state, task, &commit.ledger)
}

/// Checks the change of a repository.
pub(super) fn repo_change(state: &State, change: &RepoChange) -> Checked<()> {
    let stored = state.repos.get(&change.repo.id).ok_or(Refusal::Violates("repository-exists"))?;
    if stored.epoch != change.epoch && !mutant::on(Mutant::EpochIgnored) {
        return Err(Refusal::Raced);
    }
    holds("repository-identity", same_project(&stored.repo, &change.repo))?;
    if let Some(job) = &change.job {
        let of = Address::Repo(change.repo.id.clone());
        holds("one-active-look-per-repository", !state.active_jobs().any(|j| j.row.of == of))?;
        holds("job-is-new", !state.jobs.contains_key(&job.id))?;
        holds("pipeline-job-has-a-task", job.spec.work.kind().class() == JobClass::Side)?;
    }
    Ok(())
}

/// The provider is as it was read; where it was not there, it still is not.
fn provider(state: &State, id: &ProviderId, change: &ProviderChange) -> Checked<()> {
    let stored = state.providers.get(id).map_or(0, |row| row.epoch);
    if stored != change.epoch && !mutant::on(Mutant::ProviderEpochIgnored) {
        return Err(Refusal::Raced);
    }
    holds("provider-identity", change.health.as_ref().is_none_or(|health| health.provider == *id))
}

/// Each input to consume is the address's own, waits, and is named once.
pub(super) fn inputs(state: &State, of: &Address, consumed: &[(InputId, Disposition)]) -> Checked<()> {
    let mut seen = BTreeSet::new();
    for (id, _) in consumed {
        let row = state.inputs.get(id).ok_or(Refusal::Violates("input-exists"))?;
        holds("input-of-address", row.to == *of)?;
        if row.disposition.is_some() || !seen.insert(*id) {
            return Err(Refusal::Raced);
        }
    }
    Ok(())
}

fn same_identity(stored: &Task, new: &Task) -> bool {
    stored.seq == new.seq
        && stored.project == new.project
        && stored.repo == new.repo
        && stored.key == new.key
        && stored.life == new.life
}

fn same_project(stored: &Repo, new: &Repo) -> bool {
    stored.project == new.project
}

fn jobs(state: &State, commit: &Commit) -> Checked<()> {
    let of = Address::Task(commit.task.id);
    if let Some(id) = commit.end_job {
        let ended = state.jobs.get(&id).ok_or(Refusal::Violates("job-exists"))?;
        holds("job-of-task", ended.row.of == of)?;
        // The fact of one that ends in the queue has the job's own id.
        let is_free = ended.row.state != JobState::Queued || !state.inputs.contains_key(&InputId(id.0));
        holds("fact-is-new", is_free)?;
    }
    let Some(job) = &commit.job else { return Ok(()) };
    let looks = commit.repo.as_ref().and_then(|change| change.job.as_ref());
    let is_new = !state.jobs.contains_key(&job.id) && looks.is_none_or(|look| look.id != job.id);
    holds("job-is-new", is_new)?;
    if job.spec.work.kind().class() == JobClass::Pipeline {
        let free = active_after(state, commit.task.id, commit.end_job).is_none();
        holds("one-active-pipeline-job-per-task", free)?;
    }
    Ok(())
}

/// The active pipeline job once the commit told `ended` to end: a queued one is over with that.
fn active_after(state: &State, task: TaskId, ended: Option<JobId>) -> Option<JobId> {
    let job = state.pipeline_job(task)?;
    let over = Some(job.row.job.id) == ended && job.row.state == JobState::Queued;
    (!over).then_some(job.row.job.id)
}

fn ledger(state: &State, task: &Task, writes: &[LedgerWrite]) -> Checked<Option<Vec<LedgerRow>>> {
    if writes.is_empty() {
        return Ok(None);
    }
    let mut after = state.ledger.clone();
    for write in writes {
        ledger_write(&mut after, task, write)?;
    }
    Ok(Some(after))
}

fn ledger_write(ledger: &mut Vec<LedgerRow>, task: &Task, write: &LedgerWrite) -> Checked<()> {
    match write {
        LedgerWrite::Open(effect) => {
            let (target, key) = (effect.intent.target(&task.repo), effect.intent.key(task.id));
            let open = |l: &&LedgerRow| l.effect.state.is_open();
            let applied = |l: &&LedgerRow| l.effect.state == EffectState::Applied;
            holds("effect-opens-as-intent", effect.state == EffectState::Intent)?;
            holds("effect-is-new", !ledger.iter().any(|l| l.effect.id == effect.id))?;
            let of_task = ledger.iter().filter(open).any(|l| l.task == task.id);
            holds("one-open-effect-per-task", !of_task)?;
            let of_target = ledger.iter().filter(open).any(|l| l.target == target);
            holds("one-open-effect-per-target", !of_target)?;
            let again = ledger.iter().filter(applied).any(|l| l.key == key);
            holds("an-applied-effect-is-never-repeated", !again)?;
            let observed = String::new();
            ledger.push(LedgerRow { task: task.id, effect: effect.clone(), target, key, observed });
        }
        LedgerWrite::Move { id, state, observed } => {
            let found = ledger.iter_mut().find(|l| l.effect.id == *id && l.task == task.id);
            let entry = found.ok_or(Refusal::Violates("effect-of-task"))?;
            holds("a-closed-effect-is-final", entry.effect.state.is_open())?;
            entry.effect.state = *state;
            entry.observed.clone_from(observed);
        }
    }
    Ok(())
}
