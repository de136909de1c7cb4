//! orchd-git against the real git program and real repositories in temporary directories.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how they fail")]

mod branches;
mod clones;
mod environment;
mod fixture;
mod forge;
mod hostile;
mod landing;
mod reading;
mod rebasing;
