//! The contract of a store, on a file with threads and on a store in memory without.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use orchd_core::port::clock::Clock;
use orchd_store_sqlite::SqliteStore;
use orchd_testkit::contract::{Make, Subject, Trial, agree};

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

/// A store on a file, without a rule of the schema that `break_it` removes.
fn broken(clock: Arc<dyn Clock>, break_it: &str) -> Subject {
    // Where there is memory for files, nothing waits for a disk.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = dir.path().join("orchd.db");
    let store = SqliteStore::open_inline(&path, clock).unwrap();
    let mut raw = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    raw.batch_execute(break_it).unwrap();
    Subject::keeping(store, dir)
}

/// The same random calls on this store and on the specification have the same answers.
#[test]
fn random_operations_are_answered_as_specified() {
    agree(Trial { seed: 4711, cases: 40, steps: 200 }, specified, in_memory).unwrap();
}

#[test]
fn random_operations_are_answered_as_specified_by_threads_too() {
    agree(Trial { seed: 2, cases: 6, steps: 300 }, specified, threaded).unwrap();
}

/// Whether a store without the rule is told apart, by how few operations.
fn is_told_apart(broken: Make) {
    let parted = agree(Trial { seed: 3, cases: 60, steps: 150 }, specified, broken).unwrap_err();
    assert!(parted.operations <= 12, "it was not shrunk: {parted}");
}

#[test]
fn a_store_that_lets_two_effects_be_open_is_told_apart() {
    is_told_apart(|clock| broken(clock, "DROP INDEX effect_one_open_per_task"));
}

#[test]
fn a_store_whose_jobs_keep_an_old_priority_is_told_apart() {
    is_told_apart(|clock| broken(clock, "DROP TRIGGER job_follows_priority"));
}

#[test]
fn a_store_that_lets_a_finished_task_go_on_is_told_apart() {
    is_told_apart(|clock| broken(clock, "DROP TRIGGER task_terminal_stays"));
}
