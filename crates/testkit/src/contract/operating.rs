//! What people set beside the pipeline: drain and dependencies.

use orchd_core::id::Key;
use orchd_core::port::store::{DependencyOutcome, StoreError};
use orchd_core::stage::Stage;
use orchd_core::task::Task;

use super::lab::{Lab, actor, answered};

/// All unfinished tasks, of all repositories.
pub async fn draining_is_seen_and_wakes_everybody(lab: &Lab) {
    let (a, b, over) = (lab.task("A").await, lab.task_elsewhere("B").await, lab.task("C").await);
    lab.enter(&over, Stage::Cancelled).await;
    for drained in [true, false] {
        lab.quiet().await;
        let before = (lab.load(&a).await.wakes, lab.load(&over).await.wakes);
        answered(lab.store().set_drained(drained, &actor(), lab.now()).await);
        assert_eq!(answered(lab.store().drained().await), drained);
        assert_eq!(lab.load(&a).await.drained, drained);
        assert_eq!(lab.due().await, [a.id, b.id]);
        assert_eq!((lab.load(&a).await.wakes, lab.load(&over).await.wakes), (before.0 + 1, before.1));
    }
}

/// Of all repositories; a decision that is under way meanwhile leaves its task due.
pub async fn everybody_unfinished_is_woken(lab: &Lab) {
    let (a, b, over) = (lab.task("A").await, lab.task_elsewhere("B").await, lab.task("C").await);
    lab.enter(&over, Stage::Cancelled).await;
    lab.quiet().await;
    let before = [lab.load(&a).await.wakes, lab.load(&b).await.wakes, lab.load(&over).await.wakes];
    answered(lab.store().wake_all(lab.now()).await);
    assert_eq!(lab.due().await, [a.id, b.id]);
    let after = [lab.load(&a).await.wakes, lab.load(&b).await.wakes, lab.load(&over).await.wakes];
    assert_eq!(after, [before[0] + 1, before[1] + 1, before[2]]);
}

/// A repeat changes nothing, not who declared it either.
pub async fn a_dependency_is_declared_once(lab: &Lab) {
    let task = lab.task("A").await;
    lab.quiet().await;
    let on = Key::new("B");
    answered(lab.store().add_dependency(task.id, &on, "person", lab.now()).await);
    assert_eq!(lab.due().await, [task.id]);
    let after = lab.load(&task).await;
    assert_eq!(after.deps.len(), 1);
    answered(lab.store().add_dependency(task.id, &on, "tracker", lab.now()).await);
    assert_eq!(lab.load(&task).await, after);
    let declared = answered(lab.store().dependencies().await);
    assert_eq!(declared, [(task.id, on, "person".to_owned())]);
}

/// Two people declare the two halves of a cycle at once: the second hears it, whoever looked before. What ended waits
/// for nothing, and another project's key is another issue's.
pub async fn a_dependency_that_closes_a_cycle_is_not_stored(lab: &Lab) {
    let (a, b, c) = (lab.task("A").await, lab.task("B").await, lab.task("C").await);
    let declare = async |task: &Task, on: &Task| {
        answered(lab.store().add_dependency(task.id, &on.key, "person", lab.now()).await)
    };
    assert_eq!(declare(&a, &b).await, DependencyOutcome::Declared);
    assert_eq!(declare(&b, &c).await, DependencyOutcome::Declared);
    lab.quiet().await;
    let cycle = ["C", "A", "B", "C"].map(str::to_owned).to_vec();
    assert_eq!(declare(&c, &a).await, DependencyOutcome::Cycle(cycle));
    assert_eq!(declare(&a, &a).await, DependencyOutcome::Cycle(vec!["A".to_owned(), "A".to_owned()]));
    assert_eq!(lab.due().await, []);
    assert_eq!(answered(lab.store().dependencies().await).len(), 2);
    // What is stored is no cycle with itself.
    assert_eq!(declare(&a, &b).await, DependencyOutcome::Declared);
    lab.enter(&b, Stage::Cancelled).await;
    assert_eq!(declare(&c, &a).await, DependencyOutcome::Declared);
}

/// And one that was not there changes nothing.
pub async fn a_dependency_that_is_removed_wakes_its_task(lab: &Lab) {
    let task = lab.task("A").await;
    let on = Key::new("B");
    answered(lab.store().add_dependency(task.id, &on, "person", lab.now()).await);
    lab.quiet().await;
    answered(lab.store().remove_dependency(task.id, &Key::new("C"), lab.now()).await);
    assert_eq!(lab.due().await, []);
    answered(lab.store().remove_dependency(task.id, &on, lab.now()).await);
    assert_eq!(lab.due().await, [task.id]);
    assert_eq!(lab.load(&task).await.deps, []);
    assert_eq!(answered(lab.store().dependencies().await), []);
}

/// The issue it waits for need not be known.
pub async fn a_dependency_needs_a_known_task(lab: &Lab) {
    let refused = lab.store().add_dependency(lab.task_id(), &Key::new("B"), "person", lab.now()).await;
    let Err(StoreError::Inconsistent { table: "tasks", .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(answered(lab.store().dependencies().await), []);
}
