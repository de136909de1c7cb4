//! The inbox: inputs are stored once, by their id, and consumed once, by the commit that answers them.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use orchd_core::fact::{Address, Input, Pending};
use orchd_core::id::InputId;
use orchd_core::port::store::{Disposition, InputOutcome};
use orchd_core::time::Timestamp;

use super::wake;
use crate::fail::{Fail, bad};
use crate::group::Answer;
use crate::schema::{input, repo};
use crate::statement::statement;
use crate::text;

/// An input to store.
#[derive(Insertable)]
#[diesel(table_name = input, treat_none_as_default_value = false)]
pub(crate) struct NewInput {
    id: String,
    task: Option<String>,
    repo: Option<String>,
    at: i64,
    body: String,
}

impl NewInput {
    /// The row of an input.
    pub(crate) fn new(to: &Address, id: InputId, body: &Input, at: Timestamp) -> Answer<Self> {
        let body = text::json("input", id, body)?;
        let (task, repo) = text::columns(to);
        Ok(Self { id: id.to_string(), task, repo: repo.map(str::to_owned), at: at.0, body })
    }
}

/// Stores an input and wakes its address; a known id is a duplicate and changes nothing.
pub(crate) fn put(conn: &mut SqliteConnection, new: &NewInput) -> Answer<()> {
    known_address(conn, new)?;
    let stored = diesel::insert_into(input::table).values(new).on_conflict(input::id).do_nothing();
    if stored.execute(conn)? == 1 {
        wake_address(conn, new)?;
    }
    Ok(())
}

/// Stores an input whose id nobody has; a known id is a mistake.
pub(crate) fn put_new(conn: &mut SqliteConnection, new: &NewInput) -> Answer<()> {
    match diesel::insert_into(input::table).values(new).execute(conn).map_err(Fail::from) {
        Ok(_) => wake_address(conn, new),
        Err(Fail::Rule(rule)) => Err(bad("input", &new.id, format!("it can not be stored: {rule}"))),
        Err(other) => Err(other),
    }
}

/// A duplicate to an address that is gone can not be: nothing is ever removed. So the order does not matter.
fn known_address(conn: &mut SqliteConnection, new: &NewInput) -> Answer<()> {
    let Some(id) = &new.repo else { return Ok(()) };
    let known = diesel::select(diesel::dsl::exists(repo::table.filter(repo::id.eq(id)))).get_result(conn)?;
    if known { Ok(()) } else { Err(bad("repo", id, "an input was addressed to an unknown repository")) }
}

fn wake_address(conn: &mut SqliteConnection, new: &NewInput) -> Answer<()> {
    match &new.task {
        Some(task) if !wake::task(conn, task, new.at)? => Err(unknown_task(task)),
        Some(_) | None => Ok(()),
    }
}

fn unknown_task(task: &str) -> Fail {
    bad("task", task, "an input was addressed to an unknown task")
}

statement! {
    /// Marks a task's input as consumed.
    ConsumeOfTask<'a> {
        id: Text = &'a str, task: Text = &'a str, outcome: Text = &'a str,
        code: Nullable<Text> = Option<&'a str>, why: Nullable<Text> = Option<&'a str>,
    } -> ();
    "UPDATE input SET outcome = :outcome, code = :code, why = :why \
     WHERE id = :id AND task = :task AND outcome IS NULL"
}

statement! {
    /// Marks a repository's input as consumed.
    ConsumeOfRepo<'a> {
        id: Text = &'a str, repo: Text = &'a str, outcome: Text = &'a str,
        code: Nullable<Text> = Option<&'a str>, why: Nullable<Text> = Option<&'a str>,
    } -> ();
    "UPDATE input SET outcome = :outcome, code = :code, why = :why \
     WHERE id = :id AND repo = :repo AND outcome IS NULL"
}

const APPLIED: &str = "applied";
const REFUSED: &str = "refused";

/// Marks inputs of an address as consumed. One that is not there to be consumed means that somebody else was
/// faster.
pub(crate) fn consume(
    conn: &mut SqliteConnection,
    of: &Address,
    consumed: &[(InputId, Disposition)],
) -> Answer<()> {
    let (task, repo) = text::columns(of);
    for (id, disposition) in consumed {
        let id = id.to_string();
        let (outcome, code, why) = match disposition {
            Disposition::Applied => (APPLIED, None, None),
            Disposition::Refused { code, why } => (REFUSED, Some(code.as_str()), Some(why.as_str())),
        };
        let moved = match (&task, repo) {
            (Some(task), _) => ConsumeOfTask { id: &id, task, outcome, code, why }.execute(conn)?,
            (None, Some(repo)) => ConsumeOfRepo { id: &id, repo, outcome, code, why }.execute(conn)?,
            (None, None) => 0,
        };
        if moved != 1 {
            return Err(Fail::Conflict);
        }
    }
    Ok(())
}

/// What became of an input.
pub(crate) fn outcome(conn: &mut SqliteConnection, id: InputId) -> Answer<InputOutcome> {
    type Row = (Option<String>, Option<String>, Option<String>);
    let row: Option<Row> = input::table
        .filter(input::id.eq(id.to_string()))
        .select((input::outcome, input::code, input::why))
        .first(conn)
        .optional()?;
    match row {
        None => Ok(InputOutcome::Unknown),
        Some((None, _, _)) => Ok(InputOutcome::Waiting),
        Some((Some(word), None, None)) if word == APPLIED => Ok(InputOutcome::Done(Disposition::Applied)),
        Some((Some(word), Some(code), Some(why))) if word == REFUSED => {
            Ok(InputOutcome::Done(Disposition::Refused { code, why }))
        }
        Some((Some(word), _, _)) => Err(bad("input", id, format!("{word:?} is no whole outcome"))),
    }
}

/// An input as read: identity, body, moment.
pub(crate) type Waiting = (String, String, i64);

/// A task's inputs that no commit has consumed, oldest first.
pub(crate) fn waiting_of_task(conn: &mut SqliteConnection, task: &str) -> Answer<Vec<Waiting>> {
    Ok(input::table
        .filter(input::task.eq(task).and(input::outcome.is_null()))
        .order(input::place)
        .select((input::id, input::body, input::at))
        .load(conn)?)
}

/// A repository's inputs that no commit has consumed, oldest first.
pub(crate) fn waiting_of_repo(conn: &mut SqliteConnection, repo: &str) -> Answer<Vec<Waiting>> {
    Ok(input::table
        .filter(input::repo.eq(repo).and(input::outcome.is_null()))
        .order(input::place)
        .select((input::id, input::body, input::at))
        .load(conn)?)
}

/// The inputs of rows.
pub(crate) fn pending(rows: Vec<Waiting>) -> Answer<Vec<Pending>> {
    let one = |(id, body, at): Waiting| {
        Ok(Pending {
            id: text::id("input", &id, &id)?,
            input: text::parse("input", &id, &body)?,
            at: Timestamp(at),
        })
    };
    rows.into_iter().map(one).collect()
}
