//! Random claims, renewals, settlements and takings over, by holders of the present and of the past.

use orchd_core::fact::Address;
use orchd_core::id::{BootId, EffectId, InputId, RunId};
use orchd_core::job::JobResult;
use orchd_core::port::store::{ClaimFilter, Claimed};
use orchd_core::time::Span;

use super::{Pair, both};
use crate::contract::lab::{TTL, some_result};

impl Pair {
    fn boot(&mut self) -> BootId {
        self.rng.pick(&self.boots).copied().unwrap_or(BootId(uuid::Uuid::nil()))
    }

    /// A job that was held once, with the token of then.
    fn some_held(&mut self) -> Option<(BootId, Claimed)> {
        let recent = self.held.len().saturating_sub(6);
        let from = if self.rng.one_in(4) { 0 } else { recent };
        self.rng.pick(&self.held[from..]).cloned()
    }

    pub(super) async fn claim(&mut self) {
        let (boot, limit) = (self.boot(), self.limit());
        let max = u32::try_from(self.rng.below(5)).unwrap_or(0);
        let max_running = self.rng.one_in(2).then_some(max);
        let filter = ClaimFilter { boot, ttl: TTL, limit, max_running };
        let runs: Vec<RunId> = (0..self.rng.below(4)).map(|_| RunId(self.uuid())).collect();
        if let Ok(claimed) = both!(self, |s| s.claim(&filter, &runs)) {
            for held in &claimed {
                self.send(held).await;
            }
            self.held.extend(claimed.into_iter().map(|c| (boot, c)));
        }
    }

    pub(super) async fn settle(&mut self) {
        let Some((_, held)) = self.some_held() else { return };
        let known = self.rng.pick(&self.known.inputs).copied().filter(|_| self.rng.one_in(6));
        let fact = known.unwrap_or_else(|| InputId(self.uuid()));
        let result = match self.rng.below(3) {
            0 => some_result(),
            1 => JobResult::ended("told so"),
            _ => JobResult::Cleaned { salvaged: vec!["refs/orchd/salvage/1".to_owned()] },
        };
        let now = self.now();
        let _ = both!(self, |s| s.settle(held.job, held.token, &result, fact, now));
        self.remember_input(fact);
        if self.rng.one_in(4) {
            let _ = both!(self, |s| s.settle(held.job, held.token, &result, fact, now));
        }
    }

    pub(super) async fn release(&mut self) {
        let Some((_, held)) = self.some_held() else { return };
        let _ = both!(self, |s| s.release(held.job, held.token));
        self.remember_input(InputId(held.job.0));
    }

    pub(super) async fn renew(&mut self) {
        let Some((owner, first)) = self.some_held() else { return };
        let boot = if self.rng.one_in(4) { self.boot() } else { owner };
        let mut held = vec![(first.job, first.token)];
        held.extend((0..2).filter_map(|_| self.some_held()).map(|(_, c)| (c.job, c.token)));
        let ttl = Span(TTL.0 + self.rng.below(1000).cast_signed());
        let _ = both!(self, |s| s.renew(boot, &held, ttl));
    }

    pub(super) async fn send_effect(&mut self) {
        if let Some((_, held)) = self.some_held() {
            self.send(&held).await;
        }
    }

    async fn send(&mut self, held: &Claimed) {
        let mut effects: Vec<EffectId> = self.rng.pick(&self.effects).copied().into_iter().collect();
        if let Address::Task(task) = held.of {
            let rows = both!(self, |s| s.ledger(Some(task))).unwrap_or_default();
            effects.extend(rows.iter().map(|row| row.effect.id));
        }
        for effect in effects {
            let _ = both!(self, |s| s.send_effect(effect, held.job, held.token));
        }
    }

    pub(super) async fn reap(&mut self) {
        self.clock.advance(Span(self.rng.below(2 * TTL.0.cast_unsigned()).cast_signed()));
        let limit = self.limit();
        let Ok(expired) = both!(self, |s| s.expired(limit)) else { return };
        let lost = JobResult::lost("its lease is over");
        for job in expired {
            let (fact, now) = (InputId(self.uuid()), self.now());
            let _ = both!(self, |s| s.settle(job.job, job.token, &lost, fact, now));
            self.remember_input(fact);
        }
    }

    pub(super) async fn take_over(&mut self) {
        let boot = self.boot();
        if let Ok(taken) = both!(self, |s| s.take_over(boot, TTL)) {
            self.held.extend(taken.into_iter().map(|c| (boot, c)));
        }
    }
}
