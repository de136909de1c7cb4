//! A person's words to an agent: heard by the next run of the role, in its own session where there is one, one
//! turn at a time.

use orchd_core::command::{Acceptance, RefusalCode, Wanted};
use orchd_core::hold::HoldCode;
use orchd_core::id::TaskId;
use orchd_core::job::{JobKind, Work};
use orchd_core::policy::{Agent, Approval, Policy};
use orchd_core::stage::{Role, Stage};
use orchd_core::time::Span;

use crate::support::build::policy;
use crate::support::driver::Driver;
use crate::support::world::Luck;

/// The world's runs say that they were sessions of the profile `script`.
fn played(profile: &str) -> Policy {
    let mut policy = policy();
    policy.approval = Approval::Auto;
    for role in [Role::Analyst, Role::Architect, Role::Developer, Role::Reviewer] {
        policy.agents.insert(role, Agent::new(profile, Vec::new(), Span::mins(30)));
    }
    policy
}

/// A task whose developer failed for good.
fn held(policy: Policy) -> (Driver, TaskId) {
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "full");
    driver.run_to(id, Stage::Development);
    while driver.task(id).hold.is_none() {
        let job = driver.run_to_job(JobKind::Agent);
        driver.answer(job.id, Luck::Failed);
        driver.settle_due();
    }
    assert_eq!(driver.task(id).hold.as_ref().map(|h| h.code), Some(HoldCode::AgentFailed));
    (driver, id)
}

fn heard(driver: &Driver, id: TaskId) -> (Option<String>, Option<String>) {
    let job = driver.job_of(id).expect("a run is asked for");
    let Work::Agent { answers, resume, .. } = job.spec.work else { panic!("not a run") };
    (answers, resume)
}

fn refused(answer: Acceptance) -> RefusalCode {
    match answer {
        Acceptance::Refused(refusal) => refusal.code,
        Acceptance::Accepted(events) => panic!("accepted: {events:?}"),
    }
}

fn retry(words: &str) -> Wanted {
    Wanted::Retry { repair: false, answers: Some(words.to_owned()) }
}

#[test]
fn words_after_a_failed_run_go_on_in_its_session() {
    let (mut driver, id) = held(played("script"));
    driver.command(id, retry("use the other library"));
    assert_eq!(heard(&driver, id), (Some("use the other library".to_owned()), Some("s-1".to_owned())));
}

#[test]
fn a_retry_without_words_starts_afresh() {
    let (mut driver, id) = held(played("script"));
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    assert_eq!(heard(&driver, id), (None, None));
}

/// Another program can not go on with it.
#[test]
fn a_session_is_of_its_profile() {
    let (mut driver, id) = held(played("claude"));
    driver.command(id, retry("use the other library"));
    assert_eq!(heard(&driver, id), (Some("use the other library".to_owned()), None));
}

#[test]
fn one_turn_at_a_time() {
    let mut driver = Driver::new(played("script"));
    let id = driver.create(1, "full");
    let job = driver.run_to_job(JobKind::Agent);
    driver.command(id, Wanted::Pause { why: "wait".to_owned(), now: false });
    let words = || Wanted::Resume { answers: Some("smaller".to_owned()) };
    assert_eq!(refused(driver.command(id, words())), RefusalCode::TurnRunning);
    assert!(driver.task(id).pause.is_some(), "it was refused");
    // It ends in order while the task is paused; the words that come then are another turn.
    driver.answer(job.id, Luck::Good);
    driver.settle_due();
    assert!(matches!(driver.command(id, words()), Acceptance::Accepted(_)));
    assert_eq!(driver.task(id).stage, Stage::Analysis, "the first run's word does not count any more");
    assert_eq!(heard(&driver, id), (Some("smaller".to_owned()), Some("s-1".to_owned())));
}

#[test]
fn words_need_somebody_who_listens() {
    let mut policy = played("script");
    policy.test = Some(orchd_core::policy::Suite { command: "true".to_owned(), timeout: Span::mins(1) });
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "full");
    driver.run_to(id, Stage::Testing);
    driver.command(id, Wanted::Pause { why: "wait".to_owned(), now: false });
    let words = Wanted::Resume { answers: Some("smaller".to_owned()) };
    assert_eq!(refused(driver.command(id, words)), RefusalCode::NobodyListens);
    let plain = Wanted::Resume { answers: None };
    assert!(matches!(driver.command(id, plain), Acceptance::Accepted(_)));
}
