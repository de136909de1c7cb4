//! The invariants of spec 2.8 that can be seen in one decision, one repository or one log. Called by the
//! driver after every decision, so that every scenario checks them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use orchd_core::decide::{Decision, decide};
use orchd_core::effect::Intent;
use orchd_core::enact::{Enacted, Minted, enact};
use orchd_core::event::{Event, How, RepoEvent, Spends};
use orchd_core::evolve::{born, confirmed, evolve, evolve_repo};
use orchd_core::gate::{self, GateName, GateOutcome};
use orchd_core::id::{EffectId, TaskId};
use orchd_core::job::JobClass;
use orchd_core::policy::Deploy;
use orchd_core::reason::{Reason, Wait};
use orchd_core::repo::Repo;
use orchd_core::stage::Stage;
use orchd_core::task::Task;
use orchd_core::time::Timestamp;
use orchd_core::turn::Turn;
use orchd_core::view::View;
use uuid::Uuid;

use super::build::job_id;
use super::driver::Driver;

/// What one turn may write.
pub(crate) fn turned(before: &View, out: &Turn, now: Timestamp) {
    let mut task = before.task.clone();
    for event in &out.events {
        if let Event::Entered { from, to, how, .. } = event {
            moved(before, &task, *from, *to, how);
        }
        if let Event::EffectOpened { effect } = event {
            stands_to_land_or_deploy(before, &task);
            may_act(before, &task, out, &effect.intent);
        }
        if let Event::JobQueued { job, .. } = event {
            let side = job.kind.class() == JobClass::Side;
            let idle = task.pause.is_none() && task.hold.is_none() && task.stopping.is_none();
            assert!(side || idle, "I-7: {} starts {:?} though it stands", task.key, job.kind);
        }
        evolve(Arc::make_mut(&mut task), event, now);
    }
    let_in(before, out);
    assert_eq!(task, out.task, "I-14: the events of a turn do not make its row");
    within_budgets(before, &out.task);
    // Whatever was decided: asked again of the rows it left, the judge is total, and a Stay is a fixpoint.
    let mut after = View { task: out.task.clone(), repo: out.repo.clone(), ..before.clone() };
    after.providers.extend(out.providers.values().flatten().map(|h| (h.provider.clone(), h.clone())));
    let next = decide(&after, now);
    assert_eq!(next, decide(&after, now), "I-15: decide is not deterministic");
    let Decision::Stay(reason) = &next.decision else { return };
    let rest = enact(&after, next.clone(), minted(), now);
    assert_eq!(rest.task.stage, out.task.stage, "I-11: a wait changed the stage");
    assert_eq!(rest.task.spent.rework, out.task.spent.rework, "I-11: a wait spent rework");
    has_wake_up(&after, reason, &rest);
    let candidates = after.candidates.iter().filter(|c| !rest.repo.occupied_by(c.task)).cloned().collect();
    let again = View { task: rest.task.clone(), repo: rest.repo.clone(), candidates, ..after };
    let twice = decide(&again, now);
    assert_eq!(twice.decision, next.decision, "I-15: a Stay is no fixpoint");
    let second = enact(&again, twice, minted(), now);
    assert!(second.events.is_empty(), "a Stay writes twice: {:?}", second.events);
    assert!(second.repo_events.is_empty(), "a Stay writes twice: {:?}", second.repo_events);
}

fn minted() -> Minted {
    Minted { job: job_id(u64::MAX), look: job_id(u64::MAX - 1), effect: EffectId(Uuid::nil()) }
}

/// I-1 and I-2.
fn moved(view: &View, task: &Task, from: Stage, to: Stage, how: &How) {
    let pipeline = &view.policy.pipeline;
    assert_eq!(from, task.stage, "I-1: it leaves a stage it is not in");
    assert!(pipeline.allows(&task.track, from, to), "I-1: {} moves from {from} to {to} by {how:?}", task.key);
    if *how == How::Advance {
        let mut gates = gate::gates_between(from, to);
        if to == Stage::Done {
            gates.extend_from_slice(gate::ENTERING_DEPLOY);
        }
        for gate in gates {
            let stands = task.standing(gate).is_some();
            assert!(stands, "I-2: {} goes from {from} to {to} without {}", task.key, gate.name());
        }
    }
    if let How::Rollback { gate, spends: Some(Spends::Rework), .. } = how {
        let rejected = task.gates.get(gate).is_some_and(|r| matches!(r.outcome, GateOutcome::Reject { .. }));
        assert!(rejected, "I-11: rework is spent without a stored Reject of {}", gate.name());
    }
}

/// I-2 for intents: every gate of the track up to here stands for what is about to land.
fn stands_to_land_or_deploy(view: &View, task: &Task) {
    let stages = view.policy.pipeline.stages(&task.track);
    let head_gates = [
        GateName::CiGreen,
        GateName::Tamper,
        GateName::ReviewVerdict,
        GateName::TestsVerdict,
        GateName::StagingVerdict,
    ];
    let asked = head_gates.into_iter().filter(|g| stages.iter().any(|s| gate::leaving(*s).contains(g)));
    for gate in asked.chain(gate::ENTERING_DEPLOY.iter().copied()) {
        assert!(task.standing(gate).is_some(), "I-2: an intent of {} without {}", task.key, gate.name());
    }
}

/// I-8 and INC-20: no intent in a frozen repository, and no deployment that nobody confirmed.
fn may_act(view: &View, task: &Task, out: &Turn, intent: &Intent) {
    assert!(out.repo.frozen_for(task.id).is_none(), "I-8: {} acts in a frozen repository", task.key);
    if let (Intent::Deploy { .. }, Deploy::Hook { auto_confirm: false, .. }) = (intent, &view.policy.deploy) {
        assert!(confirmed(task), "INC-20: {} deploys unconfirmed", task.key);
    }
}

