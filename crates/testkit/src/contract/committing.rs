//! Commits: compare-and-swap on version and epoch, events, inputs, due times and wakes. Whole or not at all.

use std::sync::Arc;

use orchd_core::event::{Event, RepoEvent};
use orchd_core::fact::Address;
use orchd_core::id::{Key, RepoId};
use orchd_core::port::store::{CommitOutcome, Disposition};
use orchd_core::stage::Stage;
use orchd_core::time::Span;

use super::lab::{Lab, actor, answered, write};

const COMMITTED: CommitOutcome = CommitOutcome::Committed;
const CONFLICT: CommitOutcome = CommitOutcome::Conflict;

/// In the order written, at the commit's time.
pub async fn a_commit_stores_the_row_and_its_events(lab: &Lab) {
    let task = lab.task("A").await;
    let before = lab.load(&task).await;
    let at = lab.wait(Span::secs(1));
    let mut commit = lab.plan(&task).await;
    write(&mut commit, Event::Prioritised { by: actor(), priority: 9 });
    write(&mut commit, Event::MainAsked);
    let (row, events, transition) = (commit.task.clone(), commit.events.clone(), commit.transition);
    lab.committed(commit).await;
    let after = lab.load(&task).await;
    assert_eq!((&after.task, after.version), (&row, before.version + 1));
    assert_eq!((after.wakes, after.epoch), (before.wakes, before.epoch));
    let log = answered(lab.store().task_events(task.id, 0, 10).await);
    assert_eq!(log[1..].iter().map(|e| e.event.clone()).collect::<Vec<_>>(), events);
    assert!(log[1..].iter().all(|e| e.at == at) && log.is_sorted_by(|a, b| a.seq < b.seq));
    assert!(answered(lab.store().was_committed(transition).await));
}

/// Two decisions about one version: one of them is made (INC-07).
pub async fn inc_07_a_stale_decision_changes_nothing(lab: &Lab) {
    let task = lab.task("A").await;
    let loaded = lab.load(&task).await;
    let (mut first, mut second) = (lab.about(&loaded), lab.about(&loaded));
    write(&mut first, Event::Prioritised { by: actor(), priority: 1 });
    write(&mut second, Event::Prioritised { by: actor(), priority: 2 });
    let lost = second.transition;
    assert_eq!(lab.commit(first).await, COMMITTED);
    let after = lab.load(&task).await;
    assert_eq!(lab.commit(second.clone()).await, CONFLICT);
    assert_eq!(lab.load(&task).await, after);
    assert_eq!(answered(lab.store().task_events(task.id, 0, 10).await).len(), 2);
    assert!(!answered(lab.store().was_committed(lost).await));
    second.version = after.version + 1;
    assert_eq!(lab.commit(second).await, CONFLICT, "nor does a version that is not there yet count");
}

/// Two tasks that read one repository: one of them changes it.
pub async fn a_stale_epoch_changes_nothing(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let first = lab.plan_with_repo(&a, vec![RepoEvent::LetIn { task: a.id }]).await;
    let second = lab.plan_with_repo(&b, vec![RepoEvent::LetIn { task: b.id }]).await;
    lab.committed(first).await;
    let after = lab.load(&b).await;
    assert_eq!(after.repo.occupants, [a.id]);
    assert_eq!(lab.commit(second).await, CONFLICT);
    let mut early = lab.plan_with_repo(&b, vec![RepoEvent::LetIn { task: b.id }]).await;
    early.repo.iter_mut().for_each(|change| change.epoch += 1);
    assert_eq!(lab.commit(early).await, CONFLICT, "nor does an epoch that is not there yet count");
    assert_eq!(lab.load(&b).await, after);
    assert_eq!(answered(lab.store().repo_events(&RepoId::new("repo"), 0, 10).await).len(), 1);
}

/// A decision that leaves the repository alone takes nobody's turn away.
pub async fn a_commit_raises_the_epoch_only_with_a_change(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let change = lab.plan_with_repo(&b, vec![RepoEvent::LetIn { task: b.id }]).await;
    lab.committed(lab.plan(&a).await).await;
    assert_eq!(lab.load_repo().await.epoch, 1);
    lab.committed(change).await;
    assert_eq!(lab.load_repo().await.epoch, 2);
    let other = answered(lab.store().load_repo(&RepoId::new("other")).await);
    assert_eq!(other.map(|r| r.epoch), Some(1));
}

