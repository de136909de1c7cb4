//! Projections: which surfaces are behind their row, what they show, and when a failed one is tried again.

use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use orchd_core::port::store::{Dirty, Surface};

use super::load;
use crate::fail::bad;
use crate::group::Answer;
use crate::statement::statement;
use crate::text;

statement! {
    /// The surface ought to show this version at least.
    Want<'a> { task: Text = &'a str, surface: Text = &'a str, version: BigInt = i64 } -> ();
    "INSERT INTO projections (task, surface, desired, acked) VALUES (:task, :surface, :version, 0) \
     ON CONFLICT (task, surface) DO UPDATE SET desired = max(desired, excluded.desired)"
}

statement! {
    /// Surfaces behind their row whose retry time has come.
    Behind { now: BigInt = i64, limit: BigInt = i64 } -> (Text, Text, BigInt, Text, Nullable<Text>);
    "SELECT p.surface, t.id, t.version, b.body, p.shown FROM projections p \
     JOIN tasks t ON t.id = p.task JOIN task_bodies b ON b.seq = t.seq \
     WHERE p.desired > p.acked AND (p.retry_at IS NULL OR p.retry_at <= :now) \
     ORDER BY t.seq, p.surface LIMIT :limit"
}

statement! {
    /// The surface shows a version; an older one than the last changes nothing.
    Ack<'a> { task: Text = &'a str, surface: Text = &'a str, version: BigInt = i64, shown: Text = &'a str } -> ();
    "UPDATE projections SET \
     shown = CASE WHEN acked <= :version THEN :shown ELSE shown END, \
     error = CASE WHEN acked <= :version THEN NULL ELSE error END, \
     retry_at = CASE WHEN acked <= :version THEN NULL ELSE retry_at END, \
     acked = max(acked, :version) WHERE task = :task AND surface = :surface"
}

statement! {
    /// The surface could not be written.
    Defer<'a> {
        task: Text = &'a str, surface: Text = &'a str, error: Text = &'a str, retry_at: BigInt = i64,
    } -> ();
    "UPDATE projections SET error = :error, retry_at = :retry_at WHERE task = :task AND surface = :surface"
}

/// A surface ought to show this version at least.
pub(crate) fn dirty(conn: &mut SqliteConnection, task: &str, surface: Surface, version: i64) -> Answer<()> {
    Want { task, surface: surface.name(), version }.execute(conn)?;
    Ok(())
}

/// A projection that is behind, as read.
pub(crate) type Row = (String, String, i64, String, Option<String>);

/// Surfaces behind their row, by the task's sequence number. The names of the surfaces sort as they do.
pub(crate) fn behind(conn: &mut SqliteConnection, now: i64, limit: u32) -> Answer<Vec<Row>> {
    Ok(Behind { now, limit: i64::from(limit) }.load(conn)?)
}

/// A projection of its row.
pub(crate) fn of_row((surface, id, version, body, shown): Row) -> Answer<Dirty> {
    Ok(Dirty {
        surface: text::name("projections", &id, &surface, Surface::from_name)?,
        task: Arc::new(load::task(&id, &body)?),
        version: text::count("tasks", &id, version)?,
        shown,
    })
}

/// The surface shows this version.
pub(crate) fn ack(
    conn: &mut SqliteConnection,
    task: &str,
    surface: Surface,
    version: u64,
    shown: &str,
) -> Answer<()> {
    let ack = Ack { task, surface: surface.name(), version: text::int(version), shown };
    known(ack.execute(conn)?, task, surface)
}

/// The surface is tried again later.
pub(crate) fn defer(
    conn: &mut SqliteConnection,
    task: &str,
    surface: Surface,
    error: &str,
    retry_at: i64,
) -> Answer<()> {
    let defer = Defer { task, surface: surface.name(), error, retry_at };
    known(defer.execute(conn)?, task, surface)
}

fn known(rows: usize, task: &str, surface: Surface) -> Answer<()> {
    if rows == 1 {
        return Ok(());
    }
    let row = format!("{task}/{}", surface.name());
    Err(bad("projections", row, "nothing was ever to be shown there"))
}
