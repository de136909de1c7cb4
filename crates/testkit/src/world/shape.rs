//! What a seed is: how many replicas and tasks, which policy, how troubled the world. Small worlds: a bug needs
//! few actors, and many small seeds find more than few large ones.

use std::sync::Arc;

use orchd_core::id::{Key, ProjectId};
use orchd_core::policy::{Agent, Approval, Ask, Ci, Deploy, OnBroken, Policy, Suite, TestingBy};
use orchd_core::stage::Role;
use orchd_core::time::Span;

use super::Policies;
use super::people;
use super::replica;
use super::sched::Owner;
use super::sim::Sim;
use crate::rng::Rng;

/// A seed's shape.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// Processes; one alone takes over the leases of its former lives.
    pub(super) replicas: usize,
    /// Tasks.
    pub(super) tasks: usize,
    /// One in this many pairs of changes has trouble; 0 is none.
    pub(super) trouble: u64,
    /// One in this many runs of a role does not go well.
    pub(super) mishaps: u64,
    /// People do something about every so many seconds.
    pub(super) people_every: i64,
    /// Others push to main about every so many seconds; 0 is never.
    pub(super) pushes_every: i64,
    /// When the faults end.
    pub(super) horizon: Span,
    policy: Policy,
}

impl Shape {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let suite = || Suite { command: "make test".to_owned(), timeout: Span::mins(10) };
        let mut policy = Policy::new("sim", "sim", "SIM");
        policy.serial = !rng.one_in(5);
        policy.max_occupants = rng.one_in(3).then_some(2);
        policy.approval = if rng.one_in(2) { Approval::Ask } else { Approval::Auto };
        policy.ask = if rng.one_in(6) { Ask::Never } else { Ask::Pause };
        policy.ci = match rng.below(4) {
            0 => Ci::Command(suite()),
            1 => Ci::Forge,
            _ => Ci::None,
        };
        policy.test = (!rng.one_in(7)).then(suite);
        policy.testing_by = if rng.one_in(8) { TestingBy::Agent } else { TestingBy::Runner };
        policy.deploy = if rng.one_in(3) {
            Deploy::Hook {
                environment: "prod".to_owned(),
                auto_confirm: rng.one_in(2),
                has_revision: !rng.one_in(3),
                has_runner: true,
            }
        } else {
            Deploy::None
        };
        policy.on_broken = if rng.one_in(3) {
            OnBroken::FixForward { attempts: 2, within: Span::mins(60) }
        } else {
            OnBroken::Hold
        };
        policy.person_deadline = rng.one_in(5).then_some(Span::mins(40));
        policy.budgets.infra = 3;
        policy.budgets.transient = 4;
        policy.budgets.breaker_failures = 1 + u32::try_from(rng.below(3)).unwrap_or(0);
        let two_providers = rng.one_in(2);
        for role in Role::ALL {
            let provider = if two_providers && role.is_judge() { "south" } else { "north" };
            let mut agent = Agent::new("script", vec!["play".to_owned()], policy.role_timeout(role));
            agent.provider = Some(provider.to_owned());
            policy.agents.insert(role, agent);
        }
        policy.budgets.rework = 2 + u32::try_from(rng.below(2)).unwrap_or(0);
        Self {
            replicas: 1 + usize::try_from(rng.below(3)).unwrap_or(0),
            tasks: 3 + usize::try_from(rng.below(3)).unwrap_or(0),
            trouble: rng.pick(&[0, 12, 6, 3]).copied().unwrap_or(0),
            mishaps: rng.pick(&[6, 12, 40]).copied().unwrap_or(12),
            people_every: rng.pick(&[60, 150, 600]).copied().unwrap_or(150),
            pushes_every: rng.pick(&[0, 300, 1500]).copied().unwrap_or(0),
            horizon: Span::mins(20 + i64::try_from(rng.below(60)).unwrap_or(0)),
            policy,
        }
    }

    pub(super) fn policies(&self) -> Policies {
        [(self.project(), Arc::new(self.policy.clone()))].into()
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn project(&self) -> ProjectId {
        self.policy.project.clone()
    }

    /// The issues of this world.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        (1..=self.tasks).map(|n| Key::new(format!("SIM-{n}")))
    }
}

/// Puts the actors into the world.
pub(super) fn furnish(sim: &Arc<Sim>) {
    for n in 0..sim.shape.replicas {
        sim.spawn(Owner::World, replica::boot(Arc::clone(sim), n));
    }
    for key in sim.shape.keys() {
        sim.spawn(Owner::World, people::requests(Arc::clone(sim), key));
    }
    sim.spawn(Owner::World, people::meddles(Arc::clone(sim)));
    sim.spawn(Owner::World, people::others_push(Arc::clone(sim)));
    sim.spawn(Owner::World, people::ci_reports(Arc::clone(sim)));
    sim.spawn(Owner::World, people::answers(Arc::clone(sim)));
}
