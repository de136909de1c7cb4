//! What the host has left: free space where the data directory is, and memory. Measured before each claim; below its
//! floors nothing new is started, so that what runs can end in order and orchd itself is never what dies. And what its
//! file system is asked for.

use std::path::{Path, PathBuf};

use orchd_core::port::host::{Host, Room};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

/// What is kept free, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floors {
    /// On the file system of the data directory.
    pub disk: u64,
    /// Of the memory that can be had without swapping.
    pub memory: u64,
}

impl Default for Floors {
    fn default() -> Self {
        Self { disk: 1024 * MIB, memory: 256 * MIB }
    }
}

/// Bytes of a mebibyte.
pub const MIB: u64 = 1024 * 1024;

/// This host.
pub(crate) struct ThisHost {
    pub(crate) data: PathBuf,
    pub(crate) floors: Floors,
}

impl Host for ThisHost {
    fn room(&self) -> Room {
        judge(&self.data.display().to_string(), self.disk(), memory(), self.floors)
    }
}

impl ThisHost {
    /// Bytes that an ordinary user may still write; `None` where nobody says.
    fn disk(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.data).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// `MemAvailable`, in bytes; `None` where nobody says.
fn memory() -> Option<u64> {
    available(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What is not known does not stop anybody.
fn judge(data: &str, disk: Option<u64>, memory: Option<u64>, floors: Floors) -> Room {
    let mib = |bytes: u64| bytes / MIB;
    if let Some(free) = disk.filter(|free| *free < floors.disk) {
        let why = format!(
            "the file system of {data} has {} MiB free and {} MiB are kept free: free some, or lower disk_floor (--disk-floor)",
            mib(free),
            mib(floors.disk)
        );
        return Room::Short { why };
    }
    if let Some(free) = memory.filter(|free| *free < floors.memory) {
        let why = format!(
            "the host has {} MiB of memory left and {} MiB are kept free: end something, or lower memory_floor (--memory-floor)",
            mib(free),
            mib(floors.memory)
        );
        return Room::Short { why };
    }
    Room::Enough
}

/// Asks the file system to lay the folders here (clones, runs, mirrors) in places of their own, as it does with those of
/// different people. ext4 looks for a new file's place among those that were removed nearby, without a journal for up to a
/// minute each: a clone that is replaced would slow the start of the next run by milliseconds.
pub(crate) fn keep_apart(data: &Path) {
    let asked = std::fs::File::open(data)
        .and_then(|dir| Ok(ioctl_setflags(&dir, ioctl_getflags(&dir)? | IFlags::TOPDIR)?));
    if let Err(error) = asked {
        tracing::debug!("the file system of {} lays folders as it likes: {error}", data.display());
    }
}

#[cfg(test)]
mod tests;
