//! What broke main or production: the freeze names who must end it, and that one can (spec 1.5, 3.9, 3.10).

use orchd_core::command::{RefusalCode, RepoCommand, RepoWanted, Wanted, accept_repo};
use orchd_core::effect::{LandingAnswer, ProbeAnswer, Proof};
use orchd_core::event::RepoEvent;
use orchd_core::hold::HoldCode;
use orchd_core::id::TaskId;
use orchd_core::job::{JobKind, JobResult, Work};
use orchd_core::policy::{OnBroken, Policy};
use orchd_core::reason::{Reason, Wait};
use orchd_core::stage::Stage;
use orchd_core::time::Span;

use crate::support::build::{hook, person, policy};
use crate::support::check;
use crate::support::driver::{Driver, Queued};
use crate::support::world::Luck;

fn cause(driver: &Driver) -> Option<TaskId> {
    driver.repo.frozen.as_ref().and_then(|freeze| freeze.cause)
}

fn hold(driver: &Driver, id: TaskId) -> Option<HoldCode> {
    driver.task(id).hold.as_ref().map(|held| held.code)
}

fn fix_forward() -> Policy {
    let mut policy = policy();
    policy.deploy = hook(false);
    policy.on_broken = OnBroken::FixForward { attempts: 5, within: Span::mins(60) };
    policy
}

/// The first has landed and its hook runs; the second occupies.
fn hook_runs_beside_another() -> (Driver, TaskId, TaskId, Queued) {
    let mut driver = Driver::new(fix_forward());
    let (first, second) = (driver.create(1, "express"), driver.create(2, "express"));
    driver.run_to(second, Stage::Development);
    driver.settle_due();
    assert!(driver.repo.occupied_by(second), "the first waits for its confirmation");
    driver.command(first, Wanted::ConfirmDeploy);
    let deploy = driver.job_of(first).expect("the hook runs");
    (driver, first, second, deploy)
}

/// Spec 3.9: the first red after a landing freezes with this task as the cause, though it has to wait for its
/// place; else the other lands on a broken main.
#[test]
fn the_first_red_after_a_landing_freezes_though_another_occupies() {
    let (mut driver, first, second, deploy) = hook_runs_beside_another();
    driver.answer(deploy.id, Luck::Red);
    driver.settle_due();
    assert_eq!(cause(&driver), Some(first), "{:?}", driver.task(first).reason);
    driver.run_for(Span::mins(30));
    let landed: Vec<TaskId> = driver.world.landed.iter().map(|(task, ..)| *task).collect();
    assert_eq!(landed, [first, first], "who lands on a broken main?");
    assert!(matches!(driver.task(second).reason, Some(Reason::Wait(Wait::Frozen { .. }))));
    check::replay(&driver);
}

/// I-6: those coming back go first, and one that waits to mend main is coming back.
#[test]
fn a_task_that_waits_to_mend_main_is_coming_back() {
    let (mut driver, first, second, deploy) = hook_runs_beside_another();
    driver.create(3, "express");
    driver.answer(deploy.id, Luck::Red);
    driver.settle_due();
    let reason = driver.task(first).reason.clone();
    assert_eq!(reason, Some(Reason::Wait(Wait::Predecessor { on: "DEMO-2".to_owned() })));
    assert!(driver.view(second).candidates.iter().any(|c| c.task == first));
}

/// I-5: a person's freeze does not hide that another occupies.
#[test]
fn a_fix_forward_waits_for_its_place_in_a_frozen_repository_too() {
    let (mut driver, first, second, deploy) = hook_runs_beside_another();
    driver.repo_command(RepoWanted::Freeze { why: "a person said so".to_owned() });
    driver.answer(deploy.id, Luck::Red);
    driver.settle_due();
    assert_eq!(driver.repo.occupants, [second]);
    assert_eq!(driver.task(first).stage, Stage::Deploy);
    // The freeze is a person's; the task may mend its own breakage in it all the same.
    assert_eq!(cause(&driver), None);
    assert_eq!(driver.repo.repair, [first]);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(first).landing.landed.len(), 2, "{:?}", driver.task(first).reason);
    assert!(driver.repo.frozen.is_some(), "a person's freeze is ended by a person");
}

/// The next deployment of the task fails and is taken back.
fn fails_again(driver: &mut Driver) {
    let deploy = driver.run_to_job(JobKind::Deploy);
    driver.answer(deploy.id, Luck::Red);
    driver.settle_due();
}

