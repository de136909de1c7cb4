//! What a request is done in: a transaction of its own or a savepoint of a shared one. Begun and ended by prepared
//! statements; diesel's own transactions have theirs parsed each time. Nothing else opens a transaction here.

use diesel::{RunQueryDsl as _, SqliteConnection};

use crate::fail::Fail;
use crate::group::Answer;
use crate::statement::statement;

statement! {
    /// A transaction that takes the lock for writing when it needs it, or never.
    Begin {} -> ();
    "BEGIN"
}

statement! {
    /// A transaction that writes.
    BeginImmediate {} -> ();
    "BEGIN IMMEDIATE"
}

statement! {
    /// Makes a transaction durable.
    Commit {} -> ();
    "COMMIT"
}

statement! {
    /// Takes a transaction back.
    Rollback {} -> ();
    "ROLLBACK"
}

statement! {
    /// A part of a transaction that can be taken back alone.
    Savepoint {} -> ();
    "SAVEPOINT request"
}

statement! {
    /// Keeps a part.
    Release {} -> ();
    "RELEASE request"
}

statement! {
    /// Takes a part back.
    RollbackTo {} -> ();
    "ROLLBACK TO request"
}

/// What a request is done in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A transaction of its own that writes.
    Immediate,
    /// A savepoint of the group's transaction.
    Savepoint,
    /// A transaction of its own that only reads: all of it is of one moment.
    Snapshot,
    /// The group's snapshot: there is nothing to take back.
    Shared,
}

impl Frame {
    /// Does the work whole or not at all.
    pub(crate) fn run<T>(
        self,
        conn: &mut SqliteConnection,
        work: impl FnOnce(&mut SqliteConnection) -> Answer<T>,
    ) -> Answer<T> {
        self.begin(conn)?;
        let done = work(conn).and_then(|said| self.end(conn).map(|()| said));
        done.map_err(|fail| self.undo(conn, fail))
    }

    fn begin(self, conn: &mut SqliteConnection) -> Answer<()> {
        match self {
            Self::Immediate => BeginImmediate {}.execute(conn)?,
            Self::Savepoint => Savepoint {}.execute(conn)?,
            Self::Snapshot => Begin {}.execute(conn)?,
            Self::Shared => 0,
        };
        Ok(())
    }

    fn end(self, conn: &mut SqliteConnection) -> Answer<()> {
        match self {
            Self::Immediate | Self::Snapshot => Commit {}.execute(conn)?,
            Self::Savepoint => Release {}.execute(conn)?,
            Self::Shared => 0,
        };
        Ok(())
    }

    /// Takes the work back. Where that fails, the database has failed, whatever the work had to say.
    fn undo(self, conn: &mut SqliteConnection, fail: Fail) -> Fail {
        let undone = match self {
            Self::Immediate | Self::Snapshot => Rollback {}.execute(conn),
            Self::Savepoint => RollbackTo {}.execute(conn).and_then(|_| Release {}.execute(conn)),
            Self::Shared => Ok(0),
        };
        match (fail, undone) {
            (said @ Fail::Database(_), _) | (said, Ok(_)) => said,
            (_, Err(error)) => Fail::Database(format!("it could not be taken back: {error}")),
        }
    }
}
