//! The dialect `plain`: output is text for people, and usage is what the program wrote into `usage.json`, if it did:
//! lines of JSON with `input_tokens`, `output_tokens`, `cost_usd`, added up. A broken line is passed over.

use std::io;

use serde::Deserialize;

use super::{Reading, Usage, by_end};
use crate::ended::Ended;
use crate::log;
use crate::run_dir::RunDir;

/// Enough of the end to see what went wrong.
const TAIL: u64 = 16 * 1024;
const USAGE_CAP: u64 = 1024 * 1024;

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    cost_usd: Option<f64>,
}

/// Reads a finished run. Only the output file can fail it.
pub fn read(dir: &RunDir, ended: &Ended) -> io::Result<Reading> {
    let tail = log::tail(dir, RunDir::STDOUT, TAIL)?.text;
    let usage =
        dir.read(RunDir::USAGE, USAGE_CAP).ok().and_then(|bytes| usage(&String::from_utf8_lossy(&bytes)));
    Ok(Reading { outcome: by_end(ended), tail, usage })
}

/// The sum of all readable lines; `None` when there is none.
pub fn usage(text: &str) -> Option<Usage> {
    let mut sum: Option<Usage> = None;
    for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        let total = sum.get_or_insert_default();
        total.input_tokens = total.input_tokens.saturating_add(line.input_tokens);
        total.output_tokens = total.output_tokens.saturating_add(line.output_tokens);
        if let Some(micro) = line.cost_usd.and_then(micro_usd) {
            total.cost_micro_usd = Some(total.cost_micro_usd.unwrap_or(0).saturating_add(micro));
        }
    }
    sum
}

/// `None` for what no run costs: negative, not a number, beyond any budget.
fn micro_usd(dollars: f64) -> Option<u64> {
    let micro = (dollars * 1e6).round();
    (0.0..1e15).contains(&micro).then_some(micro as u64)
}

#[cfg(test)]
mod tests;
