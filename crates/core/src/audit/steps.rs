//! What is asked of each event before it is applied: the row as it was must allow it. Each function is one
//! invariant's question; none trusts that `decide` asked the same before.

use super::{Found, RepoStep, Step};
use crate::effect::Intent;
use crate::event::{Event, How, RepoEvent, Spends, findings_digest};
use crate::gate::{self, GateName, GateOutcome, GateResult};
use crate::job::{JobClass, ReadyRun, SuiteOutcome};
use crate::policy::Policy;
use crate::repo::Repo;
use crate::stage::Stage;
use crate::task::Task;

/// I-1.
pub(super) fn moves(step: &Step, found: &mut Found) {
    let before = step.before;
    let key = &before.key;
    if before.stage.is_terminal() && !closing(step.event) {
        found.broken(format!("{key} is {} and yet: {:?}", before.stage, step.event));
    }
    let Event::Entered { from, to, how, .. } = step.event else { return };
    found.demand(*from == before.stage, || format!("{key} was in {}, not in {from}", before.stage));
    if let Some(policy) = step.policy {
        let pipeline = &policy.pipeline;
        found.demand(pipeline.allows(&before.track, *from, *to), || {
            format!("{key}: track {} has no way from {from} to {to} ({how:?})", before.track)
        });
        if matches!(how, How::Advance) {
            found.demand(pipeline.next(&before.track, *from) == Some(*to), || {
                format!("{key} advanced from {from} to {to}")
            });
        }
    }
    let stopped = *to == Stage::Cancelled;
    found.demand(stopped == matches!(how, How::Stopped), || format!("{key} went to {to} by {how:?}"));
    if stopped {
        found.demand(before.stopping.is_some(), || format!("{key} was cancelled though nobody stopped it"));
    }
}

/// What may be written after the end: side jobs with their decisions, what is shown, and the lane given back with
/// the last decision. Nothing of it changes a stage.
fn closing(event: &Event) -> bool {
    match event {
        Event::JobQueued { job, .. } => job.kind.class() == JobClass::Side,
        Event::Stayed { .. }
        | Event::LaneGivenBack
        | Event::Decided { .. }
        | Event::JobFailed { .. }
        | Event::JobClosed { .. }
        | Event::JobToldToEnd { .. }
        | Event::CleanedUp { .. }
        | Event::Deferred { .. } => true,
        _other => false,
    }
}

/// I-2.
pub(super) fn gates_stand(step: &Step, found: &mut Found) {
    let Some(policy) = step.policy else { return };
    let (needed, what) = match step.event {
        Event::Entered { from, to, how: How::Advance, .. } => {
            let mut gates = gate::gates_between(*from, *to);
            if *to == Stage::Deploy {
                gates.extend(of_the_head(step.before, policy));
            }
            (gates, format!("advance to {to}"))
        }
        Event::EffectOpened { effect } => {
            // What the gates spoke about is what is sent.
            let (Intent::Landing { head: sent, .. } | Intent::Deploy { sha: sent, .. }) = &effect.intent;
            found.demand(step.before.head() == Some(sent), || {
                format!("{}: {:?} of another commit than was judged", step.before.key, effect.intent)
            });
            let mut gates = of_the_head(step.before, policy);
            gates.extend_from_slice(gate::ENTERING_DEPLOY);
            if matches!(effect.intent, Intent::Deploy { .. }) {
                gates.extend([GateName::MergeVerify, GateName::MainRegression]);
            }
            (gates, format!("{:?}", effect.intent))
        }
        _other => return,
    };
    for gate in needed {
        // Not `standing`: what the decision went by is not what it is judged by.
        let subject = gate.subject(step.before);
        let stands = |r: &&GateResult| r.outcome.opens() && r.subject == subject;
        found.demand(step.before.gates.get(&gate).filter(stands).is_some(), || {
            let stored = step.before.gates.get(&gate).map(|r| (r.outcome.word(), &r.subject));
            format!("{}: {what} without {} (stored: {stored:?})", step.before.key, gate.name())
        });
    }
}

/// The gates of earlier stages that speak about the head or its patch (spec 1.2: a clean rebase keeps review,
/// staging and security, and asks CI and tests again).
fn of_the_head(task: &Task, policy: &Policy) -> Vec<GateName> {
    let of_head = [
        GateName::CiGreen,
        GateName::Tamper,
        GateName::ReviewVerdict,
        GateName::TamperAccepted,
        GateName::TestsVerdict,
        GateName::StagingVerdict,
    ];
    let stages = policy.pipeline.stages(&task.track);
    let asked: Vec<GateName> = stages.iter().flat_map(|stage| gate::leaving(*stage)).copied().collect();
    of_head.into_iter().filter(|gate| asked.contains(gate)).collect()
}

/// I-7, and the safety half of I-17: who is paused, stopping or on Hold starts no work.
pub(super) fn starts_nothing(step: &Step, found: &mut Found) {
    let before = step.before;
    let what = match step.event {
        Event::JobQueued { job, .. } if job.kind.class() == JobClass::Pipeline => job.kind.name(),
        Event::EffectOpened { .. } => "an irreversible step",
        _other => return,
    };
    let state = [
        (before.pause.is_some(), "paused"),
        (before.stopping.is_some(), "stopping"),
        (before.hold.is_some(), "on Hold"),
    ];
    for (is, word) in state {
        found.demand(!is, || format!("{} is {word} and started {what}", before.key));
    }
}

