//! Lists of whole tables, for people and the audit.

use diesel::prelude::*;
use orchd_core::task::Task;

use super::load;
use crate::group::Answer;
use crate::schema::{task_bodies, tasks};
use crate::text;

/// A task as read: identity, version, body.
pub(crate) type Row = (String, i64, String);

/// All tasks, by sequence number.
pub(crate) fn tasks(conn: &mut SqliteConnection) -> Answer<Vec<Row>> {
    Ok(tasks::table
        .inner_join(task_bodies::table)
        .order(tasks::seq)
        .select((tasks::id, tasks::version, task_bodies::body))
        .load(conn)?)
}

/// A task and its version.
pub(crate) fn of_row((id, version, body): Row) -> Answer<(Task, u64)> {
    Ok((load::task(&id, &body)?, text::count("tasks", &id, version)?))
}
