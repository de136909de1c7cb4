//! Gate `review-verdict`: the verdict of the reviewer's run of this stage entry (spec 1.3, 3.0).

use super::Judged;
use crate::mutant::{self, Mutant};
use crate::verdict::Verdict;
use crate::view::View;

pub(super) fn judge(view: &View) -> Judged {
    let (Some(submission), Some(run)) = (view.submission(), view.run()) else { return Judged::NeedsRun };
    // The verdict speaks about the patch that the run saw; a rebase under it may have made another one.
    let seen = run.branch.as_ref().map(|branch| &branch.patch);
    let moved = seen != view.task.branch_state.as_ref().map(|branch| &branch.patch);
    if moved && !mutant::on(Mutant::Inc39) {
        return Judged::NeedsRun;
    }
    match submission.verdict {
        Some(Verdict::Positive) => {
            Judged::pass(submission.summary.clone().unwrap_or_else(|| "the reviewer approved".to_owned()))
        }
        Some(Verdict::Negative) if submission.findings.is_empty() => Judged::RunFailed(
            "the review requests changes and names none; list at least one finding".to_owned(),
        ),
        Some(Verdict::Negative) => {
            Judged::reject(submission.findings.clone(), "the reviewer requests changes")
        }
        None => Judged::RunFailed("the review gives no verdict".to_owned()),
    }
}
