//! A working stage: its run if it must run, then its gates in order, cheap and decisive first. What an outcome
//! leads to is the same for every gate, and is here.

use super::{Decided, Decision, Look, entering, landing, run};
use crate::budget;
use crate::event::{How, Spends, findings_digest};
use crate::gate::{self, GateName, GateOutcome, GateResult, Judged, PATCH_CHANGED};
use crate::hold::HoldCode;
use crate::job::{JobSpec, Work};
use crate::mutant::{self, Mutant};
use crate::reason::{Reason, Wait};
use crate::stage::Stage;
use crate::task::Assignment;
use crate::time::Timestamp;
use crate::verdict::Finding;
use crate::view::View;

/// The decision about a task at work.
pub(super) fn decide(view: &View, now: Timestamp) -> Decided {
    let task = &view.task;
    if let Some(deferred) = task.deferred.as_ref().filter(|d| now < d.until) {
        let (gate, why, until) = (deferred.gate, deferred.why.clone(), deferred.until);
        return Decided::stay(Reason::Deferred { gate, why, until });
    }
    if let Some(reason) = task.declined.as_ref().filter(|_| !task.landed()) {
        return declined(view, reason);
    }
    if let Some(decided) = run::settle(view, now) {
        return decided;
    }
    if task.assignment.is_some() && view.run().is_none() && run::role(view).is_some() {
        return start_run(view, now);
    }
    if let Some(decided) = unchanged_rework(view, now) {
        return decided;
    }
    if gate::patch_moved(view) {
        return walk(view, &[GateName::MergeReady], Stage::Deploy, now);
    }
    if task.landed() && task.landing.recheck {
        return landing::recheck(view, now);
    }
    if task.stage == Stage::Deploy && !task.landed() {
        return landing::decide(view, now);
    }
    let Some(next) = view.next_stage() else {
        return Decided::hold(
            HoldCode::Infra,
            format!("the project's pipeline has no way on from {}", task.stage),
        );
    };
    walk(view, &gates(view, next), next, now)
}

/// A rework run that changed nothing did not do what it was asked for.
fn unchanged_rework(view: &View, now: Timestamp) -> Option<Decided> {
    let (task, assignment) = (&view.task, view.task.assignment.as_ref()?);
    let changes = run::role(view).is_some_and(|role| !role.is_judge());
    let asked = changes && !assignment.must_fix.is_empty();
    let unchanged = assignment.head.is_some() && assignment.head.as_ref() == task.head();
    (asked && unchanged && view.run().is_some())
        .then(|| run::again(view, "nothing was changed, but the findings asked for a change", now))
}

/// The gates between here and `next`. Entering `deploy`, those of the head are asked again in place: the
/// landing's rebase moved it.
fn gates(view: &View, next: Stage) -> Vec<GateName> {
    let mut gates = gate::gates_between(view.task.stage, next);
    if next == Stage::Deploy {
        let again: Vec<GateName> = head_gates(view).filter(|g| !gates.contains(g)).collect();
        gates.extend(again);
    }
    gates
}

/// The gates of earlier stages that must stand for the very head and patch that land.
pub(crate) fn head_gates(view: &View) -> impl Iterator<Item = GateName> + '_ {
    let again = [
        GateName::CiGreen,
        GateName::Tamper,
        GateName::ReviewVerdict,
        GateName::TamperAccepted,
        GateName::TestsVerdict,
        GateName::StagingVerdict,
    ];
    let skip = |gate: GateName| gate == GateName::TestsVerdict && mutant::on(Mutant::Inc16);
    again.into_iter().filter(move |g| asked_before(view, *g) && !skip(*g))
}

/// Whether the track has the stage whose leaving asks this gate.
fn asked_before(view: &View, gate: GateName) -> bool {
    let stages = view.policy.pipeline.stages(&view.task.track);
    stages.iter().any(|stage| gate::leaving(*stage).contains(&gate))
}

