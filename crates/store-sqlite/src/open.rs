//! Opening a store's file: created for its owner only, owned by one process, refused when it is somebody
//! else's, another instance's (`instance.rs`) or written by a newer orchd, brought up to date by the embedded
//! migrations. Or looked at as it is.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration as _, MigrationSource};
use diesel::sql_types::{BigInt, Integer};
use diesel::sqlite::Sqlite;
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use crate::instance;
use crate::statement::statement;

/// The migrations of this program, oldest first.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// `PRAGMA application_id` of our files: "orch". The first migration writes it.
const APPLICATION_ID: i32 = 0x6f72_6368;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its lock can not be reached.
    #[error("{path} can not be opened; check that its directory exists and is this user's")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process owns the store: with SQLite only one may.
    #[error(
        "{path} is in use by {owner}; with SQLite one process owns the store: \
         talk to it with orchctl, or stop it first"
    )]
    Owned {
        /// The store's file.
        path: PathBuf,
        /// Its pid and command, as it wrote them down.
        owner: String,
    },
    /// The file is not a store of orchd.
    #[error("{path} is not a store of orchd ({why}); it was left alone: name another file")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// The file is the store of another data directory: a copy of it, or a link to it.
    #[error("another-instance: {path} {}", instance::refusal(directory, id, file))]
    AnotherInstance {
        /// The file.
        path: PathBuf,
        /// Where the directory that it belongs to was last.
        directory: String,
        /// That directory's id.
        id: String,
        /// The file in which this directory would have it.
        file: PathBuf,
    },
    /// The file was written by a newer orchd.
    #[error(
        "{path} has the migration {version}, which this orchd does not know; it was left alone: upgrade orchd"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The first unknown migration.
        version: String,
    },
    /// The file was written by an older orchd, and is only looked at.
    #[error(
        "{path} lacks the migration {version} of this orchd; it was left alone: start this orchd, which brings it up \
         to date, or ask the one that wrote it"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The first migration that it lacks.
        version: String,
    },
    /// There is no file, and it is only looked at.
    #[error("there is no store at {path} yet")]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The database failed.
    #[error("{path} can not be prepared: {why}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
}

/// Every connection waits this long for a lock of another one; only a backup tool or a shell can hold one.
const BUSY: &str = "PRAGMA busy_timeout = 5000;";

/// What the writing connection is set to. FULL: an answer is given only for what is on the disk.
const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA recursive_triggers = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;";

/// What the reading connection is set to.
const READER: &str = "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;";

/// Creates the file for its owner only, where it is not there; SQLite gives its companions the same mode.
pub(crate) fn create(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(OpenError::Io { path: path.to_path_buf(), source }),
    }
}

/// SQLite's name for a path: absolute, so that no name is taken for a URI.
pub(crate) fn url(path: &Path) -> Result<String, OpenError> {
    let io = |source| OpenError::Io { path: path.to_path_buf(), source };
    let absolute = std::path::absolute(path).map_err(io)?;
    absolute.into_os_string().into_string().map_err(|_| {
        io(io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8, which SQLite needs"))
    })
}

/// A connection that writes.
pub(crate) fn writer(url: &str) -> Result<SqliteConnection, String> {
    let mut conn = SqliteConnection::establish(url).map_err(|e| e.to_string())?;
    conn.batch_execute(BUSY).map_err(|e| e.to_string())?;
    conn.batch_execute(WRITER).map_err(|e| e.to_string())?;
    Ok(conn)
}

/// A connection that only reads.
pub(crate) fn reader(url: &str) -> Result<SqliteConnection, String> {
    let mut conn = SqliteConnection::establish(url).map_err(|e| e.to_string())?;
    conn.batch_execute(BUSY).map_err(|e| e.to_string())?;
    conn.batch_execute(READER).map_err(|e| e.to_string())?;
    Ok(conn)
}

statement! {
    /// Whose file it is.
    ApplicationId {} -> Integer;
    "SELECT application_id FROM pragma_application_id()"
}

statement! {
    /// Tables that the migrations' own bookkeeping did not make.
    Tables {} -> BigInt;
    "SELECT count(*) FROM sqlite_schema WHERE name <> '__diesel_schema_migrations' AND name NOT LIKE 'sqlite_%'"
}

/// Makes a connection of our file, after looking whether it is ours and not newer, and brings it up to date.
/// Nothing is written before the looks.
pub(crate) fn prepare(path: &Path, url: &str) -> Result<SqliteConnection, OpenError> {
    let failed = |why: String| OpenError::Database { path: path.to_path_buf(), why };
    look(path, url)?;
    let mut conn = writer(url).map_err(failed)?;
    conn.run_pending_migrations(MIGRATIONS).map_err(|e| failed(e.to_string()))?;
    instance::belong(path, &mut conn)?;
    Ok(conn)
}

/// Whether there is a file to be looked at. SQLite would make one.
pub(crate) fn is_there(path: &Path) -> Result<(), OpenError> {
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenError::Absent { path: path.to_path_buf() }),
        Err(source) => Err(OpenError::Io { path: path.to_path_buf(), source }),
    }
}

