//! The demonstration's directory: made, or found again and held against a second one. Everything it writes is below it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::error::DemoError;
use super::files;

/// Says that a directory is ours; locked while a demonstration runs in it.
const MARK: &str = "orchd-demo";
/// What the system's address of a Unix socket holds, without the zero at its end.
const SOCKET_MAX: usize = 107;

/// The directory.
#[derive(Debug)]
pub(super) struct Place {
    /// Absolute.
    pub(super) dir: PathBuf,
    /// The project of the one for whom all this is done.
    pub(super) project: PathBuf,
    /// The engine's.
    pub(super) data: PathBuf,
    /// The project's first commit.
    pub(super) base: String,
    /// Dropped with this value, and with this process however it ends.
    _lock: File,
}

impl Place {
    /// Makes the directory and the project in it, or finds those of an earlier demonstration.
    pub(super) fn prepare(wanted: Option<PathBuf>) -> Result<Self, DemoError> {
        let dir = match wanted {
            Some(dir) => {
                let mut make = DirBuilder::new();
                make.recursive(true).mode(0o700);
                make.create(&dir).map_err(|e| DemoError::file("make", &dir, e))?;
                dir
            }
            None => {
                let fresh = tempfile::Builder::new().prefix("orchd-demo-").tempdir();
                let fresh =
                    fresh.map_err(|e| DemoError::file("make a directory in", &std::env::temp_dir(), e))?;
                // It is the result; whoever looked at it removes it.
                fresh.keep()
            }
        };
        let dir = fs::canonicalize(&dir).map_err(|e| DemoError::file("find", &dir, e))?;
        let lock = claim(&dir)?;
        let (project, data) = (dir.join("project"), dir.join("data"));
        let socket = orchd_daemon::socket(&data);
        if socket.as_os_str().len() > SOCKET_MAX {
            return Err(DemoError::LongPath { socket, max: SOCKET_MAX });
        }
        let mut make = DirBuilder::new();
        make.recursive(true).mode(0o700).create(&data).map_err(|e| DemoError::file("make", &data, e))?;
        let base = files::prepare(&project)?;
        Ok(Self { dir, project, data, base, _lock: lock })
    }
}

/// An empty directory becomes ours, one of ours is taken up again, anything else is left alone.
fn claim(dir: &Path) -> Result<File, DemoError> {
    let mark = dir.join(MARK);
    if !mark.exists() {
        let mut entries = fs::read_dir(dir).map_err(|e| DemoError::file("read", dir, e))?;
        if entries.next().is_some() {
            return Err(DemoError::Foreign { dir: dir.to_owned() });
        }
    }
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&mark);
    let lock = lock.map_err(|e| DemoError::file("write", &mark, e))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(DemoError::Busy { dir: dir.to_owned() }),
        Err(errno) => Err(DemoError::file("lock", &mark, io::Error::from(errno))),
    }
}

#[cfg(test)]
mod tests;
