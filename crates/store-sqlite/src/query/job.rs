//! Jobs: enqueued by a commit, told to end by one, listed for people. Claims and leases are in `claim.rs` and
//! `lease.rs`.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use orchd_core::enact::NewJob;
use orchd_core::fact::{Address, Fact, Input};
use orchd_core::id::{InputId, JobId, TaskId, Token};
use orchd_core::job::{JobClass, JobKind, JobRef, JobResult, JobSpec};
use orchd_core::port::store::{JobRow, JobState};
use orchd_core::time::Timestamp;

use super::input::{self, NewInput};
use crate::fail::{Fail, bad};
use crate::group::Answer;
use crate::schema::jobs;
use crate::statement::statement;
use crate::text;

/// A job to enqueue.
#[derive(Insertable)]
#[diesel(table_name = jobs, treat_none_as_default_value = false)]
pub(crate) struct NewRow {
    id: String,
    task: Option<String>,
    repo: Option<String>,
    kind: &'static str,
    class: &'static str,
    state: &'static str,
    priority: i64,
    created_at: i64,
    available_at: i64,
    spec: String,
    attempt: i64,
    provider: Option<String>,
}

impl NewRow {
    /// The row of a job that nobody has claimed.
    pub(crate) fn new(of: &Address, new: &NewJob, priority: i32, at: Timestamp) -> Answer<Self> {
        let kind = new.spec.work.kind();
        let (task, repo) = text::columns(of);
        Ok(Self {
            id: new.id.to_string(),
            task,
            repo: repo.map(str::to_owned),
            kind: kind.name(),
            class: class_name(kind.class()),
            state: JobState::Queued.name(),
            priority: i64::from(priority),
            created_at: at.0,
            // At once is 0: the asker's clock and the store's own need not agree.
            available_at: new.spec.not_before.map_or(0, |not_before| not_before.0),
            spec: text::json("jobs", new.id, &new.spec)?,
            attempt: 0,
            provider: new.spec.work.provider().map(|provider| provider.to_string()),
        })
    }
}

const fn class_name(class: JobClass) -> &'static str {
    match class {
        JobClass::Pipeline => "pipeline",
        JobClass::Side => "side",
    }
}

/// Puts a job in the queue, behind all others.
pub(crate) fn enqueue(conn: &mut SqliteConnection, new: &NewRow) -> Answer<()> {
    diesel::insert_into(jobs::table).values(new).execute(conn)?;
    Ok(())
}

statement! {
    /// Tells a running job to end.
    Tell<'a> { id: Text = &'a str, why: Text = &'a str } -> ();
    "UPDATE jobs SET told_to_end = :why WHERE id = :id AND state = 'running'"
}

statement! {
    /// Ends a job, whoever had it.
    End<'a> {
        id: Text = &'a str, state: Text = &'a str, fact: Text = &'a str, why: Nullable<Text> = Option<&'a str>,
    } -> ();
    "UPDATE jobs SET state = :state, fact = :fact, owner = NULL, until = NULL, \
     told_to_end = coalesce(:why, told_to_end) WHERE id = :id AND state IN ('queued', 'running')"
}

/// Ends a job with its result as a fact of its address, which wakes.
pub(crate) fn end(
    conn: &mut SqliteConnection,
    id: JobId,
    state: JobState,
    why: Option<&str>,
    fact: &NewInput,
) -> Answer<()> {
    input::put_new(conn, fact)?;
    let ended = End { id: &id.to_string(), state: state.name(), fact: fact.id(), why };
    if ended.execute(conn)? == 1 { Ok(()) } else { Err(Fail::Conflict) }
}

/// The fact of an ended job.
pub(crate) fn fact(
    of: &Address,
    id: JobId,
    kind: JobKind,
    result: JobResult,
    fact: InputId,
    at: Timestamp,
) -> Answer<NewInput> {
    let fact_of = Fact::JobEnded { job: id, kind, result: Box::new(result) };
    NewInput::new(of, fact, &Input::Fact { fact: fact_of }, at)
}

/// Ends a job that nobody holds: there is nobody who could settle it. The fact's id is the job's own, so that
/// there is exactly one.
pub(crate) fn end_queued(
    conn: &mut SqliteConnection,
    of: &Address,
    id: JobId,
    kind: JobKind,
    why: &str,
    at: Timestamp,
) -> Answer<()> {
    let result = JobResult::ended(why);
    let fact = fact(of, id, kind, result, InputId(id.0), at)?;
    end(conn, id, JobState::Cancelled, Some(why), &fact)
}

