//! drives the engine with tokio; wire.rs is the composition root.
