//! Tests of the core through its public functions: one module per idea, and the driver they share.

mod support;

mod account;
mod admission;
mod codec;
mod commands;
mod deploying;
mod documents;
mod ending;
mod gates;
mod health;
mod holds;
mod incidents;
mod judging;
mod landing;
mod leaving_hold;
mod mending;
mod numbers;
mod pipeline;
mod provider;
mod provider_model;
mod render;
mod samples;
mod scenario;
mod setting;
mod steering;
mod turns;
mod verdict;
mod walk;
