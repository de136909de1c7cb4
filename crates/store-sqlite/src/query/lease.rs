//! Leases: extended, given back, ended with a result, or found to be over. Whose token is not current changes
//! nothing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use orchd_core::fact::Address;
use orchd_core::id::{BootId, InputId, JobId, Token};
use orchd_core::job::{JobKind, JobResult};
use orchd_core::lease::LeasePolicy;
use orchd_core::port::store::{Expired, JobState, RenewOutcome, SettleOutcome};
use orchd_core::time::{Span, Timestamp};

use super::job;
use crate::fail::Fail;
use crate::group::Answer;
use crate::statement::statement;
use crate::text;

statement! {
    /// Extends a lease that is not over; says whether the job is told to end.
    Renew<'a> {
        id: Text = &'a str, owner: Text = &'a str, token: BigInt = i64, now: BigInt = i64, until: BigInt = i64,
    } -> Integer;
    "UPDATE jobs SET until = :until \
     WHERE id = :id AND state = 'running' AND token = :token AND owner = :owner AND until >= :now \
     RETURNING told_to_end IS NOT NULL"
}

statement! {
    /// What a settlement must know of a job that has this token.
    OfToken<'a> { id: Text = &'a str, token: BigInt = i64 } -> OfTokenTypes;
    "SELECT task, repo, kind, state, fact, told_to_end FROM jobs \
     WHERE id = :id AND token = :token AND run IS NOT NULL"
}

statement! {
    /// Gives a running job back.
    Release<'a> { id: Text = &'a str, token: BigInt = i64 } -> ();
    "UPDATE jobs SET state = 'queued', owner = NULL, run = NULL, started_at = NULL, until = NULL \
     WHERE id = :id AND state = 'running' AND token = :token"
}

statement! {
    /// Running jobs whose lease is over, the longest over first.
    Over { now: BigInt = i64, limit: BigInt = i64 } -> (Text, Text, BigInt, Text);
    "SELECT id, run, token, owner FROM jobs WHERE state = 'running' AND until < :now \
     ORDER BY until, place LIMIT :limit"
}

type OfTokenRow = (Option<String>, Option<String>, String, String, Option<String>, Option<String>);
type OfTokenTypes = (Nullable<Text>, Nullable<Text>, Text, Text, Nullable<Text>, Nullable<Text>);

/// A job that has the asked token.
struct Of {
    of: Address,
    kind: JobKind,
    state: JobState,
    fact: Option<String>,
    told_to_end: Option<String>,
}

fn of_token(conn: &mut SqliteConnection, id: JobId, token: Token) -> Answer<Option<Of>> {
    let row: Option<OfTokenRow> =
        OfToken { id: &id.to_string(), token: token.0 }.get_result(conn).optional()?;
    let Some((task, repo, kind, state, fact, told_to_end)) = row else { return Ok(None) };
    Ok(Some(Of {
        of: text::address("jobs", id, task.as_deref(), repo)?,
        kind: text::name("jobs", id, &kind, JobKind::from_name)?,
        state: text::name("jobs", id, &state, job::state_of)?,
        fact,
        told_to_end,
    }))
}

/// Extends leases, in the order asked.
pub(crate) fn renew(
    conn: &mut SqliteConnection,
    boot: BootId,
    held: &[(JobId, Token)],
    ttl: Span,
    now: Timestamp,
) -> Answer<Vec<RenewOutcome>> {
    let owner = boot.to_string();
    let until = LeasePolicy { ttl }.until(now).0;
    let mut answers = Vec::with_capacity(held.len());
    for (id, token) in held {
        let id = id.to_string();
        let renew = Renew { id: &id, owner: &owner, token: token.0, now: now.0, until };
        // Loaded whole: a statement that is left in the middle is not finished.
        let told: Vec<i32> = renew.load(conn)?;
        answers.push(match told.first() {
            None => RenewOutcome::Lost,
            Some(0) => RenewOutcome::Renewed,
            Some(_) => RenewOutcome::ToldToEnd,
        });
    }
    Ok(answers)
}

/// Ends a job with its result as an unconsumed fact of its address.
pub(crate) fn settle(
    conn: &mut SqliteConnection,
    id: JobId,
    token: Token,
    result: JobResult,
    fact: InputId,
    at: Timestamp,
) -> Answer<SettleOutcome> {
    let Some(row) = of_token(conn, id, token)? else { return Ok(SettleOutcome::Stale) };
    match row.state {
        JobState::Running => {
            let state = JobState::of(&result);
            let told = job::fact(&row.of, id, row.kind, result, fact, at)?;
            job::end(conn, id, state, None, &told)?;
            Ok(SettleOutcome::Settled)
        }
        JobState::Queued => Ok(SettleOutcome::Stale),
        JobState::Succeeded | JobState::Failed | JobState::Cancelled => {
            let same = row.fact.is_some_and(|stored| stored == fact.to_string());
            Ok(if same { SettleOutcome::Settled } else { SettleOutcome::Stale })
        }
    }
}

/// Gives a job back to the queue; one that is told to end, ends.
pub(crate) fn release(
    conn: &mut SqliteConnection,
    id: JobId,
    token: Token,
    now: Timestamp,
) -> Answer<SettleOutcome> {
    let running = of_token(conn, id, token)?.filter(|row| row.state == JobState::Running);
    let Some(row) = running else { return Ok(SettleOutcome::Stale) };
    if (Release { id: &id.to_string(), token: token.0 }).execute(conn)? != 1 {
        return Err(Fail::Conflict);
    }
    if let Some(why) = &row.told_to_end {
        job::end_queued(conn, &row.of, id, row.kind, why, now)?;
    }
    Ok(SettleOutcome::Settled)
}

/// Running jobs whose lease is over.
pub(crate) fn expired(conn: &mut SqliteConnection, limit: u32, now: Timestamp) -> Answer<Vec<Expired>> {
    let rows: Vec<(String, String, i64, String)> = Over { now: now.0, limit: i64::from(limit) }.load(conn)?;
    let one = |(id, run, token, owner): (String, String, i64, String)| {
        Ok(Expired {
            job: text::id("jobs", &id, &id)?,
            run: text::id("jobs", &id, &run)?,
            token: Token(token),
            owner: text::id("jobs", &id, &owner)?,
        })
    };
    rows.into_iter().map(one).collect()
}
