//! The built-in board and forge (spec 4.6): the ports `Tracker` and `Forge` over rows of orchd's own store and a bare
//! repository in orchd's data, or a remote that may be pushed to. What people use, not a test double. Rows come in through the port
//! `Board`; git through `orchd_git`. No landing here: that is a job with an effect.

mod adopt;
mod forge;
mod tracker;

pub use adopt::{AdoptError, Adopted, adopt, main_of, open};
pub use forge::{GitForge, GitRepo};
pub use tracker::LocalTracker;
