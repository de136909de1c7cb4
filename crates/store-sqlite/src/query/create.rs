//! Birth: sequence number, life and branch are given here, in the creating transaction, and nowhere else.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use orchd_core::admission::Candidacy;
use orchd_core::event::{Birth, Event};
use orchd_core::evolve;
use orchd_core::id::{Branch, Key, ProjectId};
use orchd_core::mutant::{self, Mutant};
use orchd_core::port::store::{CreateOutcome, NewTask};
use orchd_core::stage::Stage;
use orchd_core::task::Task;
use orchd_core::time::Timestamp;

use super::event::{self, Written};
use super::{load, wake};
use crate::fail::bad;
use crate::group::Answer;
use crate::schema::{repos, task_bodies, tasks};
use crate::statement::statement;
use crate::text;

/// The row's first version.
const FIRST_VERSION: i64 = 1;

#[derive(Insertable)]
#[diesel(table_name = tasks, treat_none_as_default_value = false)]
struct NewRow<'a> {
    seq: i64,
    id: &'a str,
    project: &'a str,
    repo: &'a str,
    key: &'a str,
    life: i64,
    stage: &'a str,
    version: i64,
    wakes: i64,
    due_at: Option<i64>,
    candidacy: &'a str,
    candidacy_since: Option<i64>,
    priority: i64,
    paused: bool,
    held: bool,
    stopping: bool,
}

statement! {
    /// The latest life of an issue.
    Latest<'a> { project: Text = &'a str, key: Text = &'a str } -> (Text, BigInt, Text);
    "SELECT id, life, stage FROM tasks WHERE project = :project AND key = :key ORDER BY life DESC LIMIT 1"
}

statement! {
    /// A live task of the same key in the same repository, of another project.
    Taken<'a> { project: Text = &'a str, repo: Text = &'a str, key: Text = &'a str } -> (Text, Text);
    "SELECT project, id FROM tasks WHERE repo = :repo AND key = :key AND project <> :project \
     AND stage NOT IN ('done', 'cancelled') ORDER BY seq LIMIT 1"
}

statement! {
    /// The latest sequence number.
    LastSeq {} -> BigInt;
    "SELECT coalesce(max(seq), 0) FROM tasks"
}

/// The next sequence number of the store.
pub(crate) fn next_seq(conn: &mut SqliteConnection) -> Answer<i64> {
    Ok(LastSeq {}.get_result::<i64>(conn)? + 1)
}

/// Creates a task. `counted` is a sequence number from outside the transaction: only under the mutant inc-37.
pub(crate) fn create(
    conn: &mut SqliteConnection,
    new: NewTask,
    counted: Option<i64>,
) -> Answer<CreateOutcome> {
    let NewTask { birth, at } = new;
    if let Some(there) = existing(conn, &birth)? {
        return Ok(CreateOutcome::Created(Box::new(there)));
    }
    if !known_repo(conn, &birth)? {
        return Err(bad("repos", &birth.repo, "a task can not be created in an unknown repository"));
    }
    let life = match latest(conn, &birth)? {
        Ok(life) => life,
        Err(alive) => return Ok(alive),
    };
    if !mutant::on(Mutant::Inc31)
        && let Some(taken) = key_taken(conn, &birth)?
    {
        return Ok(taken);
    }
    let seq = counted.map_or_else(|| next_seq(conn), Ok)?;
    let branch =
        if life > 1 { Branch::new(format!("{}.{life}", birth.branch)) } else { birth.branch.clone() };
    let birth = Birth { seq: text::count("tasks", birth.id, seq)?, life, branch, ..birth };
    insert(conn, birth, at).map(|task| CreateOutcome::Created(Box::new(task)))
}

/// The task of this very id, if it was created before.
fn existing(conn: &mut SqliteConnection, birth: &Birth) -> Answer<Option<Task>> {
    let id = birth.id.to_string();
    let row: Option<String> = tasks::table
        .inner_join(task_bodies::table)
        .filter(tasks::id.eq(&id))
        .select(task_bodies::body)
        .first(conn)
        .optional()?;
    row.map(|body| load::task(&id, &body)).transpose()
}

fn known_repo(conn: &mut SqliteConnection, birth: &Birth) -> Answer<bool> {
    let found = repos::table.filter(repos::id.eq(birth.repo.as_str()));
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(conn)?)
}

/// The next life of the issue, or that its latest is not finished.
fn latest(conn: &mut SqliteConnection, birth: &Birth) -> Answer<Result<u32, CreateOutcome>> {
    let asked = Latest { project: birth.project.as_str(), key: birth.key.as_str() };
    let row: Option<(String, i64, String)> = asked.get_result(conn).optional()?;
    let Some((id, life, stage)) = row else { return Ok(Ok(1)) };
    let stage = text::name("tasks", &id, &stage, Stage::from_name)?;
    if !stage.is_terminal() {
        let task = text::id("tasks", &id, &id)?;
        return Ok(Err(CreateOutcome::Alive { task, key: birth.key.clone() }));
    }
    Ok(Ok(text::small("tasks", &id, life + 1)?))
}

fn key_taken(conn: &mut SqliteConnection, birth: &Birth) -> Answer<Option<CreateOutcome>> {
    let (project, repo, key) = (birth.project.as_str(), birth.repo.as_str(), birth.key.as_str());
    let row: Option<(String, String)> = Taken { project, repo, key }.get_result(conn).optional()?;
    let Some((project, id)) = row else { return Ok(None) };
    Ok(Some(CreateOutcome::KeyTaken { project: ProjectId::new(project), task: text::id("tasks", &id, &id)? }))
}

fn insert(conn: &mut SqliteConnection, birth: Birth, at: Timestamp) -> Answer<Task> {
    let born = evolve::born(&birth, at);
    let id = born.id.to_string();
    let seq = text::int(born.seq);
    let row = NewRow {
        seq,
        id: &id,
        project: born.project.as_str(),
        repo: born.repo.as_str(),
        key: born.key.as_str(),
        life: i64::from(born.life),
        stage: born.stage.name(),
        version: FIRST_VERSION,
        wakes: 0,
        due_at: Some(at.0),
        candidacy: Candidacy::Created.name(),
        candidacy_since: Some(at.0),
        priority: i64::from(born.request.priority),
        paused: false,
        held: false,
        stopping: false,
    };
    diesel::insert_into(tasks::table).values(&row).execute(conn)?;
    let body = text::json("tasks", born.id, &born)?;
    let beside =
        (task_bodies::seq.eq(seq), task_bodies::version.eq(FIRST_VERSION), task_bodies::body.eq(body));
    diesel::insert_into(task_bodies::table).values(beside).execute(conn)?;
    let written = Written::of_task(born.id, &[Event::Created { birth: Box::new(birth) }])?;
    event::append_of_task(conn, &id, born.project.as_str(), &written, at.0)?;
    if born.life > 1 {
        // The issue moved: who was told that it ended waits for it again.
        wake::dependents(conn, born.project.as_str(), born.key.as_str(), at.0)?;
    }
    Ok(born)
}

/// The latest life of an issue.
pub(crate) fn find(conn: &mut SqliteConnection, project: &ProjectId, key: &Key) -> Answer<Option<String>> {
    let asked = Latest { project: project.as_str(), key: key.as_str() };
    let row: Option<(String, i64, String)> = asked.get_result(conn).optional()?;
    Ok(row.map(|(id, ..)| id))
}
