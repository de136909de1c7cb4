//! The ceilings that no controller keeps: the run's memory and processes sampled from `/proc`, the growth of its
//! directories measured by walks that cost at most a few percent of a CPU. Says which one a run broke.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use super::note;
use super::priority;
use super::tree::Tree;
use crate::clock;
use crate::containment::Controller;
use crate::containment::group::Group;
use crate::ended::Ended;
use crate::limits::Limits;
use crate::run_dir::RunDir;
use crate::spec::RunSpec;
use crate::untouched::Untouched;

/// Memory and processes are sampled this often.
const SAMPLE_MS: i64 = 500;
/// The directories are walked not more often than this, ...
const WALK_MS: i64 = 5_000;
/// ... and not more often than lets a walk take one part in so many of the time.
const WALK_SHARE: i64 = 30;
/// More files than this in a run's directories are not counted. Where they are the run's own, the ceiling is kept for
/// those that were; where they were there before it, its growth cannot be told.
const WALK_FILES: usize = 300_000;

pub(super) struct Ceilings {
    limits: Limits,
    sampled: Option<i64>,
    disk: Option<Disk>,
}

impl Ceilings {
    /// Before the run starts: what is on the disk now is not its own.
    pub(super) fn new(spec: &RunSpec, dir: &RunDir) -> Self {
        let mut roots = vec![dir.path().to_owned(), spec.cwd.clone()];
        roots.extend(spec.leftovers.as_ref().map(|wanted| wanted.clone.clone()));
        let clone = spec.leftovers.as_ref().zip(spec.untouched.as_ref());
        let measured = clone.and_then(|(wanted, mark)| Measured::of(&wanted.clone, mark));
        let disk = spec.limits.disk.map(|ceiling| Disk::new(ceiling, outermost(roots), measured));
        Self { limits: spec.limits, sampled: None, disk }
    }

    /// The ceiling that is broken now, if any is. `now` in milliseconds since boot.
    pub(super) fn broken(&mut self, tree: &Tree<'_>, now: i64) -> Option<Ended> {
        if let Some(ended) = tree.group().and_then(Group::broke) {
            return Some(ended);
        }
        if self.sampled.is_none_or(|sampled| now - sampled >= SAMPLE_MS) {
            self.sampled = Some(now);
            if let Some(ended) = self.sample(tree) {
                return Some(ended);
            }
        }
        self.disk.as_mut().and_then(|disk| disk.broken(now))
    }

    /// The ceiling of memory or processes that is broken when the main process has ended and others have not.
    pub(super) fn broken_at_last(&self, tree: &Tree<'_>) -> Option<Ended> {
        tree.group().and_then(Group::broke).or_else(|| self.sample(tree))
    }

    fn sample(&self, tree: &Tree<'_>) -> Option<Ended> {
        let sampled = |controller| !tree.group().is_some_and(|group| group.keeps(controller));
        let memory = self.limits.memory.filter(|_| sampled(Controller::Memory));
        let processes = self.limits.processes.filter(|_| sampled(Controller::Pids));
        if memory.is_none() && processes.is_none() {
            return None;
        }
        let members = tree.members();
        let tasks: u64 = members.iter().map(|stat| stat.threads).sum();
        if let Some(ceiling) = processes.filter(|&ceiling| tasks > u64::from(ceiling)) {
            return Some(Ended::ProcessCeiling { ceiling });
        }
        let ceiling = memory?;
        let used: u64 = members.iter().map(|stat| stat.memory()).sum();
        (used > ceiling).then_some(Ended::MemoryCeiling { ceiling })
    }
}

/// Without those that lie in another.
fn outermost(roots: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut kept: Vec<PathBuf> = Vec::new();
    let mut roots: Vec<_> = roots.iter().map(|root| fs::canonicalize(root).unwrap_or(root.clone())).collect();
    roots.sort();
    for root in roots {
        if !kept.iter().any(|outer| root.starts_with(outer)) {
            kept.push(root);
        }
    }
    kept
}