/// Asks the gates in order until one does not open the way.
pub(super) fn walk(view: &View, gates: &[GateName], next: Stage, now: Timestamp) -> Decided {
    let mut judged = Vec::new();
    for gate in gates {
        if view.task.standing(*gate).is_some() {
            continue;
        }
        let asked = if needs_lane(view, *gate) {
            landing::under_lane(view, *gate, now)
        } else {
            Ok(gate.judge(view, now))
        };
        let answer = match asked {
            Ok(answer) => answer,
            Err(wait) => return Decided { judged, ..*wait },
        };
        let (outcome, evidence) = match answer {
            Judged::Is(outcome, evidence) => (outcome, evidence),
            not_yet @ (Judged::NeedsRun
            | Judged::NeedsJob(_)
            | Judged::NeedsMain(_)
            | Judged::RunFailed(_)) => return Decided { judged, ..not_judged(view, *gate, not_yet, now) },
        };
        let opens = outcome.opens();
        judged.push(result(view, *gate, outcome.clone(), evidence.clone(), now));
        if !opens {
            return Decided { judged, ..closed(view, *gate, outcome, &evidence, now) };
        }
    }
    let decision =
        if next == Stage::Done { Decision::Finish } else { Decision::Advance { to: next, cut_from: None } };
    Decided { judged, ..Decided::new(decision) }
}

fn needs_lane(view: &View, gate: GateName) -> bool {
    gate == GateName::MergeReady && view.task.evidence.ready.is_none()
}

/// A result with its attempt. A Wait is not stored: the row's reason says it.
fn result(view: &View, gate: GateName, outcome: GateOutcome, evidence: String, now: Timestamp) -> GateResult {
    let attempt = view.task.gates.get(&gate).map_or(0, |r| r.attempt) + 1;
    GateResult { gate, subject: gate.subject(&view.task), attempt, outcome, evidence, at: now }
}

/// The gate needs something first.
fn not_judged(view: &View, gate: GateName, answer: Judged, now: Timestamp) -> Decided {
    if let Some(why) = view.task.evidence.infra.as_ref() {
        return run::defer(view, gate, why, now);
    }
    match answer {
        Judged::NeedsRun if gate == GateName::DeployVerdict => landing::deploy(view),
        // A rebase moved the patch, or the head, from under the word of a judge who works in an earlier stage.
        Judged::NeedsRun if judged_earlier(view, gate) => patch_changed(view),
        Judged::NeedsRun => start_run(view, now),
        Judged::NeedsJob(work) => start_job(view, *work, now),
        Judged::NeedsMain(at) => entering::look(view, Look { at, ask_anew: false }, gate),
        Judged::RunFailed(why) => run::again(view, &why, now),
        // Answers are taken out before; kept total.
        Judged::Is(outcome, evidence) => closed(view, gate, outcome, &evidence, now),
    }
}

/// Whether a judge's run gives this gate its word, in another stage than the present one.
fn judged_earlier(view: &View, gate: GateName) -> bool {
    (gate == GateName::ReviewVerdict && view.task.stage != Stage::Review)
        || (gate == GateName::TestsVerdict && view.task.stage != Stage::Testing)
}

fn start_run(view: &View, now: Timestamp) -> Decided {
    if let Some(why) = view.task.evidence.infra.as_ref() {
        return run::defer(view, run::stage_gate(view), why, now);
    }
    run::start(view, None, None, None, now)
}

/// A runner's job; the rebase is done under the merge lane only.
fn start_job(view: &View, work: Work, now: Timestamp) -> Decided {
    let needs_lane = matches!(work, Work::RebaseAndRetest { .. });
    if let Some(wait) = needs_lane.then(|| landing::lane(view, now).err()).flatten() {
        return Decided::stay(Reason::Wait(wait));
    }
    Decided::run(JobSpec { work, not_before: None })
}

