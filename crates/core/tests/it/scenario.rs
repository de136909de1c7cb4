//! Whole lives of a task, from birth to done, with every gate recorded.

use std::collections::{BTreeMap, BTreeSet};

use orchd_core::command::{Acceptance, Wanted};
use orchd_core::event::Event;
use orchd_core::gate::GateName;
use orchd_core::job::JobKind;
use orchd_core::stage::Stage;
use orchd_core::time::Span;

use crate::support::build::{hook, policy};
use crate::support::check;
use crate::support::driver::Driver;
use crate::support::world::Luck;

#[test]
fn happy_path_reaches_done_with_every_gate_recorded() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "full");
    driver.run_for(Span::mins(1));
    assert_eq!(driver.task(id).stage, Stage::Analysis);
    assert!(matches!(driver.command(id, Wanted::Approve), Acceptance::Accepted(_)));
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    let recorded = check::gates_recorded(&driver, id);
    for gate in GateName::ALL {
        assert!(recorded.contains_key(&gate), "{} was never recorded", gate.name());
    }
    let mut judged = BTreeMap::new();
    let mut decided = BTreeSet::new();
    for event in driver.events(id) {
        if let Event::Decided { decision, .. } = event {
            decided.insert(decision.as_str());
        }
        let Event::GateJudged { result } = event else { continue };
        assert_ne!(result.outcome.word(), "wait", "that it waits is the row's reason, and nowhere else");
        let times: &mut u32 = judged.entry(result.gate).or_default();
        *times += 1;
        assert_eq!(result.attempt, *times, "{} counts wrong", result.gate.name());
    }
    assert_eq!(decided.into_iter().collect::<Vec<_>>(), ["advance", "finish", "land", "run", "stay"]);
    assert_eq!(recorded[&GateName::Security], "not-applicable");
    assert_eq!(recorded[&GateName::ReviewVerdict], "pass");
    assert_eq!(driver.world.landed.len(), 1);
    assert!(driver.repo.occupants.is_empty() && driver.repo.landing_task.is_none());
    check::replay(&driver);
}

#[test]
fn a_hook_deploys_after_confirm_deploy() {
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Deploy);
    assert!(matches!(driver.command(id, Wanted::Approve), Acceptance::Refused(_)), "INC-20: approve deploys");
    assert!(driver.world.hooks.is_empty());
    assert!(matches!(driver.command(id, Wanted::ConfirmDeploy), Acceptance::Accepted(_)));
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done);
    assert_eq!(driver.world.running.as_ref(), driver.task(id).head());
    check::replay(&driver);
}

#[test]
fn a_review_that_requests_changes_sends_the_findings_back() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Review);
    driver.settle_due();
    let review = driver.job_of(id).expect("the reviewer runs");
    driver.answer(review.id, Luck::Red);
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Development);
    assert_eq!(driver.task(id).spent.rework, 1);
    let rework = driver.job_of(id).expect("the developer runs again");
    let orchd_core::job::Work::Agent { must_fix, .. } = &rework.spec.work else { panic!("not a run") };
    assert_eq!(must_fix.len(), 1);
    assert!(must_fix[0].text.starts_with("finding"), "the finding is not verbatim: {must_fix:?}");
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done);
    assert!(driver.queue.iter().all(|job| job.spec.work.kind() != JobKind::Agent));
    check::replay(&driver);
}

#[test]
fn rework_that_runs_out_is_a_hold() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    for _ in 0..4 {
        driver.run_to(id, Stage::Review);
        let review = driver.job_of(id).expect("the reviewer runs");
        driver.answer(review.id, Luck::Red);
        driver.settle_due();
    }
    let held = driver.task(id).hold.as_ref().expect("the budget ran out");
    assert_eq!(held.code, orchd_core::hold::HoldCode::Escalated);
    assert!(held.detail.contains("rejected it again: finding"), "what for? {}", held.detail);
    assert_eq!(driver.task(id).spent.rework, 3);
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done);
    check::replay(&driver);
}
