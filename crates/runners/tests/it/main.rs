//! The executors with real git, a real local forge, real processes under the real shim, and scripted agents.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how they fail")]

mod accounts;
mod agents;
mod bad_agents;
mod broken;
mod cleaning;
mod ends;
mod forms;
mod landing;
mod mains;
mod outlived;
mod programs;
mod pruning;
mod sandboxed;
mod states;
mod suites;
mod world;
