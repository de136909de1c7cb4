//! Where this process sits in cgroup v2: the mount from `/proc/self/mountinfo` (unified or beside v1), the path from
//! `/proc/self/cgroup`. Also hands the controllers of its own group down to the groups below. No run is known here.

use std::fs;
use std::path::{Component, Path, PathBuf};

use orchd_core::id::RunId;

use super::{Controller, LEAF, group, scope};

/// The group this process is in.
pub(super) struct Own {
    dir: PathBuf,
    /// It is the root of the whole hierarchy, which may have both processes and children.
    is_root: bool,
}

/// The own group, or why there is none to be seen.
pub(super) fn own() -> Result<Own, String> {
    let read =
        |path: &str| fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"));
    let path = path_of(&read("/proc/self/cgroup")?)
        .ok_or("this kernel has no cgroup v2 (no line 0:: in /proc/self/cgroup)")?;
    let mount = mount_of(&read("/proc/self/mountinfo")?)
        .ok_or("no cgroup v2 is mounted; mount cgroup2 on /sys/fs/cgroup")?;
    let dir = mount.dir_of(&path).ok_or_else(|| {
        format!(
            "its own cgroup {} lies outside of what is mounted on {}",
            path.display(),
            mount.point.display()
        )
    })?;
    if !dir.join("cgroup.procs").exists() {
        return Err(format!("its own cgroup {} cannot be seen", dir.display()));
    }
    Ok(Own::at(dir))
}

impl Own {
    pub(super) fn at(dir: PathBuf) -> Self {
        // Only the root of the hierarchy has no file of this name.
        let is_root = !dir.join("cgroup.type").exists();
        Self { dir, is_root }
    }

    /// The group that runs are made in: the own one, or the one around the own leaf.
    pub(super) fn base(&self) -> PathBuf {
        match (self.dir.file_name(), self.dir.parent()) {
            (Some(name), Some(parent)) if name == LEAF => parent.to_owned(),
            _ => self.dir.clone(),
        }
    }

    /// Whether systemd made it for this run.
    pub(super) fn is_scope_of(&self, run: RunId) -> bool {
        self.base().file_name().is_some_and(|name| name.to_str() == Some(&scope::unit(run)))
    }

    /// Best effort: what could not be handed down is seen by whoever looks at the controllers of a new group.
    pub(super) fn hand_down_controllers(&self) {
        let base = self.base();
        let offered = group::controllers(&base);
        let wanted: Vec<_> = offered.into_iter().filter(|c| !is_handed_down(&base, *c)).collect();
        if wanted.is_empty() {
            return;
        }
        if self.is_root || self.dir != base {
            hand_down(&base, &wanted);
        } else if self.is_alone() {
            self.step_aside(&base, &wanted);
        }
    }

    /// Into the leaf; back again where that did not help.
    fn step_aside(&self, base: &Path, wanted: &[Controller]) {
        let leaf = base.join(LEAF);
        let me = std::process::id().to_string();
        // A leaf that is there already is as good.
        let _ = fs::create_dir(&leaf);
        if fs::write(leaf.join("cgroup.procs"), &me).is_ok() && !hand_down(base, wanted) {
            // Where the way back is barred the leaf is as good a place, and is seen as one.
            let _ = fs::write(base.join("cgroup.procs"), &me);
        }
        // Refused while anything is in it, which is what is wanted.
        let _ = fs::remove_dir(&leaf);
    }

    fn is_alone(&self) -> bool {
        fs::read_to_string(self.dir.join("cgroup.procs"))
            .is_ok_and(|procs| procs.trim() == std::process::id().to_string())
    }
}

fn is_handed_down(base: &Path, controller: Controller) -> bool {
    fs::read_to_string(base.join("cgroup.subtree_control"))
        .is_ok_and(|names| names.split_ascii_whitespace().any(|name| name == controller.name()))
}

/// One by one: one that is refused must not keep the others.
fn hand_down(base: &Path, wanted: &[Controller]) -> bool {
    let give = |c: &Controller| fs::write(base.join("cgroup.subtree_control"), format!("+{}", c.name()));
    wanted.iter().filter(|controller| give(controller).is_ok()).count() > 0
}

/// A mount of cgroup2: which part of the hierarchy it shows, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    root: PathBuf,
    point: PathBuf,
}

impl Mount {
    /// Where the group `path` is found, if this mount shows it.
    pub(super) fn dir_of(&self, path: &Path) -> Option<PathBuf> {
        let below = path.strip_prefix(&self.root).ok()?;
        // The kernel writes `/..` for what lies outside of the process's namespace.
        below.components().all(|part| matches!(part, Component::Normal(_))).then(|| self.point.join(below))
    }
}

/// The path of cgroup v2 in the text of `/proc/self/cgroup`.
pub(super) fn path_of(cgroup: &str) -> Option<PathBuf> {
    cgroup.lines().find_map(|line| line.strip_prefix("0::")).map(PathBuf::from)
}

/// The first mount of cgroup2 in the text of a mountinfo: fields before ` - ` are id, parent, device, root and mount
/// point, the first one after it is the type.
pub(super) fn mount_of(mountinfo: &str) -> Option<Mount> {
    mountinfo.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        if after.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = before.split(' ').skip(3);
        Some(Mount { root: unescaped(fields.next()?), point: unescaped(fields.next()?) })
    })
}

/// Blanks and backslashes of a path are written as three octal digits there.
fn unescaped(field: &str) -> PathBuf {
    let mut parts = field.split('\\');
    let mut path = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                path.push(char::from(code));
                path.push_str(&part[3..]);
            }
            None => path.push_str(part),
        }
    }
    PathBuf::from(path)
}
