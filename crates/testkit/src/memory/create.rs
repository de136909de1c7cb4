//! Birth: repositories and tasks. Sequence number, life and branch are given here, in the creating
//! transaction, and nowhere else.

use std::sync::Arc;

use orchd_core::admission::Candidacy;
use orchd_core::event::{Birth, Event};
use orchd_core::evolve;
use orchd_core::id::Branch;
use orchd_core::mutant::{self, Mutant};
use orchd_core::port::store::{CreateOutcome, NewTask, StoreResult};
use orchd_core::repo::Repo;
use orchd_core::task::Task;

use super::state::{RepoRow, State, TaskRow, inconsistent};

pub(super) fn ensure_repo(state: &mut State, repo: &Repo) {
    state.repos.entry(repo.id.clone()).or_insert_with(|| RepoRow { repo: Arc::new(repo.clone()), epoch: 1 });
}

/// `counted` is a sequence number from outside the transaction: only under the mutant inc-37.
pub(super) fn create_task(
    state: &mut State,
    new: NewTask,
    counted: Option<u64>,
) -> StoreResult<CreateOutcome> {
    let NewTask { birth, at } = new;
    if let Some(row) = state.tasks.get(&birth.id) {
        return Ok(CreateOutcome::Created(Box::new(Task::clone(&row.task))));
    }
    if !state.repos.contains_key(&birth.repo) {
        return Err(inconsistent("repos", &birth.repo, "a task can not be created in an unknown repository"));
    }
    let issue = (birth.project.clone(), birth.key.clone());
    let latest = state.lives.get(&issue).and_then(|lives| lives.last()).and_then(|id| state.tasks.get(id));
    if let Some(row) = latest.filter(|row| !row.task.stage.is_terminal()) {
        return Ok(CreateOutcome::Alive { task: row.task.id, key: row.task.key.clone() });
    }
    let life = latest.map_or(1, |row| row.task.life + 1);
    if let Some(taken) = key_taken(state, &birth).filter(|_| !mutant::on(Mutant::Inc31)) {
        return Ok(taken);
    }
    state.commits += 1;
    state.last_seq += 1;
    let seq = counted.unwrap_or(state.last_seq);
    let branch =
        if life > 1 { Branch::new(format!("{}.{life}", birth.branch)) } else { birth.branch.clone() };
    let birth = Birth { seq, life, branch, ..birth };
    let task = evolve::born(&birth, at);
    let row = TaskRow {
        task: Arc::new(task.clone()),
        version: 1,
        wakes: 0,
        due_at: Some(at),
        candidacy: Candidacy::Created,
        candidate_since: at,
    };
    state.tasks.insert(birth.id, row);
    state.lives.entry(issue).or_default().push(birth.id);
    state.log(birth.id, &task.project, Event::Created { birth: Box::new(birth) }, at);
    if life > 1 {
        // The issue moved: who was told that it ended waits for it again.
        state.wake_dependents(&task.project, &task.key, at);
    }
    Ok(CreateOutcome::Created(Box::new(task)))
}

/// A live task of the same key in the same repository, of another project (INC-31).
fn key_taken(state: &State, birth: &Birth) -> Option<CreateOutcome> {
    let mut live = state.tasks.values().map(|row| &*row.task).filter(|t| !t.stage.is_terminal());
    let other = live.find(|t| t.repo == birth.repo && t.key == birth.key && t.project != birth.project)?;
    Some(CreateOutcome::KeyTaken { project: other.project.clone(), task: other.id })
}
