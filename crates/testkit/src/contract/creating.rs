//! Birth: what a creation gives, when it is refused, and that identities are never shared.

use std::sync::Arc;

use orchd_core::event::Event;
use orchd_core::evolve;
use orchd_core::fact::Address;
use orchd_core::id::{Branch, Key, ProjectId, RepoId};
use orchd_core::port::store::{CreateOutcome, StoreError};
use orchd_core::repo::Repo;
use orchd_core::stage::Stage;
use orchd_core::task::Task;
use orchd_core::time::Span;

use super::lab::{Lab, answered};
use crate::exec::{Boxed, block_on, join_all};

/// Row, version, first event and due time.
pub async fn a_task_is_born_as_its_birth_says(lab: &Lab) {
    let new = lab.asking("project", "repo", "ORCH-1");
    let task = lab.create(new.clone()).await;
    assert_eq!((task.seq, task.life, task.branch.as_str()), (1, 1, "orchd/ORCH-1"));
    let mut birth = new.birth;
    (birth.seq, birth.life) = (1, 1);
    assert_eq!(task, evolve::born(&birth, new.at));
    let loaded = lab.load(&task).await;
    assert_eq!((&*loaded.task, loaded.version, loaded.wakes), (&task, 1, 0));
    assert_eq!(lab.due().await, [task.id]);
    assert_eq!(loaded.candidates.iter().map(|c| c.task).collect::<Vec<_>>(), [task.id]);
    let events = answered(lab.store().task_events(task.id, 0, 10).await);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event, Event::Created { birth: Box::new(birth) });
    assert_eq!((&events[0].of, events[0].at), (&Address::Task(task.id), new.at));
    assert_eq!(answered(lab.store().find_task(&task.project, &task.key).await), Some(task.id));
    assert_eq!(answered(lab.store().dirty_projections(lab.now(), 10).await), []);
}

/// Interleaved on each of several threads: every number once, none left out (INC-37).
pub async fn inc_37_sequence_numbers_are_given_in_the_creating_transaction(lab: &Lab) {
    const THREADS: usize = 4;
    const EACH: usize = 12;
    let mut wanted = Vec::new();
    for thread in 0..THREADS {
        wanted.push((0..EACH).map(|n| lab.asking("project", "repo", &format!("K-{thread}-{n}"))).collect());
    }
    std::thread::scope(|scope| {
        for batch in wanted {
            let (store, batch): (_, Vec<_>) = (lab.shared(), batch);
            scope.spawn(move || {
                let create = |new| {
                    let store = Arc::clone(&store);
                    Box::pin(async move { drop(answered(store.create_task(new).await)) }) as Boxed<'_, ()>
                };
                block_on(join_all(batch.into_iter().map(create).collect()));
            });
        }
    });
    let tasks = answered(lab.store().tasks().await);
    let numbers: Vec<u64> = tasks.iter().map(|(task, _)| task.seq).collect();
    assert_eq!(numbers, (1..=(THREADS * EACH) as u64).collect::<Vec<_>>());
}

/// The answer to a creation may be lost; asking again is safe.
pub async fn a_repeated_creation_makes_no_second_row(lab: &Lab) {
    let new = lab.asking("project", "repo", "ORCH-1");
    let first = lab.create(new.clone()).await;
    lab.enter(&first, Stage::Analysis).await;
    let again = lab.create(new.clone()).await;
    assert_eq!((again.id, again.stage), (first.id, Stage::Analysis), "the row as it stands");
    lab.enter(&first, Stage::Cancelled).await;
    assert_eq!(lab.create(new).await.life, 1, "nor is it a next life");
    assert_eq!(answered(lab.store().tasks().await).len(), 1);
    assert_eq!(lab.task("ORCH-2").await.seq, 2);
}

/// One live task per issue.
pub async fn a_live_issue_is_not_started_twice(lab: &Lab) {
    let first = lab.task("ORCH-1").await;
    let second = lab.asking("project", "repo", "ORCH-1");
    let alive = CreateOutcome::Alive { task: first.id, key: first.key.clone() };
    assert_eq!(answered(lab.store().create_task(second.clone()).await), alive);
    let elsewhere = lab.asking("project", "other", "ORCH-1");
    assert_eq!(answered(lab.store().create_task(elsewhere).await), alive, "in whatever repository");
    assert_eq!(answered(lab.store().tasks().await).len(), 1);
    assert_eq!(answered(lab.store().load(second.birth.id, lab.now()).await), None);
}

