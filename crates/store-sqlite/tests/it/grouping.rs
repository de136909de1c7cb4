//! Many writers at once: each is answered rightly, and they share fsyncs.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use orchd_core::id::BootId;
use orchd_core::port::clock::Clock;
use orchd_core::port::store::{ClaimFilter, CommitOutcome, Store as _};
use orchd_core::time::{Span, Timestamp};
use orchd_store_sqlite::SqliteStore;
use orchd_testkit::{block_on, join_all};
use uuid::Uuid;

use super::fixture::{NOW, Place, about, create, load, repo};

#[test]
fn thirty_two_threads_get_numbers_of_their_own() {
    let place = Place::new();
    let store = Arc::new(place.open());
    let threads: Vec<_> = (0..32u64)
        .map(|t| {
            let store = Arc::clone(&store);
            thread::spawn(move || -> Vec<u64> {
                (0..8).map(|n| block_on(create(&store, t * 100 + n)).seq).collect()
            })
        })
        .collect();
    let mut seqs: Vec<u64> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=256).collect::<Vec<_>>());
}

/// A clock that stops whoever asks it until it is let go: it holds the store's thread in a transaction.
struct Gate {
    reached: mpsc::SyncSender<()>,
    open: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Clock for Gate {
    fn now(&self) -> Timestamp {
        let _ = self.reached.send(());
        let _ = self.open.lock().unwrap().recv();
        NOW
    }
}

#[test]
fn what_waits_during_a_commit_shares_the_next_one() {
    let place = Place::new();
    let (reached, is_reached) = mpsc::sync_channel(1);
    let (let_go, open) = mpsc::channel();
    let gate = Gate { reached, open: std::sync::Mutex::new(open) };
    let store = SqliteStore::open(place.path(), Arc::new(gate)).unwrap();
    block_on(store.ensure_repo(&repo())).unwrap();
    let before = store.written().unwrap();
    thread::scope(|scope| {
        let filter =
            ClaimFilter { boot: BootId(Uuid::nil()), ttl: Span::secs(1), limit: 1, max_running: None };
        let claiming = scope.spawn({
            let store = &store;
            move || block_on(store.claim(&filter, &[])).unwrap()
        });
        is_reached.recv().unwrap();
        let creating: Vec<orchd_testkit::exec::Boxed<'_, _>> =
            (1..=20).map(|n| -> orchd_testkit::exec::Boxed<'_, _> { Box::pin(create(&store, n)) }).collect();
        let mut all = std::pin::pin!(join_all(creating));
        // The first poll asks all twenty; the store's thread is still held.
        let waker = std::task::Waker::noop();
        let polled = all.as_mut().poll(&mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending());
        let_go.send(()).unwrap();
        claiming.join().unwrap();
        assert_eq!(block_on(all).len(), 20);
    });
    let after = store.written().unwrap();
    assert_eq!(after.requests - before.requests, 21);
    assert_eq!(after.transactions - before.transactions, 2, "the claim, and the twenty together");
}

/// Says how fast it is; fails only if nothing was ever shared.
#[test]
fn commits_share_fsyncs() {
    const THREADS: u64 = 16;
    const EACH: u64 = 25;
    let place = Place::new();
    let store = place.open();
    for n in 0..THREADS {
        block_on(create(&store, n));
    }
    let before = store.written().unwrap();
    #[expect(clippy::disallowed_methods, reason = "this measures real time, and asserts nothing about it")]
    let started = std::time::Instant::now();
    thread::scope(|scope| {
        for t in 0..THREADS {
            let store = &store;
            scope.spawn(move || {
                let id = super::fixture::new_task(t).birth.id;
                for n in 0..EACH {
                    let commit = about(&block_on(load(store, id)), t * 1000 + n);
                    assert_eq!(block_on(store.commit(commit)), CommitOutcome::Committed);
                }
            });
        }
    });
    let took = started.elapsed().as_secs_f64();
    let after = store.written().unwrap();
    let (requests, fsyncs) = (after.requests - before.requests, after.transactions - before.transactions);
    println!(
        "{requests} commits in {took:.3} s: {:.0} commits/s, {fsyncs} fsyncs, {:.1} commits per fsync",
        requests as f64 / took,
        requests as f64 / fsyncs as f64
    );
    assert_eq!(requests, THREADS * EACH);
    assert!(fsyncs < requests, "no commit ever shared an fsync");
}
