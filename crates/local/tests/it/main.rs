//! The built-in tracker and forge over real git and a board in memory.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how they fail")]

mod board;
mod fixture;
mod forge;