/// A clone that was walked before the run was asked for, and not touched since: a second walk would tell the same, while
/// the run waits for it.
struct Measured {
    clone: PathBuf,
    /// Bytes allocated to all of it but the content of its caches.
    bytes: u64,
    caches: Vec<PathBuf>,
}

impl Measured {
    fn of(clone: &Path, mark: &Untouched) -> Option<Self> {
        let clone = fs::canonicalize(clone).ok()?;
        // Not through a link: what it leads to is not the clone's.
        let is_its_own = |cache: &PathBuf| fs::canonicalize(cache).is_ok_and(|real| real == *cache);
        let caches = mark.caches.iter().map(|cache| clone.join(cache)).filter(is_its_own).collect();
        Some(Self { bytes: mark.bytes?, caches: outermost(caches), clone })
    }
}

struct Disk {
    ceiling: u64,
    roots: Vec<PathBuf>,
    /// Bytes before the run; `None` where there were too many files to count: then growth cannot be told.
    before: Option<u64>,
    next: i64,
    /// Free bytes of the file systems at the last walk.
    free: u64,
}

/// Bytes allocated below the roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    All(u64),
    /// There were more files: it is at least this.
    AtLeast(u64),
}

impl Disk {
    fn new(ceiling: u64, roots: Vec<PathBuf>, measured: Option<Measured>) -> Self {
        let mut disk = Self { ceiling, roots, before: None, next: 0, free: 0 };
        let (mut unknown, mut known) = (disk.roots.clone(), 0);
        if let Some(measured) = measured
            && let Some(at) = unknown.iter().position(|root| *root == measured.clone)
        {
            unknown.swap_remove(at);
            unknown.extend(measured.caches);
            known = measured.bytes;
        }
        disk.before = match disk.walk(unknown, clock::boot_ms()) {
            Counted::All(bytes) => Some(bytes.saturating_add(known)),
            Counted::AtLeast(_) => {
                note(&format!(
                    "there are more than {WALK_FILES} files before the run: its disk ceiling is not kept"
                ));
                None
            }
        };
        disk
    }

    fn broken(&mut self, now: i64) -> Option<Ended> {
        let before = self.before?;
        // Much less free space than before may be the run's doing: then the next walk is due now.
        let is_urgent = self.free.saturating_sub(self.free()) > self.ceiling / 2;
        if now < self.next && !is_urgent {
            return None;
        }
        // What a walk that was cut did count is there in any case.
        let (Counted::All(bytes) | Counted::AtLeast(bytes)) =
            priority::ordinarily(|| self.walk(self.roots.clone(), now));
        (bytes.saturating_sub(before) > self.ceiling).then_some(Ended::DiskCeiling { ceiling: self.ceiling })
    }

    fn walk(&mut self, roots: Vec<PathBuf>, now: i64) -> Counted {
        self.free = self.free();
        let counted = count(roots, WALK_FILES);
        let took = clock::boot_ms() - now;
        self.next = now.saturating_add(took.saturating_mul(WALK_SHARE).max(WALK_MS));
        counted
    }

    fn free(&self) -> u64 {
        let of = |root: &PathBuf| statvfs(root).map_or(0, |fs| fs.f_bavail.saturating_mul(fs.f_frsize));
        self.roots.iter().map(of).min().unwrap_or(0)
    }
}

fn count(mut queue: Vec<PathBuf>, most: usize) -> Counted {
    let (mut bytes, mut files) = (0_u64, 0);
    while let Some(dir) = queue.pop() {
        // What disappears meanwhile takes no space.
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if files == most {
                return Counted::AtLeast(bytes);
            }
            files += 1;
            bytes = bytes.saturating_add(meta.blocks().saturating_mul(512));
            if meta.is_dir() {
                queue.push(entry.path());
            }
        }
    }
    Counted::All(bytes)
}

#[cfg(test)]
mod tests;
