//! A run whose shim died without a result: what is left of it is found and killed, so that its clone may be entered
//! again. It is found by its group where it had one, by the mark in its environment and by its session, closed over
//! parents; a process that shed all three is out of reach without a cgroup.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use orchd_core::id::RunId;
use orchd_core::time::Span;
use rustix::process::Signal;

use crate::clock;
use crate::containment::{self, group::Group};
use crate::process::{self, Stat, boot_id};
use crate::result::ResultError;
use crate::run_dir::RunDir;
use crate::spec::RunSpec;

/// How long killed processes may take to go before they are reported as survivors.
const PATIENCE: Span = Span::secs(10);

/// A run that will never have a result.
#[derive(Debug)]
pub struct Lost {
    /// Why its directory has none.
    pub why: ResultError,
    /// How many of its processes were killed.
    pub killed: usize,
    /// Pids that outlived SIGKILL, or could not be looked for; while there are any, its clone is not free.
    pub survivors: Survivors,
}

/// What of a lost run still lives.
#[derive(Debug)]
pub enum Survivors {
    /// Nothing that could be found.
    None,
    /// These pids, now.
    Alive(Vec<i32>),
    /// The processes of this host could not be listed.
    Unknown(io::Error),
}

/// Kills what is left and says what became of it. Blocks for up to ten seconds.
pub(crate) fn declare(dir: &RunDir, run: RunId, why: ResultError) -> Lost {
    let mut killed = BTreeSet::new();
    let deadline = clock::boot_ms().saturating_add(PATIENCE.0);
    let groups = groups(dir, run);
    loop {
        let found = match leavings(dir, run, &groups) {
            Ok(found) => found,
            Err(error) => return Lost { why, killed: killed.len(), survivors: Survivors::Unknown(error) },
        };
        if found.is_empty() {
            // One that cannot be removed is empty all the same, and in nobody's way.
            groups.iter().for_each(|group| drop(group.remove()));
            return Lost { why, killed: killed.len(), survivors: Survivors::None };
        }
        if clock::boot_ms() >= deadline {
            let pids = found.iter().map(|stat| stat.pid).collect();
            return Lost { why, killed: killed.len(), survivors: Survivors::Alive(pids) };
        }
        if let Err(error) = groups.iter().try_for_each(Group::kill) {
            return Lost { why, killed: killed.len(), survivors: Survivors::Unknown(error) };
        }
        for stat in &found {
            // One that refuses is seen again, and reported in the end.
            if stat.signal(Signal::KILL).is_ok() {
                killed.insert((stat.pid, stat.start));
            }
        }
        clock::pause(20);
    }
}

/// The run's groups that are still there: the one its shim wrote down, and the one it would have been given. What was
/// written lies where the run could change it: see [`Group::of`], and why it is not trusted to be all.
fn groups(dir: &RunDir, run: RunId) -> Vec<Group> {
    let written = dir.identity().ok().flatten().and_then(|identity| identity.containment?.group);
    let mut groups: Vec<Group> = written.and_then(|path| Group::of(&path, run)).into_iter().collect();
    if let Some(left) = containment::left_by(run)
        && groups.iter().all(|known| known.path() != left.path())
    {
        groups.push(left);
    }
    groups
}

/// Living processes of a run whose shim is gone.
fn leavings(dir: &RunDir, run: RunId, groups: &[Group]) -> io::Result<Vec<Stat>> {
    let mut inside = Vec::new();
    for group in groups {
        inside.extend(group.processes()?);
    }
    // Of an earlier boot nothing is left, and its session numbers mean nothing.
    let identity = dir.identity().ok().flatten();
    if let Some(identity) = &identity
        && boot_id()? != identity.shim.boot
    {
        return Ok(inside);
    }
    // A session's number is free again once its last member is gone: then it may be a stranger's.
    let mut sessions = Vec::new();
    for leader in identity.iter().flat_map(|it| it.child.iter().chain([&it.shim])) {
        if Stat::of(leader.pid)?.is_none_or(|now| now.start == leader.start) {
            sessions.push(leader);
        }
    }
    let all = process::all()?;
    let own = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let mark = format!("{}={run}", RunSpec::MARK);
    let in_session =
        |stat: &Stat| sessions.iter().any(|leader| stat.session == leader.pid && stat.start >= leader.start);
    let mut roots = BTreeSet::new();
    for stat in all.iter().filter(|stat| stat.pid != own) {
        if in_session(stat) || is_marked(stat.pid, mark.as_bytes())? {
            roots.insert(stat.pid);
        }
    }
    let below = process::below(&all, &roots);
    let own_or_dead = |stat: &Stat| stat.pid == own || stat.is_dead();
    let found: BTreeMap<i32, Stat> = all
        .iter()
        .filter(|stat| roots.contains(&stat.pid))
        .chain(&below)
        .chain(&inside)
        .filter(|stat| !own_or_dead(stat))
        .map(|stat| (stat.pid, *stat))
        .collect();
    Ok(found.into_values().collect())
}

/// Whether the process was started with the mark. Another user's cannot be read and is not ours.
fn is_marked(pid: i32, mark: &[u8]) -> io::Result<bool> {
    match process::unless_gone(fs::read(format!("/proc/{pid}/environ"))) {
        Ok(environ) => Ok(environ.is_some_and(|text| text.split(|&b| b == 0).any(|var| var == mark))),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(error),
    }
}
