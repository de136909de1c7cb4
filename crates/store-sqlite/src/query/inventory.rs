//! Everything at once, for the audit: read in the one transaction that its caller opened.

use std::collections::BTreeMap;

use diesel::prelude::*;
use orchd_core::admission::Candidacy;
use orchd_core::fact::Address;
use orchd_core::id::{InputId, Key, TaskId};
use orchd_core::port::store::{InputRow, Inventory, Queue, RepoRecord, TaskRecord};
use orchd_core::time::Timestamp;

use super::{dependency, effect, event, input, job, load, provider, repo, setting};
use crate::fail::bad;
use crate::group::Answer;
use crate::schema::{events, inputs, task_bodies, tasks};
use crate::text;

/// Everything as read.
pub(crate) struct Found {
    tasks: Vec<Task1>,
    repos: Vec<(String, repo::Row)>,
    events: Vec<(Option<String>, Option<String>, event::Row)>,
    jobs: Vec<job::Stored>,
    ledger: Vec<effect::Stored>,
    inputs: Vec<Input1>,
    providers: Vec<provider::Row>,
    provider_events: Vec<(i64, i64, String)>,
    dependencies: Vec<(TaskId, Key, String)>,
    drained: bool,
}

#[derive(Queryable)]
struct Task1 {
    id: String,
    stage: String,
    version: i64,
    body_version: i64,
    body: String,
    due_at: Option<i64>,
    candidacy: String,
    candidate_since: Option<i64>,
}

#[derive(Queryable)]
struct Input1 {
    id: String,
    task: Option<String>,
    repo: Option<String>,
    at: i64,
    body: String,
    said: input::Said,
}

/// Reads everything.
pub(crate) fn find(conn: &mut SqliteConnection) -> Answer<Found> {
    Ok(Found {
        tasks: tasks::table
            .inner_join(task_bodies::table)
            .order(tasks::seq)
            .select((
                tasks::id,
                tasks::stage,
                tasks::version,
                task_bodies::version,
                task_bodies::body,
                tasks::due_at,
                tasks::candidacy,
                tasks::candidacy_since,
            ))
            .load(conn)?,
        repos: repo::all(conn)?,
        events: events::table
            .order(events::seq)
            .select((events::task, events::repo, (events::seq, events::at, events::body)))
            .load(conn)?,
        jobs: job::newest(conn, None, u32::MAX)?,
        ledger: effect::all(conn, None)?,
        inputs: inputs::table
            .order(inputs::place)
            .select((
                inputs::id,
                inputs::task,
                inputs::repo,
                inputs::at,
                inputs::body,
                (inputs::outcome, inputs::code, inputs::why),
            ))
            .load(conn)?,
        providers: provider::all(conn)?,
        provider_events: provider::log(conn, u32::MAX)?,
        dependencies: dependency::all(conn)?,
        drained: setting::drained(conn)?,
    })
}

/// The inventory of what was read.
pub(crate) fn inventory(found: Found) -> Answer<Inventory> {
    let (mut of_tasks, mut of_repos) = (Logs::new(), Logs::new());
    for (task, repo, row) in found.events {
        match (task, repo) {
            (Some(task), _) => of_tasks.entry(task).or_default().push(row),
            (None, Some(repo)) => of_repos.entry(repo).or_default().push(row),
            (None, None) => return Err(bad("events", row.0, "it is of nobody")),
        }
    }
    let tasks = found.tasks.into_iter().map(|row| task(row, &mut of_tasks));
    let repos = found.repos.into_iter().map(|(id, row)| {
        let (repo, epoch) = repo::of_row(&id, row)?;
        let log = of_repos.remove(&id).unwrap_or_default();
        let events = event::logged(log, &Address::Repo(repo.id.clone()))?;
        Ok(RepoRecord { repo, epoch, events })
    });
    let providers = found.providers.into_iter().map(|row| Ok(provider::of_row(row)?.0));
    let words = found.provider_events.into_iter();
    Ok(Inventory {
        tasks: tasks.collect::<Answer<_>>()?,
        repos: repos.collect::<Answer<_>>()?,
        jobs: found.jobs.into_iter().map(job::row).collect::<Answer<_>>()?,
        ledger: found.ledger.into_iter().map(effect::row).collect::<Answer<_>>()?,
        inputs: found.inputs.into_iter().map(input_row).collect::<Answer<_>>()?,
        providers: providers.collect::<Answer<_>>()?,
        provider_events: words
            .map(|(seq, at, body)| Ok((Timestamp(at), text::decode(seq, &body)?)))
            .collect::<Answer<_>>()?,
        dependencies: found.dependencies.into_iter().map(|(task, on, _)| (task, on)).collect(),
        drained: found.drained,
    })
}

/// Rows of the log by whose they are.
type Logs = BTreeMap<String, Vec<event::Row>>;

fn task(row: Task1, logs: &mut Logs) -> Answer<TaskRecord> {
    let Task1 { id, stage, version, body_version, body, due_at, candidacy, candidate_since } = row;
    let task = load::whole(&id, &body, body_version, version, &stage)?;
    let events = event::logged(logs.remove(&id).unwrap_or_default(), &Address::Task(task.id))?;
    let candidacy = text::name("tasks", &id, &candidacy, candidacy_of)?;
    let queue =
        Queue { due_at: due_at.map(Timestamp), candidacy, candidate_since: candidate_since.map(Timestamp) };
    Ok(TaskRecord { task, version: text::count("tasks", &id, version)?, queue, events })
}

fn candidacy_of(name: &str) -> Option<Candidacy> {
    const ALL: [Candidacy; 3] = [Candidacy::None, Candidacy::Created, Candidacy::Returning];
    ALL.into_iter().find(|candidacy| candidacy.name() == name)
}

fn input_row(row: Input1) -> Answer<InputRow> {
    let Input1 { id, task, repo, at, body, said } = row;
    let id: InputId = text::id("inputs", &id, &id)?;
    Ok(InputRow {
        id,
        to: text::address("inputs", id, task.as_deref(), repo)?,
        input: text::parse("inputs", id, &body)?,
        at: Timestamp(at),
        disposition: input::disposition(id, said)?,
    })
}
