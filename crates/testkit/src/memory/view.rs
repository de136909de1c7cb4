//! Reading: what a decision is given, what is due, and the lists for people and the audit.

use std::collections::BTreeSet;
use std::sync::Arc;

use orchd_core::admission::{self, Candidacy};
use orchd_core::fact::Address;
use orchd_core::id::{InputId, Key, ProjectId, RepoId, TaskId};
use orchd_core::policy::Money;
use orchd_core::port::store::{
    InputOutcome, InputRow, Inventory, JobRow, Loaded, LoadedRepo, Logged, Queue, RepoRecord, Rows,
    TaskRecord,
};
use orchd_core::provider::Health;
use orchd_core::repo::Repo;
use orchd_core::stage::Stage;
use orchd_core::task::Task;
use orchd_core::time::Timestamp;
use orchd_core::view::{Candidate, Dep, DepState};

use super::state::{State, TaskRow};

pub(super) fn load(state: &State, id: TaskId, since: Timestamp) -> Option<Loaded> {
    let row = state.tasks.get(&id)?;
    let repo = state.repos.get(&row.task.repo)?;
    let costs = state.costs.get(&row.task.project).into_iter().flatten();
    let mut spent_since = Money(0);
    for (_, cost) in costs.filter(|(at, _)| *at >= since) {
        spent_since += *cost;
    }
    Some(Loaded {
        task: Arc::clone(&row.task),
        version: row.version,
        wakes: row.wakes,
        inputs: state.pending(&Address::Task(id)),
        repo: Arc::clone(&repo.repo),
        epoch: repo.epoch,
        candidates: candidates(state, &row.task.repo),
        names: names(state, &repo.repo),
        deps: deps(state, row),
        spent_since,
        drained: state.drained,
        providers: providers(state),
    })
}

/// By id.
pub(super) fn providers(state: &State) -> Vec<(Health, u64)> {
    state.providers.values().map(|row| (row.health.clone(), row.epoch)).collect()
}

pub(super) fn load_repo(state: &State, id: &RepoId) -> Option<LoadedRepo> {
    let row = state.repos.get(id)?;
    let inputs = state.pending(&Address::Repo(id.clone()));
    Some(LoadedRepo { repo: Arc::clone(&row.repo), epoch: row.epoch, inputs })
}

pub(super) fn rows_of(state: &State, of: &Address) -> Option<Rows> {
    let task = match of {
        Address::Task(id) => Some(Task::clone(&state.tasks.get(id)?.task)),
        Address::Repo(_) => None,
    };
    let repo = match (of, &task) {
        (Address::Repo(id), _) => id,
        (Address::Task(_), task) => &task.as_ref()?.repo,
    };
    let repo = Repo::clone(&state.repos.get(repo)?.repo);
    Some(Rows { task, repo })
}

/// By sequence number, so that the same rows give the same view.
fn candidates(state: &State, repo: &RepoId) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = state
        .tasks
        .values()
        .filter(|row| row.task.repo == *repo)
        .filter_map(|r| candidate(state, r))
        .collect();
    found.sort_by_key(|c| c.seq);
    found
}

fn candidate(state: &State, row: &TaskRow) -> Option<Candidate> {
    let returning = match row.candidacy {
        Candidacy::None => return None,
        Candidacy::Created if deps(state, row).iter().any(|d| d.state != DepState::Done) => return None,
        Candidacy::Created => false,
        Candidacy::Returning => true,
    };
    Some(Candidate {
        task: row.task.id,
        key: row.task.key.clone(),
        seq: row.task.seq,
        returning,
        priority: row.task.request.priority,
        since: row.candidate_since,
    })
}

fn names(state: &State, repo: &Repo) -> Vec<(TaskId, Key)> {
    let deploying = repo.deploying.iter().map(|(_, task)| task);
    let all = repo.occupants.iter().chain(&repo.landing_task).chain(&repo.lane_queue).chain(deploying);
    let mut seen = BTreeSet::new();
    all.filter(|id| seen.insert(**id))
        .filter_map(|id| state.tasks.get(id).map(|row| (*id, row.task.key.clone())))
        .collect()
}

/// By key.
fn deps(state: &State, row: &TaskRow) -> Vec<Dep> {
    let mine = state.dependencies.keys().filter(|(task, _)| *task == row.task.id);
    mine.map(|(_, on)| Dep { on: on.clone(), state: dep_state(state, &row.task.project, on) }).collect()
}

/// The cycle that `task` would close if it waited for `on`, through what unfinished tasks of its project wait for.
pub(super) fn cycle(state: &State, task: TaskId, on: &Key) -> Option<Vec<String>> {
    let from = &state.tasks.get(&task)?.task;
    let alive = |t: &Task| t.project == from.project && !t.stage.is_terminal();
    let edges: Vec<(Key, Key)> = state
        .dependencies
        .keys()
        .filter_map(|(id, on)| Some((&state.tasks.get(id)?.task, on)))
        .filter(|(task, _)| alive(task))
        .map(|(task, on)| (task.key.clone(), on.clone()))
        .collect();
    admission::cycle(&edges, &from.key, on)
}

