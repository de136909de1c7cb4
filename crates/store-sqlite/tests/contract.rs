//! The contract of a store, on a file with threads and on a store in memory without.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

use std::sync::Arc;

use orchd_core::port::clock::Clock;
use orchd_store_sqlite::SqliteStore;
use orchd_testkit::contract::Subject;

fn threaded(clock: Arc<dyn Clock>) -> Subject {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path().join("orchd.db"), clock).unwrap();
    Subject::keeping(store, dir)
}

fn in_memory(clock: Arc<dyn Clock>) -> Subject {
    Subject::new(SqliteStore::open_inline(":memory:", clock).unwrap())
}

mod with_threads {
    use super::threaded;
    orchd_testkit::store_contract!(threaded);
}

mod inline {
    use super::in_memory;
    orchd_testkit::store_contract!(in_memory);
}

/// The store in memory of the test kit: the executable specification.
fn specified(clock: Arc<dyn Clock>) -> Subject {
    Subject::new(orchd_testkit::MemoryStore::new(clock))
}

/// The same random calls on this store and on the specification have the same answers.
#[test]
fn random_operations_are_answered_as_specified() {
    for seed in 1..=12 {
        orchd_testkit::block_on(orchd_testkit::contract::random_ops(seed, 400, specified, in_memory));
    }
}

#[test]
fn random_operations_are_answered_as_specified_by_threads_too() {
    for seed in 101..=103 {
        orchd_testkit::block_on(orchd_testkit::contract::random_ops(seed, 300, specified, threaded));
    }
}
