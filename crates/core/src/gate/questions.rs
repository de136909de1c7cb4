//! Gate `questions`: no blocking question of the judged run is open (spec 3.0). Pausing on questions is the
//! same for every role and is decided in `decide/run.rs`; this gate records that none is open.

use super::Judged;
use crate::view::View;

pub(super) fn judge(view: &View) -> Judged {
    match view.submission() {
        None => Judged::NeedsRun,
        Some(_) => Judged::pass("no blocking question is open"),
    }
}
