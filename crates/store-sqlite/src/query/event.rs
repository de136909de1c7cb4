//! The log: events are appended and read, nothing else. What the runs cost is kept beside it, for the money
//! of the day.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use orchd_core::event::{Event, RepoEvent};
use orchd_core::fact::Address;
use orchd_core::id::{RepoId, TaskId};
use orchd_core::port::store::Logged;
use orchd_core::time::Timestamp;
use serde::de::DeserializeOwned;

use crate::group::Answer;
use crate::schema::events;
use crate::statement::statement;
use crate::text;

#[derive(Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
struct NewEvent<'a> {
    task: Option<&'a str>,
    repo: Option<&'a str>,
    at: i64,
    body: &'a str,
}

statement! {
    /// What a run cost.
    RunCost<'a> { project: Text = &'a str, at: BigInt = i64, micros: BigInt = i64 } -> ();
    "INSERT INTO run_costs (project, at, micros) VALUES (:project, :at, :micros)"
}

/// A task's events as they are stored, and what the runs among them cost.
pub(crate) struct Written {
    bodies: Vec<String>,
    costs: Vec<i64>,
}

impl Written {
    /// The stored form of a task's events.
    pub(crate) fn of_task(task: TaskId, events: &[Event]) -> Answer<Self> {
        let bodies = events.iter().map(|e| text::encode(task, e)).collect::<Answer<_>>()?;
        Ok(Self {
            bodies,
            costs: events.iter().filter_map(Event::account).map(|account| account.cost.0).collect(),
        })
    }

    /// The stored form of a repository's events.
    pub(crate) fn of_repo(repo: &RepoId, events: &[RepoEvent]) -> Answer<Self> {
        let bodies = events.iter().map(|e| text::encode(repo, e)).collect::<Answer<_>>()?;
        Ok(Self { bodies, costs: Vec::new() })
    }
}

/// Appends a task's events.
pub(crate) fn append_of_task(
    conn: &mut SqliteConnection,
    task: &str,
    project: &str,
    written: &Written,
    at: i64,
) -> Answer<()> {
    for body in &written.bodies {
        append(conn, &NewEvent { task: Some(task), repo: None, at, body })?;
    }
    for micros in &written.costs {
        RunCost { project, at, micros: *micros }.execute(conn)?;
    }
    Ok(())
}

/// Appends a repository's events.
pub(crate) fn append_of_repo(
    conn: &mut SqliteConnection,
    repo: &str,
    written: &Written,
    at: i64,
) -> Answer<()> {
    for body in &written.bodies {
        append(conn, &NewEvent { task: None, repo: Some(repo), at, body })?;
    }
    Ok(())
}

fn append(conn: &mut SqliteConnection, new: &NewEvent<'_>) -> Answer<()> {
    diesel::insert_into(events::table).values(new).execute(conn)?;
    Ok(())
}

/// An event as read: place, moment, body.
pub(crate) type Row = (i64, i64, String);

/// A task's events after a place, oldest first.
pub(crate) fn of_task(conn: &mut SqliteConnection, task: &str, after: u64, limit: u32) -> Answer<Vec<Row>> {
    Ok(events::table
        .filter(events::task.eq(task).and(events::seq.gt(text::int(after))))
        .order(events::seq)
        .limit(i64::from(limit))
        .select((events::seq, events::at, events::body))
        .load(conn)?)
}

/// A repository's events after a place, oldest first.
pub(crate) fn of_repo(conn: &mut SqliteConnection, repo: &str, after: u64, limit: u32) -> Answer<Vec<Row>> {
    Ok(events::table
        .filter(events::repo.eq(repo).and(events::seq.gt(text::int(after))))
        .order(events::seq)
        .limit(i64::from(limit))
        .select((events::seq, events::at, events::body))
        .load(conn)?)
}

/// The events of rows.
pub(crate) fn logged<E: DeserializeOwned>(rows: Vec<Row>, of: &Address) -> Answer<Vec<Logged<E>>> {
    let one = |(seq, at, body): Row| {
        Ok(Logged {
            seq: text::count("events", seq, seq)?,
            of: of.clone(),
            at: Timestamp(at),
            event: text::decode(seq, &body)?,
        })
    };
    rows.into_iter().map(one).collect()
}