fn mended_alone(attempts: u32) -> (Driver, TaskId) {
    let mut policy = policy();
    policy.deploy = hook(true);
    policy.on_broken = OnBroken::FixForward { attempts, within: Span::mins(60) };
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    fails_again(&mut driver);
    (driver, id)
}

/// Spec 3.9: fix-forward has an hour from the first red; a person grants one more attempt, however late.
#[test]
fn a_fix_forward_has_its_time() {
    let (mut driver, id) = mended_alone(5);
    let first_red = driver.now;
    let Work::Agent { must_fix, last_failure, .. } = driver.job_of(id).expect("it is mended").spec.work
    else {
        panic!("no run")
    };
    assert_eq!(must_fix.into_iter().map(|finding| finding.text).collect::<Vec<_>>(), ["the hook said no"]);
    let main = driver.world.head().to_string();
    assert!(last_failure.is_some_and(|text| text.contains(&main)), "where is it mended?");
    driver.now = first_red + Span::mins(60);
    fails_again(&mut driver);
    assert_eq!((driver.task(id).stage, hold(&driver, id)), (Stage::Development, None));
    driver.now = driver.now + Span::millis(1);
    fails_again(&mut driver);
    assert_eq!(hold(&driver, id), Some(HoldCode::MainBroken));
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    driver.settle_due();
    assert_eq!((driver.task(id).stage, hold(&driver, id)), (Stage::Development, None));
}

/// And its number of attempts, however little time they took.
#[test]
fn a_fix_forward_has_its_attempts() {
    let (mut driver, id) = mended_alone(1);
    assert_eq!(driver.task(id).stage, Stage::Development);
    fails_again(&mut driver);
    assert_eq!(hold(&driver, id), Some(HoldCode::MainBroken));
}

/// Spec 1.7: STOP accepted while the hook ran, and the hook broke the environment.
#[test]
fn stopping_a_task_that_broke_production_freezes() {
    let mut policy = policy();
    policy.deploy = hook(true);
    let mut driver = Driver::new(policy);
    let (id, next) = (driver.create(1, "express"), driver.create(2, "express"));
    let deploy = driver.run_to_job(JobKind::Deploy);
    driver.claim(deploy.id);
    driver.command(id, Wanted::Stop);
    driver.answer(deploy.id, Luck::Changed);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Cancelled);
    assert!(driver.repo.frozen.is_some(), "the queue goes on over a broken environment");
    assert!(!driver.task(next).stage.is_terminal());
}

/// Spec 1.5: a freeze stores its cause, and never blocks the task that must end it.
#[test]
fn a_task_is_the_cause_of_the_freeze_its_hold_brings() {
    let mut policy = policy();
    policy.deploy = hook(true);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    let deploy = driver.run_to_job(JobKind::Deploy);
    driver.answer(deploy.id, Luck::Changed);
    driver.settle_due();
    assert_eq!((hold(&driver, id), cause(&driver)), (Some(HoldCode::EnvironmentBroken), Some(id)));
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert!(driver.repo.frozen.is_none(), "its end ends its freeze");
}

/// Spec 1.2: one question about main at a time, and no task's fault; mending it is one command.
#[test]
fn a_main_that_can_not_be_looked_at_freezes_and_holds_nobody() {
    let mut driver = Driver::new(policy());
    let ids: Vec<TaskId> = (1..4).map(|n| driver.create(n, "express")).collect();
    let mut put_off = Vec::new();
    for _ in 0..12 {
        driver.settle_due();
        let Some(job) = driver.queue.first().cloned() else { break };
        put_off.push(job.spec.not_before.is_some_and(|at| at > driver.now));
        driver.advance(Span::mins(11));
        driver.answer(job.id, Luck::OwnInfra);
    }
    driver.settle_due();
    assert_eq!(put_off, [false, true, true, true, true, true], "a look, and one for each unit of the budget");
    assert!(driver.repo.frozen.is_some() && cause(&driver).is_none());
    for id in &ids {
        assert_eq!(hold(&driver, *id), None);
        let reason = &driver.task(*id).reason;
        assert!(matches!(reason, Some(Reason::Wait(Wait::Frozen { .. }))), "{reason:?}");
    }
    driver.repo_command(RepoWanted::Unfreeze);
    driver.run_for(Span::mins(30));
    assert!(ids.iter().all(|id| driver.task(*id).stage == Stage::Done));
}

