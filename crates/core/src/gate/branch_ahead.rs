//! Gate `branch-ahead`: the head has commits over its base outside the task's documents (spec 3.0).

use super::Judged;
use crate::mutant::{self, Mutant};
use crate::stage::Stage;
use crate::view::View;

pub(super) fn judge(view: &View) -> Judged {
    // Asked again after the landing's rebase, where no run of the developer is at hand: git's word is enough.
    if view.task.stage == Stage::Development && view.submission().is_none() {
        return Judged::NeedsRun;
    }
    match &view.task.branch_state {
        Some(branch) if branch.ahead || mutant::on(Mutant::Inc41) => {
            Judged::pass(format!("{} is ahead of {}", branch.head.short(), branch.base.short()))
        }
        Some(_) | None => Judged::RunFailed(
            "the branch has no commit outside the task's documents: no changes is an error for this role"
                .to_owned(),
        ),
    }
}
