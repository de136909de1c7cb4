//! The dialect `plain`: output is text for people, and usage is what the program wrote into `usage.json`, if it did:
//! lines of JSON with `input_tokens`, `output_tokens`, `cost_usd`, added up. A broken line is passed over.

use std::io;

use serde::Deserialize;

use super::mask::Secrets;
use super::usage::micro_usd;
use super::{Reading, Usage, UsageByModel, by_end};
use crate::ended::Ended;
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
pub(super) fn read(dir: &RunDir, ended: &Ended, secrets: &Secrets) -> io::Result<Reading> {
    let tail = secrets.tail(dir, RunDir::STDOUT, TAIL)?;
    let usage =
        dir.read(RunDir::USAGE, USAGE_CAP).ok().and_then(|bytes| usage(&String::from_utf8_lossy(&bytes)));
    Ok(Reading {
        outcome: by_end(ended),
        tail,
        usage,
        models: UsageByModel::new(),
        session: None,
        model: None,
        turns: None,
        last_words: None,
        denied: 0,
        broken_lines: 0,
        dropped_lines: 0,
    })
}

/// The sum of all readable lines; `None` when there is none.
pub fn usage(text: &str) -> Option<Usage> {
    let mut sum: Option<Usage> = None;
    for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        sum.get_or_insert_default().add(&Usage {
            input_tokens: line.input_tokens,
            output_tokens: line.output_tokens,
            cost_micro_usd: line.cost_usd.and_then(micro_usd),
            ..Usage::default()
        });
    }
    sum
}

#[cfg(test)]
mod tests;