/// Spec 3.10: `retry` of `main-regressed` looks at main again; what is still gone holds again.
#[test]
fn a_regression_is_over_when_main_was_looked_at_again() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    let JobResult::Landing(LandingAnswer::Landed { proof }) = driver.result_of(&push, Luck::Good) else {
        panic!("it does not land")
    };
    let regressed = Proof { missing_markers: vec!["CHANGELOG.md: 1.2".to_owned()], ..proof };
    let answer = LandingAnswer::Landed { proof: regressed.clone() };
    driver.settle(&push, JobResult::Landing(answer));
    driver.settle_due();
    assert_eq!((hold(&driver, id), cause(&driver)), (Some(HoldCode::MainRegressed), Some(id)));
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    let look = driver.run_to_job(JobKind::Probe);
    driver.settle(&look, JobResult::Probe(ProbeAnswer::Landed { proof: regressed }));
    driver.settle_due();
    assert_eq!(hold(&driver, id), Some(HoldCode::MainRegressed), "nobody looked");
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    check::replay(&driver);
}

/// I-9: a landed commit that is gone from main is a regression like any other.
#[test]
fn a_landed_commit_that_left_main_is_a_regression() {
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    let JobResult::Landing(LandingAnswer::Landed { proof }) = driver.result_of(&push, Luck::Good) else {
        panic!("it does not land")
    };
    let main = proof.main.clone();
    let proof = Proof { missing_markers: vec!["x".to_owned()], ..proof };
    driver.settle(&push, JobResult::Landing(LandingAnswer::Landed { proof }));
    driver.settle_due();
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    let look = driver.run_to_job(JobKind::Probe);
    driver.settle(&look, JobResult::Probe(ProbeAnswer::Absent { main }));
    driver.settle_due();
    let held = driver.task(id).hold.clone().expect("a regression holds");
    assert_eq!(held.code, HoldCode::MainRegressed);
    assert!(held.detail.contains("landed commit"), "{}", held.detail);
}

/// Spec 1.5: a person names a task to work in the frozen repository, and only in a frozen one.
#[test]
fn a_repair_is_named_in_a_frozen_repository_only() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let repair = RepoCommand { what: RepoWanted::Repair { task: id }, by: person() };
    let refused = accept_repo(&driver.repo, &repair, driver.now).expect_err("nothing is to be repaired");
    assert_eq!(refused.code, RefusalCode::NotAsked);
    // A retry does not exempt it from a later freeze's questions either.
    driver.run_to(id, Stage::Development);
    driver.settle_due();
    for _ in 0..3 {
        let run = driver.job_of(id).expect("the developer runs");
        driver.answer(run.id, Luck::Failed);
        driver.settle_due();
    }
    assert_eq!(hold(&driver, id), Some(HoldCode::AgentFailed));
    driver.command(id, Wanted::Retry { repair: true, answers: None });
    assert!(driver.repo.repair.is_empty());
}

#[test]
fn a_named_repair_is_let_in_while_frozen() {
    let mut driver = Driver::new(policy());
    driver.world.main_is_red(&["tests::a"]);
    let (id, other) = (driver.create(1, "express"), driver.create(2, "express"));
    driver.run_for(Span::mins(5));
    assert!(driver.repo.frozen.is_some());
    driver.repo_command(RepoWanted::Repair { task: id });
    driver.run_for(Span::mins(5));
    assert_ne!(driver.task(id).stage, Stage::Created, "{:?}", driver.task(id).reason);
    assert_eq!(driver.task(id).spent.rework, 1, "its red is its own");
    assert_eq!(driver.task(other).stage, Stage::Created);
}

/// Spec 1.5, DESIGN 2: the commit of an intent compares the repository's epoch, so that a freeze which was faster
/// stops it; what compares it is an event of the repository.
#[test]
fn the_commit_of_an_intent_compares_the_repositorys_epoch() {
    let mut policy = policy();
    policy.deploy = hook(true);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    driver.answer(rebase.id, Luck::Good);
    let before = driver.repo_log.len();
    driver.settle_due();
    let opened = |driver: &Driver| driver.task(id).effect.is_some();
    assert!(opened(&driver));
    assert!(driver.repo_log[before..].contains(&RepoEvent::LaneTaken { task: id }));
    let push = driver.job_of(id).expect("the push is queued");
    assert!(matches!(push.spec.work, Work::Push { .. }));
    driver.answer(push.id, Luck::Good);
    let before = driver.repo_log.len();
    driver.settle_due();
    assert!(opened(&driver));
    let taken = RepoEvent::DeployLaneTaken { task: id, environment: "prod".to_owned() };
    assert!(driver.repo_log[before..].contains(&taken));
}
