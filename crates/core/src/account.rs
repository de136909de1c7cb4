//! What a run used, as its program told it: money, tokens, models, and the session that may be gone on with. It is put
//! down whatever the run's end was; whether the run counts is not said here.

use serde::{Deserialize, Serialize};

use crate::policy::Money;

/// What a run used until its end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// Its cost, as reported.
    pub cost: Money,
    /// The cost is not reported but what the policy expects of a launch: the program tells it last, and was ended
    /// before.
    #[serde(default)]
    pub assumed: bool,
    /// Reported tokens, input and output.
    pub tokens: (u64, u64),
    /// What was used of each model, where the program says so; empty otherwise.
    #[serde(default)]
    pub usage: Vec<ModelUsage>,
    /// The program's own session, where it can be gone on with.
    #[serde(default)]
    pub session: Option<AgentSession>,
}

/// A session of an agent program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSession {
    /// The profile whose it is: another one can not go on with it.
    pub profile: String,
    /// The program's own name for it.
    pub id: String,
}

/// What a run used of one model, as its program reported it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelUsage {
    /// The model that really answered.
    pub model: String,
    /// Tokens read, without those of a cache.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens read from a cache.
    pub cache_read: u64,
    /// Tokens written to a cache.
    pub cache_write: u64,
    /// Its part of the cost, where it is known.
    pub cost: Option<Money>,
}
