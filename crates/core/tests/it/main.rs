//! Tests of the core through its public functions: one module per idea, and the driver they share.

mod support;

mod admission;
mod codec;
mod documents;
mod holds;
mod incidents;
mod judging;
mod numbers;
mod pipeline;
mod render;
mod samples;
mod scenario;
mod verdict;
mod walk;
