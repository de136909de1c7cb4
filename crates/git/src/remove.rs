//! Removing a tree that others wrote into: links are not followed, read-only directories (package caches
//! make them) are opened first, and what still refuses is diagnosed by name.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::GitError;
use crate::permission;

/// Runs file work that may take long on the thread pool for it.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking work is never aborted; it is only never begun while the runtime shuts down.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Removes `dir` and everything in it; absent is fine.
pub async fn tree(dir: &Path) -> Result<(), GitError> {
    let dir = dir.to_owned();
    blocking(move || remove(&dir)).await
}

fn remove(dir: &Path) -> Result<(), GitError> {
    let first = attempt(dir);
    let last = match first {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_directories(dir);
            attempt(dir)
        }
        Err(_) | Ok(()) => first,
    };
    last.map_err(|error| permission::explain("remove", dir, error))
}

fn attempt(dir: &Path) -> io::Result<()> {
    match fs::symlink_metadata(dir) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(dir),
        Ok(_) => fs::remove_file(dir),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn open_directories(dir: &Path) {
    let mut open: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        // A directory of another owner stays closed; the second attempt then names it.
        let _ = fs::set_permissions(&dir, fs::Permissions::from_mode(0o700));
        let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
        open.extend(entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()));
    }
}