/// Life, branch and number of a life after the first.
pub async fn the_next_life_has_a_number_and_a_branch_of_its_own(lab: &Lab) {
    let first = lab.task("ORCH-1").await;
    for (life, end) in [(2, Stage::Cancelled), (3, Stage::Done)] {
        let latest = answered(lab.store().find_task(&first.project, &first.key).await).unwrap_or(first.id);
        let latest = answered(lab.store().load(latest, lab.now()).await)
            .map_or(first.clone(), |l| Task::clone(&l.task));
        lab.enter(&latest, end).await;
        let next = lab.task("ORCH-1").await;
        assert_eq!((next.life, next.seq), (life, u64::from(life)));
        assert_eq!(next.branch, Branch::new(format!("orchd/ORCH-1.{life}")));
        assert_eq!(answered(lab.store().find_task(&first.project, &first.key).await), Some(next.id));
    }
    assert_eq!(lab.load(&first).await.task.branch, Branch::new("orchd/ORCH-1"));
}

/// A key that another project's live task has in this repository is refused (INC-31).
pub async fn inc_31_two_issues_of_one_key_never_share_an_identity(lab: &Lab) {
    let first = lab.task("ORCH-1").await;
    let second = lab.asking("second", "repo", "ORCH-1");
    let outcome = answered(lab.store().create_task(second.clone()).await);
    assert_eq!(outcome, CreateOutcome::KeyTaken { project: first.project.clone(), task: first.id });
    assert_eq!(answered(lab.store().find_task(&second.birth.project, &first.key).await), None);
    let tasks = answered(lab.store().tasks().await);
    assert_eq!(tasks.iter().map(|(t, _)| t.id).collect::<Vec<_>>(), [first.id]);
}

/// Only live tasks of the same repository take a key.
pub async fn a_finished_task_does_not_take_the_key(lab: &Lab) {
    let first = lab.task("ORCH-1").await;
    let elsewhere = lab.create(lab.asking("second", "other", "ORCH-1")).await;
    assert_eq!(elsewhere.life, 1);
    lab.enter(&first, Stage::Done).await;
    let third = lab.create(lab.asking("third", "repo", "ORCH-1")).await;
    assert_eq!((third.life, third.seq), (1, 3));
}

/// A repository is made known first.
pub async fn a_task_needs_a_known_repository(lab: &Lab) {
    let new = lab.asking("project", "nowhere", "ORCH-1");
    let refused = lab.store().create_task(new).await;
    let Err(StoreError::Inconsistent { table, row, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((table, row.as_str()), ("repos", "nowhere"));
    assert_eq!(answered(lab.store().tasks().await), []);
    assert_eq!(lab.task("ORCH-1").await.seq, 1, "no number was lost");
}

/// A dependency that had ended is open again.
pub async fn a_new_life_wakes_who_waits_for_the_issue(lab: &Lab) {
    let waits = lab.task("ORCH-1").await;
    let on = lab.task("ORCH-2").await;
    answered(lab.store().add_dependency(waits.id, &on.key, "person", lab.now()).await);
    lab.enter(&on, Stage::Cancelled).await;
    lab.quiet().await;
    let before = lab.load(&waits).await.wakes;
    lab.wait(Span::secs(1));
    let next = lab.task("ORCH-2").await;
    assert_eq!(lab.due().await, [waits.id, next.id]);
    assert_eq!(lab.load(&waits).await.wakes, before + 1);
}

/// A repository is made known once; what is known of it is kept.
pub async fn a_known_repository_is_left_alone(lab: &Lab) {
    let before = lab.load_repo().await;
    let mut other = Repo::new(RepoId::new("repo"), ProjectId::new("second"));
    other.main_failures = 7;
    answered(lab.store().ensure_repo(&other).await);
    assert_eq!(lab.load_repo().await, before);
    assert_eq!((before.repo.project.as_str(), before.epoch), ("project", 1));
    let repos = answered(lab.store().repos().await);
    assert_eq!(repos.iter().map(|(r, _)| r.id.as_str()).collect::<Vec<_>>(), ["other", "repo"]);
    assert_eq!(answered(lab.store().find_task(&before.repo.project, &Key::new("ORCH-1")).await), None);
}
