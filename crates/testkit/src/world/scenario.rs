//! A scenario: what a shrunk seed is kept as. It names the shape of the world and each fault by its place ("settle of
//! SIM-1 in review, the second time"), not by a draw, so that it means the same after the code has changed. What it can
//! not hold is every other chance (who is polled first, how long a run takes): that comes from the stream of `chance`.
//! A fault whose place is not passed any more is told, so that a scenario that has gone stale fails instead of passing.

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::faults::Planned;
use super::shape::Shape;
use super::{Options, Outcome, run};

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What it is about.
    pub about: String,
    /// The seed of everything that is no fault.
    pub chance: u64,
    /// The world.
    pub shape: Shape,
    /// The faults and no others.
    pub faults: Vec<Planned>,
}

/// A scenario file that can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadScenario {
    /// It is not TOML of the expected form.
    #[error("the scenario can not be read: {0}")]
    Unread(String),
    /// It names a kind of fault that does not exist.
    #[error("there is no fault {0:?}; see FAULTS for the names")]
    NoFault(String),
    /// It can not be written.
    #[error("the scenario can not be written: {0}")]
    Unwritten(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    chance: i64,
    shape: Shape,
    #[serde(default, rename = "fault")]
    faults: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    kind: String,
    at: String,
    nth: u32,
    detail: i64,
}

impl Scenario {
    /// Reads a scenario's text.
    pub fn parse(text: &str) -> Result<Self, BadScenario> {
        let file: File = toml::from_str(text).map_err(|e| BadScenario::Unread(e.to_string()))?;
        let File { about, chance, shape, faults } = file;
        let planned = |line: Line| {
            let Line { kind, at, nth, detail } = line;
            let fault = Fault::named(&kind).ok_or(BadScenario::NoFault(kind))?;
            Ok(Planned { fault, at, nth, detail: detail.cast_unsigned() })
        };
        let faults = faults.into_iter().map(planned).collect::<Result<_, _>>()?;
        Ok(Self { about, chance: chance.cast_unsigned(), shape, faults })
    }

    /// Its text.
    pub fn text(&self) -> Result<String, BadScenario> {
        let line = |one: &Planned| Line {
            kind: one.fault.name().to_owned(),
            at: one.at.clone(),
            nth: one.nth,
            detail: one.detail.cast_signed(),
        };
        let file = File {
            about: self.about.clone(),
            chance: self.chance.cast_signed(),
            shape: self.shape.clone(),
            faults: self.faults.iter().map(line).collect(),
        };
        toml::to_string(&file).map_err(|e| BadScenario::Unwritten(e.to_string()))
    }

    /// Plays it.
    pub fn play(&self, trace: bool) -> Outcome {
        run(&Options { trace, scenario: Some(self.clone()), ..Options::seed(self.chance) })
    }

    /// The faults whose places were not passed: the scenario has gone stale.
    pub fn stale(&self, outcome: &Outcome) -> Vec<Planned> {
        self.faults.iter().filter(|fault| !outcome.planned.contains(fault)).cloned().collect()
    }
}
