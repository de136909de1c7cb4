//! Gate `main-regression`: text that tasks declared is still present in main (spec 3.10).

use super::Judged;
use crate::hold::HoldCode;
use crate::view::View;

pub(super) fn judge(view: &View) -> Judged {
    let Some(proof) = &view.task.landing.proof else { return Judged::NeedsRun };
    if let Some(warning) = &proof.marker_warning {
        return Judged::pass(format!("warning: main could not be searched for markers: {warning}"));
    }
    if proof.missing_markers.is_empty() {
        return Judged::pass(format!("all {} markers are in main", view.repo.markers.len()));
    }
    Judged::hold(
        HoldCode::MainRegressed,
        format!("main regressed: {} is gone", proof.missing_markers.join(", ")),
    )
}
