//! I-21: what a provider's health forbids was not done. Of each start and each change of a health it is asked
//! whether the health before allowed it; of the rows, whether a probe is really a run that somebody has.

use std::collections::BTreeMap;

use super::{Found, Step, World};
use crate::event::{Event, ProviderEvent};
use crate::id::ProviderId;
use crate::provider::{Breaker, Health};
use crate::time::Timestamp;

/// The providers as the tasks' logs have them so far, with what people did in between.
#[derive(Default)]
pub(super) struct Known {
    pub(super) health: BTreeMap<ProviderId, Health>,
    /// How much of what people did is in it.
    heard: usize,
}

impl Known {
    /// An event of a task's log.
    pub(super) fn learn(&mut self, event: &Event) {
        if let Event::ProviderChanged { health } = event {
            self.health.insert(health.provider.clone(), (**health).clone());
        }
    }

    /// What people did up to a moment. It has no place in the tasks' logs, and two of one moment have no order: it
    /// belongs where the log has what the person saw.
    pub(super) fn hear(&mut self, done: &[(Timestamp, ProviderEvent)], until: Timestamp) {
        while let Some((at, ProviderEvent::Closed { was, .. })) = done.get(self.heard) {
            let id = &was.provider;
            if *at > until || self.health.get(id) != Some(&**was) {
                return;
            }
            self.health.insert(id.clone(), Health::new(id.clone()));
            self.heard += 1;
        }
    }
}

/// I-21, of each event.
pub(super) fn starts(step: &Step, found: &mut Found) {
    let Some(known) = step.providers else { return };
    match step.event {
        Event::JobQueued { job, .. } => {
            let Some(before) = job.provider.as_ref().and_then(|id| known.get(id)) else { return };
            let free = match &before.breaker {
                Breaker::Closed => true,
                Breaker::Open { .. } => false,
                Breaker::HalfOpen { probe, .. } => probe.job == job.id,
            };
            let has_quota = before.quota.as_ref().is_none_or(|used_up| used_up.resets_at <= step.at);
            found.demand(free && has_quota, || {
                format!("{}: job {} starts while it may not: {before:?}", step.before.key, job.id)
            });
        }
        Event::ProviderChanged { health } => {
            let Breaker::HalfOpen { probe, .. } = &health.breaker else { return };
            let before = known.get(&health.provider).map(|before| &before.breaker);
            let as_before = before == Some(&health.breaker);
            let own = probe.task == step.before.id;
            found.demand(as_before || (own && may_be_tried(before, step.at)), || {
                format!("{}: its run {} tries {before:?}", step.before.key, probe.job)
            });
        }
        _other => {}
    }
}

/// It is down, its time has come, and nobody tries it, or somebody has for too long.
fn may_be_tried(before: Option<&Breaker>, at: Timestamp) -> bool {
    match before {
        None | Some(Breaker::Closed) => false,
        Some(Breaker::Open { until, .. }) => *until <= at,
        Some(Breaker::HalfOpen { probe, .. }) => probe.until <= at,
    }
}

/// I-21, of the rows: who waits for a probe waits for a job that is there.
pub(super) fn probes(world: &World, found: &mut Found) {
    for health in &world.providers {
        let Breaker::HalfOpen { probe, .. } = &health.breaker else { continue };
        let file = world.tasks.iter().find(|file| file.task.id == probe.task);
        let job = file.and_then(|file| file.task.job.as_ref()).filter(|job| job.id == probe.job);
        let its_own = job.is_some_and(|job| job.provider.as_ref() == Some(&health.provider));
        found.demand(its_own || probe.until <= world.now, || {
            format!("provider {} is tried by a job that its task does not have: {probe:?}", health.provider)
        });
    }
}
