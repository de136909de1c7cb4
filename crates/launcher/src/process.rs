//! Who a process is (host boot, pid, start time) and what `/proc` tells about a tree of them. A bare pid is never
//! kept and never signalled: pids are reused. Linux only; reads, and signals through pidfds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use orchd_core::mutant::{self, Mutant};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// The identity of a process for as long as anyone may remember it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessId {
    /// `/proc/sys/kernel/random/boot_id` of the host.
    pub boot: String,
    /// The pid, meaningful only with the other two.
    pub pid: i32,
    /// Start time in clock ticks since boot (field 22 of `/proc/<pid>/stat`).
    pub start: u64,
}

impl ProcessId {
    /// The identity of the process that has `pid` now.
    pub fn of(pid: i32) -> io::Result<Self> {
        let stat = Stat::of(pid)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no process {pid}")))?;
        Ok(Self { boot: boot_id()?, pid, start: stat.start })
    }

    /// A pidfd of exactly this process while it runs; `None` when it ended (a zombie has ended), or when the host was
    /// booted since, or when its pid belongs to another now. Not knowing (no descriptor left, no memory) is an error.
    pub fn open(&self) -> io::Result<Option<OwnedFd>> {
        if boot_id()? != self.boot {
            return Ok(None);
        }
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(None) };
        // The order matters: once the pidfd is open it names one process for good, so checking the start time
        // afterwards proves that it is ours.
        let fd = pidfd_open(pid, PidfdFlags::NONBLOCK);
        let Some(stat) = Stat::of(self.pid)? else { return Ok(None) };
        let is_it = stat.start == self.start || mutant::on(Mutant::Inc06);
        if !is_it || stat.is_dead() {
            return Ok(None);
        }
        match fd {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::SRCH | Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it still runs; an error when that cannot be known.
    pub fn is_alive(&self) -> io::Result<bool> {
        Ok(self.open()?.is_some())
    }
}

/// This boot of this host.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// What is used of `/proc/<pid>/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) state: u8,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    pub(crate) threads: u64,
    /// User and system time of it and of the children it waited for, in clock ticks.
    pub(crate) cpu: u64,
    pub(crate) start: u64,
}

impl Stat {
    /// `None`: there is no such process. Anything else that keeps it from being read is an error, as a process that
    /// cannot be seen may live.
    pub(crate) fn of(pid: i32) -> io::Result<Option<Self>> {
        let path = format!("/proc/{pid}/stat");
        let Some(text) = unless_gone(fs::read(&path))? else { return Ok(None) };
        let unreadable = || io::Error::new(io::ErrorKind::InvalidData, format!("{path} is not as expected"));
        Self::parse(&text).map(Some).ok_or_else(unreadable)
    }

    /// The command's name stands in brackets and may hold anything, brackets and broken UTF-8 included: the fields
    /// are counted from the last closing one.
    fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|&b| b == b'(')?;
        let close = text.iter().rposition(|&b| b == b')')?;
        let pid = std::str::from_utf8(text.get(..open)?).ok()?.trim().parse().ok()?;
        let rest: Vec<&str> =
            std::str::from_utf8(text.get(close + 1..)?).ok()?.split_ascii_whitespace().collect();
        let number = |field: usize| rest.get(field - 3)?.parse::<i64>().ok();
        let ticks = |field: usize| number(field).map(|n| u64::try_from(n).unwrap_or(0));
        Some(Self {
            pid,
            state: *rest.first()?.as_bytes().first()?,
            parent: i32::try_from(number(4)?).ok()?,
            group: i32::try_from(number(5)?).ok()?,
            session: i32::try_from(number(6)?).ok()?,
            threads: ticks(20)?,
            cpu: ticks(14)? + ticks(15)? + ticks(16)? + ticks(17)?,
            start: ticks(22)?,
        })
    }

    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Bytes of memory it has for itself alone: resident less shared, in pages, from `/proc/<pid>/statm`. One that
    /// ended has none.
    pub(crate) fn memory(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/statm", self.pid)).unwrap_or_default();
        let mut pages = text.split_ascii_whitespace().skip(1).map(|n| n.parse::<u64>().unwrap_or(0));
        let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
        resident.saturating_sub(shared).saturating_mul(rustix::param::page_size() as u64)
    }

    /// Stops the whole process group of this process, which must be stopped itself: one that cannot end keeps the
    /// group's number from being another's. The kernel tells all members at once, forks in flight included.
    pub(crate) fn stop_group(&self) -> io::Result<()> {
        let is_its =
            Self::of(self.pid)?.is_some_and(|now| now.start == self.start && now.group == self.group);
        match Pid::from_raw(self.group).filter(|_| is_its) {
            Some(group) => Ok(kill_process_group(group, Signal::STOP)?),
            None => Ok(()),
        }
    }

    /// Sends `signal` to exactly this process; one that ended meanwhile is no error.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(()) };
        let fd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => fd,
            Err(Errno::SRCH | Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        match Self::of(self.pid)? {
            Some(now) if now.start == self.start => match pidfd_send_signal(&fd, signal) {
                Ok(()) | Err(Errno::SRCH) => Ok(()),
                Err(error) => Err(error.into()),
            },
            Some(_) | None => Ok(()),
        }
    }
}

/// What was read about a process; `None` when it is gone, before or while it was read.
pub(crate) fn unless_gone<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::SRCH) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Every process this one may see.
pub(crate) fn all() -> io::Result<Vec<Stat>> {
    let mut found = Vec::new();
    each(|stat| found.push(stat))?;
    Ok(found)
}

/// Shows every process this one may see, in the order of pids, while the listing goes on: what is forked meanwhile
/// usually has a higher pid, and is shown too.
pub(crate) fn each(mut see: impl FnMut(Stat)) -> io::Result<()> {
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        match Stat::of(pid) {
            Ok(Some(stat)) => see(stat),
            // One that ended between the listing and the reading is simply gone.
            Ok(None) => {}
            // Of another user, where the host hides those.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Every process below one of `roots`, the roots not included.
pub(crate) fn below(all: &[Stat], roots: &BTreeSet<i32>) -> Vec<Stat> {
    let mut children: BTreeMap<i32, Vec<Stat>> = BTreeMap::new();
    for stat in all {
        children.entry(stat.parent).or_default().push(*stat);
    }
    let (mut found, mut queue, mut seen) =
        (Vec::new(), roots.iter().copied().collect::<Vec<_>>(), roots.clone());
    while let Some(parent) = queue.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            if seen.insert(child.pid) {
                found.push(*child);
                queue.push(child.pid);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
