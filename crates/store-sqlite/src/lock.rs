//! Who owns the store's file: an exclusive lock on `<file>.lock`, which names its holder's pid and command.
//! The kernel gives it back however the holder ends, so a stale lock does not exist.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::open::OpenError;

/// The lock while it is held.
#[derive(Debug)]
pub(crate) struct FileLock {
    // Held for what its drop does: closing the file gives the lock back.
    _file: File,
}

/// The lock file beside a store's file.
pub(crate) fn path_of(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

impl FileLock {
    /// Takes the lock and writes down who has it, or says who has.
    pub(crate) fn take(store: &Path) -> Result<Self, OpenError> {
        let path = path_of(store);
        let io = |source| OpenError::Io { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Owned { path: store.to_path_buf(), owner: owner(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        writeln!(file, "pid {}: {}", std::process::id(), command()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

/// What the holder wrote; it may be about to.
fn owner(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.read_to_string(&mut text);
    match (read, text.trim()) {
        (Ok(_), text) if !text.is_empty() => text.to_owned(),
        (Ok(_) | Err(_), _) => "another process, which has not written its name yet".to_owned(),
    }
}

/// This process's command line, in one line.
fn command() -> String {
    let words: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    words.join(" ").replace(|c: char| c.is_control(), " ")
}
