//! Gate `approval`: an accepted approve for this visit and these documents, by a person or by policy (spec 1.6).

use super::{GateName, Judged};
use crate::mutant::{self, Mutant};
use crate::policy::Approval;
use crate::reason::{Ask, Wait};
use crate::view::View;

pub(super) fn judge(view: &View) -> Judged {
    let task = &view.task;
    if view.policy.approval == Approval::Auto {
        return Judged::pass("approved by the project's policy (approval = \"auto\")");
    }
    let present = GateName::Approval.subject(task);
    match &task.approval {
        Some(given) if mutant::on(Mutant::Inc45) => Judged::pass(format!("approved by {}", given.by)),
        Some(given) if given.visit == task.visit && given.subject == present => {
            Judged::pass(format!("approved by {}", given.by))
        }
        Some(_) | None if mutant::on(Mutant::Inc40) => Judged::RunFailed("nobody approved".to_owned()),
        Some(_) | None => Judged::wait(Wait::Person { ask: Ask::Approve, until: None }),
    }
}
