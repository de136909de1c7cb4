//! Gate `entry`: a title of 5 to 200 characters and a description, or an explicit waiver (spec 1.2).

use super::Judged;
use crate::hold::HoldCode;
use crate::view::View;

pub(super) fn judge(view: &View) -> Judged {
    let request = &view.task.request;
    let length = request.title.trim().chars().count();
    if !(5..=200).contains(&length) {
        return Judged::hold(
            HoldCode::Entry,
            format!("the title has {length} characters; 5 to 200 are needed"),
        );
    }
    if request.description.trim().is_empty() && !request.waiver {
        return Judged::hold(HoldCode::Entry, "there is no description, and it was not waived");
    }
    Judged::pass("title and description are there")
}
