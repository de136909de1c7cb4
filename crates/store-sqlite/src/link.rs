//! A connection that is opened again after the database failed: what SQLite thinks of an interrupted
//! transaction is then asked of the file, not remembered. A store in memory has nothing to open again.

use diesel::SqliteConnection;

use crate::fail::Fail;

/// A connection, or the failure to have one.
pub(crate) struct Link {
    conn: Option<SqliteConnection>,
    /// How another one is made; `None` for a store in memory.
    again: Option<Box<dyn Fn() -> Result<SqliteConnection, String> + Send>>,
}

impl Link {
    /// A connection that can not be replaced.
    pub(crate) fn lasting(conn: SqliteConnection) -> Self {
        Self { conn: Some(conn), again: None }
    }

    /// A connection and how to make another.
    pub(crate) fn renewable(
        conn: SqliteConnection,
        again: impl Fn() -> Result<SqliteConnection, String> + Send + 'static,
    ) -> Self {
        Self { conn: Some(conn), again: Some(Box::new(again)) }
    }

    /// The connection; a new one after a failure.
    pub(crate) fn get(&mut self) -> Result<&mut SqliteConnection, Fail> {
        if self.conn.is_none() {
            let Some(again) = &self.again else {
                return Err(Fail::Database("the store in memory is gone".to_owned()));
            };
            self.conn = Some(again().map_err(Fail::Database)?);
        }
        self.conn.as_mut().ok_or_else(|| Fail::Database("there is no connection".to_owned()))
    }

    /// The database failed: what the connection was in the middle of is dropped with it.
    pub(crate) fn broken(&mut self, why: &str) {
        tracing::error!(why, "the database failed; it is opened again");
        if self.again.is_some() {
            self.conn = None;
        }
    }
}