/// Tells a task's job to end; one that nobody holds ends at once.
pub(crate) fn tell_to_end(
    conn: &mut SqliteConnection,
    task: TaskId,
    id: JobId,
    why: &str,
    at: Timestamp,
) -> Answer<()> {
    let mine = jobs::table.filter(jobs::id.eq(id.to_string()).and(jobs::task.eq(task.to_string())));
    let row: Option<(String, String)> = mine.select((jobs::state, jobs::kind)).first(conn).optional()?;
    let Some((state, kind)) = row else {
        return Err(Fail::Rule(format!("job {id} is not a job of task {task}")));
    };
    match text::name("jobs", id, state.as_str(), state_of)? {
        JobState::Queued => {
            let kind = text::name("jobs", id, &kind, JobKind::from_name)?;
            end_queued(conn, &Address::Task(task), id, kind, why, at)
        }
        JobState::Running => {
            Tell { id: &id.to_string(), why }.execute(conn)?;
            Ok(())
        }
        JobState::Succeeded | JobState::Failed | JobState::Cancelled => Ok(()),
    }
}

/// The state of a wire name.
pub(crate) fn state_of(name: &str) -> Option<JobState> {
    JobState::ALL.into_iter().find(|state| state.name() == name)
}

/// A job's row as read, with the body of the input that told its result.
#[derive(Queryable)]
pub(crate) struct Stored {
    id: String,
    task: Option<String>,
    repo: Option<String>,
    kind: String,
    state: String,
    created_at: i64,
    spec: String,
    attempt: i64,
    token: Option<i64>,
    owner: Option<String>,
    run: Option<String>,
    started_at: Option<i64>,
    until: Option<i64>,
    told_to_end: Option<String>,
    fact: Option<String>,
}

type StoredTypes = (
    Text,
    Nullable<Text>,
    Nullable<Text>,
    Text,
    Text,
    BigInt,
    Text,
    BigInt,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<Text>,
);

statement! {
    /// The newest jobs, the newest first.
    Newest { limit: BigInt = i64 } -> StoredTypes;
    "SELECT j.id, j.task, j.repo, j.kind, j.state, j.created_at, j.spec, j.attempt, j.token, j.owner, j.run, \
     j.started_at, j.until, j.told_to_end, i.body \
     FROM jobs j LEFT JOIN inputs i ON i.id = j.fact ORDER BY j.place DESC LIMIT :limit"
}

statement! {
    /// The newest jobs of a task, the newest first.
    NewestOf<'a> { task: Text = &'a str, limit: BigInt = i64 } -> StoredTypes;
    "SELECT j.id, j.task, j.repo, j.kind, j.state, j.created_at, j.spec, j.attempt, j.token, j.owner, j.run, \
     j.started_at, j.until, j.told_to_end, i.body \
     FROM jobs j LEFT JOIN inputs i ON i.id = j.fact WHERE j.task = :task ORDER BY j.place DESC LIMIT :limit"
}

/// The newest jobs, the newest last; of one task where given.
pub(crate) fn newest(conn: &mut SqliteConnection, task: Option<&str>, limit: u32) -> Answer<Vec<Stored>> {
    let limit = i64::from(limit);
    let mut rows: Vec<Stored> = match task {
        Some(task) => NewestOf { task, limit }.load(conn)?,
        None => Newest { limit }.load(conn)?,
    };
    rows.reverse();
    Ok(rows)
}

/// A job of its row.
pub(crate) fn row(stored: Stored) -> Answer<JobRow> {
    let id: JobId = text::id("jobs", &stored.id, &stored.id)?;
    let kind = text::name("jobs", id, &stored.kind, JobKind::from_name)?;
    let spec: JobSpec = text::parse("jobs", id, &stored.spec)?;
    // The stored token outlives a release, so that it never lowers; who has no run has no token to show.
    let token = stored.token.filter(|_| stored.run.is_some()).map(Token);
    Ok(JobRow {
        job: JobRef {
            kind,
            ending: stored.told_to_end,
            ..JobRef::new(id, &spec, Timestamp(stored.created_at))
        },
        of: text::address("jobs", id, stored.task.as_deref(), stored.repo)?,
        state: text::name("jobs", id, &stored.state, state_of)?,
        class: kind.class(),
        owner: stored.owner.map(|owner| text::id("jobs", id, &owner)).transpose()?,
        run: stored.run.map(|run| text::id("jobs", id, &run)).transpose()?,
        token,
        until: stored.until.map(Timestamp),
        started_at: stored.started_at.map(Timestamp),
        attempt: text::small("jobs", id, stored.attempt)?,
        result: stored.fact.map(|fact| result(id, &fact)).transpose()?,
    })
}

fn result(id: JobId, fact: &str) -> Answer<JobResult> {
    match text::parse("inputs", id, fact)? {
        Input::Fact { fact: Fact::JobEnded { result, .. } } => Ok(*result),
        Input::Fact { fact: Fact::Ci { .. } | Fact::DependencyMoved }
        | Input::Command { .. }
        | Input::RepoCommand { .. } => Err(bad("jobs", id, "the input that ended it tells no result")),
    }
}
