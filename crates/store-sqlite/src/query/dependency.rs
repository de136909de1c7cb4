//! Dependencies: a task waits for an issue of its own project, by key; the issue may not be known yet.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use orchd_core::id::{Key, TaskId};

use super::wake;
use crate::fail::bad;
use crate::group::Answer;
use crate::schema::dependencies;
use crate::text;

/// Declares one, and wakes the task if it is new.
pub(crate) fn add(conn: &mut SqliteConnection, task: &str, on: &str, source: &str, at: i64) -> Answer<()> {
    let row = (dependencies::task.eq(task), dependencies::on_key.eq(on), dependencies::source.eq(source));
    let added = diesel::insert_into(dependencies::table)
        .values(row)
        .on_conflict((dependencies::task, dependencies::on_key))
        .do_nothing()
        .execute(conn);
    match added {
        Ok(0) => Ok(()),
        Ok(_) => wake::task(conn, task, at).map(|_| ()),
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
