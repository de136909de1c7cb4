//! Repositories: made known once, changed only by a commit that has seen their latest epoch.

use std::sync::Arc;

use diesel::prelude::*;
use orchd_core::id::RepoId;
use orchd_core::port::store::{LoadedRepo, RepoChange, RepoCommit};
use orchd_core::repo::Repo;
use orchd_core::time::Timestamp;

use super::event::{self, Written};
use super::job::NewRow;
use super::{commit, input, job, wake};
use crate::fail::{Fail, bad};
use crate::group::Answer;
use crate::schema::repos;
use crate::text;
use orchd_core::fact::Address;

/// The epoch of a repository that nobody has changed.
const FIRST_EPOCH: i64 = 1;

/// Makes a repository known; does nothing where it is.
pub(crate) fn ensure(conn: &mut SqliteConnection, id: &str, project: &str, body: &str) -> Answer<()> {
    let row =
        (repos::id.eq(id), repos::project.eq(project), repos::epoch.eq(FIRST_EPOCH), repos::body.eq(body));
    diesel::insert_into(repos::table).values(row).on_conflict(repos::id).do_nothing().execute(conn)?;
    Ok(())
}

/// A change as it is stored.
pub(crate) struct Change {
    id: String,
    project: String,
    epoch: i64,
    body: String,
    events: Written,
    job: Option<NewRow>,
}

impl Change {
    /// The stored form of a change.
    pub(crate) fn new(change: &RepoChange, at: Timestamp) -> Answer<Self> {
        let RepoChange { epoch, repo, events, job } = change;
        let of = Address::Repo(repo.id.clone());
        Ok(Self {
            id: repo.id.to_string(),
            project: repo.project.to_string(),
            epoch: text::int(*epoch),
            body: text::json("repos", &repo.id, repo)?,
            events: Written::of_repo(&repo.id, events)?,
            job: job.as_ref().map(|job| NewRow::new(&of, job, 0, at)).transpose()?,
        })
    }

    /// The repository.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// Writes a change, if its epoch is the latest.
pub(crate) fn change(conn: &mut SqliteConnection, change: &Change, at: i64) -> Answer<()> {
    let mine = repos::id.eq(&change.id).and(repos::epoch.eq(change.epoch));
    // The project is written so that a change of it is refused, not dropped.
    let set =
        (repos::epoch.eq(repos::epoch + 1), repos::project.eq(&change.project), repos::body.eq(&change.body));
    if diesel::update(repos::table.filter(mine)).set(set).execute(conn)? != 1 {
        return Err(Fail::Conflict);
    }
    event::append_of_repo(conn, &change.id, &change.events, at)?;
    change.job.as_ref().map_or(Ok(()), |new| job::enqueue(conn, new))
}

/// A repository's own commit as it is stored.
pub(crate) struct Prepared {
    change: Change,
    of: Address,
    commit: RepoCommit,
}

impl Prepared {
    /// The stored form of a commit.
    pub(crate) fn new(commit: RepoCommit) -> Answer<Self> {
        let change = Change::new(&commit.change, commit.at)?;
        Ok(Self { change, of: Address::Repo(commit.change.repo.id.clone()), commit })
    }
}

/// A repository's own commit.
pub(crate) fn commit(conn: &mut SqliteConnection, prepared: &Prepared) -> Answer<()> {
    let Prepared { change: row, of, commit } = prepared;
    let transition = commit.transition.to_string();
    if commit::known(conn, &transition)? {
        return Ok(());
    }
    change(conn, row, commit.at.0)?;
    input::consume(conn, of, &commit.consumed)?;
    if commit.wake_repo {
        wake::repo(conn, &row.id, "", commit.at.0)?;
    }
    commit::remember(conn, &transition, None, Some(&row.id), row.epoch + 1, commit.at.0)
}

/// A repository's row as read: epoch and body.
pub(crate) type Row = (i64, String);

/// A repository's row.
pub(crate) fn row(conn: &mut SqliteConnection, id: &str) -> Answer<Option<Row>> {
    Ok(repos::table.find(id).select((repos::epoch, repos::body)).first(conn).optional()?)
}

/// A repository with its waiting inputs.
pub(crate) fn load(conn: &mut SqliteConnection, id: &str) -> Answer<Option<(Row, Vec<input::Waiting>)>> {
    let Some(row) = row(conn, id)? else { return Ok(None) };
    Ok(Some((row, input::waiting_of_repo(conn, id)?)))
}

/// A repository of its row.
pub(crate) fn loaded(id: &RepoId, (row, inputs): (Row, Vec<input::Waiting>)) -> Answer<LoadedRepo> {
    let (repo, epoch) = of_row(id.as_str(), row)?;
    Ok(LoadedRepo { repo: Arc::new(repo), epoch, inputs: input::pending(inputs)? })
}

/// A repository and its epoch.
pub(crate) fn of_row(id: &str, (epoch, body): Row) -> Answer<(Repo, u64)> {
    let repo: Repo = text::parse("repos", id, &body)?;
    if repo.id.as_str() != id {
        return Err(bad("repos", id, format!("its body is that of {}", repo.id)));
    }
    Ok((repo, text::count("repos", id, epoch)?))
}

/// All repositories, by identity.
pub(crate) fn all(conn: &mut SqliteConnection) -> Answer<Vec<(String, Row)>> {
    let rows: Vec<(String, i64, String)> =
        repos::table.order(repos::id).select((repos::id, repos::epoch, repos::body)).load(conn)?;
    Ok(rows.into_iter().map(|(id, epoch, body)| (id, (epoch, body))).collect())
}
