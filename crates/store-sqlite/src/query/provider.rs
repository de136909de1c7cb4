//! Providers: changed only by a commit that has seen their latest epoch, and compared by one that relied on it.
//! One that was never unwell has no row; its epoch is 0.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use orchd_core::event::ProviderEvent;
use orchd_core::id::{Actor, ProviderId};
use orchd_core::port::store::{Commit, ProviderChange};
use orchd_core::provider::Health;
use orchd_core::time::Timestamp;

use super::wake;
use crate::fail::{Fail, bad};
use crate::group::Answer;
use crate::statement::statement;
use crate::text;

statement! {
    /// All of them.
    All {} -> (Text, BigInt, Text);
    "SELECT id, epoch, body FROM providers ORDER BY id"
}

statement! {
    /// The epoch.
    Epoch<'a> { id: Text = &'a str } -> BigInt;
    "SELECT coalesce((SELECT epoch FROM providers WHERE id = :id), 0)"
}

statement! {
    /// The first row of a provider.
    Begin<'a> {
        id: Text = &'a str, body: Text = &'a str,
        until: Nullable<BigInt> = Option<i64>, probe: Nullable<Text> = Option<&'a str>, one_by_one: Bool = bool,
    } -> ();
    "INSERT INTO providers (id, epoch, body, barred_until, probe, one_by_one) \
     VALUES (:id, 1, :body, :until, :probe, :one_by_one) ON CONFLICT (id) DO NOTHING"
}

statement! {
    /// The compare-and-swap.
    Swap<'a> {
        id: Text = &'a str, epoch: BigInt = i64, body: Text = &'a str,
        until: Nullable<BigInt> = Option<i64>, probe: Nullable<Text> = Option<&'a str>, one_by_one: Bool = bool,
    } -> ();
    "UPDATE providers SET epoch = epoch + 1, body = :body, barred_until = :until, probe = :probe, \
     one_by_one = :one_by_one WHERE id = :id AND epoch = :epoch"
}

statement! {
    /// One of them.
    One<'a> { id: Text = &'a str } -> Text;
    "SELECT body FROM providers WHERE id = :id"
}

statement! {
    /// What a person did.
    Log<'a> { id: Text = &'a str, at: BigInt = i64, body: Text = &'a str } -> ();
    "INSERT INTO provider_events (provider, at, body) VALUES (:id, :at, :body)"
}

statement! {
    /// The newest, the newest first.
    Newest { limit: BigInt = i64 } -> (BigInt, BigInt, Text);
    "SELECT seq, at, body FROM provider_events ORDER BY seq DESC LIMIT :limit"
}

/// A change as it is stored; without a row it is a comparison.
pub(crate) struct Write {
    id: String,
    epoch: i64,
    row: Option<NewRow>,
}

/// A health as it is stored, with what claims read of it.
struct NewRow {
    body: String,
    until: Option<i64>,
    probe: Option<String>,
    one_by_one: bool,
}

impl NewRow {
    fn new(health: &Health) -> Answer<Self> {
        let bar = health.bar();
        Ok(Self {
            body: text::json("providers", &health.provider, health)?,
            until: bar.map(|bar| bar.until.0),
            probe: bar.and_then(|bar| bar.probe).map(|job| job.to_string()),
            one_by_one: bar.is_some_and(|bar| bar.one_by_one),
        })
    }
}

/// The stored form of what a commit says about providers.
pub(crate) fn writes(commit: &Commit) -> Answer<Vec<Write>> {
    let write = |(id, change): (&ProviderId, &ProviderChange)| {
        if let Some(other) = change.health.as_ref().filter(|health| health.provider != *id) {
            return Err(Fail::Rule(format!("the health of {id} is that of {}", other.provider)));
        }
        let row = change.health.as_ref().map(NewRow::new).transpose()?;
        Ok(Write { id: id.to_string(), epoch: text::int(change.epoch), row })
    };
    commit.providers.iter().map(write).collect()
}

/// Compares a provider's epoch, and writes the change if there is one.
pub(crate) fn write(conn: &mut SqliteConnection, write: &Write) -> Answer<()> {
    let (id, epoch) = (write.id.as_str(), write.epoch);
    let holds = match &write.row {
        None => Epoch { id }.get_result::<i64>(conn)? == epoch,
        Some(NewRow { body, until, probe, one_by_one }) => {
            let (until, probe, one_by_one) = (*until, probe.as_deref(), *one_by_one);
            let written = match epoch {
                0 => Begin { id, body, until, probe, one_by_one }.execute(conn)?,
                epoch => Swap { id, epoch, body, until, probe, one_by_one }.execute(conn)?,
            };
            written == 1
        }
    };
    if holds { Ok(()) } else { Err(Fail::Conflict) }
}

/// A person's word that a provider is well.
pub(crate) fn close(
    conn: &mut SqliteConnection,
    provider: &ProviderId,
    epoch: u64,
    by: Actor,
    at: Timestamp,
) -> Answer<()> {
    let id = provider.as_str();
    let body: Option<String> = One { id }.get_result(conn).optional()?;
    let was: Health = text::parse("providers", id, &body.ok_or(Fail::Conflict)?)?;
    let row = Some(NewRow::new(&Health::new(provider.clone()))?);
    write(conn, &Write { id: id.to_owned(), epoch: text::int(epoch), row })?;
    let event = ProviderEvent::Closed { by, was: Box::new(was) };
    Log { id, at: at.0, body: &text::encode(id, &event)? }.execute(conn)?;
    wake::all(conn, "", at.0)
}

/// The newest things that people did, the newest last: place, moment, body.
pub(crate) fn log(conn: &mut SqliteConnection, limit: u32) -> Answer<Vec<(i64, i64, String)>> {
    let mut rows: Vec<_> = Newest { limit: i64::from(limit) }.load(conn)?;
    rows.reverse();
    Ok(rows)
}

/// A provider's row as read: identity, epoch and body.
pub(crate) type Row = (String, i64, String);

/// All providers, by identity.
pub(crate) fn all(conn: &mut SqliteConnection) -> Answer<Vec<Row>> {
    Ok(All {}.load(conn)?)
}

/// A provider and its epoch of its row.
pub(crate) fn of_row((id, epoch, body): Row) -> Answer<(Health, u64)> {
    let health: Health = text::parse("providers", &id, &body)?;
    if health.provider.as_str() != id {
        return Err(bad("providers", &id, format!("its body is that of {}", health.provider)));
    }
    Ok((health, text::count("providers", &id, epoch)?))
}
