//! Whose store a file is. A data directory has an id, in a file beside the store, and the store remembers it: a copy
//! of the store in another directory, or a link to it from there, is another instance's and is refused (INC-35). The
//! directory may be moved: its id goes with it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{OptionalExtension as _, RunQueryDsl as _, SqliteConnection};
use orchd_core::mutant::{self, Mutant};

use crate::open::OpenError;
use crate::statement::statement;

/// The file with the directory's id. It does not begin with the store's name: who copies `orchd.db*` leaves it behind.
const FILE: &str = "instance-id";

statement! {
    /// Whether the store is new enough to remember a directory.
    Remembers {} -> BigInt;
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'instance'"
}

statement! {
    /// The directory that the store belongs to.
    Remembered {} -> (Text, Text);
    "SELECT id, directory FROM instance"
}

statement! {
    /// An id that nobody has.
    NewId {} -> Text;
    "SELECT lower(hex(randomblob(16)))"
}

statement! {
    /// The store belongs to this directory from now on, unless it belongs to one already.
    Belong<'a> { id: Text = &'a str, directory: Text = &'a str } -> ();
    "INSERT INTO instance (one, id, directory) VALUES (1, :id, :directory) ON CONFLICT DO NOTHING"
}

statement! {
    /// The directory was moved.
    Moved<'a> { directory: Text = &'a str } -> ();
    "UPDATE instance SET directory = :directory"
}

/// What the store remembers.
struct Known {
    id: String,
    directory: String,
}

/// Refuses the store of another data directory. Writes nothing.
pub(crate) fn check(path: &Path, conn: &mut SqliteConnection) -> Result<(), OpenError> {
    let Some(Known { id, directory }) = known(path, conn)? else { return Ok(()) };
    let (_, file) = place(path)?;
    if read(&file)?.as_ref() == Some(&id) || mutant::on(Mutant::Inc35) {
        return Ok(());
    }
    Err(OpenError::AnotherInstance { path: path.to_path_buf(), directory, id, file })
}

/// Whose store it is instead, and what to do, for [`OpenError::AnotherInstance`].
pub(crate) fn refusal(directory: &str, id: &str, file: &Path) -> String {
    let anew = format!("write {id} into {}", file.display());
    if file.parent() == Some(Path::new(directory)) {
        return format!(
            "belongs to this directory as it was before its file instance-id was lost or replaced, and was left alone. Put \
             that file back too; if it is gone for good and no other orchd has this store, {anew}"
        );
    }
    format!(
        "belongs to the data directory {directory}, and was left alone: it would be worked on from two places. Start orchd \
         on that directory, or here without this file. If the directory was moved, move its file instance-id too. If it \
         is gone for good and no other orchd has this store, {anew}"
    )
}

/// A store that belongs to no directory yet belongs to the one it lies in; another one is where it was left.
pub(crate) fn belong(path: &Path, conn: &mut SqliteConnection) -> Result<(), OpenError> {
    let failed = |why: &diesel::result::Error| database(path, why);
    let (directory, file) = place(path)?;
    match known(path, conn)? {
        Some(known) if known.directory == directory => Ok(()),
        Some(_) => {
            Moved { directory: &directory }.execute(conn).map_err(|e| failed(&e))?;
            Ok(())
        }
        None => {
            let id = match read(&file)? {
                Some(id) => id,
                None => make(&file, NewId {}.get_result(conn).map_err(|e| failed(&e))?)?,
            };
            Belong { id: &id, directory: &directory }.execute(conn).map_err(|e| failed(&e))?;
            // Into the file itself: a copy or a hard link of it comes without the write-ahead log.
            conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").map_err(|e| failed(&e))?;
            // Whoever opened it by another path may have been faster.
            check(path, conn)
        }
    }
}

fn known(path: &Path, conn: &mut SqliteConnection) -> Result<Option<Known>, OpenError> {
    let failed = |why: &diesel::result::Error| database(path, why);
    let remembers: i64 = Remembers {}.get_result(conn).map_err(|e| failed(&e))?;
    if remembers == 0 {
        return Ok(None);
    }
    let row: Option<(String, String)> = Remembered {}.get_result(conn).optional().map_err(|e| failed(&e))?;
    Ok(row.map(|(id, directory)| Known { id, directory }))
}

/// The directory in which the store's path lies, and the file with its id. A link is not followed: what counts is
/// where the store was looked for.
fn place(path: &Path) -> Result<(String, PathBuf), OpenError> {
    let io = |source| OpenError::Io { path: path.to_path_buf(), source };
    let file = std::path::absolute(path).map_err(io)?.with_file_name(FILE);
    let directory = file.parent().unwrap_or(&file).to_string_lossy().into_owned();
    Ok((directory, file))
}

/// The directory's id, if it has a well-formed one.
fn read(file: &Path) -> Result<Option<String>, OpenError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|id| id.len() == 32)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(OpenError::Io { path: file.to_path_buf(), source }),
    }
}

/// Gives the directory its id. It is on the disk before the store remembers it, whole or not at all.
fn make(file: &Path, id: String) -> Result<String, OpenError> {
    let io = |source| OpenError::Io { path: file.to_path_buf(), source };
    let new = file.with_extension("new");
    let mut options = OpenOptions::new();
    let mut written = options.write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(io)?;
    writeln!(written, "{id}").and_then(|()| written.sync_all()).map_err(io)?;
    fs::rename(&new, file).map_err(io)?;
    if let Some(directory) = file.parent() {
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(io)?;
    }
    Ok(id)
}

fn database(path: &Path, why: &diesel::result::Error) -> OpenError {
    OpenError::Database { path: path.to_path_buf(), why: why.to_string() }
}
