//! The contract on the in-memory store; that no case is left out of the list; and that the driver of random
//! operations tells two stores apart.

use std::sync::Arc;

use orchd_core::port::clock::Clock;
use orchd_core::time::{Span, Timestamp};

use super::{Subject, Trial, agree, memory};
use crate::MemoryStore;

crate::store_contract!(memory);

/// A clock that is a little fast.
struct Fast(Arc<dyn Clock>);

impl Clock for Fast {
    fn now(&self) -> Timestamp {
        self.0.now() + Span::millis(1)
    }
}

fn fast(clock: Arc<dyn Clock>) -> Subject {
    Subject::new(MemoryStore::new(Arc::new(Fast(clock))))
}

#[test]
fn random_operations_find_no_difference_where_there_is_none() {
    let seen = agree(Trial { seed: 1, cases: 24, steps: 400 }, memory, memory).unwrap();
    for what in [
        "commit Committed",
        "commit Conflict",
        "commit_repo Committed",
        "commit_repo Conflict",
        "create_task Created(Task",
        "create_task Alive",
        "create_task KeyTaken",
        "settle Settled",
        "settle Stale",
        "release Settled",
        "release Stale",
        "send_effect MaySend",
        "send_effect Stale",
    ] {
        assert!(seen.get(what).is_some_and(|n| *n > 5), "{what} is rare: {seen:#?}");
    }
}

#[test]
fn random_operations_find_a_difference_and_shrink_to_it() {
    let parted = agree(Trial { seed: 1, cases: 24, steps: 300 }, memory, fast).unwrap_err();
    assert!(parted.why.contains("differ"), "{parted}");
    assert!(parted.operations <= 6, "it was not shrunk: {parted}");
}

/// A case that is written and not listed would never run.
#[test]
fn every_case_is_listed() {
    let listed = include_str!("../contract.rs");
    let cases = [
        include_str!("boarding.rs"),
        include_str!("claiming.rs"),
        include_str!("committing.rs"),
        include_str!("creating.rs"),
        include_str!("guarding.rs"),
        include_str!("holding.rs"),
        include_str!("inbox.rs"),
        include_str!("ledger.rs"),
        include_str!("operating.rs"),
        include_str!("projecting.rs"),
        include_str!("providing.rs"),
        include_str!("viewing.rs"),
    ];
    let declared = cases
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.strip_prefix("pub async fn ")?.strip_suffix("(lab: &Lab) {"));
    let mut count = 0;
    for case in declared {
        count += 1;
        assert!(listed.lines().any(|line| line.trim() == case), "{case} is not listed");
    }
    assert!(count > 80, "only {count} cases were found: has their form changed?");
}
