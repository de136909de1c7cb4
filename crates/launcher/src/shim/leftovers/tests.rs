//! Who earned the task branch. The git side is tested with real clones in `tests/it`.

use orchd_core::id::{Digest, RunId};
use orchd_core::time::Span;

use super::*;
use crate::spec::Ident;

fn earned(when: CommitOn, required: bool, ended: &Ended, submission: &SubmissionState) -> Earned {
    let mut spec = RunSpec::new(RunId(uuid::Uuid::from_u128(1)), vec!["x".into()], "/", Span::secs(1));
    spec.submission_required = required;
    let ident = Ident { name: "n".into(), email: "e".into() };
    let wanted = Leftovers {
        clone: "/".into(),
        branch: Branch::new("b"),
        salvage: Branch::new("s"),
        start: None,
        author: ident.clone(),
        committer: ident,
        message: "m".into(),
        when,
    };
    judge(&spec, &wanted, ended, submission)
}

#[test]
fn only_success_with_what_was_required_earns_the_branch() {
    let ok = Ended::Exited { code: 0 };
    let present = SubmissionState::Present { digest: Digest::of(b"{}") };
    let broken = SubmissionState::Broken { why: "not JSON".into() };
    let to_salvage = |earned| matches!(earned, Earned::Salvage(_));
    assert_eq!(earned(CommitOn::Success, true, &ok, &present), Earned::Branch);
    assert_eq!(earned(CommitOn::Success, false, &ok, &SubmissionState::None), Earned::Branch);
    assert!(to_salvage(earned(CommitOn::Success, true, &ok, &SubmissionState::None)));
    assert!(to_salvage(earned(CommitOn::Success, true, &ok, &broken)));
    assert!(to_salvage(earned(CommitOn::Success, false, &ok, &broken)));
    assert!(to_salvage(earned(CommitOn::Never, false, &ok, &present)));
    for ended in [
        Ended::Exited { code: 1 },
        Ended::Exited { code: 127 },
        Ended::Signalled { signal: 11 },
        Ended::DeadlineExceeded,
        Ended::Stalled,
        Ended::Stopped { why: "x".into() },
        Ended::OutputCeiling,
    ] {
        assert!(to_salvage(earned(CommitOn::Success, true, &ended, &present)), "{ended:?}");
    }
}
