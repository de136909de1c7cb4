//! Projections: what is shown outside catches up with the row, and never goes back.

use orchd_core::port::store::{Dirty, StoreError, Surface};
use orchd_core::task::Task;
use orchd_core::time::Span;

use super::lab::{Lab, answered};

async fn dirty(lab: &Lab) -> Vec<Dirty> {
    answered(lab.store().dirty_projections(lab.now(), 100).await)
}

async fn soil(lab: &Lab, task: &Task, surfaces: &[Surface]) {
    let mut commit = lab.plan(task).await;
    commit.dirty = surfaces.to_vec();
    lab.committed(commit).await;
}

async fn ack(lab: &Lab, dirty: &Dirty, shown: &str) {
    answered(lab.store().ack_projection(dirty.task.id, dirty.surface, dirty.version, shown).await);
}

async fn only(lab: &Lab) -> Dirty {
    let mut all = dirty(lab).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// With what it showed before.
pub async fn a_dirtied_surface_is_behind_until_it_is_acknowledged(lab: &Lab) {
    let task = lab.task("A").await;
    soil(lab, &task, &[Surface::Board]).await;
    let first = only(lab).await;
    assert_eq!((first.surface, first.version, first.shown.as_ref()), (Surface::Board, 2, None));
    assert_eq!(first.task, lab.load(&task).await.task);
    ack(lab, &first, "digest-1").await;
    assert_eq!(dirty(lab).await, []);
    lab.committed(lab.plan(&task).await).await;
    assert_eq!(dirty(lab).await, [], "a commit that changes nothing to be seen");
    soil(lab, &task, &[Surface::Board]).await;
    assert_eq!(only(lab).await.shown.as_deref(), Some("digest-1"));
}

/// A row may have moved on since the surface was dirtied: the newest is rendered, and counts.
pub async fn what_is_acknowledged_is_the_row_as_rendered(lab: &Lab) {
    let task = lab.task("A").await;
    soil(lab, &task, &[Surface::Pull]).await;
    lab.committed(lab.plan(&task).await).await;
    let rendered = only(lab).await;
    assert_eq!(rendered.version, 3);
    soil(lab, &task, &[Surface::Pull]).await;
    ack(lab, &rendered, "old").await;
    let behind = only(lab).await;
    assert_eq!((behind.version, behind.shown.as_deref()), (4, Some("old")), "dirtied while it was written");
    ack(lab, &behind, "new").await;
    assert_eq!(dirty(lab).await, []);
}

/// Two projectors: the slower one does not take back what the other has shown.
pub async fn an_acknowledgement_is_never_lowered(lab: &Lab) {
    let task = lab.task("A").await;
    soil(lab, &task, &[Surface::Board]).await;
    let slow = only(lab).await;
    soil(lab, &task, &[Surface::Board]).await;
    let fast = only(lab).await;
    ack(lab, &fast, "fast").await;
    ack(lab, &slow, "slow").await;
    assert_eq!(dirty(lab).await, []);
    soil(lab, &task, &[Surface::Board]).await;
    assert_eq!(only(lab).await.shown.as_deref(), Some("fast"));
}

/// Not before; a new version does not bring the moment forward; success ends it.
pub async fn a_deferred_surface_is_tried_again_in_time(lab: &Lab) {
    let task = lab.task("A").await;
    soil(lab, &task, &[Surface::Board, Surface::Records]).await;
    let retry_at = lab.now() + Span::secs(30);
    let defer = lab.store().defer_projection(task.id, Surface::Board, "no answer", retry_at).await;
    answered(defer);
    assert_eq!(only(lab).await.surface, Surface::Records);
    soil(lab, &task, &[Surface::Board]).await;
    lab.wait(Span::millis(29_999));
    assert_eq!(only(lab).await.surface, Surface::Records);
    lab.wait(Span::millis(1));
    let both = dirty(lab).await;
    assert_eq!(both.len(), 2);
    let later = lab.now() + Span::hours(1);
    answered(lab.store().defer_projection(task.id, Surface::Board, "no answer", later).await);
    ack(lab, &both[0], "board").await;
    soil(lab, &task, &[Surface::Board]).await;
    assert_eq!(dirty(lab).await.len(), 2, "another has shown it: the failure is forgotten");
}

/// A surface that nobody asked for is a bug of the projector, not a row.
pub async fn only_what_was_ever_dirtied_is_acknowledged(lab: &Lab) {
    let task = lab.task("A").await;
    soil(lab, &task, &[Surface::Board]).await;
    let acked = lab.store().ack_projection(task.id, Surface::Pull, 2, "text").await;
    let deferred = lab.store().defer_projection(task.id, Surface::Pull, "no answer", lab.now()).await;
    for refused in [acked, deferred] {
        let Err(StoreError::Inconsistent { table: "projections", .. }) = refused else {
            panic!("{refused:?}")
        };
    }
    assert_eq!(only(lab).await.surface, Surface::Board);
}

/// By sequence number, then as `Surface` orders them; no more than asked for.
pub async fn surfaces_come_in_the_order_of_their_tasks(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    soil(lab, &b, &[Surface::Pull, Surface::Board]).await;
    soil(lab, &a, &[Surface::Records, Surface::Pull]).await;
    let all: Vec<_> = dirty(lab).await.iter().map(|d| (d.task.id, d.surface)).collect();
    let expected =
        [(a.id, Surface::Pull), (a.id, Surface::Records), (b.id, Surface::Board), (b.id, Surface::Pull)];
    assert_eq!(all, expected);
    assert_eq!(answered(lab.store().dirty_projections(lab.now(), 3).await).len(), 3);
}
