//! The coverage of faults: what strikes is counted in its stage, and the gate names what was not struck.

use orchd_testkit::world::{FAULTS, Matrix, Options, Unreachable, run};

#[test]
fn what_strikes_is_counted_in_a_stage_that_a_task_was_in() {
    let mut matrix = Matrix::default();
    let mut struck = 0;
    for seed in 0..40 {
        let outcome = run(&Options::seed(seed));
        struck += outcome.struck.len();
        matrix.add(&outcome.cells);
    }
    let table = matrix.to_string();
    let counted: usize = table.split_whitespace().filter_map(|word| word.parse::<usize>().ok()).sum();
    assert!(struck > 100 && counted > struck / 2, "{struck} struck, {counted} counted\n{table}");
    assert_eq!(table.lines().count(), 1 + FAULTS.len());
    // Too few seeds to miss anything, and nothing was hit that can not be.
    assert_eq!(matrix.missing(&Unreachable::of_this_world().unwrap()), Vec::<String>::new());
}

#[test]
fn the_gate_names_a_cell_that_was_hit_too_seldom() {
    let mut matrix = Matrix::default();
    let quiet = (0..100).map(|seed| run(&Options::seed(seed))).find(|o| o.struck.is_empty()).unwrap();
    for _ in 0..20_000 {
        matrix.add(&quiet.cells);
    }
    let missing = matrix.missing(&Unreachable::of_this_world().unwrap());
    assert!(missing.contains(&"F7-outage x review: 0 of 10".to_owned()), "{missing:?}");
    assert!(!missing.iter().any(|cell| cell.starts_with("F50-deploy-killed x review")), "{missing:?}");
}
