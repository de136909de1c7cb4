//! The git program, wrapped. Three places and no fourth (spec 5.2): the [`Mirror`] is orchd's alone and the
//! only one with credentials; the [`AgentClone`] belongs to an agent and orchd runs no git in it once one has
//! been there; a [`GateCheckout`] is detached at the judged commit. Beside them the local forge's
//! [`ForgeRepo`]. Nothing here decides what a result means for a task, and nothing reads the user's
//! git configuration.

mod access;
mod bare;
mod branches;
mod carry;
mod checkout;
mod clone;
mod command;
mod config;
mod error;
mod forge_repo;
mod intake;
mod known;
mod land;
mod mirror;
mod names;
mod patch;
mod permission;
mod process;
mod push;
mod read;
mod rebase;
mod records;
mod refs;
mod remove;
mod trial;
mod union;

pub use access::{Access, Secret, check_url};
pub use branches::{DeleteOutcome, PushOutcome, RefUpdate};
pub use checkout::GateCheckout;
pub use clone::{AgentClone, CloneSpec};
pub use command::Git;
pub use config::{GitConfig, Identity};
pub use error::GitError;
pub use forge_repo::{ForgeRepo, ImportOutcome};
pub use intake::{RunHeads, salvage_branch};
pub use land::{CloseOutcome, LandOutcome, ProbeOutcome};
pub use mirror::{MainHead, Mirror, MirrorConfig, RefSpace, Remote};
pub use read::{Ahead, Ancestry, Capped, FileStat};
pub use rebase::{RebaseOutcome, RebaseRequest, rebase};
pub use records::RecordOutcome;
pub use remove::tree as remove_tree;
pub use trial::{Trial, Tried};
pub use union::VanishedEntry;
