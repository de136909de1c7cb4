//! The crash sweep on one workload: every commit point, before and after; and that it is a sweep at all.

use orchd_testkit::world::{Edge, Options, run, sweep};

#[test]
fn one_workload_holds_whatever_commit_point_it_dies_at() {
    // A short one: the least commit points of the first few.
    let points = |seed: &u64| run(&Options { crashes: Some(Vec::new()), ..Options::seed(*seed) }).points;
    let seed = (0..12).min_by_key(points).unwrap();
    let swept = sweep(seed, 10);
    assert!(swept.points > 30, "{} commit points", swept.points);
    assert_eq!(swept.runs, 1 + 2 * u64::from(swept.points) + 10);
    let first = swept.broken.first();
    assert!(first.is_none(), "workload {seed}: {first:?}");
}

#[test]
fn a_crash_strikes_where_it_was_asked_for() {
    let crashes = |list: Vec<(u32, Edge)>| run(&Options { crashes: Some(list), ..Options::seed(3) });
    let whole = crashes(Vec::new());
    assert_eq!((whole.totals.crashes, whole.totals.faults), (0, 0));
    assert_eq!(crashes(vec![(5, Edge::Before)]).totals.crashes, 1);
    assert_eq!(crashes(vec![(5, Edge::After), (9, Edge::Before)]).totals.crashes, 2);
    assert_eq!(crashes(vec![(whole.points + 1, Edge::After)]).hash, whole.hash);
}
