//! How the processes of a run are kept together, so that ending a run ends all of it: a cgroup v2 of its own where one
//! may be made, else what the shim does alone as a subreaper. Says which of them this host permits, and why not a
//! better one. Ending a run is the shim's; ceilings of a group are set here, what they are is the caller's.

pub(crate) mod group;
mod host;
pub(crate) mod scope;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use orchd_core::id::RunId;
use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use group::Group;

/// A process that has prepared its own group sits in this leaf of it: the kernel lets a group have either processes
/// or children with controllers.
const LEAF: &str = "orchd-self";

/// What keeps a run's processes together, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// A cgroup v2 of its own below the group orchd runs in: nothing leaves it, one write kills all of it.
    Cgroup,
    /// The same, below a scope that systemd makes for the run (`systemd-run --scope`, delegated).
    SystemdScope,
    /// The shim adopts every orphan and sweeps the tree below it. A run as the same user may kill its shim; what it
    /// then hides (no session, no environment, no parent) is out of reach.
    Subreaper,
}

/// A controller of cgroup v2 that orchd uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Controller {
    /// `memory.max`.
    Memory,
    /// `pids.max`.
    Pids,
}

impl Controller {
    const ALL: [Self; 2] = [Self::Memory, Self::Pids];

    /// As the kernel writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
        }
    }
}

/// The mechanism in use, or the one that would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Containment {
    /// Which.
    pub mechanism: Mechanism,
    /// The run's group (in `shim.json`), or the one runs would be made in (from [`probe`]); none for a subreaper.
    pub group: Option<PathBuf>,
    /// The controllers of that group; ceilings without one are kept by the shim's own sampling.
    pub controllers: Vec<Controller>,
    /// Why it is not better, for people; `None`: nothing is missing.
    pub lacking: Option<String>,
}

impl Containment {
    fn subreaper(why: impl Into<String>) -> Self {
        Self {
            mechanism: Mechanism::Subreaper,
            group: None,
            controllers: Vec::new(),
            lacking: Some(why.into()),
        }
    }
}

impl fmt::Display for Containment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.controllers.iter().map(|controller| controller.name()).collect();
        match self.mechanism {
            Mechanism::Cgroup => f.write_str("each run has its own cgroup")?,
            Mechanism::SystemdScope => f.write_str("each run has its own systemd scope and cgroup")?,
            Mechanism::Subreaper => f.write_str("each run is swept by its shim, without a cgroup")?,
        }
        if !names.is_empty() {
            write!(f, ", with the kernel's ceilings for {}", names.join(" and "))?;
        }
        match &self.lacking {
            Some(why) => write!(f, " ({why})"),
            None => Ok(()),
        }
    }
}

/// What a run started by this process would get. Tries it (makes a group and removes it), changes nothing that stays.
pub fn probe() -> Containment {
    let why = match host::own().and_then(|own| tried(&own.base())) {
        Ok(found) => return found,
        Err(why) => why,
    };
    match scope::manager() {
        Some(_) => Containment {
            mechanism: Mechanism::SystemdScope,
            group: None,
            controllers: Vec::new(),
            lacking: Some(format!("{why}; systemd is asked for a scope instead")),
        },
        None => Containment::subreaper(why),
    }
}

/// Called once by a long-lived process before it starts runs: where its own group is its alone, moves it into a leaf
/// of that group, so that the controllers can be given to the runs beside it. Then [`probe`]s.
pub fn prepare() -> Containment {
    if let Ok(own) = host::own() {
        own.hand_down_controllers();
    }
    probe()
}

/// Where a shim is, found before it knows of its run: nobody waits for it then.
pub(crate) struct Here(Result<host::Own, String>);

/// Where this process is.
pub(crate) fn here() -> Here {
    Here(host::own())
}

impl Here {
    /// A group for a run of this shim, with its ceilings, or why there is none.
    pub(crate) fn enter(self, run: RunId, limits: &Limits) -> (Containment, Option<Group>) {
        let made = self.0.and_then(|own| {
            own.hand_down_controllers();
            Group::make(&own.base(), run, limits).map(|group| (own, group))
        });
        match made {
            Ok((own, group)) => {
                let controllers = group.controllers().to_vec();
                let mechanism =
                    if own.is_scope_of(run) { Mechanism::SystemdScope } else { Mechanism::Cgroup };
                let lacking = lacking(&controllers);
                (
                    Containment { mechanism, group: Some(group.path().to_owned()), controllers, lacking },
                    Some(group),
                )
            }
            Err(why) => (Containment::subreaper(why), None),
        }
    }
}

/// The group that a shim of this process's kind would have made for `run`, if it is there.
pub(crate) fn left_by(run: RunId) -> Option<Group> {
    let base = host::own().ok()?.base();
    Group::of(&base.join(group::name(run)), run)
}

/// The record of a run whose group turned out not to take it.
pub(crate) fn refused(group: &Path) -> Containment {
    Containment::subreaper(format!("the kernel did not let the run into {}", group.display()))
}

fn tried(base: &Path) -> Result<Containment, String> {
    // Two threads may try at once.
    static TRIES: AtomicU64 = AtomicU64::new(0);
    let at = format!("orchd-probe-{}-{}", std::process::id(), TRIES.fetch_add(1, Ordering::Relaxed));
    let at = base.join(at);
    let said = |error: io::Error| format!("no cgroup can be made in {}: {error}", base.display());
    fs::create_dir(&at).map_err(said)?;
    let controllers = group::controllers(&at);
    let joins = fs::OpenOptions::new().write(true).open(at.join("cgroup.procs"));
    fs::remove_dir(&at).map_err(said)?;
    joins.map_err(said)?;
    let lacking = lacking(&controllers);
    Ok(Containment { mechanism: Mechanism::Cgroup, group: Some(base.to_owned()), controllers, lacking })
}

fn lacking(controllers: &[Controller]) -> Option<String> {
    let missing: Vec<_> =
        Controller::ALL.iter().filter(|c| !controllers.contains(c)).map(|c| c.name()).collect();
    let missing = missing.join(" and ");
    (!missing.is_empty())
        .then(|| format!("no controller for {missing} is delegated here: those ceilings are sampled"))
}

#[cfg(test)]
mod tests;
