//! Whole worlds of the simulation on this store: the engine works with its answers, call by call the same as the
//! specification's, and a seed is the same run on either.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic, in its helpers too")]

use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use orchd_core::port::clock::Clock;
use orchd_store_sqlite::SqliteStore;
use orchd_testkit::contract::Subject;
use orchd_testkit::world::{Options, run};

fn in_memory(clock: Arc<dyn Clock>) -> Subject {
    Subject::new(SqliteStore::open_inline(":memory:", clock).unwrap())
}

/// 2 % of the seeds of the testkit's own tests.
#[test]
fn a_seed_is_the_same_run_on_sqlite() {
    for seed in (0..1000).step_by(50) {
        let beside = run(&Options { beside: Some(in_memory), ..Options::seed(seed) });
        assert_eq!(beside.parted, None, "seed {seed}");
        assert_eq!(beside.violations, [], "seed {seed}");
        assert_eq!(beside.hash, run(&Options::seed(seed)).hash, "seed {seed} ran differently on SQLite");
    }
}

/// A store that forgets which pull requests are behind.
fn forgetful(clock: Arc<dyn Clock>) -> Subject {
    // Where there is memory for files, nothing waits for a disk.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = dir.path().join("orchd.db");
    let store = SqliteStore::open_inline(&path, clock).unwrap();
    let mut raw = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let forget = "CREATE TRIGGER forget AFTER INSERT ON projections WHEN NEW.surface = 'pull' \
                  BEGIN DELETE FROM projections WHERE task = NEW.task AND surface = NEW.surface; END";
    raw.batch_execute(forget).unwrap();
    Subject::keeping(store, dir)
}

#[test]
fn a_world_on_a_forgetful_store_parts() {
    let parted =
        (0..10).find_map(|seed| run(&Options { beside: Some(forgetful), ..Options::seed(seed) }).parted);
    assert!(parted.is_some_and(|why| why.contains("differ")));
}
