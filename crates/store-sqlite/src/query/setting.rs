//! The store's few own values: whether admission is stopped, and the latest fencing token.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use orchd_core::id::Token;

use super::wake;
use crate::fail::bad;
use crate::group::Answer;
use crate::statement::statement;

statement! {
    /// Draws tokens: the answer is the last of them.
    Draw { many: BigInt = i64 } -> BigInt;
    "UPDATE settings SET value = value + :many WHERE name = 'token' RETURNING value"
}

statement! {
    /// Whether admission is stopped.
    Drained {} -> BigInt;
    "SELECT value FROM settings WHERE name = 'drained'"
}

statement! {
    /// Stops or allows admission.
    Drain<'a> { drained: BigInt = i64, by: Text = &'a str, at: BigInt = i64 } -> ();
    "UPDATE settings SET value = :drained, changed_by = :by, changed_at = :at WHERE name = 'drained'"
}

/// The next `many` fencing tokens of the store.
pub(crate) fn next_tokens(conn: &mut SqliteConnection, many: usize) -> Answer<Vec<Token>> {
    let many = i64::try_from(many).unwrap_or(i64::MAX);
    if many == 0 {
        return Ok(Vec::new());
    }
    let rows: Vec<i64> = Draw { many }.load(conn)?;
    let last = *rows.first().ok_or_else(|| bad("settings", "token", "it is not there"))?;
    Ok((last - many + 1..=last).map(Token).collect())
}

/// Whether admission is stopped.
pub(crate) fn drained(conn: &mut SqliteConnection) -> Answer<bool> {
    Ok(Drained {}.get_result::<i64>(conn)? != 0)
}

/// Stops or allows admission, and wakes every waiting task.
pub(crate) fn set_drained(conn: &mut SqliteConnection, drained: bool, by: &str, at: i64) -> Answer<()> {
    if (Drain { drained: i64::from(drained), by, at }).execute(conn)? != 1 {
        return Err(bad("settings", "drained", "it is not there"));
    }
    wake::all(conn, "", at)
}
