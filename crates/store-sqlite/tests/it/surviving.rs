//! What was answered is there after a kill.

use orchd_core::event::Event;
use orchd_core::fact::{Address, Fact, Input};
use orchd_core::id::InputId;
use orchd_core::port::store::{CommitOutcome, InputOutcome, Store as _, Surface};
use orchd_store_sqlite::SqliteStore;
use orchd_testkit::{block_on, join_all};
use uuid::Uuid;

use super::fixture::{NOW, Other, Place, about, clock, create, load, new_task, told_path};

/// Not a test: the other process of the one below. Creates tasks and says each when it is answered.
#[test]
#[ignore = "the other process of a test, which kills it"]
fn other_process_creates_tasks() {
    let store = SqliteStore::open(told_path(), clock()).unwrap();
    block_on(store.ensure_repo(&super::fixture::repo())).unwrap();
    for first in (1..).step_by(4) {
        // Four at once, so that groups are killed too, not only single commits.
        let four = (first..first + 4).map(|n| {
            let creating: orchd_testkit::exec::Boxed<'_, _> = Box::pin(create(&store, n));
            creating
        });
        for task in block_on(join_all(four.collect())) {
            println!("done {}", task.key.as_str().trim_start_matches("T-"));
        }
    }
}

#[test]
fn what_was_answered_survives_kill_9() {
    let place = Place::new();
    let mut answered = Vec::new();
    for _ in 0..3 {
        let mut other = Other::start("surviving::other_process_creates_tasks", &place.path());
        answered = (0..50).map(|_| other.says()).collect();
        other.kill();
    }
    assert_eq!(answered.len(), 50);
    let store = place.open();
    for n in answered {
        let id = new_task(n).birth.id;
        assert!(block_on(store.load(id, NOW)).unwrap().is_some(), "T-{n} was answered and is gone");
    }
    let tasks = block_on(store.tasks()).unwrap();
    let seqs: Vec<u64> = tasks.iter().map(|(task, _)| task.seq).collect();
    assert_eq!(seqs, (1..=tasks.len() as u64).collect::<Vec<_>>(), "no number is missing or given twice");
}

#[test]
fn a_commit_is_whole_after_reopening() {
    let place = Place::new();
    let input = InputId(Uuid::from_u64_pair(3, 1));
    let (id, transition) = block_on(async {
        let store = place.open();
        let task = create(&store, 1).await;
        let fact = Input::Fact { fact: Fact::DependencyMoved };
        store.put_input(&Address::Task(task.id), input, &fact, NOW).await.unwrap();
        let mut commit = about(&load(&store, task.id).await, 1);
        commit.events = vec![Event::MainAsked];
        commit.consumed = vec![(input, orchd_core::port::store::Disposition::Applied)];
        commit.dirty = vec![Surface::Board];
        let transition = commit.transition;
        assert_eq!(store.commit(commit).await, CommitOutcome::Committed);
        (task.id, transition)
    });
    let store = place.open();
    block_on(async {
        assert!(store.was_committed(transition).await.unwrap());
        let outcome = store.input_outcome(input).await.unwrap();
        assert!(matches!(outcome, InputOutcome::Done(_)), "{outcome:?}");
        let loaded = load(&store, id).await;
        assert_eq!((loaded.version, loaded.inputs.len()), (2, 0));
        assert_eq!(store.task_events(id, 0, 10).await.unwrap().len(), 2);
        assert_eq!(store.dirty_projections(NOW, 10).await.unwrap().len(), 1);
    });
}
