//! The statements, one file per table or concern. Each takes the connection inside a transaction that its
//! caller opened; JSON is written and read by the caller's thread, outside of it.

pub(crate) mod board;
pub(crate) mod claim;
pub(crate) mod commit;
pub(crate) mod create;
pub(crate) mod dependency;
pub(crate) mod due;
pub(crate) mod effect;
pub(crate) mod event;
pub(crate) mod input;
pub(crate) mod inventory;
pub(crate) mod job;
pub(crate) mod lease;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod projection;
pub(crate) mod provider;
pub(crate) mod repo;
pub(crate) mod setting;
pub(crate) mod wake;
