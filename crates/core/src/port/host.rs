//! The host as the engine asks for it: whether it can carry one more run. What is measured, and how much is to stay
//! free, is the implementation's.

/// Whether there is room for another run. Outcome enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Room {
    /// There is.
    Enough,
    /// Nothing new is to be started; what runs goes on, and what frees space may start.
    Short {
        /// What is short, for a person: how much there is, how much is kept free, and what to do.
        why: String,
    },
}

/// The host.
pub trait Host: Send + Sync {
    /// Asked before each claim: cheap, never blocks for long.
    fn room(&self) -> Room;
}
