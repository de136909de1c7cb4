//! Being let in: from `created`, after a look at main; and coming back. A decision that acts is put off until
//! the task occupies its repository (spec 1.5).

use super::{Decided, Decision, FreezeOrder, Look};
use crate::admission;
use crate::event::How;
use crate::gate::{self, GateName, GateOutcome, GateResult, Judged, Subject, red};
use crate::hold::HoldCode;
use crate::job::SuiteOutcome;
use crate::reason::{Reason, Wait};
use crate::stage::Stage;
use crate::time::Timestamp;
use crate::view::{DepState, View};

/// The decision about a task in `created`.
pub(super) fn decide(view: &View, now: Timestamp) -> Decided {
    if let Judged::Is(GateOutcome::Hold { code, detail }, _) = GateName::Entry.judge(view, now) {
        return Decided::hold(code, detail);
    }
    if let Some(dep) = view.deps.iter().find(|d| d.state == DepState::Ended) {
        return Decided::hold(HoldCode::DependencyEnded, format!("{} ended without being done", dep.on));
    }
    if let Err(wait) = admission::may_enter(view, now) {
        return Decided::stay(Reason::Wait(wait));
    }
    admit(view, now)
}

/// Main is looked at once more before the branch is cut; a red main freezes the repository, and the task waits.
fn admit(view: &View, now: Timestamp) -> Decided {
    let task = &view.task;
    let asking = matches!(task.reason, Some(Reason::Wait(Wait::Main)));
    let seen = view
        .repo
        .main
        .as_ref()
        .filter(|main| asking && task.asked_main_at.is_some_and(|asked| main.at >= asked));
    let Some(main) = seen else {
        return look(view, Look { at: None, ask_anew: !asking }, GateName::Admission);
    };
    let repair = view.repo.repair.contains(&task.id);
    match view.repo.suite_of(&main.tree) {
        _ if repair || view.policy.test.is_none() => {}
        Some(SuiteOutcome::Green { .. }) => {}
        Some(SuiteOutcome::Red { failing, output }) => {
            return frozen(format!(
                "main is red at {}: {}",
                main.sha.short(),
                red::evidence(failing, output)
            ));
        }
        // Never kept of a tree.
        Some(SuiteOutcome::Infra { reason }) => {
            return frozen(format!("main can not be looked at: {reason}"));
        }
        None => return look(view, Look { at: None, ask_anew: false }, GateName::Admission),
    }
    let Some(to) = view.next_stage() else { return Decided::stay(Reason::Wait(Wait::Capacity)) };
    let mut decided = Decided::new(Decision::Advance { to, cut_from: Some(main.sha.clone()) });
    decided.judged = gate::leaving(Stage::Created).iter().map(|gate| passed(view, *gate, now)).collect();
    decided
}

fn passed(view: &View, gate: GateName, now: Timestamp) -> GateResult {
    let attempt = view.task.gates.get(&gate).map_or(0, |r| r.attempt) + 1;
    GateResult {
        gate,
        subject: Subject::None,
        attempt,
        outcome: GateOutcome::Pass,
        evidence: "let in".to_owned(),
        at: now,
    }
}

/// The repository freezes, caused by nobody, and the task goes on waiting.
fn frozen(why: String) -> Decided {
    let mut decided = Decided::stay(Reason::Wait(Wait::Frozen { why: why.clone() }));
    decided.freeze = Some(FreezeOrder { why, by_task: false });
    decided
}

/// Waits for a look at main; when looks fail too often, a person must repair.
pub(super) fn look(view: &View, look: Look, gate: GateName) -> Decided {
    let granted = view.task.spent.infra_granted.get(&gate).copied().unwrap_or(0);
    if view.repo.main_failures > view.policy.budgets.infra.saturating_add(granted)
        && view.repo.main_job.is_none()
    {
        let why = view.repo.main_failure.clone().unwrap_or_default();
        if view.task.stage == Stage::Created {
            // The question is the repository's: nobody is let in until a person mended it, and no task is to blame.
            return frozen(format!("main can not be looked at: {why}"));
        }
        return Decided::hold_gate(HoldCode::Infra, format!("main can not be looked at: {why}"), Some(gate));
    }
    let mut decided = Decided::stay(Reason::Wait(Wait::Main));
    decided.look = Some(look);
    decided
}

/// Puts off a decision that acts until the task occupies its repository again.
pub(super) fn let_in_first(view: &View, wanted: Decided, now: Timestamp) -> Decided {
    let task = &view.task;
    let acts = match &wanted.decision {
        Decision::Run(_) | Decision::Advance { .. } | Decision::Rollback { .. } => true,
        Decision::Stay(_)
        | Decision::EndJob { .. }
        | Decision::Pause { .. }
        | Decision::Hold { .. }
        | Decision::Cancel
        | Decision::Finish => false,
    };
    if !acts || task.stage == Stage::Created {
        return wanted;
    }
    // What the decision freezes is frozen at once, even where it has to wait for its place.
    let put_off = |wait: Wait| Decided { freeze: wanted.freeze.clone(), ..Decided::stay(Reason::Wait(wait)) };
    if view.drained {
        return put_off(Wait::Drained);
    }
    let fix_forward = matches!(&wanted.decision, Decision::Rollback { how: How::FixForward { .. }, .. });
    if view.occupies() || (!admission::needs_place(task) && !fix_forward) {
        return wanted;
    }
    if fix_forward {
        // Its freeze is its own; but one place is one place.
        return match admission::occupied_by_another(view) {
            Some(other) => put_off(Wait::Predecessor { on: view.name_of(other) }),
            None => wanted,
        };
    }
    match admission::may_enter(view, now) {
        Ok(()) => wanted,
        Err(wait) => put_off(wait),
    }
}
