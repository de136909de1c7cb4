//! The ports: what the engine needs from the world, one trait per file with its contract. Object-safe, async
//! signatures, small; outcomes are enums named in the domain, never booleans.

pub mod alert;
pub mod board;
pub mod clock;
pub mod executor;
pub mod forge;
pub mod host;
pub mod store;
pub mod tracker;
