//! Processes: every program orchd runs (agents, test suites) runs under a small shim that owns its session, its
//! deadline, its output files and its result file, and that lives on when orchd does not.
//!
//! Map: `spec` and `result` are the two files a run is made of, `run_dir` their folder; `shim` is the hidden child;
//! `launcher` starts, finds again and stops it, by an `order`; `containment`, `limits` and `sandbox` are what holds it; `untouched` tells whether anybody wrote into a clone; `profile` and `dialect` know how agent programs are started and
//! read; `suite` and `summary` run and read a project's tests. No stage, gate or store is known here.

pub mod containment;
pub mod dialect;
pub mod ended;
pub mod env;
pub mod launcher;
pub mod limits;
pub mod log;
pub mod lost;
pub mod process;
pub mod profile;
pub mod result;
pub mod run_dir;
pub mod sandbox;
pub mod shim;
pub mod spec;
pub mod suite;
pub mod summary;
pub mod untouched;

mod clock;
mod order;

pub use containment::{Containment, Mechanism};
pub use ended::{Ended, ExitClass};
pub use launcher::{Found, LaunchError, Launcher, RunningRun, Waited};
pub use limits::Limits;
pub use log::Keep;
pub use result::{LeftoverOutcome, ResultError, RunResult};
pub use run_dir::RunDir;
pub use sandbox::{Sandbox, SandboxMode, SandboxUse, SharedFile};
pub use shim::shim_main;
pub use spec::{CommitOn, Leftovers, RunSpec};
pub use untouched::Untouched;
