//! Where a ref stands, read from a repository's files: of an agent's clone, in which no git may run, and of orchd's own
//! bare repositories, where it saves a process. Writes the first refs of a clone that nobody is in yet; every change of
//! a ref is git's.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use orchd_core::id::{RefName, Sha};

use crate::error::GitError;
use crate::permission;

/// A file of one ref.
const MAX_REF_BYTES: u64 = 4096;
/// A file of refs.
const MAX_REFS_BYTES: u64 = 16 * 1024 * 1024;

/// Where `name` stands in a work tree's own repository.
pub(crate) fn in_clone(clone: &Path, name: &RefName) -> Result<Option<Sha>, GitError> {
    let git_dir = clone.join(".git");
    if !plain(&git_dir, Kind::Directory)? {
        let why = "its .git is not a directory".to_owned();
        return Err(GitError::CloneUnusable { path: clone.to_owned(), why });
    }
    read(clone, &git_dir, name)
}

/// Where `name` stands in a bare repository. `Err`: its files do not say it plainly, and git is to be asked.
pub(crate) fn in_bare(dir: &Path, name: &RefName) -> Result<Option<Sha>, GitError> {
    read(dir, dir, name)
}

/// The first place of a ref in a repository that is still being made: no git knows of it.
pub(crate) fn establish(git_dir: &Path, name: &RefName, at: &Sha) -> Result<(), GitError> {
    let path = git_dir.join(name.as_str());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| permission::explain("make", parent, error))?;
    }
    fs::write(&path, format!("{at}\n")).map_err(|error| permission::explain("write", &path, error))
}

fn read(repository: &Path, git_dir: &Path, name: &RefName) -> Result<Option<Sha>, GitError> {
    let unusable = |why: String| GitError::CloneUnusable { path: repository.to_owned(), why };
    if fs::symlink_metadata(git_dir.join("reftable")).is_ok() {
        return Err(unusable("its refs were converted to another format".to_owned()));
    }
    let small = |file: &str, limit| match read_plain(git_dir, file, limit) {
        Err(GitError::TooLarge { limit, .. }) => {
            Err(unusable(format!("its {file} has more than {limit} bytes")))
        }
        read => read,
    };
    let loose = small(name.as_str(), MAX_REF_BYTES)?;
    let text = match loose {
        Some(text) => Some(text.trim().to_owned()),
        // In this order: packing writes the packed file before it removes the loose one.
        None => {
            let packed = small("packed-refs", MAX_REFS_BYTES)?.unwrap_or_default();
            packed
                .lines()
                .find_map(|line| line.strip_suffix(name.as_str())?.strip_suffix(' ').map(str::to_owned))
        }
    };
    text.map(|text| Sha::parse(&text).map_err(|_| unusable(format!("{name} holds {text:?}")))).transpose()
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Directory,
    File,
}

/// Whether `path` is of this kind and no link; what is absent is not.
pub(crate) fn plain(path: &Path, kind: Kind) -> Result<bool, GitError> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(if kind == Kind::Directory { meta.is_dir() } else { meta.is_file() }),
        Err(error) if matches!(error.raw_os_error(), Some(2 | 20)) => Ok(false),
        Err(error) => Err(permission::explain("look at", path, error)),
    }
}

/// A small file below `root`, reached through plain directories only.
fn read_plain(root: &Path, name: &str, limit: u64) -> Result<Option<String>, GitError> {
    let mut path: PathBuf = root.to_owned();
    let mut parts = name.split('/').peekable();
    while let Some(part) = parts.next() {
        path.push(part);
        let kind = if parts.peek().is_some() { Kind::Directory } else { Kind::File };
        if !plain(&path, kind)? {
            return Ok(None);
        }
    }
    let explain = |error| permission::explain("read", &path, error);
    let mut text = Vec::new();
    let file = match fs::File::open(&path) {
        // Deleted, or packed, between the look and now.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(explain)?,
    };
    file.take(limit + 1).read_to_end(&mut text).map_err(explain)?;
    if text.len() as u64 > limit {
        return Err(GitError::TooLarge { what: path.display().to_string(), limit });
    }
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}
