//! What can go wrong inside a transaction, and what the port's caller is told. A failure of the database
//! itself is kept apart from a rule that said no: after the first nobody knows what is durable, after the
//! second everybody does.

use diesel::result::{DatabaseErrorKind, Error};
use orchd_core::port::store::StoreError;

/// Why a transaction's own part was taken back. Outcome enum.
#[derive(Debug)]
pub(crate) enum Fail {
    /// Somebody else was faster; nothing was written.
    Conflict,
    /// A rule of the schema said no, named by its own words; nothing was written.
    Rule(String),
    /// A row can not be read; nothing was written.
    Row {
        /// The table.
        table: &'static str,
        /// The row.
        row: String,
        /// What is wrong.
        why: String,
    },
    /// The database failed, or the thread that owns it is gone: what became of a write is not known.
    Database(String),
}

/// How a trigger's message begins when a rule of the schema said no.
const REFUSED: &str = "refused: ";

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(kind, info) => match kind {
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::ForeignKeyViolation => Self::Rule(info.message().to_owned()),
                // A trigger's own refusal has no kind of its own in diesel; its prefix tells it apart.
                kind => match info.message().strip_prefix(REFUSED) {
                    Some(rule) => Self::Rule(rule.to_owned()),
                    None => Self::Database(format!("{kind:?}: {}", info.message())),
                },
            },
            other => Self::Database(other.to_string()),
        }
    }
}

impl From<Fail> for StoreError {
    fn from(fail: Fail) -> Self {
        match fail {
            Fail::Conflict => Self::Unavailable("somebody else was faster; ask again".to_owned()),
            Fail::Rule(rule) => {
                Self::Unavailable(format!("the schema refused it: {rule}; nothing was written"))
            }
            Fail::Row { table, row, why } => Self::Inconsistent { table, row, why },
            Fail::Database(why) => Self::Unavailable(why),
        }
    }
}

/// The failure of a row that can not be read.
pub(crate) fn bad(table: &'static str, row: impl ToString, why: impl ToString) -> Fail {
    Fail::Row { table, row: row.to_string(), why: why.to_string() }
}
