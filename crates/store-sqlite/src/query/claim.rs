//! Claims: who may start what next. A job is taken with a run, a token that only grows, and a lease in the
//! store's own time.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use orchd_core::id::{BootId, JobId, RunId, Token};
use orchd_core::job::{JobClass, JobKind};
use orchd_core::lease::LeasePolicy;
use orchd_core::port::store::{ClaimFilter, Claimed};
use orchd_core::time::{Span, Timestamp};

use super::setting;
use crate::fail::Fail;
use crate::group::Answer;
use crate::statement::statement;
use crate::text;

statement! {
    /// Queued jobs of a class whose time has come, by priority, then age.
    Ready<'a> { class: Text = &'a str, now: BigInt = i64, limit: BigInt = i64 } -> HeadTypes;
    "SELECT id, task, repo, kind, spec, attempt FROM jobs \
     WHERE state = 'queued' AND class = :class AND available_at <= :now \
     ORDER BY priority, place LIMIT :limit"
}

statement! {
    /// Pipeline jobs that run, over all owners.
    Running {} -> BigInt;
    "SELECT count(*) FROM jobs WHERE state = 'running' AND class = 'pipeline'"
}

statement! {
    /// Takes a queued job.
    Take<'a> {
        id: Text = &'a str, owner: Text = &'a str, run: Text = &'a str,
        token: BigInt = i64, now: BigInt = i64, until: BigInt = i64,
    } -> ();
    "UPDATE jobs SET state = 'running', owner = :owner, run = :run, token = :token, started_at = :now, \
     until = :until, attempt = attempt + 1 WHERE id = :id AND state = 'queued'"
}

statement! {
    /// All running jobs, in the order of their enqueueing.
    Held {} -> (HeadTypes, Text, Text, BigInt, BigInt);
    "SELECT id, task, repo, kind, spec, attempt, owner, run, token, until FROM jobs \
     WHERE state = 'running' ORDER BY place"
}

statement! {
    /// Gives a running job to another process, under a new token.
    Hand<'a> {
        id: Text = &'a str, owner: Text = &'a str, token: BigInt = i64, was: BigInt = i64, until: BigInt = i64,
    } -> ();
    "UPDATE jobs SET owner = :owner, token = :token, until = :until \
     WHERE id = :id AND state = 'running' AND token = :was"
}

/// What a job is, as read.
type Head = (String, Option<String>, Option<String>, String, String, i64);
type HeadTypes = (Text, Nullable<Text>, Nullable<Text>, Text, Text, BigInt);

/// Under what a job is held.
struct Lease {
    run: RunId,
    token: Token,
    until: Timestamp,
}

/// Claims queued jobs: side jobs first; while drained, nothing else. One job per run that was drawn for it.
pub(crate) fn claim(
    conn: &mut SqliteConnection,
    filter: &ClaimFilter,
    runs: &[RunId],
    now: Timestamp,
) -> Answer<Vec<Claimed>> {
    let wanted = runs.len().min(filter.limit as usize);
    let mut heads = ready(conn, JobClass::Side, now, wanted)?;
    let room = room(conn, filter)?.min(wanted - heads.len());
    heads.extend(ready(conn, JobClass::Pipeline, now, room)?);
    let tokens = setting::next_tokens(conn, heads.len())?;
    let until = LeasePolicy { ttl: filter.ttl }.until(now);
    let owner = filter.boot.to_string();
    let mut claimed = Vec::with_capacity(heads.len());
    for ((head, run), token) in heads.into_iter().zip(runs).zip(tokens) {
        let take = Take {
            id: &head.0,
            owner: &owner,
            run: &run.to_string(),
            token: token.0,
            now: now.0,
            until: until.0,
        };
        one(take.execute(conn)?)?;
        let again = head.5 + 1;
        claimed
            .push(told((head.0, head.1, head.2, head.3, head.4, again), Lease { run: *run, token, until })?);
    }
    Ok(claimed)
}

fn ready(conn: &mut SqliteConnection, class: JobClass, now: Timestamp, limit: usize) -> Answer<Vec<Head>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let class = match class {
        JobClass::Pipeline => "pipeline",
        JobClass::Side => "side",
    };
    Ok(Ready { class, now: now.0, limit: i64::try_from(limit).unwrap_or(i64::MAX) }.load(conn)?)
}

/// How many pipeline jobs may start now.
fn room(conn: &mut SqliteConnection, filter: &ClaimFilter) -> Answer<usize> {
    if setting::drained(conn)? {
        return Ok(0);
    }
    let Some(max) = filter.max_running else { return Ok(usize::MAX) };
    let running: i64 = Running {}.get_result(conn)?;
    Ok(usize::try_from(i64::from(max) - running).unwrap_or(0))
}

/// Takes over what other processes run: new token, new lease, same run. What this one runs is told as it is.
pub(crate) fn take_over(
    conn: &mut SqliteConnection,
    boot: BootId,
    ttl: Span,
    now: Timestamp,
) -> Answer<Vec<Claimed>> {
    let rows: Vec<(Head, String, String, i64, i64)> = Held {}.load(conn)?;
    let boot = boot.to_string();
    let others = rows.iter().filter(|(_, owner, ..)| *owner != boot).count();
    let mut tokens = setting::next_tokens(conn, others)?.into_iter();
    let fresh = LeasePolicy { ttl }.until(now);
    let mut taken = Vec::with_capacity(rows.len());
    for (head, owner, run, was, until) in rows {
        let run = text::id("jobs", &head.0, &run)?;
        let mut lease = Lease { run, token: Token(was), until: Timestamp(until) };
        if owner != boot
            && let Some(token) = tokens.next()
        {
            (lease.token, lease.until) = (token, fresh);
            let hand = Hand { id: &head.0, owner: &boot, token: token.0, was, until: fresh.0 };
            one(hand.execute(conn)?)?;
        }
        taken.push(told(head, lease)?);
    }
    Ok(taken)
}

fn one(rows: usize) -> Answer<()> {
    if rows == 1 { Ok(()) } else { Err(Fail::Conflict) }
}

fn told((id, task, repo, kind, spec, attempt): Head, lease: Lease) -> Answer<Claimed> {
    let job: JobId = text::id("jobs", &id, &id)?;
    Ok(Claimed {
        job,
        of: text::address("jobs", job, task.as_deref(), repo)?,
        kind: text::name("jobs", job, &kind, JobKind::from_name)?,
        spec: text::parse("jobs", job, &spec)?,
        run: lease.run,
        token: lease.token,
        until: lease.until,
        attempt: text::small("jobs", job, attempt)?,
    })
}
