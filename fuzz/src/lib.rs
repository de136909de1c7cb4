//! Fuzzing on the stable compiler: targets that read foreign bytes, inputs mutated from a corpus in this folder, and
//! three demands on every input: no panic, no more memory and no more time than in proportion to its length.
//! Nothing here is shipped.

pub mod corpus;
pub mod demand;
pub mod mutate;
pub mod target;

pub use target::{TARGETS, Target};
