//! Who must be decided: those whose time has come, and those with inputs that no commit has consumed.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use orchd_core::id::{RepoId, TaskId};
use orchd_core::port::store::Due;

use crate::group::Answer;
use crate::statement::statement;
use crate::text;

statement! {
    /// Tasks by the moment they became due, then by age. Each branch is cut before they are merged.
    Tasks { now: BigInt = i64, limit: BigInt = i64 } -> Text;
    "SELECT t.id FROM ( \
     SELECT * FROM (SELECT seq, due_at AS since FROM tasks WHERE due_at <= :now ORDER BY due_at, seq LIMIT :limit) \
     UNION ALL SELECT t.seq, i.at FROM \
     (SELECT task, min(place), at FROM inputs WHERE outcome IS NULL AND task IS NOT NULL GROUP BY task) i \
     JOIN tasks t ON t.id = i.task) d \
     JOIN tasks t ON t.seq = d.seq GROUP BY t.seq ORDER BY min(d.since), t.seq LIMIT :limit"
}

statement! {
    /// Repositories by their oldest waiting input.
    Repos { limit: BigInt = i64 } -> Text;
    "SELECT repo FROM inputs WHERE outcome IS NULL AND repo IS NOT NULL \
     GROUP BY repo ORDER BY min(place) LIMIT :limit"
}

/// Who is to be decided.
pub(crate) fn due(conn: &mut SqliteConnection, now: i64, limit: u32) -> Answer<Due> {
    Ok(Due { repos: repos(conn, limit)?, tasks: tasks(conn, now, limit)? })
}

/// Due tasks, earliest first.
fn tasks(conn: &mut SqliteConnection, now: i64, limit: u32) -> Answer<Vec<TaskId>> {
    let ids: Vec<String> = Tasks { now, limit: i64::from(limit) }.load(conn)?;
    ids.iter().map(|id| text::id("tasks", id, id)).collect()
}

/// Due repositories, earliest first.
fn repos(conn: &mut SqliteConnection, limit: u32) -> Answer<Vec<RepoId>> {
    let ids: Vec<String> = Repos { limit: i64::from(limit) }.load(conn)?;
    Ok(ids.into_iter().map(RepoId::new).collect())
}
