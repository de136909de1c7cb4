//! The board of an issue that has several lives shows the latest one's status.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use orchd_core::id::{Key, ProjectId};
use orchd_core::port::store::Surface;
use orchd_core::port::tracker::{OutsideError, Tracker};
use orchd_core::stage::Stage;
use orchd_core::task::Task;
use orchd_core::time::Span;
use orchd_engine::Engine;
use orchd_testkit::contract::lab::Lab;
use orchd_testkit::{NoSurfaces, block_on, contract};

/// A board that is busy when it is told to be, for one call.
#[derive(Default)]
struct Board {
    busy: AtomicBool,
    shown: Mutex<Vec<String>>,
}

#[async_trait]
impl Tracker for Board {
    async fn set_status(&self, _: &ProjectId, _: &Key, status: &str, _: &str) -> Result<(), OutsideError> {
        if self.busy.swap(false, Ordering::SeqCst) {
            return Err(OutsideError { system: "board", why: "too many requests".to_owned() });
        }
        self.shown.lock().unwrap().push(status.to_owned());
        Ok(())
    }
}

impl Board {
    fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }
}

fn process(lab: &Lab, board: &Arc<Board>) -> Engine {
    crate::process(lab, Arc::clone(board) as Arc<dyn Tracker>, Arc::new(NoSurfaces))
}

async fn is_to_be_shown(lab: &Lab, task: &Task) {
    let mut commit = lab.plan(task).await;
    commit.dirty = vec![Surface::Board];
    lab.committed(commit).await;
}

#[test]
fn a_status_of_a_former_life_does_not_come_after_the_present_ones() {
    let lab = Lab::new(contract::memory);
    let board = Arc::new(Board::default());
    let engine = process(&lab, &board);
    block_on(async {
        let first = lab.task("A").await;
        lab.enter(&first, Stage::Cancelled).await;
        is_to_be_shown(&lab, &first).await;
        board.busy.store(true, Ordering::SeqCst);
        engine.project().await.unwrap();
        assert_eq!(board.shown(), Vec::<String>::new(), "it is put off");
        let second = lab.task("A").await;
        assert_ne!(second.id, first.id);
        is_to_be_shown(&lab, &second).await;
        engine.project().await.unwrap();
        let shown = board.shown();
        assert_eq!(shown.len(), 1);
        lab.wait(Span::mins(5));
        engine.project().await.unwrap();
        assert_eq!(board.shown(), shown, "the former life's status came after the present one's");
        // And nobody waits for it any more.
        assert!(lab.store().dirty_projections(lab.now(), 10).await.unwrap().is_empty());
    });
}
