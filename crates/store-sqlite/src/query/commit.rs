//! One decision, whole or not at all: the task's row by compare-and-swap on its version, and with it whatever
//! the decision wrote. The order matters only where one statement frees what another needs.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use orchd_core::fact::Address;
use orchd_core::id::TransitionId;
use orchd_core::mutant::{self, Mutant};
use orchd_core::port::store::{Commit, Surface};

use super::event::{self, Written};
use super::job::{self, NewRow};
use super::repo::{self, Change};
use super::{effect, input, projection, provider, wake};
use crate::fail::Fail;
use crate::group::Answer;
use crate::schema::transitions;
use crate::statement::statement;
use crate::text;

statement! {
    /// The compare-and-swap. What was woken since it was loaded stays due.
    Swap<'a> {
        id: Text = &'a str, transition: Text = &'a str, project: Text = &'a str, repo: Text = &'a str,
        key: Text = &'a str, life: BigInt = i64, seq: BigInt = i64,
        version: BigInt = i64, unchecked: Bool = bool, stage: Text = &'a str,
        wakes: BigInt = i64, due_at: Nullable<BigInt> = Option<i64>, at: BigInt = i64,
        candidacy: Text = &'a str, priority: BigInt = i64, paused: Bool = bool, held: Bool = bool,
        stopping: Bool = bool,
    } -> BigInt;
    "UPDATE tasks SET version = version + 1, seq = :seq, project = :project, repo = :repo, key = :key, \
     life = :life, stage = :stage, due_at = CASE wakes WHEN :wakes THEN :due_at ELSE :at END, \
     candidacy = :candidacy, candidacy_since = CASE WHEN :candidacy = 'none' THEN NULL \
     WHEN candidacy = :candidacy THEN candidacy_since ELSE :at END, \
     priority = :priority, paused = :paused, held = :held, stopping = :stopping \
     WHERE id = :id AND (version = :version OR :unchecked) \
     AND NOT EXISTS (SELECT 1 FROM transitions WHERE id = :transition) RETURNING version"
}

statement! {
    /// The truth about the task, beside its row.
    Body<'a> { seq: BigInt = i64, version: BigInt = i64, body: Text = &'a str } -> ();
    "UPDATE task_bodies SET version = :version, body = :body WHERE seq = :seq"
}

statement! {
    /// Whether a transition is stored.
    Known<'a> { id: Text = &'a str } -> Integer;
    "SELECT EXISTS (SELECT 1 FROM transitions WHERE id = :id)"
}

/// A commit as it is stored: JSON and text, made outside of the transaction.
pub(crate) struct Prepared {
    commit: Commit,
    id: String,
    transition: String,
    body: String,
    events: Written,
    change: Option<Change>,
    providers: Vec<provider::Write>,
    job: Option<NewRow>,
    ledger: Vec<effect::Write>,
}

impl Prepared {
    /// The stored form of a commit.
    pub(crate) fn new(commit: Commit) -> Answer<Self> {
        let task = &commit.task;
        let of = Address::Task(task.id);
        let job = |job| NewRow::new(&of, job, task.request.priority, commit.at);
        Ok(Self {
            id: task.id.to_string(),
            transition: commit.transition.to_string(),
            body: text::json("tasks", task.id, task)?,
            events: Written::of_task(task.id, &commit.events)?,
            change: commit.repo.as_ref().map(|change| Change::new(change, commit.at)).transpose()?,
            providers: provider::writes(&commit)?,
            job: commit.job.as_ref().map(job).transpose()?,
            ledger: commit.ledger.iter().map(|w| effect::Write::new(task, w)).collect::<Answer<_>>()?,
            commit,
        })
    }
}

/// Whether a transition is stored.
pub(crate) fn known(conn: &mut SqliteConnection, id: &str) -> Answer<bool> {
    Ok(Known { id }.get_result::<i32>(conn)? != 0)
}

/// Whether a transition is stored.
pub(crate) fn was_committed(conn: &mut SqliteConnection, id: TransitionId) -> Answer<bool> {
    known(conn, &id.to_string())
}

