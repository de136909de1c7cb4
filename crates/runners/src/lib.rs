//! deterministic job executors.
