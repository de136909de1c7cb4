//! What the tests share: small builders, the scripted world that answers jobs, and the driver that feeds
//! facts and commands through `record`, `accept`, `decide`, `enact` and `evolve` as the engine does.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod driver;
pub(crate) mod world;

use proptest::test_runner::{Config, RngSeed};

/// Properties run with a fixed seed, so that the same commit always runs the same cases. `PROPTEST_CASES` and
/// `PROPTEST_RNG_SEED` in the environment choose more, or others.
pub(crate) fn config() -> Config {
    let default = Config::default();
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(4711),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    Config { rng_seed, failure_persistence: None, ..default }
}
