//! Whether anybody touched a clone: the mark of every file and folder in it, its `.git` included, as the file system
//! tells them (inode, mode, owner, size, both times). Equal marks: nothing was written, made, removed, renamed or
//! opened to others, so that no git need be asked. What a difference means is the caller's to find out.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use orchd_core::id::Digest;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::clock;

/// In a larger clone git is asked: it has an index, and a walk is no longer cheap.
const MOST: usize = 20_000;
/// No kernel's coarse clock stands still for longer.
const TICK_LOOKS: u32 = 50;

/// The mark of a clone that nobody was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untouched {
    /// Over all entries.
    pub mark: Digest,
    /// The newest change of an entry, in nanoseconds of the host's clock.
    newest: i64,
    /// Folders, relative to the clone, whose content is not looked at: declared caches.
    pub caches: Vec<String>,
}

impl Untouched {
    /// The mark of the clone as it is; `None` where it has too many entries to be worth one.
    pub fn of(clone: &Path, caches: &[String]) -> io::Result<Option<Self>> {
        let mut walk = Walk { hash: sha2::Sha256::new(), newest: 0, entries: 0 };
        let skipped: Vec<PathBuf> = caches.iter().map(PathBuf::from).collect();
        let mut open = vec![PathBuf::new()];
        walk.see(clone, Path::new(""))?;
        while let Some(folder) = open.pop() {
            for name in names(&clone.join(&folder))? {
                let inner = folder.join(name);
                if walk.see(clone, &inner)? && !skipped.contains(&inner) {
                    open.push(inner);
                }
                if walk.entries > MOST {
                    return Ok(None);
                }
            }
        }
        let mark =
            Digest::new(walk.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        Ok(Some(Self { mark, newest: walk.newest, caches: caches.to_vec() }))
    }

    /// Whether the clone is still as it was. What cannot be read is no longer as it was.
    pub fn holds(&self, clone: &Path) -> bool {
        Self::of(clone, &self.caches).is_ok_and(|now| now.as_ref() == Some(self))
    }

    /// Returns once a change cannot get the time of a change that is in the mark: the kernel's clock for files moves in
    /// steps. Whoever starts a program that may write there calls this before; nearly always the moment has long come.
    pub(crate) fn settle(&self) {
        for _ in 0..TICK_LOOKS {
            let now = clock_gettime(ClockId::RealtimeCoarse);
            if nanoseconds(now.tv_sec, now.tv_nsec) > self.newest {
                return;
            }
            clock::pause(1);
        }
    }
}

struct Walk {
    hash: sha2::Sha256,
    newest: i64,
    entries: usize,
}

impl Walk {
    /// Takes an entry up; answers whether it is a folder. Links are not followed.
    fn see(&mut self, clone: &Path, inner: &Path) -> io::Result<bool> {
        let meta = fs::symlink_metadata(clone.join(inner))?;
        let (changed, written) =
            (nanoseconds(meta.ctime(), meta.ctime_nsec()), nanoseconds(meta.mtime(), meta.mtime_nsec()));
        self.hash.update(inner.as_os_str().as_bytes());
        self.hash.update([0]);
        for number in [meta.dev(), meta.ino(), meta.size(), meta.nlink()] {
            self.hash.update(number.to_le_bytes());
        }
        for number in [meta.mode(), meta.uid(), meta.gid()] {
            self.hash.update(number.to_le_bytes());
        }
        self.hash.update(changed.to_le_bytes());
        self.hash.update(written.to_le_bytes());
        self.newest = self.newest.max(changed);
        self.entries += 1;
        Ok(meta.is_dir())
    }
}

fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

#[cfg(test)]
mod tests;
