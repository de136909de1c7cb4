//! The only sources of time and identity.

use uuid::Uuid;

use crate::time::Timestamp;

/// The wall clock.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Identities: never the same twice, over all processes.
pub trait Ids: Send + Sync {
    /// The next one.
    fn next(&self) -> Uuid;
}
