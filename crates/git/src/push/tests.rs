//! How git's porcelain lines are read, the odd ones above all.

use super::*;

fn change(name: &str) -> (RefName, RefName) {
    (RefName::new(name), RefName::new(name))
}

#[test]
fn a_push_without_a_complete_answer_is_unknown() {
    let changes = [change("refs/heads/main"), change("refs/orchd/merge/1")];
    let lost = "!\tx:refs/heads/main\t[remote failure] (remote failed to report status)\n";
    assert!(matches!(judge(Some(1), lost, "", &changes), PushAnswer::NoAnswer { .. }));
    assert!(matches!(judge(Some(128), "", "fatal: no route to host", &changes), PushAnswer::NoAnswer { .. }));
    assert!(matches!(judge(None, "", "", &changes), PushAnswer::NoAnswer { .. }));
    let half = "To x\n \tx:refs/heads/main\ta..b\nDone\n";
    assert!(matches!(judge(Some(0), half, "", &changes), PushAnswer::NoAnswer { .. }));
}

#[test]
fn a_refusal_is_told_with_the_receivers_words() {
    let changes = [change("refs/heads/main")];
    let said = "To x\n!\tx:refs/heads/main\t[remote rejected] (hook declined)\nDone\n";
    let PushAnswer::Rejected { why, each } = judge(Some(1), said, "remote: orchd: no\nhint: try", &changes)
    else {
        panic!()
    };
    assert_eq!(why, "refs/heads/main: [remote rejected] (hook declined); remote: orchd: no");
    assert_eq!(each, [(RefName::new("refs/heads/main"), "[remote rejected] (hook declined)".to_owned())]);
}

#[test]
fn what_the_remote_calls_otherwise_is_told_by_our_name() {
    let names = [(RefName::new("refs/tags/orchd/merge/1"), RefName::new("refs/orchd/merge/1"))];
    let said = "To x\n*\tx:refs/tags/orchd/merge/1\t[new tag]\nDone\n";
    let PushAnswer::Accepted(answers) = judge(Some(0), said, "", &names) else { panic!() };
    assert_eq!(answers, [(RefName::new("refs/orchd/merge/1"), RefAnswer::Moved)]);
}