/// What a gate that does not open the way leads to.
fn closed(view: &View, gate: GateName, outcome: GateOutcome, evidence: &str, now: Timestamp) -> Decided {
    match outcome {
        GateOutcome::Reject { .. } if evidence == PATCH_CHANGED => patch_changed(view),
        GateOutcome::Reject { findings } => reject(view, gate, findings),
        GateOutcome::Wait { wait } => waiting(view, wait, now),
        GateOutcome::Defer { why } => run::defer(view, gate, &why, now),
        GateOutcome::Hold { code, detail } => landing::broken(view, gate, code, detail, now),
        // Open gates are passed over before; kept total.
        GateOutcome::Pass | GateOutcome::NotApplicable { .. } => Decided::stay(Reason::Wait(Wait::Capacity)),
    }
}

/// A wait for a person may have a deadline: then Hold, never an approval by silence.
fn waiting(view: &View, wait: Wait, now: Timestamp) -> Decided {
    let Wait::Person { ask, .. } = wait else { return Decided::stay(Reason::Wait(wait)) };
    let asked_already =
        matches!(&view.task.reason, Some(Reason::Wait(Wait::Person { ask: before, .. })) if *before == ask);
    let since = if asked_already { view.task.reason_since } else { now };
    let until = view.policy.person_deadline.map(|deadline| since + deadline);
    if until.is_some_and(|until| now >= until) {
        return Decided::hold(HoldCode::Unanswered, "nobody answered within the policy's deadline");
    }
    Decided::stay(Reason::Wait(Wait::Person { ask, until }))
}

fn patch_changed(view: &View) -> Decided {
    match view.policy.pipeline.patch_changed_target(&view.task.track) {
        Some(to) => Decided::new(Decision::Rollback { to, how: How::PatchChanged, assignment: None }),
        // No stage judges the patch: it is asked again in place.
        None => {
            Decided::new(Decision::Rollback { to: view.task.stage, how: How::PatchChanged, assignment: None })
        }
    }
}

/// The work is at fault: back to the target with the findings, within the budget.
fn reject(view: &View, gate: GateName, findings: Vec<Finding>) -> Decided {
    let (task, budgets) = (&view.task, &view.policy.budgets);
    let Some(to) = view.policy.pipeline.rollback_target(&task.track, task.stage) else {
        return Decided::hold(HoldCode::Escalated, format!("{} rejected it", gate.name()));
    };
    let digest = findings_digest(&findings);
    let summary = findings.first().map_or_else(|| "no finding".to_owned(), |f| first_line(&f.text));
    if task.last_findings.as_ref() == Some(&digest) {
        return Decided::hold(
            HoldCode::NoProgress,
            format!("{} found the same twice: {summary}", gate.name()),
        );
    }
    let (spends, left) = if matches!(to, Stage::Analysis | Stage::Architecture) {
        (Spends::Bounce, budget::left(budgets.bounces, task.spent.bounces_granted, task.spent.bounces))
    } else {
        (Spends::Rework, budget::rework_left(budgets, &task.spent))
    };
    if !left {
        return Decided::hold(HoldCode::Escalated, format!("{} rejected it again: {summary}", gate.name()));
    }
    let how = How::Rollback { gate, findings: digest, spends: Some(spends) };
    let assignment = Some(Assignment { must_fix: findings, ..Assignment::default() });
    Decided::new(Decision::Rollback { to, how, assignment })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

/// A person declined what was asked before the landing: back to the role that made it, and nothing is spent.
fn declined(view: &View, reason: &str) -> Decided {
    let to = if view.task.stage == Stage::Analysis { Stage::Analysis } else { Stage::Development };
    let text = format!("A person sent this back: {reason}");
    let finding = Finding { priority: crate::verdict::Priority::P0, file: None, line: None, text };
    let assignment = Some(Assignment { must_fix: vec![finding], ..Assignment::default() });
    Decided::new(Decision::Rollback { to, how: How::Person { reason: reason.to_owned() }, assignment })
}
