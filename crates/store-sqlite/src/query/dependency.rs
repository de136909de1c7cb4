//! Dependencies: a task waits for an issue of its own project, by key; the issue may not be known yet.

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::select;
use orchd_core::admission;
use orchd_core::id::{Key, TaskId};
use orchd_core::port::store::DependencyOutcome;
use orchd_core::stage::Stage;

use super::wake;
use crate::fail::bad;
use crate::group::Answer;
use crate::schema::{dependencies, tasks};
use crate::text;

/// Declares one, and wakes the task if it is new. The cycle is looked for in the transaction that would close it.
pub(crate) fn add(
    conn: &mut SqliteConnection,
    task: &str,
    on: &Key,
    source: &str,
    at: i64,
) -> Answer<DependencyOutcome> {
    let known = dependencies::task.eq(task).and(dependencies::on_key.eq(on.as_str()));
    if select(exists(dependencies::table.filter(known))).get_result(conn)? {
        return Ok(DependencyOutcome::Declared);
    }
    if let Some(cycle) = cycle(conn, task, on)? {
        return Ok(DependencyOutcome::Cycle(cycle));
    }
    insert(conn, task, on.as_str(), source)?;
    wake::task(conn, task, at)?;
    Ok(DependencyOutcome::Declared)
}

/// The cycle that the task would close, through what unfinished tasks of its project wait for.
fn cycle(conn: &mut SqliteConnection, task: &str, on: &Key) -> Answer<Option<Vec<String>>> {
    let from: Option<(String, String)> = tasks::table
        .filter(tasks::id.eq(task))
        .select((tasks::project, tasks::key))
        .first(conn)
        .optional()?;
    // An unknown task is refused where it is written.
    let Some((project, key)) = from else { return Ok(None) };
    let over = Stage::ALL.into_iter().filter(|stage| stage.is_terminal()).map(Stage::name);
    let edges: Vec<(String, String)> = dependencies::table
        .inner_join(tasks::table.on(tasks::id.eq(dependencies::task)))
        .filter(tasks::project.eq(project).and(tasks::stage.ne_all(over)))
        .order((dependencies::task, dependencies::on_key))
        .select((tasks::key, dependencies::on_key))
        .load(conn)?;
    let edges: Vec<(Key, Key)> = edges.into_iter().map(|(from, on)| (Key::new(from), Key::new(on))).collect();
    Ok(admission::cycle(&edges, &Key::new(key), on))
}

fn insert(conn: &mut SqliteConnection, task: &str, on: &str, source: &str) -> Answer<()> {
    let row = (dependencies::task.eq(task), dependencies::on_key.eq(on), dependencies::source.eq(source));
    let added = diesel::insert_into(dependencies::table).values(row).execute(conn);
    match added {
        Ok(_) => Ok(()),
        Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => {
            Err(bad("tasks", task, "a dependency was declared for an unknown task"))
        }
        Err(other) => Err(other.into()),
    }
}

/// Removes one, and wakes the task if it was there.
pub(crate) fn remove(conn: &mut SqliteConnection, task: &str, on: &str, at: i64) -> Answer<()> {
    let there = dependencies::table.filter(dependencies::task.eq(task).and(dependencies::on_key.eq(on)));
    if diesel::delete(there).execute(conn)? == 1 {
        wake::task(conn, task, at)?;
    }
    Ok(())
}

/// All of them, by task and issue.
pub(crate) fn all(conn: &mut SqliteConnection) -> Answer<Vec<(TaskId, Key, String)>> {
    let rows: Vec<(String, String, String)> = dependencies::table
        .order((dependencies::task, dependencies::on_key))
        .select((dependencies::task, dependencies::on_key, dependencies::source))
        .load(conn)?;
    let one = |(task, on, source): (String, String, String)| {
        Ok((text::id("dependencies", &task, &task)?, Key::new(on), source))
    };
    rows.into_iter().map(one).collect()
}
