//! Gate `tests-verdict`: what the suite, or the tester, says of the head (spec 3.2). A red suite is compared
//! with main first: a red main is not the task's fault.

use super::{Judged, merge_ready};
use crate::hold::HoldCode;
use crate::id::Sha;
use crate::job::{BranchState, SuiteOutcome, SuiteRun, Work};
use crate::mutant::{self, Mutant};
use crate::policy::TestingBy;
use crate::stage::Stage;
use crate::verdict::{Finding, Priority, Verdict};
use crate::view::View;

pub(super) fn judge(view: &View) -> Judged {
    let Some(branch) = &view.task.branch_state else { return Judged::NeedsRun };
    if let Some(suite) = view.task.evidence.suite.as_ref().filter(|s| s.head == branch.head) {
        return judge_suite(view, suite);
    }
    let by_tester = view.policy.testing_by == TestingBy::Agent;
    if by_tester && (view.task.stage == Stage::Testing || view.policy.test.is_none()) {
        return judge_tester(view, &branch.head);
    }
    if view.policy.test.is_none() {
        return Judged::not_applicable("the project has no test command (test = none)");
    }
    if view.task.landing.rebase_first {
        return rebase_first(view, branch);
    }
    Judged::NeedsJob(Box::new(Work::Test { head: branch.head.clone() }))
}

/// After Hold `main-red`: the head stands on the mended main before it is tested again.
fn rebase_first(view: &View, branch: &BranchState) -> Judged {
    match &view.task.evidence.ready {
        Some(ready) => merge_ready::judge_ready(view, ready),
        None => {
            let (head, patch) = (branch.head.clone(), branch.patch.clone());
            Judged::NeedsJob(Box::new(Work::RebaseAndRetest { head, patch, tested: false }))
        }
    }
}

/// The tester's verdict speaks about the commit that the run saw.
fn judge_tester(view: &View, head: &Sha) -> Judged {
    let (Some(submission), Some(run)) = (view.submission(), view.run()) else { return Judged::NeedsRun };
    if run.branch.as_ref().map(|branch| &branch.head) != Some(head) {
        return Judged::NeedsRun;
    }
    match submission.verdict {
        Some(Verdict::Positive) => Judged::pass("the tester passed it"),
        Some(Verdict::Negative) if submission.findings.is_empty() => Judged::RunFailed(
            "the test report fails it and names nothing; list at least one finding".to_owned(),
        ),
        Some(Verdict::Negative) => Judged::reject(submission.findings.clone(), "the tester failed it"),
        None => Judged::RunFailed("the test report gives no verdict".to_owned()),
    }
}

/// Judges a suite's result about the present head.
pub(super) fn judge_suite(view: &View, suite: &SuiteRun) -> Judged {
    match &suite.outcome {
        SuiteOutcome::Green { tests, warning } => {
            let count = tests.map_or_else(|| "tests passed".to_owned(), |n| format!("{n} tests passed"));
            let warning = warning.as_ref().map(|w| format!(" (warning: {w})")).unwrap_or_default();
            Judged::pass(format!("{count} at {}{warning}", suite.head.short()))
        }
        SuiteOutcome::Infra { reason } if mutant::on(Mutant::Inc10) => {
            red(suite, std::slice::from_ref(reason), reason)
        }
        SuiteOutcome::Infra { reason } => Judged::defer(reason.clone()),
        SuiteOutcome::Red { failing, output } => judge_red(view, suite, failing, output),
    }
}

fn judge_red(view: &View, suite: &SuiteRun, failing: &[String], output: &str) -> Judged {
    let exempt = view.task.fix_forward.is_some() || view.repo.repair.contains(&view.task.id);
    if exempt || mutant::on(Mutant::Inc44) {
        // Its red is its own: it is here to mend main.
        return red(suite, failing, output);
    }
    match main_is_red_too(view, &suite.base_tree, failing) {
        None => Judged::NeedsMain(Some(suite.base.clone())),
        Some(true) => Judged::hold(
            HoldCode::MainRed,
            format!(
                "the tests fail the same way at {}, the commit of main this work is based on",
                suite.base.short()
            ),
        ),
        Some(false) => red(suite, failing, output),
    }
}

/// Every test red at the head is red on main; where names are unknown, main is red too. `None`: not known yet.
fn main_is_red_too(view: &View, tree: &Sha, failing: &[String]) -> Option<bool> {
    match view.repo.suite_of(tree)? {
        SuiteOutcome::Green { .. } | SuiteOutcome::Infra { .. } => Some(false),
        SuiteOutcome::Red { failing: on_main, .. } => {
            let names_known = !failing.is_empty() && !on_main.is_empty();
            Some(!names_known || failing.iter().all(|name| on_main.contains(name)))
        }
    }
}

fn red(suite: &SuiteRun, failing: &[String], output: &str) -> Judged {
    let text = super::red::told(failing, output);
    let finding = Finding { priority: Priority::P0, file: None, line: None, text };
    Judged::reject(vec![finding], format!("tests failed at {}", suite.head.short()))
}
