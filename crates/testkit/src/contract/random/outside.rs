//! Random work of the projector, of people beside the pipeline, and on the board.

use orchd_core::id::{Branch, Key, ProjectId};
use orchd_core::port::board::Pull;
use orchd_core::port::store::Surface;
use orchd_core::time::Span;

use super::{Pair, both};
use crate::contract::lab::actor;

impl Pair {
    pub(super) async fn project(&mut self) {
        let (now, limit) = (self.now(), self.limit());
        let Ok(dirty) = both!(self, |s| s.dirty_projections(now, limit)) else { return };
        if let Some(found) = self.rng.pick(&dirty).cloned() {
            let (task, surface) = (found.task.id, found.surface);
            if self.rng.one_in(3) {
                let at = now + Span(self.rng.below(60_000).cast_signed());
                let _ = both!(self, |s| s.defer_projection(task, surface, "no answer", at));
            } else {
                let version = found.version - u64::from(self.rng.one_in(3));
                let shown = format!("digest-{version}");
                let _ = both!(self, |s| s.ack_projection(task, surface, version, &shown));
            }
        }
        let task = self.some_task();
        let surface = self.rng.pick(&Surface::ALL).copied().unwrap_or(Surface::Board);
        let _ = both!(self, |s| s.ack_projection(task, surface, 1, "first"));
    }

    pub(super) async fn depend(&mut self) {
        let (task, on, now) = (self.some_task(), self.some_key(), self.now());
        if self.rng.one_in(3) {
            let _ = both!(self, |s| s.remove_dependency(task, &on, now));
        } else {
            let source = if self.rng.one_in(2) { "person" } else { "tracker" };
            let _ = both!(self, |s| s.add_dependency(task, &on, source, now));
        }
    }

    pub(super) async fn drain(&mut self) {
        let (drained, now) = (self.rng.one_in(3), self.now());
        if self.rng.one_in(4) {
            let _ = both!(self, |s| s.wake_all(now));
        }
        let _ = both!(self, |s| s.set_drained(drained, &actor(), now));
    }

    pub(super) async fn board(&mut self) {
        let project = ProjectId::new(if self.rng.one_in(3) { "second" } else { "project" });
        let now = self.now();
        let _ = both!(self, |s| s.add_issue(&project, "ORCH", "a title", "a description", now));
        let key = Key::new(format!("ORCH-{}", self.rng.below(6)));
        let _ = both!(self, |s| s.set_issue_status(&project, &key, "Review", "one line"));
        let _ = both!(self, |s| s.issue(&project, &key));
        let head = Branch::new(format!("orchd/K-{}", self.rng.below(3)));
        let (repo, title) = (self.some_repo(), format!("{head} at {now:?}"));
        let pull = Pull { repo, head, title, text: String::new(), open: self.rng.one_in(2) };
        let _ = both!(self, |s| s.put_pull(&pull));
    }
}
