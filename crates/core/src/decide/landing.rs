//! The stage `deploy`: the merge lane, the landing's intent, and what comes after the proof (spec 2.4, 3.8,
//! 3.9). The act itself is a job; the proof is git's word, never an answer's.

use super::{Decided, Decision, FreezeOrder, Order, run, stage};
use crate::effect::Intent;
use crate::event::How;
use crate::gate::{self, GateName, Judged};
use crate::hold::HoldCode;
use crate::id::{EffectId, Sha};
use crate::job::{JobSpec, ProbeOf, Work};
use crate::mutant::{self, Mutant};
use crate::policy::{Deploy, OnBroken};
use crate::reason::{Reason, Wait};
use crate::stage::Stage;
use crate::task::Assignment;
use crate::time::Timestamp;
use crate::verdict::{Finding, Priority};
use crate::view::View;

/// A task in `deploy` whose present landing is not proven yet.
pub(super) fn decide(view: &View, now: Timestamp) -> Decided {
    let task = &view.task;
    if let Some(why) = &task.landing.refused {
        return Decided::hold(HoldCode::NotMerged, why.clone());
    }
    // Asked again after a wait, a stale base or a closed door: what stood for another head or main does not.
    let entering = entering_again(view);
    let asked = stage::walk(view, &entering, Stage::Deploy, now);
    let Decision::Advance { .. } = asked.decision else { return asked };
    if let Some(why) = task.evidence.infra.as_ref() {
        // Every gate stands, so it was the landing itself that could not be tried.
        return Decided { judged: asked.judged, ..run::defer(view, GateName::MergeVerify, why, now) };
    }
    if let Err(wait) = lane(view, now) {
        return Decided { judged: asked.judged, ..Decided::stay(Reason::Wait(wait)) };
    }
    Decided { judged: asked.judged, ..land(view) }
}

/// The gates of entering `deploy`, and those of the head that a rebase moved.
fn entering_again(view: &View) -> Vec<GateName> {
    gate::ENTERING_DEPLOY.iter().copied().chain(stage::head_gates(view)).collect()
}

fn land(view: &View) -> Decided {
    let task = &view.task;
    let Some(branch) = &task.branch_state else {
        return Decided::hold(HoldCode::NotMerged, "the task has no branch to land");
    };
    let (landing, base, head) = (task.landing.number, branch.base.clone(), branch.head.clone());
    act(Intent::Landing { landing, base, head })
}

/// The job that acts; its effect's identity is given when it is enacted.
fn act(intent: Intent) -> Decided {
    let effect = EffectId(uuid::Uuid::nil());
    let work = match intent.clone() {
        Intent::Landing { landing, base, head } => Work::Push { effect, landing, base, head },
        Intent::Deploy { sha, attempt, environment } => Work::Deploy { effect, sha, attempt, environment },
    };
    let order = Order { spec: JobSpec { work, not_before: None }, intent: Some(intent), spends: None };
    Decided::new(Decision::Run(Box::new(order)))
}

/// The merge lane: free or this task's; else its place in the queue. Frozen repositories land nothing.
pub(super) fn lane(view: &View, _now: Timestamp) -> Result<(), Wait> {
    let (task, repo) = (&view.task, &view.repo);
    let frozen = repo.frozen_for(task.id).filter(|_| !mutant::on(Mutant::FreezeLands));
    if let Some(freeze) = frozen {
        return Err(Wait::Frozen { why: freeze.why.clone() });
    }
    if view.holds_lane() || mutant::on(Mutant::LaneIgnored) {
        return Ok(());
    }
    let place = repo.lane_queue.iter().position(|t| *t == task.id).unwrap_or(repo.lane_queue.len());
    let ahead = repo.landing_task.or_else(|| (place > 0).then(|| repo.lane_queue.first().copied()).flatten());
    match ahead {
        None => Ok(()),
        Some(other) => {
            let position = u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1);
            Err(Wait::Lane { on: view.name_of(other), position })
        }
    }
}

