//! The store on a real file: what survives a kill, who may open it, what its schema refuses, and how its
//! writers share an fsync.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

mod belonging;
mod fixture;
mod grouping;
mod opening;
mod refusing;
mod surviving;
