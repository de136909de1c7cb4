//! Design mutants: with the feature `mutants` and `ORCHD_MUTANT=inc-NN` the simulation must find a violation
//! within a few hundred seeds; without them the very same seeds must show none.

use orchd_core::mutant::{self, Mutant};
use orchd_testkit::world::{Options, run};

/// Seeds that a mutant may survive at most.
const SEEDS: u64 = 400;
/// Seeds that are run where no mutant is on: the thousand of `seeds.rs` say the rest.
const HEALTHY: u64 = 8;

fn kills(mutant: Mutant) {
    let seeds = if mutant::on(mutant) { SEEDS } else { HEALTHY };
    let found = (0..seeds).map(|seed| run(&Options::seed(seed))).find(|o| !o.violations.is_empty());
    let said = found.map(|outcome| format!("seed {}: {}", outcome.seed, outcome.violations[0]));
    if mutant::on(mutant) {
        println!("{} is noticed: {}", mutant.name(), said.expect("the mutant survived"));
    } else if !Mutant::ALL.iter().any(|other| mutant::on(*other)) {
        assert_eq!(said, None);
    }
}

#[test]
fn sim_kills_inc_05() {
    kills(Mutant::Inc05);
}

#[test]
fn sim_kills_inc_07() {
    kills(Mutant::Inc07);
}

#[test]
fn sim_kills_inc_09() {
    kills(Mutant::Inc09);
}

#[test]
fn sim_kills_inc_13() {
    kills(Mutant::Inc13);
}

#[test]
fn sim_kills_inc_16() {
    kills(Mutant::Inc16);
}

#[test]
fn sim_kills_inc_24() {
    kills(Mutant::Inc24);
}

#[test]
fn sim_kills_inc_38() {
    kills(Mutant::Inc38);
}

#[test]
fn sim_kills_inc_44() {
    kills(Mutant::Inc44);
}
