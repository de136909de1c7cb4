//! Whether anybody touched a clone: the mark of every file and folder in it, its `.git` included, as the file system
//! tells them (inode, mode, owner, size, both times). Equal marks: nothing was written, made, removed, renamed or
//! opened to others, so that no git need be asked. What a difference means is the caller's to find out.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use orchd_core::id::Digest;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, lstat, openat, statat};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::clock;

/// In a larger clone git is asked: it has an index, and a walk is no longer cheap.
const MOST: usize = 20_000;
/// No kernel's coarse clock stands still for longer.
const TICK_LOOKS: u32 = 50;

/// How a folder is opened: itself, never what a link leads to.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The mark of a clone that nobody was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untouched {
    /// Over all entries.
    pub mark: Digest,
    /// The newest change of an entry, in nanoseconds of the host's clock.
    newest: i64,
    /// Folders, relative to the clone, whose content is not looked at: declared caches.
    pub caches: Vec<String>,
    /// Bytes allocated to what was looked at, the clone's own folder aside; `None`: not known. No part of the mark: where a
    /// file lies on its disk changes without anybody touching it.
    #[serde(default)]
    pub bytes: Option<u64>,
}

impl Untouched {
    /// The mark of the clone as it is; `None` where it has too many entries to be worth one.
    pub fn of(clone: &Path, caches: &[String]) -> io::Result<Option<Self>> {
        let mut walk = Walk { hash: sha2::Sha256::new(), line: Vec::new(), newest: 0, entries: 0 };
        let mut bytes: u64 = 0;
        let skipped: Vec<PathBuf> = caches.iter().map(PathBuf::from).collect();
        let mut open = vec![PathBuf::new()];
        walk.take(Path::new(""), &lstat(clone)?);
        let root = openat(CWD, clone, FOLDER, Mode::empty())?;
        while let Some(folder) = open.pop() {
            let path = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            let listed = openat(&root, path, FOLDER, Mode::empty())?;
            for name in names(&listed)? {
                let found = statat(&listed, &name, AtFlags::SYMLINK_NOFOLLOW)?;
                let inner = folder.join(OsStr::from_bytes(name.to_bytes()));
                walk.take(&inner, &found);
                bytes = bytes.saturating_add(u64::try_from(found.st_blocks).unwrap_or(0).saturating_mul(512));
                if FileType::from_raw_mode(found.st_mode).is_dir() && !skipped.contains(&inner) {
                    open.push(inner);
                }
                if walk.entries > MOST {
                    return Ok(None);
                }
            }
        }
        let mark =
            Digest::new(walk.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        Ok(Some(Self { mark, newest: walk.newest, caches: caches.to_vec(), bytes: Some(bytes) }))
    }

    /// Whether the clone is still as it was. What cannot be read is no longer as it was.
    pub fn holds(&self, clone: &Path) -> bool {
        Self::of(clone, &self.caches).is_ok_and(|now| now.is_some_and(|now| now.mark == self.mark))
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
    /// Of one entry.
    line: Vec<u8>,
    newest: i64,
    entries: usize,
}

impl Walk {
    /// Takes an entry up, as `lstat` tells it.
    fn take(&mut self, inner: &Path, found: &Stat) {
        let changed = nanoseconds(found.st_ctime, found.st_ctime_nsec);
        let written = nanoseconds(found.st_mtime, found.st_mtime_nsec);
        self.line.clear();
        self.line.extend_from_slice(inner.as_os_str().as_bytes());
        self.line.push(0);
        for number in
            [i128::from(found.st_dev), found.st_ino.into(), found.st_size.into(), found.st_nlink.into()]
        {
            self.line.extend_from_slice(&number.to_le_bytes());
        }
        for number in [found.st_mode, found.st_uid, found.st_gid] {
            self.line.extend_from_slice(&number.to_le_bytes());
        }
        for time in [changed, written] {
            self.line.extend_from_slice(&time.to_le_bytes());
        }
        self.hash.update(&self.line);
        self.newest = self.newest.max(changed);
        self.entries += 1;
    }
}

/// The names in a folder, in an order that is always the same.
fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn nanoseconds(seconds: impl TryInto<i64>, nanoseconds: impl TryInto<i64>) -> i64 {
    let whole = |number: Option<i64>| number.unwrap_or(i64::MAX);
    whole(seconds.try_into().ok())
        .saturating_mul(1_000_000_000)
        .saturating_add(whole(nanoseconds.try_into().ok()))
}

#[cfg(test)]
mod tests;
