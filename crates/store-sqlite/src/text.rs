//! Values as the columns hold them: bodies as JSON, identities as text, numbers as SQLite's one integer type.
//! What can not be read back is named with its table and row; nothing is guessed.

use std::str::FromStr;

use orchd_core::event;
use orchd_core::fact::Address;
use orchd_core::id::{RepoId, TaskId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fail::{Fail, bad};

/// A body as stored.
pub(crate) fn json<T: Serialize>(table: &'static str, row: impl ToString, value: &T) -> Result<String, Fail> {
    serde_json::to_string(value).map_err(|e| bad(table, row, e))
}

/// A stored body.
pub(crate) fn parse<T: DeserializeOwned>(
    table: &'static str,
    row: impl ToString,
    text: &str,
) -> Result<T, Fail> {
    serde_json::from_str(text).map_err(|e| bad(table, row, e))
}

/// An event as stored, with its version.
pub(crate) fn encode<E: Serialize>(row: impl ToString, event: &E) -> Result<String, Fail> {
    event::encode(event).map_err(|e| bad("events", row, e))
}

/// A stored event, of this version or an older one.
pub(crate) fn decode<E: DeserializeOwned>(row: impl ToString, text: &str) -> Result<E, Fail> {
    event::decode(text).map_err(|e| match std::error::Error::source(&e) {
        Some(source) => bad("events", row, format!("{e}: {source}")),
        None => bad("events", row, e),
    })
}

/// A stored identity.
pub(crate) fn id<I: FromStr>(table: &'static str, row: impl ToString, text: &str) -> Result<I, Fail>
where
    I::Err: ToString,
{
    text.parse().map_err(|e: I::Err| bad(table, row, e.to_string()))
}

/// A stored name.
pub(crate) fn name<T>(
    table: &'static str,
    row: impl ToString,
    text: &str,
    of: impl Fn(&str) -> Option<T>,
) -> Result<T, Fail> {
    of(text).ok_or_else(|| bad(table, row, format!("{text:?} is not a name of this program's")))
}

/// A counter as a column holds it; the store counts by ones from one, so it fits for longer than any file lives.
pub(crate) fn int(counter: u64) -> i64 {
    i64::try_from(counter).unwrap_or(i64::MAX)
}

/// A counter of a column.
pub(crate) fn count(table: &'static str, row: impl ToString, column: i64) -> Result<u64, Fail> {
    u64::try_from(column).map_err(|_| bad(table, row, format!("{column} is not a count")))
}

/// A small counter of a column.
pub(crate) fn small(table: &'static str, row: impl ToString, column: i64) -> Result<u32, Fail> {
    u32::try_from(column).map_err(|_| bad(table, row, format!("{column} is not a small count")))
}

/// The two columns of an address, one of which is set.
pub(crate) fn columns(of: &Address) -> (Option<String>, Option<&str>) {
    match of {
        Address::Task(task) => (Some(task.to_string()), None),
        Address::Repo(repo) => (None, Some(repo.as_str())),
    }
}

/// The address of two columns.
pub(crate) fn address(
    table: &'static str,
    row: impl ToString,
    task: Option<&str>,
    repo: Option<String>,
) -> Result<Address, Fail> {
    match (task, repo) {
        (Some(task), None) => Ok(Address::Task(id::<TaskId>(table, row, task)?)),
        (None, Some(repo)) => Ok(Address::Repo(RepoId::new(repo))),
        (None, None) | (Some(_), Some(_)) => {
            Err(bad(table, row, "it is of a task or of a repository, not of both"))
        }
    }
}
