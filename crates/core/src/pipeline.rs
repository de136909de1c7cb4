//! The pipeline as checked data: which stages a track walks, and where a gate sends work back to.
//! A pipeline that passes [`Pipeline::check`] has one way forward from each stage and reaches the end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stage::Stage;

/// The name of a track (`full`, `bug`, `express`, or one of the project's own).
pub type TrackName = String;

/// The tracks of a project. Stages are listed without `created` and `done`, which every track has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Track name → stages in order.
    pub tracks: BTreeMap<TrackName, Vec<Stage>>,
    /// The track of a task that names none.
    pub default_track: TrackName,
}

/// A pipeline that must not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("track {track:?}{}: {rule}", .stage.map(|s| format!(", stage {s}")).unwrap_or_default())]
pub struct BadPipeline {
    /// The track.
    pub track: TrackName,
    /// The stage, where one is at fault.
    pub stage: Option<Stage>,
    /// The rule that is broken, and what to do.
    pub rule: String,
}

/// The stages a track may list, in the only order they may have.
const ORDER: [Stage; 7] = [
    Stage::Analysis,
    Stage::Architecture,
    Stage::Development,
    Stage::Review,
    Stage::Testing,
    Stage::DeployStaging,
    Stage::Deploy,
];

impl Default for Pipeline {
    /// The three built-in tracks (spec 1.1).
    fn default() -> Self {
        use Stage::{Deploy, Development, Review, Testing};
        let bug = ORDER.into_iter().filter(|s| *s != Stage::Architecture).collect();
        let tracks = [
            ("full".to_owned(), ORDER.to_vec()),
            ("bug".to_owned(), bug),
            ("express".to_owned(), vec![Development, Review, Testing, Deploy]),
        ];
        Self { tracks: tracks.into(), default_track: "full".to_owned() }
    }
}

impl Pipeline {
    /// Refuses what could strand a task or leave out the landing gates.
    pub fn check(&self) -> Result<(), BadPipeline> {
        if !self.tracks.contains_key(&self.default_track) {
            let rule = "the default track is not defined; define it or name another".to_owned();
            return Err(BadPipeline { track: self.default_track.clone(), stage: None, rule });
        }
        self.tracks.iter().try_for_each(|(track, stages)| check_track(track, stages))
    }

    /// The stages of a track; an unknown track walks the default one's.
    pub fn stages(&self, track: &str) -> &[Stage] {
        let known = self.tracks.get(track).or_else(|| self.tracks.get(&self.default_track));
        known.map_or(&[], Vec::as_slice)
    }

    /// The one way forward from `stage`; `None` from a terminal stage or one the track does not have.
    pub fn next(&self, track: &str, stage: Stage) -> Option<Stage> {
        let stages = self.stages(track);
        match stage {
            Stage::Done | Stage::Cancelled => None,
            Stage::Created => stages.first().copied(),
            _ => {
                let at = stages.iter().position(|s| *s == stage)?;
                Some(stages.get(at + 1).copied().unwrap_or(Stage::Done))
            }
        }
    }

    /// Whether the track has the stage.
    pub fn has(&self, track: &str, stage: Stage) -> bool {
        self.stages(track).contains(&stage)
    }

    /// Where a Reject sends work from a stage's leaving gates (spec 1.2), clamped to stages the track has:
    /// a track without `analysis` sends architecture's bounce to itself.
    pub fn rollback_target(&self, track: &str, from: Stage) -> Option<Stage> {
        let wanted = match from {
            Stage::Created | Stage::Done | Stage::Cancelled => return None,
            Stage::Analysis | Stage::Architecture => Stage::Analysis,
            Stage::Development | Stage::Review | Stage::Testing | Stage::DeployStaging | Stage::Deploy => {
                Stage::Development
            }
        };
        Some(if self.has(track, wanted) { wanted } else { from })
    }

    /// Where a patch that the landing's rebase changed is judged again: `review`, else the first stage
    /// between `development` and `deploy`, else none (the patch gates are asked again in place).
    pub fn patch_changed_target(&self, track: &str) -> Option<Stage> {
        let between = |s: &&Stage| **s > Stage::Development && **s < Stage::Deploy;
        let stages = self.stages(track);
        stages.iter().find(|s| **s == Stage::Review).or_else(|| stages.iter().find(between)).copied()
    }

    /// Every move that I-1 allows from `from` on this track: forward by one, or back to a declared target.
    pub fn allows(&self, track: &str, from: Stage, to: Stage) -> bool {
        if from.is_terminal() {
            return false;
        }
        to == Stage::Cancelled
            || self.next(track, from) == Some(to)
            || self.rollback_target(track, from) == Some(to)
            || (from > Stage::Development && from <= Stage::Deploy && self.patch_changed_target(track).unwrap_or(from) == to && to <= from)
            // fix-forward and a person's reject reach development from deploy, which the line above's targets include
            || (from == Stage::Deploy && to == Stage::Development)
    }
}

fn check_track(track: &str, stages: &[Stage]) -> Result<(), BadPipeline> {
    let bad = |stage, rule: &str| Err(BadPipeline { track: track.to_owned(), stage, rule: rule.to_owned() });
    for needed in [Stage::Development, Stage::Deploy] {
        if !stages.contains(&needed) {
            return bad(Some(needed), "this stage can not be left out; add it");
        }
    }
    if let Some(stage) = stages.iter().find(|s| !ORDER.contains(s)) {
        return bad(Some(*stage), "every track has this stage by itself; remove it");
    }
    if let Some(pair) = stages.windows(2).find(|pair| pair[0] >= pair[1]) {
        return bad(Some(pair[1]), "stages must be listed once each and in the pipeline's order; move it");
    }
    Ok(())
}
