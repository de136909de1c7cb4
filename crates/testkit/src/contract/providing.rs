//! Providers: their health is changed by compare-and-swap in the commit of a task, relied on by comparison, shown
//! to every task, and its change can wake them all.

use orchd_core::event::{Event, ProviderEvent};
use orchd_core::id::ProviderId;
use orchd_core::port::store::{Commit, CommitOutcome, ProviderChange};
use orchd_core::provider::{Health, UsedUp};
use orchd_core::stage::Stage;
use orchd_core::time::Span;

use super::lab::{Lab, actor, agent_work, answered, write};

/// A health that differs by its count.
fn health(id: &str, failures: u32) -> Health {
    Health { failures, ..Health::new(ProviderId::new(id)) }
}

/// Says what the commit makes of a provider that it saw at this epoch.
fn make(commit: &mut Commit, epoch: u64, health: &Health) {
    let change = ProviderChange { epoch, health: Some(health.clone()) };
    commit.providers.insert(health.provider.clone(), change);
}

/// Says that the commit relies on a provider as it was at this epoch.
fn rely(commit: &mut Commit, id: &str, epoch: u64) {
    commit.providers.insert(ProviderId::new(id), ProviderChange { epoch, health: None });
}

/// Every task sees it, of whatever repository.
pub async fn a_provider_is_changed_with_its_task(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task_elsewhere("B").await);
    assert_eq!(lab.load(&a).await.providers, []);
    let mut commit = lab.plan(&a).await;
    make(&mut commit, 0, &health("north", 1));
    lab.committed(commit).await;
    for task in [&a, &b] {
        assert_eq!(lab.load(task).await.providers, [(health("north", 1), 1)]);
    }
    let mut commit = lab.plan(&b).await;
    make(&mut commit, 1, &health("north", 2));
    lab.committed(commit.clone()).await;
    lab.committed(commit).await;
    assert_eq!(answered(lab.store().providers().await), [(health("north", 2), 2)]);
}

/// Of two that read the same one changes it, also where neither found a row; the other leaves no trace.
pub async fn a_stale_provider_changes_nothing(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    for epoch in 0..2 {
        let (mut first, mut second) = (lab.plan(&a).await, lab.plan(&b).await);
        make(&mut first, epoch, &health("north", 1));
        make(&mut second, epoch, &health("north", 7));
        make(&mut second, 0, &health("south", 7));
        write(&mut second, Event::Prioritised { by: actor(), priority: 9 });
        lab.committed(first).await;
        let after = lab.load(&b).await;
        lab.conflicts(second).await;
        assert_eq!(lab.load(&b).await, after);
    }
    let mut early = lab.plan(&b).await;
    make(&mut early, 3, &health("north", 7));
    lab.conflicts(early).await;
    let mut unknown = lab.plan(&b).await;
    make(&mut unknown, 1, &health("south", 7));
    lab.conflicts(unknown).await;
    assert_eq!(answered(lab.store().providers().await), [(health("north", 1), 2)]);
}

/// Compared and not raised, also where there is no row: a start that saw it well is not made once it is not.
pub async fn a_provider_that_was_relied_on_is_compared(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let (mut first, mut second, mut late) = (lab.plan(&a).await, lab.plan(&b).await, lab.plan(&b).await);
    rely(&mut first, "north", 0);
    rely(&mut late, "north", 0);
    make(&mut second, 0, &health("north", 5));
    lab.committed(first).await;
    assert_eq!(answered(lab.store().providers().await), []);
    lab.committed(second).await;
    late.version += 1;
    lab.conflicts(late).await;
    for _ in 0..2 {
        let mut again = lab.plan(&b).await;
        rely(&mut again, "north", 1);
        lab.committed(again).await;
    }
    assert_eq!(answered(lab.store().providers().await), [(health("north", 5), 1)]);
}

/// The health of one is not stored under the name of another.
pub async fn a_provider_keeps_its_identity(lab: &Lab) {
    let task = lab.task("A").await;
    let mut commit = lab.plan(&task).await;
    let anothers = ProviderChange { epoch: 0, health: Some(health("south", 1)) };
    commit.providers.insert(ProviderId::new("north"), anothers);
    lab.conflicts(commit).await;
    assert_eq!(answered(lab.store().providers().await), []);
}

