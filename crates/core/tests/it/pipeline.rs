//! The pipeline as checked data (spec 1.1): what a track may be, and what follows for one that passes.

use std::collections::BTreeSet;

use orchd_core::pipeline::Pipeline;
use orchd_core::stage::Stage;
use proptest::prelude::*;

use crate::support::config;

fn of(stages: &[Stage]) -> Pipeline {
    Pipeline { tracks: [("mine".to_owned(), stages.to_vec())].into(), default_track: "mine".to_owned() }
}

#[test]
fn the_built_in_tracks_pass() {
    let pipeline = Pipeline::default();
    assert_eq!(pipeline.check(), Ok(()));
    assert_eq!(pipeline.stages("full").len(), 7);
    assert!(!pipeline.has("bug", Stage::Architecture) && pipeline.has("bug", Stage::Analysis));
    assert_eq!(
        pipeline.stages("express"),
        [Stage::Development, Stage::Review, Stage::Testing, Stage::Deploy]
    );
}

#[test]
fn what_could_strand_a_task_is_refused_with_track_stage_and_rule() {
    use Stage::{Analysis, Created, Deploy, Development, Done, Review, Testing};
    let refused: [(&[Stage], Option<Stage>); 7] = [
        (&[], Some(Development)),
        (&[Development], Some(Deploy)),
        (&[Analysis, Review, Deploy], Some(Development)),
        (&[Development, Deploy, Testing], Some(Testing)),
        (&[Development, Development, Deploy], Some(Development)),
        (&[Created, Development, Deploy], Some(Created)),
        (&[Development, Deploy, Done], Some(Done)),
    ];
    for (stages, stage) in refused {
        let bad = of(stages).check().expect_err("it must be refused");
        assert_eq!((bad.track.as_str(), bad.stage), ("mine", stage), "{stages:?}");
        assert!(bad.to_string().contains("mine") && !bad.rule.is_empty());
    }
    let nameless = Pipeline { default_track: "none".to_owned(), ..Pipeline::default() };
    assert!(nameless.check().is_err());
}

#[test]
fn nothing_leaves_a_terminal_stage_and_stop_is_allowed_from_every_other() {
    let pipeline = Pipeline::default();
    for from in Stage::ALL {
        for to in Stage::ALL {
            if from.is_terminal() {
                assert!(!pipeline.allows("full", from, to), "{from} → {to}");
            }
        }
        assert_eq!(pipeline.allows("full", from, Stage::Cancelled), !from.is_terminal());
        assert_eq!(pipeline.next("full", from).is_none(), from.is_terminal());
    }
    assert!(!pipeline.allows("full", Stage::Development, Stage::Deploy), "a stage is skipped");
    assert!(!pipeline.allows("full", Stage::Review, Stage::Analysis));
}

#[test]
fn a_patch_that_the_rebase_changed_is_judged_where_the_track_judges_patches() {
    use Stage::{Deploy, DeployStaging, Development};
    assert_eq!(Pipeline::default().patch_changed_target("full"), Some(Stage::Review));
    assert_eq!(of(&[Development, DeployStaging, Deploy]).patch_changed_target("mine"), Some(DeployStaging));
    let tiny = of(&[Development, Deploy]);
    assert_eq!(tiny.patch_changed_target("mine"), None);
    assert!(tiny.allows("mine", Deploy, Deploy), "asked again in place");
}

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    prop_oneof![
        // Anything, and subsequences of the pipeline's order, of which many are sound.
        prop::collection::vec(prop::sample::select(Stage::ALL.to_vec()), 0..9),
        prop::sample::subsequence(Stage::ALL.to_vec(), 0..=Stage::ALL.len()),
        prop::sample::subsequence(Stage::ALL[1..8].to_vec(), 0..=7),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_accepted_track_has_one_way_forward_that_lands_and_ends(stages in stages()) {
        let pipeline = of(&stages);
        if pipeline.check().is_err() {
            return Ok(());
        }
        let mut at = Stage::Created;
        let mut seen = BTreeSet::from([at]);
        while let Some(next) = pipeline.next("mine", at) {
            prop_assert!(next > at && seen.insert(next), "{at} → {next}");
            prop_assert!(pipeline.allows("mine", at, next));
            let forward: Vec<_> = Stage::ALL
                .into_iter()
                .filter(|to| *to > at && *to != Stage::Cancelled && pipeline.allows("mine", at, *to))
                .collect();
            prop_assert_eq!(forward, vec![next], "exactly one way forward");
            at = next;
        }
        prop_assert_eq!(at, Stage::Done, "the end is reachable");
        prop_assert!(seen.contains(&Stage::Development) && seen.contains(&Stage::Deploy), "landing is present");
        for from in seen {
            if let Some(target) = pipeline.rollback_target("mine", from) {
                prop_assert!(target <= from && pipeline.has("mine", target));
                prop_assert!(pipeline.allows("mine", from, target));
            } else {
                prop_assert!(from.is_terminal() || from == Stage::Created);
            }
        }
    }

    #[test]
    fn every_sound_subsequence_is_accepted(some in prop::sample::subsequence(Stage::ALL[1..8].to_vec(), 0..=7)) {
        let sound = some.contains(&Stage::Development) && some.contains(&Stage::Deploy);
        prop_assert_eq!(of(&some).check().is_ok(), sound);
    }
}
