//! The effect ledger: intents are opened and moved by commits, and sent by the holder of the job that acts.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use orchd_core::effect::{Effect, EffectState};
use orchd_core::id::{EffectId, JobId, TaskId, Token};
use orchd_core::port::store::{LedgerRow, LedgerWrite, SendOutcome};
use orchd_core::task::Task;
use orchd_core::time::Timestamp;

use crate::fail::Fail;
use crate::group::Answer;
use crate::schema::effects;
use crate::statement::statement;
use crate::text;

statement! {
    /// Moves an entry of a task.
    Move<'a> {
        id: Text = &'a str, task: Text = &'a str, state: Text = &'a str, observed: Text = &'a str,
    } -> ();
    "UPDATE effects SET state = :state, observed = :observed WHERE id = :id AND task = :task"
}

statement! {
    /// Marks an intent as sent, if the job that acts is held under this token.
    Send<'a> { id: Text = &'a str, job: Text = &'a str, token: BigInt = i64, now: BigInt = i64 } -> ();
    "UPDATE effects SET state = 'sent' WHERE id = :id AND state = 'intent' AND task = \
     (SELECT task FROM jobs WHERE id = :job AND state = 'running' AND token = :token AND until >= :now)"
}

/// A change of the ledger as it is stored.
pub(crate) enum Write {
    /// A new intent.
    Open(Box<NewEffect>),
    /// An entry moved.
    Move {
        /// The entry.
        id: String,
        /// Where it stands now.
        state: &'static str,
        /// What was seen.
        observed: String,
    },
}

#[derive(Insertable)]
#[diesel(table_name = effects)]
pub(crate) struct NewEffect {
    id: String,
    task: String,
    target: String,
    key: String,
    state: &'static str,
    body: String,
    observed: String,
}

impl Write {
    /// The stored form of a change.
    pub(crate) fn new(task: &Task, write: &LedgerWrite) -> Answer<Self> {
        Ok(match write {
            LedgerWrite::Open(effect) => Self::Open(Box::new(NewEffect {
                id: effect.id.to_string(),
                task: task.id.to_string(),
                target: effect.intent.target(&task.repo),
                key: effect.intent.key(task.id),
                state: effect.state.name(),
                body: text::json("effects", effect.id, effect)?,
                observed: String::new(),
            })),
            LedgerWrite::Move { id, state, observed } => {
                Self::Move { id: id.to_string(), state: state.name(), observed: observed.clone() }
            }
        })
    }
}

/// Writes a change of a task's entries.
pub(crate) fn write(conn: &mut SqliteConnection, task: &str, write: &Write) -> Answer<()> {
    match write {
        Write::Open(new) => {
            diesel::insert_into(effects::table).values(&**new).execute(conn)?;
            Ok(())
        }
        Write::Move { id, state, observed } => match (Move { id, task, state, observed }).execute(conn)? {
            1 => Ok(()),
            _none => Err(Fail::Rule(format!("effect {id} is not an entry of task {task}"))),
        },
    }
}

/// Marks an intent as sent, if the token is current and its lease not over.
pub(crate) fn send(
    conn: &mut SqliteConnection,
    id: EffectId,
    job: JobId,
    token: Token,
    now: Timestamp,
) -> Answer<SendOutcome> {
    let send = Send { id: &id.to_string(), job: &job.to_string(), token: token.0, now: now.0 };
    Ok(if send.execute(conn)? == 1 { SendOutcome::MaySend } else { SendOutcome::Stale })
}

/// An entry as read.
#[derive(Queryable)]
pub(crate) struct Stored {
    id: String,
    task: String,
    target: String,
    key: String,
    state: String,
    body: String,
    observed: String,
}

/// The ledger, oldest first; of one task where given.
pub(crate) fn all(conn: &mut SqliteConnection, task: Option<&str>) -> Answer<Vec<Stored>> {
    let columns = (
        effects::id,
        effects::task,
        effects::target,
        effects::key,
        effects::state,
        effects::body,
        effects::observed,
    );
    let rows = effects::table.order(effects::place).select(columns);
    Ok(match task {
        Some(task) => rows.filter(effects::task.eq(task)).load(conn)?,
        None => rows.load(conn)?,
    })
}

/// An entry of its row.
pub(crate) fn row(stored: Stored) -> Answer<LedgerRow> {
    let id: EffectId = text::id("effects", &stored.id, &stored.id)?;
    let opened: Effect = text::parse("effects", id, &stored.body)?;
    let state = text::name("effects", id, &stored.state, state_of)?;
    Ok(LedgerRow {
        task: text::id::<TaskId>("effects", id, &stored.task)?,
        // Probes are counted in the task's row; the ledger keeps where the entry stands.
        effect: Effect { state, ..opened },
        target: stored.target,
        key: stored.key,
        observed: stored.observed,
    })
}

fn state_of(name: &str) -> Option<EffectState> {
    const ALL: [EffectState; 5] = [
        EffectState::Intent,
        EffectState::Sent,
        EffectState::Applied,
        EffectState::Refused,
        EffectState::Unknown,
    ];
    ALL.into_iter().find(|state| state.name() == name)
}
