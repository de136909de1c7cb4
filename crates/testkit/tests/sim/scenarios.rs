//! The scenarios under `scenarios/`: what was found once, as the shape of a world and faults at named places. Each holds
//! every invariant, and each of its faults still finds its place.

use std::collections::BTreeSet;
use std::path::PathBuf;

use orchd_core::mutant::{self, Mutant};
use orchd_testkit::world::{FAULTS, Options, Scenario, Unreachable, run};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

fn read(name: &str) -> Scenario {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    Scenario::parse(&text).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn holds(name: &str) {
    let scenario = read(name);
    let outcome = scenario.play(false);
    if let Some(violation) = outcome.violations.first() {
        panic!("{name} ({}): {violation}", scenario.about);
    }
    // With a mutant a run takes another way; without one the faults must strike, or the scenario shows nothing.
    if !Mutant::ALL.iter().any(|mutant| mutant::on(*mutant)) {
        assert_eq!(scenario.stale(&outcome), [], "{name} has gone stale: shrink a seed anew");
    }
}

#[test]
fn every_scenario_holds() {
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name());
    let names: BTreeSet<String> = files.map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(names.iter().any(|name| name.ends_with(".toml")), "{names:?}");
    for name in names.iter().filter(|name| name.ends_with(".toml")) {
        holds(name);
    }
}

#[test]
fn a_scenario_is_written_and_read_as_the_same() {
    let seed = (0..200).find(|seed| run(&Options::seed(*seed)).totals.faults > 10).unwrap();
    let outcome = run(&Options { places: true, ..Options::seed(seed) });
    assert_eq!(outcome.planned.len(), outcome.struck.len());
    let shape = outcome.shape.clone();
    let scenario =
        Scenario { about: "a seed".to_owned(), chance: seed, shape, faults: outcome.planned.clone() };
    let text = scenario.text().unwrap();
    let again = Scenario::parse(&text).unwrap();
    assert_eq!(again, scenario, "{text}");
    // The same faults at the same places and the same other chances: the same run.
    let played = again.play(false);
    assert_eq!(again.stale(&played), []);
    assert_eq!(played.totals.commits, outcome.totals.commits);
    assert_eq!(played.hash, outcome.hash);
}

#[test]
fn a_fault_whose_place_is_gone_is_told() {
    let seed = (0..200).find(|seed| run(&Options::seed(*seed)).totals.faults > 3).unwrap();
    let outcome = run(&Options { places: true, ..Options::seed(seed) });
    let mut faults = outcome.planned.clone();
    faults[0].nth += 1_000_000;
    let lost = faults[0].clone();
    let shape = outcome.shape.clone();
    let scenario = Scenario { about: "stale".to_owned(), chance: seed, shape, faults };
    assert!(scenario.stale(&scenario.play(false)).contains(&lost));
}

#[test]
fn what_is_no_scenario_is_refused_with_the_reason() {
    assert!(Scenario::parse("about = 1").unwrap_err().to_string().contains("can not be read"));
    let scenario = run(&Options::seed(1)).shape;
    let text =
        Scenario { about: String::new(), chance: 1, shape: scenario, faults: Vec::new() }.text().unwrap();
    // Nothing is written of no faults but their empty list, which a list of one replaces.
    let unknown = text.replace("fault = []\n", "")
        + "\n[[fault]]\nkind = \"F99-nothing\"\nat = \"x\"\nnth = 1\ndetail = 0\n";
    let refused = Scenario::parse(&unknown).unwrap_err().to_string();
    assert!(refused.contains("F99-nothing"), "{refused}");
}

#[test]
fn unreachable_cells_have_reasons_and_are_a_quarter_at_most() {
    Unreachable::of_this_world().unwrap();
    let without = "[[cell]]\nfaults = [\"F7-outage\"]\nstages = [\"review\"]\nwhy = \" \"\n";
    assert!(Unreachable::parse(without).unwrap_err().contains("no reason"));
    let faults: Vec<String> = FAULTS.iter().map(|fault| format!("{:?}", fault.name())).collect();
    let half = format!(
        "[[cell]]\nfaults = [{}]\nstages = [\"review\", \"testing\", \"deploy\"]\nwhy = \"it is late\"\n",
        faults.join(", ")
    );
    assert!(Unreachable::parse(&half).unwrap_err().contains("at most"));
}

#[test]
fn inc_05_scenario_the_owner_dies_before_it_settles() {
    holds("inc-05-the-owner-dies-before-it-settles.toml");
}

#[test]
fn inc_13_scenario_the_answer_speaks_of_another_commit() {
    holds("inc-13-the-answer-speaks-of-another-commit.toml");
}
