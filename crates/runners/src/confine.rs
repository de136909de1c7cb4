//! What a run may use of its host and see of it, by the project's policy: the same for an agent and for the tests of
//! what it wrote. Values in, values out; the launcher does it.

use std::path::PathBuf;

use orchd_core::policy::{Confinement, Policy, SandboxWish};
use orchd_git::Mirror;
use orchd_launcher::limits::Limits;
use orchd_launcher::sandbox::{self, Sandbox, SandboxMode, SharedFile};

use crate::workshop::Workshop;

/// Ceilings of one run.
pub(crate) fn limits(policy: &Policy) -> Limits {
    let Confinement { memory, processes, disk, .. } = &policy.confinement;
    Limits { memory: *memory, processes: *processes, disk: *disk }
}

/// Of orchd, below a folder that everybody reads.
const SETTINGS: &str = "/etc/orchd";

/// Whether a run will be in a sandbox.
pub(crate) fn is_walled(policy: &Policy) -> bool {
    match policy.confinement.sandbox {
        SandboxWish::Off => false,
        SandboxWish::Prefer => sandbox::probe().is_ok(),
        // Without one it does not start.
        SandboxWish::Require => true,
    }
}

/// What a run's program may see and write of its own.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// Directories it writes.
    pub(crate) write: Vec<PathBuf>,
    /// Files of the user's that it writes.
    pub(crate) shared: Vec<SharedFile>,
    /// Files of the user's that it reads.
    pub(crate) read: Vec<PathBuf>,
}

/// The sandbox of one run, where the policy wants one.
pub(crate) fn sandbox(policy: &Policy, shop: &Workshop, mirror: &Mirror, own: Own) -> Option<Sandbox> {
    let Confinement { sandbox, network, read, .. } = &policy.confinement;
    let mode = match sandbox {
        SandboxWish::Off => return None,
        SandboxWish::Prefer => SandboxMode::Prefer,
        SandboxWish::Require => SandboxMode::Require,
    };
    // A clone borrows the mirror's objects; nothing else of the mirror is anybody's business.
    let mut readable = vec![mirror.dir().join("objects"), shop.submit().to_owned()];
    readable.extend(own.read);
    readable.extend(read.iter().map(PathBuf::from));
    // The store, other tasks' clones and runs: what of them a run needs lies further in, and is named above.
    let hide = vec![shop.data().to_owned(), PathBuf::from(SETTINGS)];
    Some(Sandbox { mode, network: *network, write: own.write, shared: own.shared, read: readable, hide })
}