/// A connection that only reads, of our file as it is; one that is not up to date is refused.
pub(crate) fn as_it_is(path: &Path, url: &str) -> Result<SqliteConnection, OpenError> {
    let failed = |why: String| OpenError::Database { path: path.to_path_buf(), why };
    match look(path, url)? {
        (_, Some(version)) => Err(OpenError::Older { path: path.to_path_buf(), version }),
        (mut conn, None) => {
            conn.batch_execute(READER).map_err(|e| failed(e.to_string()))?;
            Ok(conn)
        }
    }
}

/// A store in memory.
pub(crate) fn prepare_memory() -> Result<SqliteConnection, OpenError> {
    let failed = |why: String| OpenError::Database { path: PathBuf::from(":memory:"), why };
    let mut conn = writer(":memory:").map_err(failed)?;
    conn.run_pending_migrations(MIGRATIONS).map_err(|e| failed(e.to_string()))?;
    Ok(conn)
}

/// A connection of our file, which is not newer, and the first migration that it lacks.
fn look(path: &Path, url: &str) -> Result<(SqliteConnection, Option<String>), OpenError> {
    let failed =
        |e: &dyn std::fmt::Display| OpenError::Database { path: path.to_path_buf(), why: e.to_string() };
    let mut conn = SqliteConnection::establish(url).map_err(|e| failed(&e))?;
    conn.batch_execute(BUSY).map_err(|e| failed(&e))?;
    let lacks = check(path, &mut conn)?;
    Ok((conn, lacks))
}

/// Whether the file is ours, this directory's, and not newer; the first migration that it lacks.
fn check(path: &Path, conn: &mut SqliteConnection) -> Result<Option<String>, OpenError> {
    let not_ours = |why: String| OpenError::NotOurs { path: path.to_path_buf(), why };
    // The first read tells a file that SQLite can not read from one that it can.
    let tables: i64 = Tables {}.get_result(conn).map_err(|e| not_ours(e.to_string()))?;
    let id: i32 = ApplicationId {}.get_result(conn).map_err(|e| not_ours(e.to_string()))?;
    let known: Vec<String> = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)
        .map_err(|e| not_ours(e.to_string()))?
        .iter()
        .map(|m| m.name().version().to_string())
        .collect();
    if tables == 0 && id == 0 {
        // Fresh, or one whose creation was cut short.
        return Ok(known.into_iter().next());
    }
    if id != APPLICATION_ID {
        return Err(not_ours(format!("its application id is {id}, not {APPLICATION_ID}")));
    }
    let applied = conn.applied_migrations().map_err(|e| not_ours(e.to_string()))?;
    let applied: Vec<String> = applied.iter().map(ToString::to_string).collect();
    match applied.iter().find(|version| !known.contains(version)) {
        Some(version) => Err(OpenError::Newer { path: path.to_path_buf(), version: version.clone() }),
        None => {
            instance::check(path, conn)?;
            Ok(known.into_iter().find(|version| !applied.contains(version)))
        }
    }
}
