//! All processes of a run: reaping them, and ending them so that nothing is left. As a subreaper the shim is the
//! ancestor of every one of them, a double fork into another session included, so the tree below it is complete.

use std::collections::{BTreeMap, BTreeSet};

use orchd_core::time::Span;
use rustix::process::{Pid, Signal, WaitOptions, getpid, wait};

use super::bell::Bell;
use super::note;
use crate::clock;
use crate::ended::Ended;
use crate::process::{self, Stat};

/// How often the tree is looked at while it is being ended.
const LOOK_MS: i64 = 25;
/// After SIGKILL a process may hang in the kernel; it is waited for, less and less often.
const SLOWEST_LOOK_MS: i64 = 1_000;

/// The main process and everything below the shim.
pub(super) struct Tree {
    main: Pid,
    ended: Option<Ended>,
}

impl Tree {
    pub(super) fn new(main: Pid) -> Self {
        Self { main, ended: None }
    }

    /// The main process.
    pub(super) fn main(&self) -> Pid {
        self.main
    }

    /// Collects every dead child, and tells how the main process ended once it has. The only place that waits.
    pub(super) fn reap(&mut self) -> Option<&Ended> {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == self.main && self.ended.is_none() {
                self.ended = match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Some(Ended::Exited { code }),
                    (None, Some(signal)) => Some(Ended::Signalled { signal }),
                    // Stopped or continued: it lives.
                    (None, None) => None,
                };
            }
        }
        self.ended.as_ref()
    }

    /// SIGTERM to all, `grace`, SIGKILL to all, until nothing lives. Does not return before: the clone is free only
    /// then.
    pub(super) fn end(&mut self, grace: Span, bell: &Bell) {
        let deadline = clock::boot_ms().saturating_add(grace.0);
        let mut told = BTreeSet::new();
        while clock::boot_ms() < deadline {
            self.reap();
            let all = living();
            if all.as_ref().is_some_and(Vec::is_empty) {
                return;
            }
            for stat in all.iter().flatten() {
                if told.insert((stat.pid, stat.start)) {
                    tell(stat, Signal::TERM);
                    // A stopped process would not notice before its SIGKILL.
                    tell(stat, Signal::CONT);
                }
            }
            bell.wait(LOOK_MS, None);
        }
        self.kill(bell);
    }

    fn kill(&mut self, bell: &Bell) {
        let mut pause = 1;
        let mut rounds: u32 = 0;
        loop {
            self.reap();
            let all = living();
            if all.as_ref().is_some_and(Vec::is_empty) {
                return;
            }
            for stat in all.iter().flatten() {
                tell(stat, Signal::KILL);
            }
            rounds = rounds.saturating_add(1);
            if rounds.is_multiple_of(60) {
                let pids: Vec<_> = all.iter().flatten().map(|stat| stat.pid).collect();
                note(&format!("still alive after SIGKILL, waiting: {pids:?}"));
            }
            bell.wait(pause, None);
            pause = (pause * 2).min(SLOWEST_LOOK_MS);
        }
    }
}

/// Every process below the shim; zombies count until they are reaped, as their parents live. `None` when /proc cannot
/// be read: then nobody knows, and saying "none" would be a guess.
fn living() -> Option<Vec<Stat>> {
    match process::all() {
        Ok(all) => Some(process::below(&all, &BTreeSet::from([getpid().as_raw_nonzero().get()]))),
        Err(error) => {
            note(&format!("/proc cannot be read: {error}"));
            None
        }
    }
}

fn tell(stat: &Stat, signal: Signal) {
    if let Err(error) = stat.signal(signal) {
        note(&format!("process {} refused signal {}: {error}", stat.pid, signal.as_raw()));
    }
}

/// CPU time of everything below the shim, per process, in clock ticks.
pub(super) fn cpu() -> BTreeMap<(i32, u64), u64> {
    living().iter().flatten().map(|stat| ((stat.pid, stat.start), stat.cpu)).collect()
}
