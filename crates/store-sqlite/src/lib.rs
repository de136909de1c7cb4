//! The ports `Store` and `Board` on SQLite through diesel: one process owns the file, one thread writes it,
//! several commits share one fsync, and an answer is given only after the shared COMMIT. Row types and SQL
//! stay in here; what a row means is core's. The rules the schema enforces by itself are in
//! `migrations/sqlite`.

mod fail;
mod failpoint;
mod frame;
mod group;
mod instance;
mod link;
mod lock;
mod oneshot;
mod open;
mod port_board;
mod port_store;
mod query;
mod schema;
mod statement;
mod store;
mod text;

pub use open::{MIGRATIONS, OpenError};
pub use store::{SqliteStore, Written};
