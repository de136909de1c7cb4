//! Tokens and money as agent programs report them, brought to one meaning: input is what was read fresh, cached input
//! stands beside it, output includes reasoning. Adding up never overflows and never invents a cost.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a run used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Usage {
    /// Tokens read by the model, those from a cache not counted.
    pub input_tokens: u64,
    /// Tokens written by the model.
    pub output_tokens: u64,
    /// Tokens read from the provider's cache.
    pub cache_read_tokens: u64,
    /// Tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Money, in millionths of a US dollar, where it was told.
    pub cost_micro_usd: Option<u64>,
}

/// Usage by the model's name.
pub type UsageByModel = BTreeMap<String, Usage>;

/// A run has a handful of models; output that names more of them is not one.
const MODELS: usize = 64;

impl Usage {
    /// Adds another to it.
    pub fn add(&mut self, other: &Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cache_read_tokens = self.cache_read_tokens.saturating_add(other.cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.saturating_add(other.cache_write_tokens);
        if let Some(cost) = other.cost_micro_usd {
            self.cost_micro_usd = Some(self.cost_micro_usd.unwrap_or(0).saturating_add(cost));
        }
    }

    /// Whether no token was told.
    pub fn is_empty(&self) -> bool {
        let Self { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_micro_usd: _ } =
            self;
        [input_tokens, output_tokens, cache_read_tokens, cache_write_tokens].iter().all(|n| **n == 0)
    }

    /// The larger of each number: the same message told twice, the second time perhaps further on.
    pub(crate) fn grow(&mut self, other: &Self) {
        self.input_tokens = self.input_tokens.max(other.input_tokens);
        self.output_tokens = self.output_tokens.max(other.output_tokens);
        self.cache_read_tokens = self.cache_read_tokens.max(other.cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.max(other.cache_write_tokens);
        self.cost_micro_usd = self.cost_micro_usd.max(other.cost_micro_usd);
    }
}

/// Adds to one model's part.
pub(crate) fn add(models: &mut UsageByModel, model: &str, usage: &Usage) {
    let name = if models.len() < MODELS || models.contains_key(model) { model } else { "(further models)" };
    models.entry(name.to_owned()).or_default().add(usage);
}

/// All models together.
pub(crate) fn sum(models: &UsageByModel) -> Option<Usage> {
    let mut parts = models.values();
    let mut sum = *parts.next()?;
    parts.for_each(|part| sum.add(part));
    Some(sum)
}

/// Dollars as micro-dollars; `None` for what no run costs: negative, not a number, beyond any budget.
pub(crate) fn micro_usd(dollars: f64) -> Option<u64> {
    let micro = (dollars * 1e6).round();
    (0.0..1e15).contains(&micro).then_some(micro as u64)
}
