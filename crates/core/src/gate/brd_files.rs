//! Gate `brd-files`: `01-brd.md`, vouched for or changed by the judged run, with its sections (spec 3.0).

use super::Judged;
use crate::view::View;

const FILE: &str = "01-brd.md";

pub(super) fn judge(view: &View) -> Judged {
    let (Some(submission), Some(run)) = (view.submission(), view.run()) else { return Judged::NeedsRun };
    let vouched = submission.artifacts.iter().chain(&run.docs.changed).any(|path| path.ends_with(FILE));
    match run.docs.brd {
        Some(_) if !vouched => {
            Judged::RunFailed(format!("the run neither wrote {FILE} nor listed it in its submission"))
        }
        None => Judged::RunFailed(format!("{FILE} is missing")),
        Some(brd) => match brd.missing() {
            missing if missing.is_empty() => {
                Judged::pass(format!("{FILE} has goal, scope and acceptance criteria"))
            }
            missing => Judged::RunFailed(format!("{FILE} lacks, or leaves empty: {}", missing.join(", "))),
        },
    }
}
