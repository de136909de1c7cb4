//! What one run may use of its host (B-7). Numbers only: the cgroup keeps those it has a controller for, the shim
//! samples the others (`shim::ceiling`), and a run that breaks one ends by that name.

use serde::{Deserialize, Serialize};

/// Ceilings of one run; `None`: no ceiling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory of all its processes. In a cgroup with the controller the kernel counts (page cache that can
    /// be dropped is no reason to end); else it is the sum of what each process has for itself alone (resident less
    /// shared), so that memory shared through `/dev/shm` escapes.
    #[serde(default)]
    pub memory: Option<u64>,
    /// Processes and their threads together, as the kernel counts them.
    #[serde(default)]
    pub processes: Option<u32>,
    /// Bytes by which the run's working directory and its own directory may grow together, as allocated on disk. What
    /// it writes elsewhere (a `/tmp` of the host) is not seen.
    #[serde(default)]
    pub disk: Option<u64>,
}