/// Whatever the order in which they came.
pub async fn providers_are_listed_by_id(lab: &Lab) {
    let task = lab.task("A").await;
    for (id, failures) in [("south", 1), ("east", 2), ("north", 3)] {
        let mut commit = lab.plan(&task).await;
        make(&mut commit, 0, &health(id, failures));
        lab.committed(commit).await;
    }
    let all = [(health("east", 2), 1), (health("north", 3), 1), (health("south", 1), 1)];
    assert_eq!(answered(lab.store().providers().await), all);
    assert_eq!(lab.load(&task).await.providers, all);
}

/// Those of all repositories, but neither itself nor a finished one.
pub async fn a_commit_can_wake_all_others(lab: &Lab) {
    let (a, b, elsewhere) = (lab.task("A").await, lab.task("B").await, lab.task_elsewhere("C").await);
    let over = lab.task("D").await;
    lab.enter(&over, Stage::Done).await;
    lab.quiet().await;
    let before = lab.load(&b).await.wakes;
    let at = lab.wait(Span::secs(1));
    let mut commit = lab.plan(&a).await;
    commit.wake_all = true;
    lab.committed(commit).await;
    assert_eq!(lab.due().await, [b.id, elsewhere.id]);
    assert_eq!(lab.load(&b).await.wakes, before + 1);
    let earlier = orchd_core::time::Timestamp(at.0 - 1);
    assert_eq!(lab.due_at(earlier, 10).await, []);
}

/// It is as one that was never unwell, with the next epoch; who did it is kept, and everybody looks again.
pub async fn a_person_closes_a_provider(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task_elsewhere("B").await);
    let mut commit = lab.plan(&a).await;
    make(&mut commit, 0, &health("north", 5));
    make(&mut commit, 0, &health("south", 2));
    lab.committed(commit).await;
    lab.quiet().await;
    let at = lab.wait(Span::secs(1));
    let close = async |id: &str, epoch| {
        lab.store().close_provider(&ProviderId::new(id), epoch, &actor(), lab.now()).await
    };
    assert_eq!(close("north", 1).await, CommitOutcome::Committed);
    let now = [(health("north", 0), 2), (health("south", 2), 1)];
    assert_eq!(answered(lab.store().providers().await), now);
    assert_eq!(lab.due().await, [a.id, b.id]);
    let closed = |id, failures| ProviderEvent::Closed { by: actor(), was: Box::new(health(id, failures)) };
    assert_eq!(answered(lab.store().provider_events(9).await), [(at, closed("north", 5))]);
    for (id, epoch) in [("north", 1), ("north", 3), ("east", 0), ("east", 1)] {
        assert_eq!(close(id, epoch).await, CommitOutcome::Conflict, "{id} {epoch}");
    }
    assert_eq!(answered(lab.store().providers().await), now);
    let later = lab.wait(Span::secs(1));
    assert_eq!(close("south", 1).await, CommitOutcome::Committed);
    assert_eq!(answered(lab.store().provider_events(1).await), [(later, closed("south", 2))]);
    assert_eq!(answered(lab.store().provider_events(9).await).len(), 2);
}

/// Also the jobs that were kept in the queue.
pub async fn a_provider_that_was_closed_by_hand_bars_nothing(lab: &Lab) {
    let task = lab.task("A").await;
    let job = lab.enqueue(&task, agent_work("north")).await;
    let mut commit = lab.plan(&lab.task("B").await).await;
    let quota = Some(UsedUp { since: lab.now(), resets_at: lab.now() + Span::hours(9), reported: None });
    make(&mut commit, 0, &Health { quota, ..health("north", 0) });
    lab.committed(commit).await;
    assert_eq!(lab.claim(lab.boot()).await, []);
    let closed = lab.store().close_provider(&ProviderId::new("north"), 1, &actor(), lab.now()).await;
    assert_eq!(closed, CommitOutcome::Committed);
    assert_eq!(lab.claim(lab.boot()).await.iter().map(|c| c.job).collect::<Vec<_>>(), [job]);
}
