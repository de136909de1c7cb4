//! What a seed is: how many replicas and tasks, which policy, how troubled the world. Small worlds: a bug needs
//! few actors, and many small seeds find more than few large ones.

use std::sync::{Arc, OnceLock};

use orchd_core::id::{Key, ProjectId};
use orchd_core::policy::{Agent, Approval, Ask, Ci, Deploy, OnBroken, Policy, Suite, TestingBy};
use orchd_core::stage::Role;
use orchd_core::time::Span;
use serde::{Deserialize, Serialize};

use super::Policies;
use super::nature;
use super::people;
use super::replica;
use super::sched::Owner;
use super::sim::Sim;
use crate::rng::Rng;

/// A seed's shape; a scenario has one of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Processes; one alone takes over the leases of its former lives.
    pub replicas: usize,
    /// Tasks.
    pub tasks: usize,
    /// One in this many pairs of changes has trouble; 0 is none.
    pub trouble: u64,
    /// One in this many runs of a role does not go well.
    pub mishaps: u64,
    /// People do something about every so many seconds.
    pub people_every: i64,
    /// Others push to main about every so many seconds; 0 is never.
    pub pushes_every: i64,
    /// When the faults end, in minutes.
    pub minutes: i64,
    /// The most pipeline jobs that run at once, over all processes.
    pub slots: Option<u32>,
    /// At most one task occupies the repository.
    pub serial: bool,
    /// The most that occupy otherwise.
    pub max_occupants: Option<u32>,
    /// The tests are an agent's.
    pub tester: bool,
    /// Judges play by another provider's models than the others.
    pub two_providers: bool,
    /// Reworks of a task.
    pub rework: u32,
    /// Failures after which a provider is left alone.
    pub breaker_failures: u32,
    /// Minutes that a person has for an answer.
    pub person_minutes: Option<i64>,
    /// Who approves.
    pub approval: Approval,
    /// What a question does.
    pub ask: Ask,
    /// How CI is answered.
    pub ci: Ci,
    /// The suite.
    pub test: Option<Suite>,
    /// How it is deployed.
    pub deploy: Deploy,
    /// What the first red after a landing does.
    pub on_broken: OnBroken,
    #[serde(skip)]
    policy: Built,
}

/// The policy that a shape amounts to, worked out once; it is no part of the shape.
#[derive(Debug, Clone, Default)]
struct Built(OnceLock<Policy>);

impl PartialEq for Built {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Shape {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let suite = || Suite { command: "make test".to_owned(), timeout: Span::mins(10) };
        Self {
            replicas: 1 + usize::try_from(rng.below(3)).unwrap_or(0),
            tasks: 3 + usize::try_from(rng.below(3)).unwrap_or(0),
            trouble: rng.pick(&[0, 12, 6, 3]).copied().unwrap_or(0),
            mishaps: rng.pick(&[6, 12, 40]).copied().unwrap_or(12),
            people_every: rng.pick(&[60, 150, 600]).copied().unwrap_or(150),
            pushes_every: rng.pick(&[0, 300, 1500]).copied().unwrap_or(0),
            minutes: 20 + i64::try_from(rng.below(60)).unwrap_or(0),
            slots: rng.pick(&[None, None, None, Some(1), Some(2)]).copied().flatten(),
            serial: !rng.one_in(5),
            max_occupants: rng.one_in(3).then_some(2),
            tester: rng.one_in(8),
            two_providers: rng.one_in(2),
            rework: 2 + u32::try_from(rng.below(2)).unwrap_or(0),
            breaker_failures: 1 + u32::try_from(rng.below(3)).unwrap_or(0),
            person_minutes: rng.one_in(5).then_some(40),
            approval: if rng.one_in(2) { Approval::Ask } else { Approval::Auto },
            ask: if rng.one_in(6) { Ask::Never } else { Ask::Pause },
            ci: match rng.below(4) {
                0 => Ci::Command(suite()),
                1 => Ci::Forge,
                _ => Ci::None,
            },
            test: (!rng.one_in(7)).then(suite),
            deploy: if rng.one_in(2) {
                Deploy::Hook {
                    environment: "prod".to_owned(),
                    auto_confirm: rng.one_in(2),
                    has_revision: !rng.one_in(3),
                    has_runner: true,
                }
            } else {
                Deploy::None
            },
            on_broken: if rng.one_in(3) {
                OnBroken::FixForward { attempts: 2, within: Span::mins(60) }
            } else {
                OnBroken::Hold
            },
            policy: Built::default(),
        }
    }

    fn build(&self) -> Policy {
        let mut policy = Policy::new("sim", "sim", "SIM");
        policy.serial = self.serial;
        policy.max_occupants = self.max_occupants;
        policy.approval = self.approval;
        policy.ask = self.ask;
        policy.ci = self.ci.clone();
        policy.test = self.test.clone();
        policy.testing_by = if self.tester { TestingBy::Agent } else { TestingBy::Runner };
        policy.deploy = self.deploy.clone();
        policy.on_broken = self.on_broken;
        policy.person_deadline = self.person_minutes.map(Span::mins);
        policy.budgets.infra = 3;
        policy.budgets.transient = 4;
        policy.budgets.breaker_failures = self.breaker_failures;
        policy.budgets.rework = self.rework;
        for role in Role::ALL {
            let provider = if self.two_providers && role.is_judge() { "south" } else { "north" };
            let mut agent = Agent::new("script", vec!["play".to_owned()], policy.role_timeout(role));
            agent.provider = Some(provider.to_owned());
            policy.agents.insert(role, agent);
        }
        policy
    }

    /// When the faults end.
    pub(super) const fn horizon(&self) -> Span {
        Span::mins(self.minutes)
    }

    pub(super) fn policies(&self) -> Policies {
        [(self.project(), Arc::new(self.policy().clone()))].into()
    }

    pub(super) fn policy(&self) -> &Policy {
        self.policy.0.get_or_init(|| self.build())
    }

    pub(super) fn project(&self) -> ProjectId {
        self.policy().project.clone()
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
    sim.spawn(Owner::World, nature::everywhere(Arc::clone(sim)));
    sim.spawn(Owner::World, people::answers(Arc::clone(sim)));
}
