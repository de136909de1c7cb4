//! The table is complete and ordered. That each invariant can be broken is shown on worlds of the simulation
//! (testkit's tests/sim), where the rows are real.

use super::{INVARIANTS, invariant};

#[test]
fn numbers_are_unique_and_ascending_and_have_a_sentence() {
    for pair in INVARIANTS.windows(2) {
        assert!(pair[0].number < pair[1].number);
    }
    assert!(INVARIANTS.iter().all(|i| i.sentence.ends_with('.')));
    for number in 1..=14 {
        assert!(invariant(number).is_some(), "I-{number} is missing");
    }
}
