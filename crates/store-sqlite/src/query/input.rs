//! The inbox: inputs are stored once, by their id, and consumed once, by the commit that answers them.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Nullable, Text};
use orchd_core::fact::{Address, Input, Pending};
use orchd_core::id::InputId;
use orchd_core::port::store::{Disposition, InputOutcome};
use orchd_core::time::Timestamp;

use super::wake;
use crate::fail::{Fail, bad};
use crate::group::Answer;
use crate::schema::inputs;
use crate::statement::statement;
use crate::text;

/// An input to store.
#[derive(Insertable)]
#[diesel(table_name = inputs, treat_none_as_default_value = false)]
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
        let body = text::json("inputs", id, body)?;
        let (task, repo) = text::columns(to);
        Ok(Self { id: id.to_string(), task, repo: repo.map(str::to_owned), at: at.0, body })
    }
}

impl NewInput {
    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// Stores an input and wakes its address; a known id is a duplicate and changes nothing.
pub(crate) fn put(conn: &mut SqliteConnection, new: &NewInput) -> Answer<()> {
    let stored = diesel::insert_into(inputs::table).values(new).on_conflict(inputs::id).do_nothing();
    match stored.execute(conn) {
        Ok(0) => Ok(()),
        Ok(_) => wake_address(conn, new),
        Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => Err(unknown_address(new)),
        Err(other) => Err(other.into()),
    }
}

/// Stores an input whose id nobody has; a known id is a mistake.
pub(crate) fn put_new(conn: &mut SqliteConnection, new: &NewInput) -> Answer<()> {
    match diesel::insert_into(inputs::table).values(new).execute(conn) {
        Ok(_) => wake_address(conn, new),
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            Err(bad("inputs", &new.id, "a job's fact was to be stored under an id that is taken"))
        }
        Err(other) => Err(other.into()),
    }
}

fn wake_address(conn: &mut SqliteConnection, new: &NewInput) -> Answer<()> {
    match &new.task {
        Some(task) if !wake::task(conn, task, new.at)? => Err(unknown_address(new)),
        Some(_) | None => Ok(()),
    }
}

fn unknown_address(new: &NewInput) -> Fail {
    match (&new.task, &new.repo) {
        (Some(task), _) => bad("tasks", task, "an input was addressed to an unknown task"),
        (None, repo) => {
            let repo = repo.as_deref().unwrap_or_default();
            bad("repos", repo, "an input was addressed to an unknown repository")
        }
    }
}

statement! {
    /// Marks a task's input as consumed.
    ConsumeOfTask<'a> {
        id: Text = &'a str, task: Text = &'a str, outcome: Text = &'a str,
        code: Nullable<Text> = Option<&'a str>, why: Nullable<Text> = Option<&'a str>,
    } -> ();
    "UPDATE inputs SET outcome = :outcome, code = :code, why = :why \
     WHERE id = :id AND task = :task AND outcome IS NULL"
}

statement! {
    /// Marks a repository's input as consumed.
    ConsumeOfRepo<'a> {
        id: Text = &'a str, repo: Text = &'a str, outcome: Text = &'a str,
        code: Nullable<Text> = Option<&'a str>, why: Nullable<Text> = Option<&'a str>,
    } -> ();
    "UPDATE inputs SET outcome = :outcome, code = :code, why = :why \
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
    let row: Option<Said> = inputs::table
        .filter(inputs::id.eq(id.to_string()))
        .select((inputs::outcome, inputs::code, inputs::why))
        .first(conn)
        .optional()?;
    let Some(row) = row else { return Ok(InputOutcome::Unknown) };
    Ok(disposition(id, row)?.map_or(InputOutcome::Waiting, InputOutcome::Done))
}

/// What was said to an input as read: outcome, code and sentence of a refusal.
pub(crate) type Said = (Option<String>, Option<String>, Option<String>);

/// What became of an input; none while it waits.
pub(crate) fn disposition(id: InputId, said: Said) -> Answer<Option<Disposition>> {
    match said {
        (None, _, _) => Ok(None),
        (Some(word), None, None) if word == APPLIED => Ok(Some(Disposition::Applied)),
        (Some(word), Some(code), Some(why)) if word == REFUSED => {
            Ok(Some(Disposition::Refused { code, why }))
        }
        (Some(word), _, _) => Err(bad("inputs", id, format!("{word:?} is no whole outcome"))),
    }
}

/// An input as read: identity, body, moment.
pub(crate) type Waiting = (String, String, i64);

/// A task's inputs that no commit has consumed, oldest first.
pub(crate) fn waiting_of_task(conn: &mut SqliteConnection, task: &str) -> Answer<Vec<Waiting>> {
    Ok(inputs::table
        .filter(inputs::task.eq(task).and(inputs::outcome.is_null()))
        .order(inputs::place)
        .select((inputs::id, inputs::body, inputs::at))
        .load(conn)?)
}

/// A repository's inputs that no commit has consumed, oldest first.
pub(crate) fn waiting_of_repo(conn: &mut SqliteConnection, repo: &str) -> Answer<Vec<Waiting>> {
    Ok(inputs::table
        .filter(inputs::repo.eq(repo).and(inputs::outcome.is_null()))
        .order(inputs::place)
        .select((inputs::id, inputs::body, inputs::at))
        .load(conn)?)
}

/// The inputs of rows.
pub(crate) fn pending(rows: Vec<Waiting>) -> Answer<Vec<Pending>> {
    let one = |(id, body, at): Waiting| {
        Ok(Pending {
            id: text::id("inputs", &id, &id)?,
            input: text::parse("inputs", &id, &body)?,
            at: Timestamp(at),
        })
    };
    rows.into_iter().map(one).collect()
}
