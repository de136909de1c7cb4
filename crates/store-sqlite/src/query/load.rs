//! What a decision is given, of one moment: the task, its repository and who else waits, its inputs, what it
//! depends on, the money of the day, the providers.

use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use orchd_core::id::{Key, TaskId};
use orchd_core::policy::Money;
use orchd_core::port::store::{Loaded, Rows};
use orchd_core::stage::Stage;
use orchd_core::task::Task;
use orchd_core::time::Timestamp;
use orchd_core::view::{Candidate, Dep, DepState};

use super::input::{self, Waiting};
use super::{provider, repo};
use crate::fail::bad;
use crate::group::Answer;
use crate::statement::statement;
use crate::text;

statement! {
    /// The task, its repository, the money of the day and whether admission is stopped.
    Decided<'a> { task: Text = &'a str, since: BigInt = i64 } -> DecidedTypes;
    "SELECT b.body, b.version, t.version, t.wakes, t.stage, r.id, r.epoch, r.body, \
     (SELECT coalesce(sum(micros), 0) FROM run_costs c WHERE c.project = t.project AND c.at >= :since), \
     (SELECT value FROM settings WHERE name = 'drained') \
     FROM tasks t JOIN task_bodies b ON b.seq = t.seq JOIN repos r ON r.id = t.repo WHERE t.id = :task"
}

statement! {
    /// Tasks that may be let in next: a new one only when all that it depends on is done.
    Candidates<'a> { repo: Text = &'a str } -> (Text, Text, BigInt, Text, BigInt, BigInt);
    "SELECT t.id, t.key, t.seq, t.candidacy, t.priority, t.candidacy_since FROM tasks t \
     WHERE t.repo = :repo AND t.candidacy <> 'none' AND (t.candidacy = 'returning' OR NOT EXISTS ( \
     SELECT 1 FROM dependencies d WHERE d.task = t.id AND 'done' IS NOT ( \
     SELECT l.stage FROM tasks l WHERE l.project = t.project AND l.key = d.on_key \
     ORDER BY l.life DESC LIMIT 1))) ORDER BY t.seq"
}

statement! {
    /// What a task depends on, each with the stage of its latest life.
    Deps<'a> { task: Text = &'a str } -> (Text, Nullable<Text>);
    "SELECT d.on_key, (SELECT l.stage FROM tasks l WHERE l.project = t.project AND l.key = d.on_key \
     ORDER BY l.life DESC LIMIT 1) \
     FROM dependencies d JOIN tasks t ON t.id = d.task WHERE d.task = :task ORDER BY d.on_key"
}

statement! {
    /// Keys of those who occupy the repository, hold one of its lanes or wait for one; each where it is named
    /// first.
    Names<'a> { repo: Text = &'a str } -> (Text, Text);
    "WITH named (id, place) AS ( \
     SELECT o.value, o.key FROM repos r, json_each(r.body, '$.occupants') o WHERE r.id = :repo \
     UNION ALL SELECT r.body ->> '$.landing_task', 1000000 FROM repos r WHERE r.id = :repo \
     UNION ALL SELECT q.value, 2000000 + q.key FROM repos r, json_each(r.body, '$.lane_queue') q WHERE r.id = :repo \
     UNION ALL SELECT e.value ->> 1, 3000000 + e.key FROM repos r, json_each(r.body, '$.deploying') e WHERE r.id = :repo) \
     SELECT t.id, t.key FROM named n JOIN tasks t ON t.id = n.id GROUP BY t.id ORDER BY min(n.place)"
}

statement! {
    /// The task and its repository, whole, and nothing of those around them.
    Bodies<'a> { task: Text = &'a str } -> BodiesTypes;
    "SELECT b.body, b.version, t.version, t.stage, r.id, r.epoch, r.body \
     FROM tasks t JOIN task_bodies b ON b.seq = t.seq JOIN repos r ON r.id = t.repo WHERE t.id = :task"
}

type BodiesTypes = (Text, BigInt, BigInt, Text, Text, BigInt, Text);

/// Body and version of it, version and stage of the row; the repository's identity, epoch and body.
pub(crate) type Bodies1 = (String, i64, i64, String, String, i64, String);

type DecidedTypes = (Text, BigInt, BigInt, BigInt, Text, Text, BigInt, Text, BigInt, BigInt);

#[derive(Queryable)]
struct Decided1 {
    body: String,
    body_version: i64,
    version: i64,
    wakes: i64,
    stage: String,
    repo: String,
    epoch: i64,
    repo_body: String,
    spent: i64,
    drained: i64,
}

