//! All processes of a run: reaping them, and ending them so that nothing is left. They are what is below the shim,
//! which as a subreaper is the ancestor of every one of them, a double fork into another session included, and what is
//! in the run's group, where there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use orchd_core::mutant::{self, Mutant};
use orchd_core::time::Span;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, wait};

use super::bell::Bell;
use super::note;
use crate::clock;
use crate::containment::group::Group;
use crate::ended::Ended;
use crate::process::{self, Stat};

/// How often the tree is looked at while it is being ended.
const LOOK_MS: i64 = 25;
/// After SIGKILL a process may hang in the kernel; it is waited for, less and less often.
const SLOWEST_LOOK_MS: i64 = 1_000;
/// Passes in which everything found is stopped before all of it is killed. Each leaves fewer that can still fork.
const PASSES: u32 = 100;

/// The main process and everything else of the run.
pub(super) struct Tree<'a> {
    main: Pid,
    group: Option<&'a Group>,
    /// The main process is the sandbox's: it ends after what is in it, and with all of it if told before.
    is_wall: bool,
    ended: Option<Ended>,
    /// The kernel said at the last look that the shim has no child: then nothing is below it, as every orphan of what
    /// was there became its child.
    is_bare: bool,
}

impl<'a> Tree<'a> {
    pub(super) fn new(main: Pid, group: Option<&'a Group>, is_wall: bool) -> Self {
        Self { main, group, is_wall, ended: None, is_bare: false }
    }

    /// The main process.
    pub(super) fn main(&self) -> Pid {
        self.main
    }

    /// The group it is in.
    pub(super) fn group(&self) -> Option<&'a Group> {
        self.group
    }

    /// Collects every dead child, and tells how the main process ended once it has. The only place that waits.
    pub(super) fn reap(&mut self) -> Option<&Ended> {
        self.is_bare = loop {
            let (pid, status) = match wait(WaitOptions::NOHANG) {
                Ok(Some(reaped)) => reaped,
                Ok(None) => break false,
                Err(error) => break error == Errno::CHILD,
            };
            if pid == self.main && self.ended.is_none() {
                self.ended = match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Some(Ended::Exited { code }),
                    (None, Some(signal)) => Some(Ended::Signalled { signal }),
                    // Stopped or continued: it lives.
                    (None, None) => None,
                };
            }
        };
        self.ended.as_ref()
    }

    /// SIGTERM to all, `grace`, SIGKILL to all, until nothing lives. Does not return before: the clone is free only
    /// then.
    pub(super) fn end(&mut self, grace: Span, bell: &Bell) {
        let deadline = clock::boot_ms().saturating_add(grace.0);
        let mut told = BTreeSet::new();
        while clock::boot_ms() < deadline {
            self.reap();
            let all = self.living();
            if all.as_ref().is_some_and(Vec::is_empty) {
                return;
            }
            for stat in all.iter().flatten().filter(|stat| !self.is_wall(stat)) {
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
            if mutant::on(Mutant::Inc12) {
                let main = Stat::of(self.main.as_raw_nonzero().get());
                main.ok().flatten().iter().for_each(|main| tell(main, Signal::KILL));
                return;
            }
            if let Some(Err(error)) = self.group.map(Group::kill) {
                note(&format!("the run's cgroup could not be killed: {error}"));
            }
            self.reap();
            let all = self.living();
            if all.as_ref().is_some_and(Vec::is_empty) {
                return;
            }
            let held = hold_still().unwrap_or_else(|error| {
                note(&format!("/proc cannot be read: {error}"));
                BTreeMap::new()
            });
            for stat in held.values().chain(all.iter().flatten()) {
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

    fn is_wall(&self, stat: &Stat) -> bool {
        self.is_wall && stat.pid == self.main.as_raw_nonzero().get()
    }

    /// Every process of the run; zombies below the shim count until they are reaped, as their parents live. `None`
    /// when that cannot be known: saying "none" would be a guess.
    fn living(&self) -> Option<Vec<Stat>> {
        let told = |error: io::Error| note(&format!("the run's processes cannot be listed: {error}"));
        let mut all = if self.is_bare { Vec::new() } else { below().map_err(told).ok()? };
        if let Some(group) = self.group
            && group.is_populated().map_err(told).ok()?
        {
            let known: BTreeSet<_> = all.iter().map(|stat| stat.pid).collect();
            let inside = group.processes().map_err(told).ok()?;
            all.extend(inside.into_iter().filter(|stat| !known.contains(&stat.pid)));
        }
        Some(all)
    }

    /// The processes whose use is counted. In a group they are few to look at.
    pub(super) fn members(&self) -> Vec<Stat> {
        let found = match self.group {
            Some(group) => group.processes(),
            None if self.is_bare => return Vec::new(),
            None => below(),
        };
        found.unwrap_or_default()
    }

    /// CPU time of all of it, per process, in clock ticks.
    pub(super) fn cpu(&self) -> BTreeMap<(i32, u64), u64> {
        self.living().iter().flatten().map(|stat| ((stat.pid, stat.start), stat.cpu)).collect()
    }
}

fn own_pid() -> i32 {
    getpid().as_raw_nonzero().get()
}

fn below() -> io::Result<Vec<Stat>> {
    Ok(process::below(&process::all()?, &BTreeSet::from([own_pid()])))
}

/// Stops everything below the shim until a pass finds nothing that was not stopped before: what is stopped does not
/// fork, so that a run which forks faster than it is killed is caught too. Group by group, as one by one would lose
/// the race against a run that forks on another CPU meanwhile.
fn hold_still() -> io::Result<BTreeMap<(i32, u64), Stat>> {
    let mut held = BTreeMap::new();
    for _ in 0..PASSES {
        let before = held.len();
        let (mut all, mut members) = (Vec::new(), BTreeSet::from([own_pid()]));
        let mut groups = BTreeSet::new();
        let mut hold = |stat: &Stat| {
            if stat.is_dead() || held.insert((stat.pid, stat.start), *stat).is_some() {
                return;
            }
            tell(stat, Signal::STOP);
            if groups.insert(stat.group)
                && let Err(error) = stat.stop_group()
            {
                note(&format!("process group {} could not be stopped: {error}", stat.group));
            }
        };
        process::each(|stat| {
            // Parents mostly have lower pids: who is found on the way is stopped at once, before it forks again.
            if members.contains(&stat.parent) {
                members.insert(stat.pid);
                hold(&stat);
            }
            all.push(stat);
        })?;
        process::below(&all, &BTreeSet::from([own_pid()])).iter().for_each(hold);
        if held.len() == before {
            break;
        }
    }
    Ok(held)
}

fn tell(stat: &Stat, signal: Signal) {
    if let Err(error) = stat.signal(signal) {
        note(&format!("process {} refused signal {}: {error}", stat.pid, signal.as_raw()));
    }
}
