//! test support: memory store, store contract, simulation world.
