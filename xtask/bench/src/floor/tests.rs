//! Which requests share a COMMIT: never more than a group, and never one whose answer is still waited for.

use super::{groups, next_group};
use crate::script::{Claim, Decision, JobRequest, Settle};

fn decision(task: &str) -> Decision {
    Decision {
        task: task.to_owned(),
        since: 0,
        repo: String::new(),
        project: String::new(),
        key: String::new(),
        life: 1,
        seq: 1,
        transition: String::new(),
        version: 1,
        wakes: 0,
        due_at: None,
        at: 0,
        stage: "review",
        candidacy: "none",
        priority: 0,
        body: String::new(),
        relied_on: Vec::new(),
        consumed: Vec::new(),
        events: Vec::new(),
        costs: Vec::new(),
        job: None,
        dirty: Vec::new(),
    }
}

fn claim() -> JobRequest {
    let (owner, runs, gets) = (String::new(), Vec::new(), Vec::new());
    JobRequest::Claim(Claim { owner, limit: 16, max_running: None, until: 0, runs, gets })
}

fn settle() -> JobRequest {
    let text = String::new;
    JobRequest::Settle(Settle { job: text(), task: text(), state: "succeeded", fact: text(), body: text() })
}

fn sizes(tasks: &str, group: usize) -> Vec<usize> {
    let decisions: Vec<Decision> = tasks.split(' ').map(decision).collect();
    groups(&decisions, group).map(<[Decision]>::len).collect()
}

#[test]
fn a_group_is_never_larger_than_told() {
    assert_eq!(sizes("a b c d e", 2), [2, 2, 1]);
    assert_eq!(sizes("a b c d e", 9), [5]);
}

#[test]
fn a_tasks_second_decision_waits_for_the_first_ones_answer() {
    assert_eq!(sizes("a b a c b", 4), [2, 3]);
    assert_eq!(sizes("a a a", 4), [1, 1, 1]);
}

#[test]
fn a_claim_ends_its_group() {
    let requests = [settle(), settle(), claim(), settle(), settle(), settle()];
    assert_eq!(next_group(&requests, 4).len(), 3);
    assert_eq!(next_group(&requests, 2).len(), 2);
    assert_eq!(next_group(&requests[3..], 8).len(), 3);
}