/// Asks `merge-ready`, whose job may only run under the lane.
pub(super) fn under_lane(view: &View, gate: GateName, now: Timestamp) -> Result<Judged, Box<Decided>> {
    match lane(view, now) {
        Ok(()) => Ok(gate.judge(view, now)),
        Err(wait) => Err(Box::new(Decided::stay(Reason::Wait(wait)))),
    }
}

/// The deploy hook, once a person or policy confirmed and the environment's lane is free.
pub(super) fn deploy(view: &View) -> Decided {
    let task = &view.task;
    let (Deploy::Hook { environment, .. }, Some(proof)) = (&view.policy.deploy, &task.landing.proof) else {
        return Decided::hold(HoldCode::DeployUnknown, "nothing to deploy");
    };
    if let Some(freeze) = view.repo.frozen_for(task.id) {
        return Decided::stay(Reason::Wait(Wait::Frozen { why: freeze.why.clone() }));
    }
    let busy = view.repo.deploying.iter().find(|(env, holder)| env == environment && *holder != task.id);
    if let Some((_, holder)) = busy {
        return Decided::stay(Reason::Wait(Wait::Lane { on: view.name_of(*holder), position: 1 }));
    }
    // The tested commit, and not main as it stands: somebody else's may be in it by now.
    let sha = if mutant::on(Mutant::Inc19) { &proof.main } else { &proof.head };
    let (sha, environment) = (sha.clone(), environment.clone());
    act(Intent::Deploy { sha, attempt: task.deploy.attempt, environment })
}

/// A Hold of a gate. After a landing, where policy says so, main or production is mended instead (spec 3.9).
pub(super) fn broken(view: &View, gate: GateName, code: HoldCode, detail: String, now: Timestamp) -> Decided {
    let task = &view.task;
    let red = matches!(code, HoldCode::MainRegressed | HoldCode::DeployFailed | HoldCode::EnvironmentBroken);
    let (OnBroken::FixForward { attempts, within }, true, true) = (view.policy.on_broken, red, task.landed())
    else {
        let mut decided = Decided::hold_gate(code, detail.clone(), Some(gate));
        // A red main is nobody's fault; what a landing broke is for that task to end.
        let by_task = code != HoldCode::MainRed;
        decided.freeze = code.row().freezes.then_some(FreezeOrder { why: detail, by_task });
        return decided;
    };
    let fix = task.fix_forward.as_ref();
    let used = fix.map_or(0, |f| f.attempts);
    let granted = fix.map_or(0, |f| f.granted);
    let late = fix.is_some_and(|f| granted == 0 && now - f.first_red > within);
    if used >= attempts.saturating_add(granted) || late {
        let mut decided = Decided::hold_gate(HoldCode::MainBroken, detail.clone(), Some(gate));
        decided.freeze = Some(FreezeOrder { why: detail, by_task: true });
        return decided;
    }
    fix_forward(view, detail)
}

fn fix_forward(view: &View, why: String) -> Decided {
    let cut_from: Option<Sha> = view.task.landing.proof.as_ref().map(|p| p.main.clone());
    let finding = Finding { priority: Priority::P0, file: None, line: None, text: why.clone() };
    let last_failure = cut_from.map(|main| format!("main is {main}; mend it there"));
    let assignment = Some(Assignment { must_fix: vec![finding], last_failure, ..Assignment::default() });
    let how = How::FixForward { why: why.clone() };
    let mut decided = Decided::new(Decision::Rollback { to: Stage::Development, how, assignment });
    decided.freeze = Some(FreezeOrder { why, by_task: true });
    decided
}

/// Looks at main and the markers again, after a person said that what regressed is mended.
pub(super) fn recheck(view: &View, now: Timestamp) -> Decided {
    let task = &view.task;
    if let Some(why) = task.evidence.infra.as_ref() {
        return run::defer(view, GateName::MainRegression, why, now);
    }
    let Some(proof) = &task.landing.proof else {
        return Decided::hold(HoldCode::NotMerged, "nothing of this task has landed");
    };
    let of = ProbeOf::Landing { landing: task.landing.number, head: proof.head.clone() };
    let work = Work::Probe { effect: EffectId(uuid::Uuid::nil()), of, close: false };
    Decided::run(JobSpec { work, not_before: None })
}
