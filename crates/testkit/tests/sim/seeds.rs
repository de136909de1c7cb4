//! Seeds of the simulation, and what must be true of them together.

use orchd_testkit::world::{FAULTS, Options, Outcome, run};

/// Seeds of an ordinary test run; the nightly and `cargo xtask sim` run more.
const SEEDS: u64 = 1000;
/// The tests of one seed each run in parallel; each takes this many.
const PART: u64 = 250;

fn complaint(outcome: &Outcome) -> Option<String> {
    let first = outcome.violations.first()?;
    Some(format!("seed {}: {first}\n  again: cargo xtask sim --seed {} --trace", outcome.seed, outcome.seed))
}

fn part(n: u64) {
    let mut done = 0;
    for seed in n * PART..((n + 1) * PART).min(SEEDS) {
        let outcome = run(&Options::seed(seed));
        assert_eq!(complaint(&outcome), None);
        done += outcome.totals.done;
    }
    assert!(
        done > PART,
        "only {done} tasks of {PART} worlds were done: the worlds are too hostile to show anything"
    );
}

#[test]
fn seeds_0_hold_every_invariant() {
    part(0);
}

#[test]
fn seeds_1_hold_every_invariant() {
    part(1);
}

#[test]
fn seeds_2_hold_every_invariant() {
    part(2);
}

#[test]
fn seeds_3_hold_every_invariant() {
    part(3);
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in (0..SEEDS).step_by(50) {
        let (one, two) = (run(&Options::seed(seed)), run(&Options { trace: true, ..Options::seed(seed) }));
        assert_eq!(one.hash, two.hash, "seed {seed} ran differently the second time");
        assert_eq!(one.totals, two.totals, "seed {seed}");
    }
    assert_ne!(run(&Options::seed(1)).hash, run(&Options::seed(2)).hash);
}

#[test]
fn every_fault_strikes_and_work_still_gets_done() {
    let mut struck = std::collections::BTreeSet::new();
    let (mut done, mut faultless) = (0, 0);
    // The rarest are those of the deploy hook, which one world in two has.
    for seed in 0..300 {
        let outcome = run(&Options::seed(seed));
        struck.extend(outcome.struck.iter().copied());
        done += outcome.totals.done;
        faultless += u32::from(outcome.struck.is_empty());
    }
    let missing: Vec<_> = FAULTS.iter().filter(|fault| !struck.contains(fault)).collect();
    assert!(missing.is_empty(), "these faults never struck: {missing:?}");
    assert!(done > 300, "only {done} tasks were done");
    assert!(faultless > 5, "only {faultless} worlds were free of faults");
}

#[test]
fn a_fault_that_is_left_out_does_not_strike() {
    let seed = (0..200).find(|seed| run(&Options::seed(*seed)).totals.faults > 10).unwrap();
    let skip = (1..=5).collect();
    let before = run(&Options::seed(seed));
    let after = run(&Options { skip, ..Options::seed(seed) });
    assert_ne!(before.hash, after.hash);
    assert_eq!(complaint(&after), None);
}

#[test]
fn looks_at_what_changed_find_what_looks_at_everything_find() {
    for seed in 0..40 {
        let changes = run(&Options::seed(seed));
        let whole = run(&Options { whole: true, ..Options::seed(seed) });
        assert_eq!(changes.violations, whole.violations, "seed {seed}");
        assert_eq!((changes.hash, changes.totals), (whole.hash, whole.totals), "seed {seed}");
    }
}
