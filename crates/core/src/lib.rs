//! orchd's pure core: facts in, one decision, effects out. Values in, values out: no I/O, no clock, no
//! randomness, no logging, no runtime. Adapters, stores and the engine depend on it; it depends on none of them.

pub mod account;
pub mod admission;
pub mod answered;
pub mod audit;
pub mod budget;
pub mod command;
pub mod decide;
pub mod docs;
pub mod effect;
pub mod enact;
pub mod event;
pub mod evolve;
pub mod fact;
pub mod gate;
pub mod hold;
pub mod id;
pub mod job;
pub mod lease;
pub mod mutant;
pub mod pipeline;
pub mod policy;
pub mod port;
pub mod provider;
pub mod reason;
pub mod record;
pub mod render;
pub mod repo;
pub mod setting;
pub mod stage;
pub mod task;
pub mod time;
pub mod turn;
pub mod verdict;
pub mod view;
