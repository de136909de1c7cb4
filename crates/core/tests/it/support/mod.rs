//! What the tests share: small builders, the scripted world that answers jobs, and the driver that feeds
//! facts and commands through `record`, `accept`, `decide`, `enact` and `evolve` as the engine does.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod driver;
pub(crate) mod world;
