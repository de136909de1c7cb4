//! Wake-ups: a task becomes due, and a decision that is under way learns that it has not seen everything.

use diesel::sql_types::{BigInt, Text};
use diesel::{RunQueryDsl as _, SqliteConnection};

use crate::group::Answer;
use crate::statement::statement;

statement! {
    /// One task, finished or not.
    WakeTask<'a> { task: Text = &'a str, at: BigInt = i64 } -> ();
    "UPDATE tasks SET wakes = wakes + 1, due_at = min(coalesce(due_at, :at), :at) WHERE id = :task"
}

statement! {
    /// The unfinished tasks of a repository but one.
    WakeRepo<'a> { repo: Text = &'a str, but: Text = &'a str, at: BigInt = i64 } -> ();
    "UPDATE tasks SET wakes = wakes + 1, due_at = min(coalesce(due_at, :at), :at) \
     WHERE repo = :repo AND id <> :but AND stage NOT IN ('done', 'cancelled')"
}

statement! {
    /// The unfinished tasks that wait for an issue.
    WakeDependents<'a> { project: Text = &'a str, key: Text = &'a str, at: BigInt = i64 } -> ();
    "UPDATE tasks SET wakes = wakes + 1, due_at = min(coalesce(due_at, :at), :at) \
     WHERE id IN (SELECT task FROM dependencies WHERE on_key = :key) \
     AND project = :project AND stage NOT IN ('done', 'cancelled')"
}

statement! {
    /// Every unfinished task but one.
    WakeAll<'a> { but: Text = &'a str, at: BigInt = i64 } -> ();
    "UPDATE tasks SET wakes = wakes + 1, due_at = min(coalesce(due_at, :at), :at) \
     WHERE id <> :but AND stage NOT IN ('done', 'cancelled')"
}

/// Wakes a task; says whether there is one.
pub(crate) fn task(conn: &mut SqliteConnection, task: &str, at: i64) -> Answer<bool> {
    Ok(WakeTask { task, at }.execute(conn)? == 1)
}

/// Wakes the unfinished tasks of a repository; `but` is an identity, or empty.
pub(crate) fn repo(conn: &mut SqliteConnection, repo: &str, but: &str, at: i64) -> Answer<()> {
    WakeRepo { repo, but, at }.execute(conn)?;
    Ok(())
}

/// Wakes the unfinished tasks that wait for an issue.
pub(crate) fn dependents(conn: &mut SqliteConnection, project: &str, key: &str, at: i64) -> Answer<()> {
    WakeDependents { project, key, at }.execute(conn)?;
    Ok(())
}

/// Wakes every unfinished task; `but` is an identity, or empty.
pub(crate) fn all(conn: &mut SqliteConnection, but: &str, at: i64) -> Answer<()> {
    WakeAll { but, at }.execute(conn)?;
    Ok(())
}