/// I-8: no landing or deployment is intended in a frozen repository.
pub(super) fn frozen_effect(step: &Step, found: &mut Found) {
    let (Event::EffectOpened { effect }, Some(repo)) = (step.event, step.repo) else { return };
    if let Some(freeze) = repo.frozen_for(step.before.id).filter(|_| !step.named) {
        found.broken(format!("{}: {:?} while frozen: {}", step.before.key, effect.intent, freeze.why));
    }
}

/// I-10: a door that was closed stays closed; a later landing has a number of its own.
pub(super) fn new_number(step: &Step, found: &mut Found) {
    let (Event::EffectOpened { effect }, Some(truth)) = (step.event, step.truth) else { return };
    let Intent::Landing { landing, .. } = &effect.intent else { return };
    found.demand(!truth.closed.contains(&(step.before.id, *landing)), || {
        format!("{}: landing {landing} is intended though its door is closed", step.before.key)
    });
}

/// I-8: nobody is let into a frozen repository.
pub(super) fn frozen_admission(step: &RepoStep, found: &mut Found) {
    let RepoEvent::LetIn { task } = step.event else { return };
    if let Some(freeze) = step.before.frozen_for(*task) {
        found.broken(format!("task {task} was let into {} while frozen: {}", step.before.id, freeze.why));
    }
}

/// I-9: the proof is about the validated head, and nothing is done without it.
pub(super) fn proof(step: &Step, found: &mut Found) {
    let before = step.before;
    match step.event {
        Event::Landed { proof } => {
            found.demand(before.head() == Some(&proof.head), || {
                format!("{}: {} was proven, {:?} was validated", before.key, proof.head, before.head())
            });
        }
        Event::Entered { to: Stage::Done, .. } => {
            let proven = before.landing.proof.as_ref().map(|proof| &proof.head);
            found.demand(proven.is_some() && proven == before.head(), || {
                format!("{} is done with head {:?} and proof {proven:?}", before.key, before.head())
            });
        }
        _other => {}
    }
}

/// I-11: a rework is spent only by a gate that rejected the work for its present subject, on evidence of a check
/// that really ran, and not for what main itself fails.
pub(super) fn only_work_is_rejected(step: &Step, found: &mut Found) {
    let Event::Entered { how: How::Rollback { gate, findings, spends }, .. } = step.event else { return };
    let before = step.before;
    let key = &before.key;
    let Some(stored) = before.gates.get(gate) else {
        return found.broken(format!("{key} went back for {}, which was never judged", gate.name()));
    };
    match &stored.outcome {
        GateOutcome::Reject { findings: stored } => {
            found.demand(findings_digest(stored) == *findings, || format!("{key}: other findings"));
        }
        said @ (GateOutcome::Pass
        | GateOutcome::NotApplicable { .. }
        | GateOutcome::Wait { .. }
        | GateOutcome::Defer { .. }
        | GateOutcome::Hold { .. }) => {
            found.broken(format!("{key} went back for {}, which said {}", gate.name(), said.word()));
        }
    }
    found.demand(stored.subject == gate.subject(before), || {
        format!("{key} went back for {} of another subject", gate.name())
    });
    if *spends == Some(Spends::Rework) && matches!(gate, GateName::TestsVerdict | GateName::MergeReady) {
        red_is_its_own(step, *gate, found);
    }
}

fn red_is_its_own(step: &Step, gate: GateName, found: &mut Found) {
    let before = step.before;
    let retest = || before.evidence.ready.as_deref().and_then(ReadyRun::suite_run);
    let suite = if gate == GateName::MergeReady { retest() } else { before.evidence.suite.clone() };
    let Some(suite) = suite.filter(|s| before.head() == Some(&s.head)) else { return };
    // Who is named to mend a frozen main by this very commit is written there behind what is judged in it.
    let mends = |repo: &Repo| repo.repair.contains(&before.id) || step.named && repo.frozen.is_some();
    let exempt = before.fix_forward.is_some() || step.repo.is_some_and(mends);
    match &suite.outcome {
        SuiteOutcome::Infra { reason } => {
            found.broken(format!("{}: {} rejected for {reason}", before.key, gate.name()));
        }
        SuiteOutcome::Red { failing, .. } if !exempt => {
            let on_main = step.truth.and_then(|truth| truth.red.get(&suite.base_tree));
            let same = on_main.is_some_and(|main| failing.iter().all(|name| main.contains(name)));
            found.demand(!same, || {
                format!("{}: {failing:?} are red on main too, and a rework was spent", before.key)
            });
        }
        SuiteOutcome::Red { .. } | SuiteOutcome::Green { .. } => {}
    }
}

/// I-12: what ran out is said once.
pub(super) fn one_hold(step: &Step, found: &mut Found) {
    if let (Event::Held { code, .. }, Some(held)) = (step.event, &step.before.hold) {
        found.broken(format!(
            "{} is on Hold {} and was held again for {}",
            step.before.key,
            held.code.name(),
            code.name()
        ));
    }
}

/// I-13: a command has its effect once.
pub(super) fn no_second_effect(step: &Step, found: &mut Found) {
    let before = step.before;
    let again = match step.event {
        Event::StopAccepted { .. } => before.stopping.is_some(),
        Event::Paused { .. } => before.pause.is_some(),
        Event::Resumed { .. } => before.pause.is_none(),
        Event::Retried { .. } | Event::HoldApproved { .. } => before.hold.is_none(),
        Event::Landed { proof } => before.landing.landed.contains(&proof.head),
        Event::JobClosed { job } => before.job_of(*job).is_none(),
        _other => false,
    };
    found.demand(!again, || format!("{}: {:?} had its effect before", before.key, step.event));
}
