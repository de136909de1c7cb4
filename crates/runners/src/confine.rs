//! What a run may use of its host and see of it, by the project's policy: the same for an agent and for the tests of
//! what it wrote. Values in, values out; the launcher does it.

use std::path::PathBuf;

use orchd_core::policy::{Confinement, Policy, SandboxWish};
use orchd_git::Mirror;
use orchd_launcher::limits::Limits;
use orchd_launcher::sandbox::{Sandbox, SandboxMode};

use crate::workshop::Workshop;

/// Ceilings of one run.
pub(crate) fn limits(policy: &Policy) -> Limits {
    let Confinement { memory, processes, disk, .. } = &policy.confinement;
    Limits { memory: *memory, processes: *processes, disk: *disk }
}

/// Of orchd, below a folder that everybody reads.
const SETTINGS: &str = "/etc/orchd";

/// The sandbox of one run, where the policy wants one. `write` is what its program keeps its state in.
pub(crate) fn sandbox(
    policy: &Policy,
    shop: &Workshop,
    mirror: &Mirror,
    write: Vec<PathBuf>,
) -> Option<Sandbox> {
    let Confinement { sandbox, network, read, .. } = &policy.confinement;
    let mode = match sandbox {
        SandboxWish::Off => return None,
        SandboxWish::Prefer => SandboxMode::Prefer,
        SandboxWish::Require => SandboxMode::Require,
    };
    // A clone borrows the mirror's objects; nothing else of the mirror is anybody's business.
    let mut readable = vec![mirror.dir().join("objects"), shop.submit().to_owned()];
    readable.extend(read.iter().map(PathBuf::from));
    // The store, other tasks' clones and runs: what of them a run needs lies further in, and is named above.
    let hide = vec![shop.data().to_owned(), PathBuf::from(SETTINGS)];
    Some(Sandbox { mode, network: *network, write, read: readable, hide })
}
