//! The few files the shim itself touches in the clone's `.git`, outside of the sandbox and on names the run chose:
//! held by descriptors, so that no link leads elsewhere, no pipe blocks and no giant is copied. Git's own work there
//! is `git`'s.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::note;

/// An index of a million files is half of it. A larger one is rebuilt by git from the commit.
const INDEX_CAP: u64 = 256 * 1024 * 1024;
const INDEX: &str = "index";
/// Git's own, of any index.
const LOCK: &str = "lock";

/// The repository of one clone, and the name of the shim's own index in it.
pub(super) struct GitDir {
    dir: OwnedFd,
    path: PathBuf,
    own: String,
}

impl GitDir {
    /// `.git` of the clone: a directory of its own, no link and no file that names another one.
    pub(super) fn of(clone: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let top = openat(CWD, clone, flags, Mode::empty())?;
        let dir = openat(&top, ".git", flags, Mode::empty()).map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR => io::Error::new(
                io::ErrorKind::NotADirectory,
                "its .git is no longer a directory of its own (a link, or a file)",
            ),
            other => other.into(),
        })?;
        let own = format!("orchd-{}.index", std::process::id());
        Ok(Self { dir, path: clone.join(".git"), own })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The shim's own index, for git to work on.
    pub(super) fn own_index(&self) -> PathBuf {
        self.path.join(&self.own)
    }

    /// Copies the clone's index to the own one, for what it knows of unchanged files.
    pub(super) fn copy_index(&self) -> io::Result<()> {
        let from = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let from = File::from(openat(&self.dir, INDEX, from, Mode::empty())?);
        let meta = from.metadata()?;
        if !meta.is_file() || meta.len() > INDEX_CAP {
            let said = format!("it is not a regular file of at most {INDEX_CAP} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, said));
        }
        self.remove_own();
        // Exclusive: what the run may have put there is neither opened nor followed.
        let to = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut to = File::from(openat(&self.dir, &self.own, to, Mode::RUSR | Mode::WUSR)?);
        io::copy(&mut from.take(INDEX_CAP), &mut to)?;
        Ok(())
    }

    /// The own index becomes the clone's. Nothing of the run lives, so a lock on it is a leftover too.
    pub(super) fn install_own(&self) -> io::Result<()> {
        self.remove(&format!("{INDEX}.{LOCK}"));
        Ok(renameat(&self.dir, &self.own, &self.dir, INDEX)?)
    }

    /// Whether it has an entry of this name, whatever it is.
    pub(super) fn has(&self, name: &str) -> bool {
        statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Removes the own index and a lock on it. A link is removed, not followed.
    pub(super) fn remove_own(&self) {
        self.remove(&self.own);
        self.remove(&format!("{}.{LOCK}", self.own));
    }

    fn remove(&self, name: &str) {
        match unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => note(&format!("{} could not be removed: {error}", self.path.join(name).display())),
        }
    }
}
