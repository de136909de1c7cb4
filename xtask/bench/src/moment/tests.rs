//! Medians and the difference of moments.

use std::time::Duration;

use super::{Moment, median};

#[test]
fn the_median_is_the_middle_whatever_the_order() {
    assert_eq!(median(vec![9.0, 1.0, 4.0]), 4.0);
    assert_eq!(median(vec![8.0, 1.0, 2.0, 4.0]), 3.0);
    assert_eq!(median(Vec::new()), 0.0);
}

#[test]
fn a_moment_comes_after_the_one_before_it() {
    let before = Moment::now();
    let mut after = Moment::now();
    while (after - before).wall == Duration::ZERO {
        after = Moment::now();
    }
    assert_eq!((before - after).wall, Duration::ZERO, "time does not run backwards");
}
