//! Everything a store answers about itself, as text: two stores, or one store at two moments, are compared
//! by it. Only methods that change nothing are called.

use std::fmt::{Debug, Write as _};

use orchd_core::fact::Address;
use orchd_core::id::{InputId, ProjectId, TransitionId};
use orchd_core::port::store::StoreError;
use orchd_core::time::{Span, Timestamp};

use super::FullStore;

/// Long after everything that is deferred.
const LATE: Span = Span::hours(24 * 365);

/// Identities that can only be asked for by name.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Projects, for the board.
    pub projects: Vec<ProjectId>,
    /// Inputs.
    pub inputs: Vec<InputId>,
    /// Transitions.
    pub transitions: Vec<TransitionId>,
}

/// An answer as text. Of an error only what the contract promises: which row of which table.
pub fn shown<T: Debug>(answer: &Result<T, StoreError>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(StoreError::Unavailable(_)) => "unavailable".to_owned(),
        Err(StoreError::Inconsistent { table, row, .. }) => format!("inconsistent {table} {row}"),
    }
}

/// Everything that the store shows at `now`, one line per answer.
pub async fn observe(store: &dyn FullStore, now: Timestamp, known: &Known) -> String {
    let mut seen = String::new();
    rows(store, now, &mut seen).await;
    work(store, now, &mut seen).await;
    for project in &known.projects {
        line(&mut seen, "issues", project, &store.issues(project).await);
    }
    for input in &known.inputs {
        line(&mut seen, "input", input, &store.input_outcome(*input).await);
    }
    for transition in &known.transitions {
        line(&mut seen, "committed", transition, &store.was_committed(*transition).await);
    }
    seen
}

async fn rows(store: &dyn FullStore, now: Timestamp, seen: &mut String) {
    let tasks = store.tasks().await;
    line(seen, "tasks", &"", &tasks);
    for (task, _) in tasks.unwrap_or_default() {
        let since = now.day_start();
        line(seen, "load", &task.id, &store.load(task.id, since).await);
        line(seen, "rows", &task.id, &store.rows_of(&Address::Task(task.id)).await);
        line(seen, "latest", &task.key, &store.find_task(&task.project, &task.key).await);
        line(seen, "events", &task.id, &store.task_events(task.id, 0, u32::MAX).await);
        line(seen, "jobs of", &task.id, &store.jobs(Some(task.id), 3).await);
        line(seen, "ledger of", &task.id, &store.ledger(Some(task.id)).await);
    }
    let repos = store.repos().await;
    line(seen, "repos", &"", &repos);
    for (repo, _) in repos.unwrap_or_default() {
        line(seen, "load", &repo.id, &store.load_repo(&repo.id).await);
        line(seen, "rows", &repo.id, &store.rows_of(&Address::Repo(repo.id.clone())).await);
        line(seen, "events", &repo.id, &store.repo_events(&repo.id, 0, u32::MAX).await);
        line(seen, "pulls", &repo.id, &store.pulls(&repo.id).await);
    }
}

async fn work(store: &dyn FullStore, now: Timestamp, seen: &mut String) {
    line(seen, "inventory", &"", &store.inventory().await);
    line(seen, "jobs", &"", &store.jobs(None, u32::MAX).await);
    line(seen, "ledger", &"", &store.ledger(None).await);
    line(seen, "providers", &"", &store.providers().await);
    line(seen, "dependencies", &"", &store.dependencies().await);
    line(seen, "drained", &"", &store.drained().await);
    line(seen, "expired", &"", &store.expired(u32::MAX).await);
    for at in [now, now + LATE] {
        line(seen, "due", &at, &store.due(at, u32::MAX).await);
        line(seen, "dirty", &at, &store.dirty_projections(at, u32::MAX).await);
    }
}

fn line<T: Debug>(seen: &mut String, what: &str, of: &dyn Debug, answer: &Result<T, StoreError>) {
    // Writing to a String cannot fail.
    let _ = writeln!(seen, "{what} {of:?}: {}", shown(answer));
}

/// Fails with the first line in which two observations differ.
pub fn assert_same(left: &str, right: &str, when: &str) {
    if let Some(difference) = first_difference(left, right) {
        panic!("{when}: {difference}");
    }
}

/// The first line in which two observations differ.
pub fn first_difference(left: &str, right: &str) -> Option<String> {
    let mut lines = left.lines().zip(right.lines());
    if let Some((l, r)) = lines.find(|(l, r)| l != r) {
        let what = l.split(':').next().unwrap_or(l);
        return Some(format!("what is shown as {what} differs\n{}", difference(l, r)));
    }
    (left.lines().count() != right.lines().count()).then(|| "one store shows more".to_owned())
}

/// Where two texts part, with a little before and more after.
pub fn difference(left: &str, right: &str) -> String {
    let same = left.chars().zip(right.chars()).take_while(|(l, r)| l == r).count();
    let from = same.saturating_sub(60);
    let part = |text: &str| text.chars().skip(from).take(260).collect::<String>();
    format!(" left: …{}\nright: …{}", part(left), part(right))
}