fn dep_state(state: &State, project: &ProjectId, on: &Key) -> DepState {
    match find_task(state, project, on).and_then(|id| state.tasks.get(&id)).map(|row| row.task.stage) {
        Some(Stage::Done) => DepState::Done,
        Some(stage) if stage.is_terminal() => DepState::Ended,
        Some(_) | None => DepState::Open,
    }
}

pub(super) fn find_task(state: &State, project: &ProjectId, key: &Key) -> Option<TaskId> {
    state.lives.get(&(project.clone(), key.clone())).and_then(|lives| lives.last()).copied()
}

/// Those whose time has come or that have inputs, by the moment they became due, then by age.
pub(super) fn due_tasks(state: &State, now: Timestamp, limit: u32) -> Vec<TaskId> {
    let mut due: Vec<(Timestamp, u64, TaskId)> = Vec::new();
    for (id, row) in &state.tasks {
        let first = state.waiting.get(&Address::Task(*id)).and_then(|w| w.first());
        let input = first.and_then(|i| state.inputs.get(i)).map(|i| i.at);
        let timer = row.due_at.filter(|at| *at <= now);
        if let Some(since) = timer.into_iter().chain(input).min() {
            due.push((since, row.task.seq, *id));
        }
    }
    due.sort();
    due.into_iter().take(limit as usize).map(|(_, _, id)| id).collect()
}

/// By the place of the oldest waiting input.
pub(super) fn due_repos(state: &State, limit: u32) -> Vec<RepoId> {
    let mut due: Vec<(u64, RepoId)> = Vec::new();
    for (to, waiting) in &state.waiting {
        let place = waiting.first().and_then(|id| state.inputs.get(id)).map(|row| row.seq);
        if let (Address::Repo(repo), Some(place)) = (to, place) {
            due.push((place, repo.clone()));
        }
    }
    due.sort();
    due.into_iter().take(limit as usize).map(|(_, repo)| repo).collect()
}

pub(super) fn input_outcome(state: &State, id: InputId) -> InputOutcome {
    match state.inputs.get(&id).map(|row| row.disposition.clone()) {
        None => InputOutcome::Unknown,
        Some(None) => InputOutcome::Waiting,
        Some(Some(disposition)) => InputOutcome::Done(disposition),
    }
}

/// The first `limit` events after `seq`.
pub(super) fn events<E: Clone>(log: Option<&Vec<Logged<E>>>, after: u64, limit: u32) -> Vec<Logged<E>> {
    log.into_iter().flatten().filter(|e| e.seq > after).take(limit as usize).cloned().collect()
}

/// The newest `limit` jobs, the newest last.
pub(super) fn jobs(state: &State, task: Option<TaskId>, limit: u32) -> Vec<JobRow> {
    let mine = |of: &Address| task.is_none_or(|id| *of == Address::Task(id));
    let mut rows: Vec<(u64, &JobRow)> =
        state.jobs.values().filter(|j| mine(&j.row.of)).map(|j| (j.place, &j.row)).collect();
    rows.sort_by_key(|(place, _)| *place);
    let skip = rows.len().saturating_sub(limit as usize);
    rows.into_iter().skip(skip).map(|(_, row)| row.clone()).collect()
}

pub(super) fn inventory(state: &State) -> Inventory {
    let mut inputs: Vec<_> = state.inputs.iter().collect();
    inputs.sort_by_key(|(_, row)| row.seq);
    let mut tasks: Vec<_> = state.tasks.values().map(|row| task_record(state, row)).collect();
    tasks.sort_by_key(|record| record.task.seq);
    let repos = state.repos.values().map(|row| RepoRecord {
        repo: Repo::clone(&row.repo),
        epoch: row.epoch,
        events: state.repo_events.get(&row.repo.id).cloned().unwrap_or_default(),
    });
    Inventory {
        tasks,
        repos: repos.collect(),
        jobs: jobs(state, None, u32::MAX),
        ledger: state.ledger.clone(),
        inputs: inputs
            .into_iter()
            .map(|(id, row)| InputRow {
                id: *id,
                to: row.to.clone(),
                input: row.input.clone(),
                at: row.at,
                disposition: row.disposition.clone(),
            })
            .collect(),
        providers: state.providers.values().map(|row| row.health.clone()).collect(),
        provider_events: state.provider_events.clone(),
        dependencies: state.dependencies.keys().cloned().collect(),
        drained: state.drained,
    }
}

fn task_record(state: &State, row: &TaskRow) -> TaskRecord {
    TaskRecord {
        task: Task::clone(&row.task),
        version: row.version,
        queue: Queue {
            due_at: row.due_at,
            candidacy: row.candidacy,
            candidate_since: (row.candidacy != Candidacy::None).then_some(row.candidate_since),
        },
        events: state.task_events.get(&row.task.id).cloned().unwrap_or_default(),
    }
}
