//! Gate `merge-ready`: under the merge lane, the head stands on main and the combined tree was tested
//! (spec 3.5). A rebase that changes the patch sends it back to be judged again, and spends nothing.

use super::{GateName, GateOutcome, Judged, tests_verdict};
use crate::hold::HoldCode;
use crate::job::{ReadyOutcome, ReadyRun, SuiteOutcome, Work};
use crate::mutant::{self, Mutant};
use crate::verdict::{Finding, Priority};
use crate::view::View;

/// The evidence word of the Reject whose target is `review`, not `development`.
pub const PATCH_CHANGED: &str = "patch-changed";
/// A patch that changed this often in a row is Hold `main-moves`.
pub const MAIN_MOVES_LIMIT: u32 = 3;

pub(super) fn judge(view: &View) -> Judged {
    let task = &view.task;
    let Some(branch) = &task.branch_state else { return Judged::NeedsRun };
    match &task.evidence.ready {
        None => {
            let tested = tested(view);
            let (head, patch) = (branch.head.clone(), branch.patch.clone());
            Judged::NeedsJob(Box::new(Work::RebaseAndRetest { head, patch, tested }))
        }
        Some(ready) => judge_ready(view, ready),
    }
}

/// Tests already spoke for exactly this head.
fn tested(view: &View) -> bool {
    let by_suite = view.task.evidence.suite.as_ref().is_some_and(|s| {
        view.task.head() == Some(&s.head) && matches!(s.outcome, SuiteOutcome::Green { .. })
    });
    by_suite || view.task.standing(GateName::TestsVerdict).is_some()
}

/// Whether the landing's rebase made another patch than the one that was judged. It is settled before any other
/// gate is asked: their verdicts speak about the former patch.
pub fn patch_moved(view: &View) -> bool {
    view.task.evidence.ready.as_ref().is_some_and(|ready| match &ready.outcome {
        ReadyOutcome::Ready { branch, .. } => branch.patch != ready.patch_before,
        ReadyOutcome::Conflict { .. } | ReadyOutcome::Vanished { .. } | ReadyOutcome::Infra { .. } => false,
    })
}

pub(super) fn judge_ready(view: &View, ready: &ReadyRun) -> Judged {
    match &ready.outcome {
        ReadyOutcome::Infra { reason } => Judged::defer(reason.clone()),
        ReadyOutcome::Conflict { files, hunks } => {
            let text = format!(
                "rebasing onto main {} conflicts in {}\n{hunks}",
                ready.main.short(),
                files.join(", ")
            );
            Judged::reject(vec![finding(text)], "the rebase conflicts with main")
        }
        ReadyOutcome::Vanished { entries } => {
            let text = format!("a union merge dropped these entries: {}", entries.join(", "));
            Judged::reject(vec![finding(text)], "entries vanished in a union merge")
        }
        ReadyOutcome::Ready { branch, suite, rebased } => {
            if branch.patch != ready.patch_before {
                return if view.task.landing.patch_moves + 1 >= MAIN_MOVES_LIMIT {
                    Judged::hold(HoldCode::MainMoves, "main changed under the patch three times in a row")
                } else {
                    Judged::reject(Vec::new(), PATCH_CHANGED)
                };
            }
            judge_combined(view, ready, suite.as_ref(), *rebased)
        }
    }
}

fn judge_combined(view: &View, ready: &ReadyRun, suite: Option<&SuiteOutcome>, rebased: bool) -> Judged {
    let done = if rebased { "rebased onto" } else { "already on" };
    if suite.is_none() {
        return Judged::pass(format!("{done} main {}; tests spoke for this head before", ready.main.short()));
    }
    if mutant::on(Mutant::Inc16) {
        return Judged::pass("not tested again");
    }
    let Some(run) = ready.suite_run() else { return Judged::NeedsRun };
    let tests = tests_verdict::judge_suite(view, &run);
    if let Judged::Is(GateOutcome::Pass, evidence) = &tests {
        return Judged::pass(format!("{done} main {}; {evidence}", ready.main.short()));
    }
    tests
}

fn finding(text: String) -> Finding {
    Finding { priority: Priority::P0, file: None, line: None, text }
}
