//! What needs a person is told until it is heard, and then not again; a need that comes back is another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use orchd_core::event::RepoEvent;
use orchd_core::hold::{Held, HoldCode};
use orchd_core::id::Actor;
use orchd_core::port::alert::{Alert, AlertKind, Alerts};
use orchd_core::port::store::{CommitOutcome, Surface};
use orchd_core::port::tracker::OutsideError;
use orchd_core::reason::Reason;
use orchd_core::repo::Freeze;
use orchd_core::task::Task;
use orchd_core::time::Span;
use orchd_engine::Engine;
use orchd_testkit::contract::lab::{Lab, row};
use orchd_testkit::{NoSurfaces, block_on, contract};

/// Hears nothing for as many calls as it is told.
#[derive(Default)]
struct Ear {
    deaf: AtomicU32,
    heard: Mutex<Vec<Alert>>,
}

#[async_trait]
impl Alerts for Ear {
    async fn tell(&self, alert: &Alert) -> Result<(), OutsideError> {
        let deaf = self.deaf.load(Ordering::SeqCst);
        if deaf > 0 {
            self.deaf.store(deaf - 1, Ordering::SeqCst);
            return Err(OutsideError { system: "ear", why: "nobody is there".to_owned() });
        }
        self.heard.lock().unwrap().push(alert.clone());
        Ok(())
    }
}

impl Ear {
    fn kinds(&self) -> Vec<AlertKind> {
        self.heard.lock().unwrap().iter().map(|alert| alert.kind).collect()
    }
}

fn process(lab: &Lab, ear: &Arc<Ear>) -> Engine {
    crate::process(lab, Arc::new(NoSurfaces), Arc::clone(ear) as Arc<dyn Alerts>)
}

/// The task is on Hold from now on, or is not.
async fn hold(lab: &Lab, task: &Task, held: bool) {
    let mut commit = lab.plan(task).await;
    let since = lab.now();
    let code = HoldCode::NoProgress;
    let what = held.then(|| Held { code, detail: "the same again".to_owned(), since, gate: None });
    row(&mut commit).hold = what;
    row(&mut commit).reason = held.then_some(Reason::Held { code });
    row(&mut commit).reason_since = since;
    commit.dirty = vec![Surface::Alert];
    lab.committed(commit).await;
}

#[test]
fn a_hold_is_told_until_it_is_heard_and_then_not_again() {
    let lab = Lab::new(contract::memory);
    let ear = Arc::new(Ear::default());
    let engine = process(&lab, &ear);
    block_on(async {
        let task = lab.task("A").await;
        ear.deaf.store(2, Ordering::SeqCst);
        hold(&lab, &task, true).await;
        for heard in [0, 0, 1, 1] {
            engine.project().await.unwrap();
            assert_eq!(ear.kinds().len(), heard);
            lab.wait(Span::mins(1));
        }
        // Written anew and the same: it was told.
        let mut commit = lab.plan(&task).await;
        commit.dirty = vec![Surface::Alert];
        lab.committed(commit).await;
        engine.project().await.unwrap();
        let heard = ear.heard.lock().unwrap().clone();
        assert_eq!(heard.len(), 1);
        assert_eq!((heard[0].kind, heard[0].code), (AlertKind::Hold, Some("no-progress")));
        assert!(heard[0].sentence.contains("the same again"), "{heard:?}");
        assert!(heard[0].commands.contains(&"orchctl retry A".to_owned()), "{heard:?}");
        // It went on, and is there again: that is news, also where nobody looked in between.
        lab.wait(Span::mins(1));
        hold(&lab, &task, false).await;
        hold(&lab, &task, true).await;
        engine.project().await.unwrap();
        assert_eq!(ear.kinds().len(), 2);
        hold(&lab, &task, false).await;
        engine.project().await.unwrap();
        assert_eq!(ear.kinds().len(), 2, "an end needs nobody");
    });
}

#[test]
fn a_repository_that_froze_is_told_of_once_in_a_life_of_the_process() {
    let lab = Lab::new(contract::memory);
    let ear = Arc::new(Ear::default());
    let engine = process(&lab, &ear);
    block_on(async {
        lab.task("A").await;
        let freeze = Freeze {
            why: "main is red".to_owned(),
            cause: None,
            by: Actor::new("ada"),
            at: lab.now(),
            diverged: false,
        };
        let loaded = lab.load_repo().await;
        let commit = lab.about_repo(&loaded, vec![RepoEvent::Frozen { freeze }]);
        assert_eq!(lab.store().commit_repo(commit).await, CommitOutcome::Committed);
        ear.deaf.store(1, Ordering::SeqCst);
        let mut told = BTreeMap::new();
        for heard in [0, 1, 1] {
            told = engine.alert_frozen(&told).await.unwrap();
            assert_eq!(ear.kinds(), vec![AlertKind::Frozen; heard]);
        }
        assert!(ear.heard.lock().unwrap()[0].sentence.contains("main is red"));
        engine.alert_frozen(&BTreeMap::new()).await.unwrap();
        assert_eq!(ear.kinds().len(), 2, "the next process tells it too");
        let loaded = lab.load_repo().await;
        let commit = lab.about_repo(&loaded, vec![RepoEvent::Unfrozen { by: Actor::new("ada") }]);
        assert_eq!(lab.store().commit_repo(commit).await, CommitOutcome::Committed);
        assert_eq!(engine.alert_frozen(&told).await.unwrap(), BTreeMap::new());
    });
}
