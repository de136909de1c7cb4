//! Gate `merge-verify`: the only proof of a landing is that the validated head is an ancestor of main, asked
//! of git (spec 3.9). How the landing is carried out is decided in `decide/landing.rs`.

use super::Judged;
use crate::view::View;

pub(super) fn judge(view: &View) -> Judged {
    match &view.task.landing.proof {
        Some(proof) => {
            Judged::pass(format!("{} is an ancestor of main {}", proof.head.short(), proof.main.short()))
        }
        None => Judged::NeedsRun,
    }
}
