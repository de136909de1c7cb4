//! The cgroup v2 of one run: made, joined, asked what lives in it, killed as a whole, removed. Every path used here is
//! the run's own by its name, whoever wrote down the rest of it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use orchd_core::id::RunId;
use rustix::process::Signal;

use super::Controller;
use crate::clock;
use crate::ended::Ended;
use crate::limits::Limits;
use crate::process::{self, Stat};

/// Groups of an agent's own below a run's (a container engine makes some); deeper ones are killed, but not told first.
const DEPTH: u32 = 8;
/// A group is busy for a moment after its last process is gone, mostly for less than this.
const REMOVE_TRIES: u32 = 50;
const REMOVE_PAUSE_MS: i64 = 20;

/// A run's group.
#[derive(Debug)]
pub(crate) struct Group {
    dir: PathBuf,
    controllers: Vec<Controller>,
    limits: Limits,
}

/// The name of a run's group.
pub(super) fn name(run: RunId) -> String {
    format!("orchd-run-{run}")
}

/// The controllers a group has.
pub(super) fn controllers(dir: &Path) -> Vec<Controller> {
    let names = fs::read_to_string(dir.join("cgroup.controllers")).unwrap_or_default();
    let has = |c: &Controller| names.split_ascii_whitespace().any(|name| name == c.name());
    Controller::ALL.into_iter().filter(has).collect()
}

impl Group {
    /// Makes the group of `run` in `base` and gives it its ceilings.
    pub(super) fn make(base: &Path, run: RunId, limits: &Limits) -> Result<Self, String> {
        let dir = base.join(name(run));
        let said = |error: io::Error| format!("no cgroup can be made in {}: {error}", base.display());
        match fs::create_dir(&dir) {
            // A run is started once: what is there is the leaving of a shim that died before it began.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(said)?,
        }
        let mut group = Self { controllers: controllers(&dir), dir, limits: *limits };
        let kept: Vec<_> = group.controllers.iter().copied().filter(|c| group.limit(*c).is_ok()).collect();
        group.controllers = kept;
        Ok(group)
    }

    /// The group a shim wrote down, if the path can be the one of `run`: a run may write into its own directory, and
    /// what is killed by this path must be the run's.
    pub(crate) fn of(path: &Path, run: RunId) -> Option<Self> {
        let is_plain = path.is_absolute() && !path.components().any(|part| part.as_os_str() == "..");
        let is_its = path.file_name().is_some_and(|last| last == name(run).as_str());
        let is_group = path.join("cgroup.events").exists();
        (is_plain && is_its && is_group).then(|| Self {
            dir: path.to_owned(),
            controllers: controllers(path),
            limits: Limits::default(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    pub(super) fn controllers(&self) -> &[Controller] {
        &self.controllers
    }

    /// Whether the kernel keeps this ceiling.
    pub(crate) fn keeps(&self, controller: Controller) -> bool {
        self.controllers.contains(&controller)
    }

    /// Opened before the fork; a child that writes `0` to it is in the group.
    pub(crate) fn door(&self) -> io::Result<File> {
        OpenOptions::new().write(true).open(self.dir.join("cgroup.procs"))
    }

    /// Pids in it and in the groups below it, now.
    pub(crate) fn pids(&self) -> io::Result<Vec<i32>> {
        let mut pids = Vec::new();
        collect(&self.dir, DEPTH, &mut pids)?;
        Ok(pids)
    }

    /// The processes in it, now.
    pub(crate) fn processes(&self) -> io::Result<Vec<Stat>> {
        self.pids()?.into_iter().filter_map(|pid| Stat::of(pid).transpose()).collect()
    }

    /// Whether anything lives in it or below it. Not knowing is an error, never "no".
    pub(crate) fn is_populated(&self) -> io::Result<bool> {
        match fs::read_to_string(self.dir.join("cgroup.events")) {
            Ok(events) => count(&events, "populated")
                .map(|n| n > 0)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "cgroup.events tells nothing")),
            // Only an empty group can have been removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// SIGKILL to all of it, forks in flight included.
    pub(crate) fn kill(&self) -> io::Result<()> {
        match fs::write(self.dir.join("cgroup.kill"), "1") {
            // Before Linux 5.14: held still, so that nothing forks away, and killed one by one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.kill_frozen(),
            killed => killed,
        }
    }

    fn kill_frozen(&self) -> io::Result<()> {
        let freeze = |on: &str| fs::write(self.dir.join("cgroup.freeze"), on);
        freeze("1")?;
        let killed =
            self.processes().and_then(|all| all.iter().try_for_each(|process| process.signal(Signal::KILL)));
        freeze("0")?;
        killed
    }

    /// The ceiling that the kernel ran into, if it did.
    pub(crate) fn broke(&self) -> Option<Ended> {
        let events = |file: &str| fs::read_to_string(self.dir.join(file)).unwrap_or_default();
        if let Some(ceiling) = self.limits.memory.filter(|_| self.keeps(Controller::Memory)) {
            let memory = events("memory.events");
            // A kill alone may be for want of memory on the whole host.
            if count(&memory, "oom") > Some(0) && count(&memory, "oom_kill") > Some(0) {
                return Some(Ended::MemoryCeiling { ceiling });
            }
        }
        let ceiling = self.limits.processes.filter(|_| self.keeps(Controller::Pids))?;
        (count(&events("pids.events"), "max") > Some(0)).then_some(Ended::ProcessCeiling { ceiling })
    }

    /// Removes the empty group and those below it. Blocks for up to a second.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let (mut tries, mut pause) = (0, 1);
        loop {
            tries += 1;
            match remove_below(&self.dir, DEPTH) {
                Err(error) if tries == REMOVE_TRIES => return Err(error),
                Err(_) => {
                    clock::pause(pause);
                    pause = (pause * 2).min(REMOVE_PAUSE_MS);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    fn limit(&self, controller: Controller) -> io::Result<()> {
        let set = |file: &str, value: String| fs::write(self.dir.join(file), value);
        match controller {
            Controller::Memory => {
                let Some(bytes) = self.limits.memory else { return Ok(()) };
                set("memory.max", bytes.to_string())?;
                // One of several processes killed makes a run that goes on and is not what was asked for.
                set("memory.oom.group", "1".to_owned())?;
                // Absent where the kernel counts no swap.
                set("memory.swap.max", "0".to_owned()).or_else(|error| match error.kind() {
                    io::ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                })
            }
            Controller::Pids => match self.limits.processes {
                Some(tasks) => set("pids.max", tasks.to_string()),
                None => Ok(()),
            },
        }
    }
}

/// The number behind a key in a flat keyed file.
fn count(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

fn collect(dir: &Path, depth: u32, pids: &mut Vec<i32>) -> io::Result<()> {
    let procs = match fs::read_to_string(dir.join("cgroup.procs")) {
        Ok(procs) => procs,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    // 0 stands for a process of another pid namespace.
    pids.extend(procs.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|&pid| pid > 0));
    for below in children(dir, depth)? {
        collect(&below, depth - 1, pids)?;
    }
    Ok(())
}

fn remove_below(dir: &Path, depth: u32) -> io::Result<()> {
    for below in children(dir, depth)? {
        remove_below(&below, depth - 1)?;
    }
    match fs::remove_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn children(dir: &Path, depth: u32) -> io::Result<Vec<PathBuf>> {
    if depth == 0 {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in process::unless_gone(fs::read_dir(dir))?.into_iter().flatten() {
        let Some(entry) = process::unless_gone(entry)? else { continue };
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
