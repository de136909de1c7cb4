//! Test support: the in-memory store, which is the executable specification of the store, and the contract
//! suite that every store passes. Nothing here is part of a shipped program.

pub mod clock;
pub mod contract;
pub mod exec;
pub mod memory;
pub mod outside;
pub mod rng;
pub mod world;

pub use clock::{CountingIds, ManualClock};
pub use exec::{block_on, join_all, yield_once};
pub use memory::MemoryStore;
pub use outside::{NoSurfaces, Space};
pub use rng::Rng;