/// A task as read, of one moment.
pub(crate) struct Found {
    rows: Decided1,
    inputs: Vec<Waiting>,
    candidates: Vec<(String, String, i64, String, i64, i64)>,
    names: Vec<(String, String)>,
    deps: Vec<(String, Option<String>)>,
    providers: Vec<provider::Row>,
}

/// Reads a task.
pub(crate) fn find(conn: &mut SqliteConnection, task: &str, since: Timestamp) -> Answer<Option<Found>> {
    let rows: Option<Decided1> = Decided { task, since: since.0 }.get_result(conn).optional()?;
    let Some(rows) = rows else { return Ok(None) };
    Ok(Some(Found {
        inputs: input::waiting_of_task(conn, task)?,
        candidates: Candidates { repo: &rows.repo }.load(conn)?,
        names: Names { repo: &rows.repo }.load(conn)?,
        deps: Deps { task }.load(conn)?,
        providers: provider::all(conn)?,
        rows,
    }))
}

/// A task of what was read.
pub(crate) fn loaded(id: &str, found: Found) -> Answer<Loaded> {
    let Found { rows, inputs, candidates, names, deps, providers } = found;
    let stored = whole(id, &rows.body, rows.body_version, rows.version, &rows.stage)?;
    let (repo, epoch) = repo::of_row(&rows.repo, (rows.epoch, rows.repo_body))?;
    Ok(Loaded {
        task: Arc::new(stored),
        version: text::count("tasks", id, rows.version)?,
        wakes: text::count("tasks", id, rows.wakes)?,
        inputs: input::pending(inputs)?,
        repo: Arc::new(repo),
        epoch,
        candidates: candidates.into_iter().map(candidate).collect::<Answer<_>>()?,
        names: names.into_iter().map(name).collect::<Answer<_>>()?,
        deps: deps.into_iter().map(|dep| dep_of(id, dep)).collect::<Answer<_>>()?,
        spent_since: Money(rows.spent),
        drained: rows.drained != 0,
        providers: providers.into_iter().map(provider::of_row).collect::<Answer<_>>()?,
    })
}

/// Reads a task and its repository.
pub(crate) fn bodies(conn: &mut SqliteConnection, task: &str) -> Answer<Option<Bodies1>> {
    Ok(Bodies { task }.get_result(conn).optional()?)
}

/// A task and its repository of what was read.
pub(crate) fn rows(id: &str, found: Bodies1) -> Answer<Rows> {
    let (body, body_version, version, stage, repo, epoch, repo_body) = found;
    let task = whole(id, &body, body_version, version, &stage)?;
    let (repo, _) = repo::of_row(&repo, (epoch, repo_body))?;
    Ok(Rows { task: Some(task), repo })
}

/// A task of its body, if that is the row's own.
pub(crate) fn whole(id: &str, body: &str, body_version: i64, version: i64, stage: &str) -> Answer<Task> {
    let stored = task(id, body)?;
    if body_version == version && stored.stage.name() == stage {
        return Ok(stored);
    }
    Err(bad("tasks", id, format!("the row is {stage} at version {version}, the body is not")))
}

/// A task of its body.
pub(crate) fn task(id: &str, body: &str) -> Answer<Task> {
    let task: Task = text::parse("tasks", id, body)?;
    if task.id.to_string() == id {
        return Ok(task);
    }
    Err(bad("tasks", id, format!("its body is that of {}", task.id)))
}

fn candidate(
    (id, key, seq, candidacy, priority, since): (String, String, i64, String, i64, i64),
) -> Answer<Candidate> {
    Ok(Candidate {
        task: text::id("tasks", &id, &id)?,
        key: Key::new(key),
        seq: text::count("tasks", &id, seq)?,
        returning: candidacy == "returning",
        priority: i32::try_from(priority).map_err(|_| bad("tasks", &id, "its priority is out of range"))?,
        since: Timestamp(since),
    })
}

fn name((id, key): (String, String)) -> Answer<(TaskId, Key)> {
    Ok((text::id("tasks", &id, &id)?, Key::new(key)))
}

fn dep_of(task: &str, (on, stage): (String, Option<String>)) -> Answer<Dep> {
    let stage = stage.map(|stage| text::name("tasks", task, &stage, Stage::from_name)).transpose()?;
    let state = match stage {
        Some(Stage::Done) => DepState::Done,
        Some(stage) if stage.is_terminal() => DepState::Ended,
        Some(_) | None => DepState::Open,
    };
    Ok(Dep { on: Key::new(on), state })
}
