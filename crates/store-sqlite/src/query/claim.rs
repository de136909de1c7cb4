//! Claims: who may start what next. A job is taken with a run, a token that only grows, and a lease in the
//! store's own time.

use std::collections::BTreeSet;

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
    /// Queued jobs of a class whose time has come and whose provider may be used (the rule is core's `Bar`), by
    /// priority, then age; with the provider of those that may go one at a time only.
    Ready<'a> { class: Text = &'a str, now: BigInt = i64, limit: BigInt = i64 } -> (HeadTypes, Nullable<Text>);
    "SELECT j.id, j.task, j.repo, j.kind, j.spec, j.attempt, \
     CASE WHEN p.one_by_one AND j.id IS NOT p.probe THEN p.id END \
     FROM jobs j LEFT JOIN providers p ON p.id = j.provider \
     WHERE j.state = 'queued' AND j.class = :class AND j.available_at <= :now \
     AND (p.barred_until IS NULL OR j.id = p.probe OR (p.barred_until <= :now AND NOT (p.one_by_one \
     AND EXISTS (SELECT 1 FROM jobs t WHERE t.state = 'running' AND t.provider = p.id \
     AND t.started_at >= p.barred_until)))) \
     ORDER BY j.priority, j.place LIMIT :limit"
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
    let side = ready(conn, JobClass::Side, now, wanted)?.heads;
    let mut room = room(conn, filter)?.min(wanted - side.len());
    let mut claimed = take(conn, filter, side, runs, now)?;
    while room > 0 {
        let Found { heads, passed_over } = ready(conn, JobClass::Pipeline, now, room)?;
        room -= heads.len();
        claimed.extend(take(conn, filter, heads, &runs[claimed.len()..], now)?);
        // Behind those that were passed over there may be others; now that one tries, they are not found again.
        if !passed_over {
            break;
        }
    }
    Ok(claimed)
}

/// Takes what is ready, each with the next run.
fn take(
    conn: &mut SqliteConnection,
    filter: &ClaimFilter,
    heads: Vec<Head>,
    runs: &[RunId],
    now: Timestamp,
) -> Answer<Vec<Claimed>> {
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

/// What may be taken.
#[derive(Default)]
struct Found {
    heads: Vec<Head>,
    /// Of a provider whose jobs go one at a time there was more than one.
    passed_over: bool,
}

fn ready(conn: &mut SqliteConnection, class: JobClass, now: Timestamp, limit: usize) -> Answer<Found> {
    let mut found = Found::default();
    if limit == 0 {
        return Ok(found);
    }
    let class = match class {
        JobClass::Pipeline => "pipeline",
        JobClass::Side => "side",
    };
    let ready = Ready { class, now: now.0, limit: i64::try_from(limit).unwrap_or(i64::MAX) };
    let rows: Vec<(Head, Option<String>)> = ready.load(conn)?;
    let mut alone = BTreeSet::new();
    for (head, provider) in rows {
        if provider.is_none_or(|provider| alone.insert(provider)) {
            found.heads.push(head);
        } else {
            found.passed_over = true;
        }
    }
    Ok(found)
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
