//! Tests of the core through its public functions: one module per idea, and the driver they share.

mod support;

mod incidents;
mod scenario;
mod walk;