/// A commit whose answer was lost may be sent again.
pub async fn a_commit_is_applied_once(lab: &Lab) {
    let task = lab.task("A").await;
    let mut commit = lab.plan_with_repo(&task, vec![RepoEvent::LetIn { task: task.id }]).await;
    write(&mut commit, Event::MainAsked);
    lab.committed(commit.clone()).await;
    let after = lab.load(&task).await;
    lab.committed(commit).await;
    assert_eq!(lab.load(&task).await, after);
    let repo = lab.load_repo().await;
    let again = lab.about_repo(&repo, vec![RepoEvent::GaveWay { task: task.id }]);
    assert_eq!(lab.store().commit_repo(again.clone()).await, COMMITTED);
    let after = lab.load_repo().await;
    assert_eq!(lab.store().commit_repo(again).await, COMMITTED);
    assert_eq!(lab.load_repo().await, after);
    assert_eq!(answered(lab.store().task_events(task.id, 0, 10).await).len(), 2);
}

/// Not by two commits, not twice by one, and not one that was never stored.
pub async fn an_input_is_consumed_once(lab: &Lab) {
    let task = lab.task("A").await;
    let id = lab.put(&Address::Task(task.id)).await;
    let consume = async |ids: &[_]| {
        let mut commit = lab.plan(&task).await;
        commit.consumed = ids.iter().map(|id| (*id, Disposition::Applied)).collect();
        lab.commit(commit).await
    };
    assert_eq!(consume(&[id, id]).await, CONFLICT);
    assert_eq!(consume(&[lab.input_id()]).await, CONFLICT);
    assert_eq!(lab.load(&task).await.inputs.len(), 1);
    assert_eq!(consume(&[id]).await, COMMITTED);
    let after = lab.load(&task).await;
    assert_eq!(consume(&[id]).await, CONFLICT);
    assert_eq!(lab.load(&task).await, after);
}

/// Then, and not before; never, where it says nothing.
pub async fn a_task_is_due_when_the_commit_says(lab: &Lab) {
    let task = lab.task("A").await;
    let due = lab.now() + Span::secs(30);
    let mut commit = lab.plan(&task).await;
    commit.due_at = Some(due);
    lab.committed(commit).await;
    assert_eq!(lab.due_at(due, 10).await, [task.id]);
    let before = orchd_core::time::Timestamp(due.0 - 1);
    assert_eq!(lab.due_at(before, 10).await, []);
    lab.committed(lab.plan(&task).await).await;
    assert_eq!(lab.due_at(due + Span::hours(9), 10).await, []);
}

/// A wake between load and commit is not lost, whatever the commit says.
pub async fn a_task_woken_meanwhile_stays_due(lab: &Lab) {
    let (task, other) = (lab.task("A").await, lab.task("B").await);
    lab.quiet().await;
    let mut late = lab.plan(&task).await;
    let mut waking = lab.plan(&other).await;
    waking.wake_repo = true;
    lab.committed(waking).await;
    late.due_at = Some(lab.now() + Span::hours(1));
    lab.committed(late).await;
    assert_eq!(lab.due().await, [task.id]);
    lab.committed(lab.plan(&task).await).await;
    assert_eq!(lab.due().await, []);
}

/// The others, not the finished, not the task itself, not those of other repositories.
pub async fn a_commit_can_wake_the_rest_of_the_repository(lab: &Lab) {
    let (a, b, over) = (lab.task("A").await, lab.task("B").await, lab.task("C").await);
    let elsewhere = lab.task_elsewhere("D").await;
    lab.enter(&over, Stage::Done).await;
    lab.quiet().await;
    let wakes = async || {
        let mut all = Vec::new();
        for task in [&a, &b, &over, &elsewhere] {
            all.push(lab.load(task).await.wakes);
        }
        all
    };
    let before = wakes().await;
    let mut commit = lab.plan(&a).await;
    commit.wake_repo = true;
    lab.committed(commit).await;
    assert_eq!(lab.due().await, [b.id]);
    assert_eq!(wakes().await, [before[0], before[1] + 1, before[2], before[3]]);
}