/// I-8: while frozen nobody is let in or back, but the cause and whom a person named.
fn let_in(view: &View, out: &Turn) {
    let mut repo = view.repo.clone();
    for event in &out.repo_events {
        if let RepoEvent::LetIn { task } = event {
            assert!(repo.frozen_for(*task).is_none(), "I-8: {} is let in while frozen", view.task.key);
            assert!(!view.drained, "I-8: {} is let in while drained", view.task.key);
        }
        evolve_repo(Arc::make_mut(&mut repo), event);
    }
    assert_eq!(repo, out.repo, "I-14: the repository's events do not make its row");
}

/// I-12.
fn within_budgets(view: &View, task: &Task) {
    let (limits, spent) = (&view.policy.budgets, &task.spent);
    assert!(spent.rework <= limits.rework + spent.rework_granted, "I-12: rework");
    assert!(spent.bounces <= limits.bounces + spent.bounces_granted, "I-12: bounces");
    assert!(spent.agent <= limits.agent_failures + spent.agent_granted, "I-12: agent failures");
    assert!(spent.transient <= limits.transient + spent.transient_granted, "I-12: transient");
    for (gate, n) in &spent.infra {
        let granted = spent.infra_granted.get(gate).copied().unwrap_or(0);
        assert!(*n <= limits.infra + granted, "I-12: infra of {}", gate.name());
    }
}

/// I-18: every wait that no person and no job of the task ends has a future moment at which it is looked at.
fn has_wake_up(view: &View, reason: &Reason, out: &Enacted) {
    let by_itself = match reason {
        Reason::Working { job, .. } => {
            assert!(out.task.job_of(*job).is_some(), "{} waits for a job it does not have", view.task.key);
            true
        }
        Reason::Held { .. } | Reason::Paused { .. } | Reason::Ended => true,
        Reason::Wait(Wait::Person { until, .. }) => until.is_none(),
        Reason::Wait(_) | Reason::Deferred { .. } => false,
    };
    assert!(by_itself || out.due_at.is_some(), "I-18: {} waits without a wake-up: {reason:?}", view.task.key);
    assert_eq!(out.task.reason.as_ref(), Some(reason), "the row does not show the decision's reason");
}

/// I-3, I-5, I-10 and what belongs to them.
pub(crate) fn repository(driver: &Driver) {
    let repo = &driver.repo;
    if driver.policy.serial {
        assert!(repo.occupants.len() <= 1, "I-5: {} tasks occupy", repo.occupants.len());
    }
    for id in repo.occupants.iter().chain(&repo.landing_task).chain(&repo.lane_queue) {
        let task = driver.task(*id);
        assert!(!task.stage.is_terminal(), "I-17: {} is over and keeps a place or lane", task.key);
    }
    let mut open = BTreeSet::new();
    for slot in driver.tasks.values() {
        let jobs = driver.queue.iter().filter(|job| job.of == orchd_core::fact::Address::Task(slot.task.id));
        assert!(jobs.count() <= 1, "I-3: {} has two jobs", slot.task.key);
        if let Some(effect) = &slot.task.effect {
            assert!(open.insert(effect.intent.target(&repo.id)), "I-10: two open effects on one target");
        }
    }
    let mut landings = BTreeSet::new();
    for (task, number, head) in &driver.world.landed {
        assert!(landings.insert((*task, *number)), "I-10: a landing was applied twice");
        assert!(driver.world.main.contains(head), "I-20: main lost {head}");
    }
}

/// What must hold of a task at rest.
pub(crate) fn settled(driver: &Driver, id: TaskId) {
    let task = driver.task(id);
    assert!(task.reason.is_some(), "{} has no reason", task.key);
    if task.stage == Stage::Done {
        let proof = task.landing.proof.as_ref().expect("I-9: done has its proof");
        assert!(driver.world.main.contains(&proof.head), "I-9: done, and not in main");
        assert_eq!(task.head(), Some(&proof.head), "I-9: what is proven is not what was validated");
    }
    if task.pause.is_some() && task.effect.is_none() && task.stopping.is_none() && task.job.is_none() {
        assert!(!driver.repo.occupied_by(id), "I-7: a paused task keeps its place");
    }
}

/// I-14: the log alone rebuilds the rows.
pub(crate) fn replay(driver: &Driver) {
    for slot in driver.tasks.values() {
        let mut log = slot.log.iter();
        let Some((at, Event::Created { birth })) = log.next() else { panic!("a log begins with the birth") };
        let mut row = born(birth, *at);
        for (at, event) in log {
            let stored = orchd_core::event::encode(event).expect("an event has a stored form");
            let read: Event = orchd_core::event::decode(&stored).expect("what was written can be read");
            evolve(&mut row, &read, *at);
        }
        assert_eq!(row, slot.task, "I-14: replaying the log of {} does not make its row", slot.task.key);
    }
    let mut repo = Repo::new(driver.repo.id.clone(), driver.repo.project.clone());
    driver.repo_log.iter().for_each(|event| evolve_repo(&mut repo, event));
    assert_eq!(repo, driver.repo, "I-14: replaying the repository's log does not make its row");
}

/// Every advance of a task, with how often each gate stood when it was made.
pub(crate) fn gates_recorded(driver: &Driver, id: TaskId) -> BTreeMap<GateName, &'static str> {
    let mut recorded = BTreeMap::new();
    for event in driver.events(id) {
        if let Event::GateJudged { result } = event {
            recorded.insert(result.gate, result.outcome.word());
        }
    }
    recorded
}
