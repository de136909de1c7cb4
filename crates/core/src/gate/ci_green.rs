//! Gate `ci-green`: what CI says of the head SHA (spec 3.1). Pending is a Wait with a limit; only a real
//! failure rejects.

use super::Judged;
use crate::hold::HoldCode;
use crate::job::Work;
use crate::policy::Ci;
use crate::reason::{Reason, Wait};
use crate::task::CiState;
use crate::time::Timestamp;
use crate::verdict::{Finding, Priority};
use crate::view::View;

pub(super) fn judge(view: &View, now: Timestamp) -> Judged {
    let Some(head) = view.task.head() else { return Judged::NeedsRun };
    let by_command = match &view.policy.ci {
        Ci::None => return Judged::not_applicable("the project has no CI (ci = \"none\")"),
        Ci::Command(_) => true,
        Ci::Forge => false,
    };
    let report = view.task.evidence.ci.as_ref().filter(|ci| ci.head == *head);
    let limit = match &view.task.reason {
        Some(Reason::Wait(Wait::Ci { head: before, until })) if before == head => *until,
        _ => report.map_or(now, |ci| ci.since) + view.policy.ci_limit,
    };
    match report.map(|ci| &ci.state) {
        Some(CiState::Success) => Judged::pass(format!("CI is green for {}", head.short())),
        Some(CiState::Failure { output }) => {
            let finding = Finding { priority: Priority::P0, file: None, line: None, text: output.clone() };
            Judged::reject(vec![finding], format!("CI failed for {}", head.short()))
        }
        Some(CiState::Infra { why }) => Judged::defer(why.clone()),
        None if by_command => Judged::NeedsJob(Box::new(Work::Ci { head: head.clone() })),
        Some(CiState::Pending) | None => {
            let until = limit;
            if now >= until {
                return Judged::hold(
                    HoldCode::CiPending,
                    format!("CI still pending after {}", view.policy.ci_limit),
                );
            }
            Judged::wait(Wait::Ci { head: head.clone(), until })
        }
    }
}
