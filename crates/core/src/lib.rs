//! orchd's pure core: facts in, one decision, effects out. Values in, values out: no I/O, no clock, no
//! randomness, no logging, no runtime. Adapters, stores and the engine depend on it; it depends on none of them.

pub mod id;
pub mod mutant;
pub mod stage;
pub mod time;