/// Stores a transition.
pub(crate) fn remember(
    conn: &mut SqliteConnection,
    id: &str,
    task: Option<&str>,
    repo: Option<&str>,
    version: i64,
    at: i64,
) -> Answer<()> {
    let row = (
        transitions::id.eq(id),
        transitions::task.eq(task),
        transitions::repo.eq(repo),
        transitions::version.eq(version),
        transitions::at.eq(at),
    );
    diesel::insert_into(transitions::table).values(row).execute(conn)?;
    Ok(())
}

/// One decision. A known transition is committed already; a lost race is a conflict.
pub(crate) fn commit(conn: &mut SqliteConnection, prepared: &Prepared) -> Answer<()> {
    let Prepared { commit, id, transition, change, .. } = prepared;
    let at = commit.at.0;
    let Some(version) = swap(conn, prepared)? else {
        return if known(conn, transition)? { Ok(()) } else { Err(Fail::Conflict) };
    };
    remember(conn, transition, Some(id), None, version, at)?;
    // The task's events come before its repository's in the log.
    event::append_of_task(conn, id, commit.task.project.as_str(), &prepared.events, at)?;
    if let Some(change) = change {
        of_task(change, commit)?;
        repo::change(conn, change, at)?;
    }
    for write in &prepared.providers {
        provider::write(conn, write)?;
    }
    input::consume(conn, &Address::Task(commit.task.id), &commit.consumed)?;
    for write in &prepared.ledger {
        effect::write(conn, id, write)?;
    }
    jobs(conn, prepared)?;
    projections(conn, id, version, &commit.dirty)?;
    if commit.wake_repo {
        wake::repo(conn, commit.task.repo.as_str(), id, at)?;
    }
    if commit.wake_dependents {
        wake::dependents(conn, commit.task.project.as_str(), commit.task.key.as_str(), at)?;
    }
    if commit.wake_all {
        wake::all(conn, id, at)?;
    }
    Ok(())
}

/// The row after the decision; `None` where the version moved on or the transition is known.
fn swap(conn: &mut SqliteConnection, prepared: &Prepared) -> Answer<Option<i64>> {
    let (commit, task) = (&prepared.commit, &prepared.commit.task);
    let seq = text::int(task.seq);
    let swap = Swap {
        id: &prepared.id,
        transition: &prepared.transition,
        project: task.project.as_str(),
        repo: task.repo.as_str(),
        key: task.key.as_str(),
        life: i64::from(task.life),
        seq,
        version: text::int(commit.version),
        unchecked: mutant::on(Mutant::Inc07),
        stage: task.stage.name(),
        wakes: text::int(commit.wakes),
        due_at: commit.due_at.map(|due| due.0),
        at: commit.at.0,
        candidacy: commit.candidacy.name(),
        priority: i64::from(task.request.priority),
        paused: task.pause.is_some(),
        held: task.hold.is_some(),
        stopping: task.stopping.is_some(),
    };
    let Some(version) = swap.load::<i64>(conn)?.first().copied() else { return Ok(None) };
    if (Body { seq, version, body: &prepared.body }).execute(conn)? != 1 {
        return Err(Fail::Row {
            table: "task_bodies",
            row: seq.to_string(),
            why: "it is not there".to_owned(),
        });
    }
    Ok(Some(version))
}

fn of_task(change: &Change, commit: &Commit) -> Answer<()> {
    if change.id() == commit.task.repo.as_str() {
        return Ok(());
    }
    let task = &commit.task;
    Err(Fail::Rule(format!("a commit of task {} of {} changes {}", task.id, task.repo, change.id())))
}

/// The job that ends goes first: it may free the place of the one that begins.
fn jobs(conn: &mut SqliteConnection, prepared: &Prepared) -> Answer<()> {
    let commit = &prepared.commit;
    if let Some(id) = commit.end_job {
        let ending = commit.task.job_of(id).and_then(|job| job.ending.as_deref());
        job::tell_to_end(conn, commit.task.id, id, ending.unwrap_or("told to end"), commit.at)?;
    }
    prepared.job.as_ref().map_or(Ok(()), |new| job::enqueue(conn, new))
}

fn projections(conn: &mut SqliteConnection, task: &str, version: i64, dirty: &[Surface]) -> Answer<()> {
    dirty.iter().try_for_each(|surface| projection::dirty(conn, task, *surface, version))
}