/// Those that declared it, of the same project, unfinished.
pub async fn a_commit_can_wake_who_waits_for_its_issue(lab: &Lab) {
    let (on, waits, idle) = (lab.task("ON").await, lab.task_elsewhere("A").await, lab.task("B").await);
    let over = lab.task("C").await;
    let stranger = lab.create(lab.asking("second", "repo", "D")).await;
    for task in [&waits, &over, &stranger] {
        answered(lab.store().add_dependency(task.id, &on.key, "person", lab.now()).await);
    }
    answered(lab.store().add_dependency(idle.id, &Key::new("ELSE"), "person", lab.now()).await);
    lab.enter(&over, Stage::Cancelled).await;
    lab.quiet().await;
    let before = lab.load(&waits).await.wakes;
    let mut commit = lab.plan(&on).await;
    commit.wake_dependents = true;
    lab.committed(commit).await;
    assert_eq!(lab.due().await, [waits.id]);
    assert_eq!(lab.load(&waits).await.wakes, before + 1);
}

/// The same compare-and-swap as a task's commit has.
pub async fn a_repository_commit_compares_its_epoch(lab: &Lab) {
    let task = lab.task("A").await;
    let loaded = lab.load_repo().await;
    let first = lab.about_repo(&loaded, vec![RepoEvent::LetIn { task: task.id }]);
    let second = lab.about_repo(&loaded, vec![RepoEvent::LaneTaken { task: task.id }]);
    assert_eq!(lab.store().commit_repo(first).await, COMMITTED);
    let after = lab.load_repo().await;
    assert_eq!((after.epoch, &after.repo.occupants), (loaded.epoch + 1, &vec![task.id]));
    let lost = second.transition;
    assert_eq!(lab.store().commit_repo(second).await, CONFLICT);
    assert_eq!(lab.load_repo().await, after);
    assert!(!answered(lab.store().was_committed(lost).await));
    let mut nowhere = lab.about_repo(&after, Vec::new());
    Arc::make_mut(&mut nowhere.change.repo).id = RepoId::new("nowhere");
    assert_eq!(lab.store().commit_repo(nowhere).await, CONFLICT);
}

/// Its own inputs, once.
pub async fn a_repository_commit_consumes_inputs_once(lab: &Lab) {
    let task = lab.task("A").await;
    let mine = lab.put(&Address::Repo(RepoId::new("repo"))).await;
    let of_task = lab.put(&Address::Task(task.id)).await;
    let consume = async |id| {
        let mut commit = lab.about_repo(&lab.load_repo().await, Vec::new());
        commit.consumed = vec![(id, Disposition::Applied)];
        lab.store().commit_repo(commit).await
    };
    assert_eq!(consume(of_task).await, CONFLICT);
    assert_eq!(consume(mine).await, COMMITTED);
    assert_eq!(lab.due_repos(10).await, []);
    let after = lab.load_repo().await;
    assert_eq!(consume(mine).await, CONFLICT);
    assert_eq!(lab.load_repo().await, after);
}

/// All unfinished ones.
pub async fn a_repository_commit_can_wake_its_tasks(lab: &Lab) {
    let (a, b, over) = (lab.task("A").await, lab.task("B").await, lab.task("C").await);
    lab.task_elsewhere("D").await;
    lab.enter(&over, Stage::Cancelled).await;
    lab.quiet().await;
    let mut commit = lab.about_repo(&lab.load_repo().await, vec![RepoEvent::Unfrozen { by: actor() }]);
    lab.store().commit_repo(commit.clone()).await;
    assert_eq!(lab.due().await, []);
    commit = lab.about_repo(&lab.load_repo().await, vec![RepoEvent::Unfrozen { by: actor() }]);
    commit.wake_repo = true;
    assert_eq!(lab.store().commit_repo(commit).await, COMMITTED);
    assert_eq!(lab.due().await, [a.id, b.id]);
}

/// Over tasks and repositories; within a commit the task's come first.
pub async fn events_grow_over_the_whole_store(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let mut commit = lab.plan_with_repo(&b, vec![RepoEvent::LetIn { task: b.id }]).await;
    write(&mut commit, Event::MainAsked);
    lab.committed(commit).await;
    let mut commit = lab.plan(&a).await;
    write(&mut commit, Event::MainAsked);
    lab.committed(commit).await;
    let of = async |task| answered(lab.store().task_events(task, 0, 10).await);
    let (of_a, of_b) = (of(a.id).await, of(b.id).await);
    let of_repo = answered(lab.store().repo_events(&RepoId::new("repo"), 0, 10).await);
    let places = [of_a[0].seq, of_b[0].seq, of_b[1].seq, of_repo[0].seq, of_a[1].seq];
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
}
