//! `demo --chaos`: when the engine is killed, and what must be true afterwards all the same. Moments come from a seed; a
//! run that had finished must have been counted, and once.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use orchd_core::event::Event;
use orchd_launcher::{Ended, RunDir, RunResult};
use serde::Serialize;
use tokio::time::sleep;

use super::error::DemoError;

/// Between two kills at most; from the moment the engine serves.
const LONGEST: Duration = Duration::from_millis(2_500);
/// After so many it is left alone: a slow machine comes to its end too.
const MOST: u32 = 12;

/// When the engine is killed.
#[derive(Debug)]
pub(super) struct Chaos {
    seed: u64,
    state: u64,
    kills: u32,
}

/// What it came to; part of the last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Survived {
    /// What the moments came from; `--chaos SEED` asks for the same ones again.
    pub(crate) seed: u64,
    /// How often the engine was killed.
    pub(crate) kills: u32,
    /// Agents' runs that came to their own end.
    pub(crate) finished: usize,
    /// Of these, counted more or less than once. Nothing else would be right than none.
    pub(crate) miscounted: Vec<String>,
}

impl Chaos {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, state: seed, kills: 0 }
    }

    /// Returns when the engine is to be killed; never, once it was killed often enough.
    pub(super) async fn strike(&mut self) {
        if self.kills >= MOST {
            return std::future::pending().await;
        }
        let longest = u64::try_from(LONGEST.as_millis()).unwrap_or(u64::MAX);
        sleep(Duration::from_millis(self.draw() % longest)).await;
        self.kills += 1;
    }

    /// splitmix64.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Holds the runs' own result files against the events of the tasks.
    pub(super) fn account(&self, data: &Path, counted: &[Event]) -> Result<Survived, DemoError> {
        let mut times: BTreeMap<String, u32> = finished(data)?.into_iter().map(|run| (run, 0)).collect();
        for event in counted {
            if let Event::RunEnded { run } = event {
                *times.entry(run.run.to_string()).or_default() += 1;
            }
        }
        let finished = times.len();
        let miscounted = times.into_iter().filter(|(_, n)| *n != 1).map(|(run, _)| run).collect();
        Ok(Survived { seed: self.seed, kills: self.kills, finished, miscounted })
    }
}

/// The agents' runs that came to their own end, by their result files: a prompt is what an agent's run has and a suite's
/// lacks.
fn finished(data: &Path) -> Result<Vec<String>, DemoError> {
    let runs = data.join("runs");
    let failed = |e| DemoError::file("read", &runs, e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&runs).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Ok(run) = name.parse() else { continue };
        let Ok(dir) = RunDir::open(&path) else { continue };
        if !path.join(RunDir::PROMPT).is_file() {
            continue;
        }
        if let Ok(RunResult { ended: Ended::Exited { .. }, .. }) = RunResult::read(&dir, run) {
            found.push(name);
        }
    }
    Ok(found)
}
