//! the Store port on SQLite through diesel.
