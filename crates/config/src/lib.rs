//! `orchd.toml`: what an operator decides, read into the typed policy of the core. Every mistake is told with its line,
//! column and key, what is wrong and what to write instead; every key can be explained. Nothing here opens a file, knows
//! what a setting does to the pipeline, or starts anything.
//!
//! Map: `file` is the file's shape, the only list of keys, with `remote` for a remote and its secrets; `units` are the values
//! people write (`"90m"`, `"16 GiB"`); `read` turns text and environment (`overrides`) into a [`Document`]; `keys` walks the
//! shape; `check` is what a shape alone cannot say, and makes the policy; `problem` is how a mistake is told.

mod check;
mod explain;
mod file;
mod keys;
mod overrides;
mod problem;
mod read;
mod remote;
mod units;

pub use check::{Config, Project};
pub use explain::{Explained, Origin, UnknownKey};
pub use problem::{Place, Problem, Problems, Refused};
pub use read::{Document, read};
pub use remote::{Login, OwnRefs, Remote, Secret};

/// The JSON schema of the file, for editors.
pub fn schema() -> serde_json::Value {
    keys::schema().clone()
}
