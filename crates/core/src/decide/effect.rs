//! An open entry of the effect ledger is a question, not a lock: any process may take it up and answer it by
//! asking the resource (spec 2.4). It comes before everything else, on every axis.

use super::{Decided, Decision, Order};
use crate::budget;
use crate::effect::{Effect, EffectState, Intent};
use crate::event::Spends;
use crate::gate::GateName;
use crate::hold::HoldCode;
use crate::job::{DeployAnswer, JobKind, JobSpec, ProbeOf, Work};
use crate::mutant::{self, Mutant};
use crate::reason::{Reason, Wait};
use crate::time::Timestamp;
use crate::view::View;

/// What the open effect needs; `None` where there is none.
pub(super) fn open_question(view: &View, now: Timestamp) -> Option<Decided> {
    let task = &view.task;
    let effect = task.effect.as_ref()?;
    if let Some(job) = task.job.as_ref().or(task.side_job.as_ref()) {
        // One that has not been sent yet need not be: its executor asks before it acts, and not after.
        let unwanted = task.stopping.is_some() || task.pause.is_some();
        if unwanted && job.ending.is_none() && matches!(job.kind, JobKind::Push | JobKind::Deploy) {
            return Some(Decided::new(Decision::EndJob { job: job.id, why: "stopped or paused".to_owned() }));
        }
        return Some(Decided::stay(Reason::Working {
            job: job.id,
            kind: job.kind,
            ending: job.ending.is_some(),
        }));
    }
    Some(match effect.state {
        // Its job is gone though it never answered: nobody knows.
        EffectState::Intent | EffectState::Sent | EffectState::Unknown => resolve(view, effect, now),
        // Closed entries are taken out of the row; kept total.
        EffectState::Applied | EffectState::Refused => Decided::stay(Reason::Wait(Wait::Main)),
    })
}

fn resolve(view: &View, effect: &Effect, now: Timestamp) -> Decided {
    if mutant::on(Mutant::Inc09) {
        return Decided::stay(Reason::Wait(Wait::Main));
    }
    if let (Intent::Deploy { .. }, Some(DeployAnswer::Unknown { why })) =
        (&effect.intent, &view.task.evidence.deploy)
    {
        // The probe could not ask either: only a person can tell.
        return Decided::hold(HoldCode::DeployUnknown, why.clone());
    }
    let limit = budget::infra_limit(&view.policy.budgets, &view.task.spent, GateName::MergeVerify);
    if effect.probes > limit.saturating_mul(2) && view.task.stopping.is_none() {
        let unseen = || "the step is never found, and never answers".to_owned();
        let why = view.task.evidence.infra.clone().unwrap_or_else(unseen);
        return Decided::hold_gate(HoldCode::Infra, why, Some(GateName::MergeVerify));
    }
    match (&effect.intent, &effect.absent_at) {
        (Intent::Landing { base, .. }, Some(main)) if main == base && may_resend(view) => {
            resend(view, effect, now)
        }
        // A late act could still land it: close the door before anything else is decided.
        (Intent::Landing { .. }, Some(_)) => probe(view, effect, true, now),
        // Nobody wants it any more: the door is closed at once. A look alone may never end: where main does not have
        // what went through the door, because a person took it out again, it only says that a person must look.
        (Intent::Landing { .. }, None) if view.task.stopping.is_some() => probe(view, effect, true, now),
        (Intent::Landing { .. } | Intent::Deploy { .. }, _) => probe(view, effect, false, now),
    }
}

/// The resource compares base and must-not-exist ref, so the same act may be sent again, within the budget.
fn may_resend(view: &View) -> bool {
    let task = &view.task;
    budget::infra_left(&view.policy.budgets, &task.spent, GateName::MergeVerify)
        && task.stopping.is_none()
        && task.pause.is_none()
        && task.landing.refused.is_none()
        && view.holds_lane()
        && view.repo.frozen_for(task.id).is_none()
}

fn resend(view: &View, effect: &Effect, now: Timestamp) -> Decided {
    let Intent::Landing { landing, base, head } = effect.intent.clone() else {
        return probe(view, effect, false, now);
    };
    let work = Work::Push { effect: effect.id, landing, base, head };
    let not_before = Some(now + budget::backoff(&view.policy.budgets, view.task.id, effect.probes));
    Decided::new(Decision::Run(Box::new(Order {
        spec: JobSpec { work, not_before },
        intent: None,
        // What was sent never arrived: infrastructure.
        spends: Some(Spends::Infra(GateName::MergeVerify)),
    })))
}

fn probe(view: &View, effect: &Effect, close: bool, now: Timestamp) -> Decided {
    let of = match &effect.intent {
        Intent::Landing { landing, head, .. } => ProbeOf::Landing { landing: *landing, head: head.clone() },
        Intent::Deploy { sha, environment, .. } => {
            ProbeOf::Deploy { sha: sha.clone(), environment: environment.clone() }
        }
    };
    // The first probe at once; after one that could not ask, with a backoff.
    let not_before = (effect.probes > 0 || view.task.evidence.infra.is_some())
        .then(|| now + budget::backoff(&view.policy.budgets, view.task.id, effect.probes));
    Decided::run(JobSpec { work: Work::Probe { effect: effect.id, of, close }, not_before })
}
