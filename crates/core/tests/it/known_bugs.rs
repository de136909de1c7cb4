//! Bugs of the core that are known and not mended yet: each fails now. Mend the core, then move the test to the
//! module of its idea and take the `ignore` away.

use orchd_core::command::Wanted;
use orchd_core::effect::ProbeAnswer;
use orchd_core::hold::HoldCode;
use orchd_core::job::{DeployAnswer, JobKind, JobResult};
use orchd_core::policy::{Deploy, OnBroken, Policy};
use orchd_core::reason::{Reason, Wait};
use orchd_core::stage::Stage;
use orchd_core::time::Span;

use crate::support::build::{hook, policy};
use crate::support::driver::Driver;
use crate::support::world::Luck;

/// A deployment whose outcome nobody can tell: the hook was killed, and there is no `deploy.revision`.
fn unknown_deployment() -> (Driver, orchd_core::id::TaskId) {
    let mut policy: Policy = policy();
    policy.deploy = Deploy::Hook {
        environment: "prod".to_owned(),
        auto_confirm: true,
        has_revision: false,
        has_runner: true,
    };
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    let hook = driver.run_to_job(JobKind::Deploy);
    let why = "killed by signal 9".to_owned();
    driver.settle(&hook, JobResult::Deploy(DeployAnswer::Unknown { why }));
    driver.settle_due();
    (driver, id)
}

/// Answers every probe with "the environment can not be asked", and all else as it should be.
fn nobody_can_tell(driver: &mut Driver) {
    for _ in 0..40 {
        driver.settle_due();
        let Some(job) = driver.queue.first().cloned() else { return };
        if job.spec.work.kind() == JobKind::Probe {
            driver.settle(&job, JobResult::Probe(ProbeAnswer::NoRevision));
        } else {
            driver.answer(job.id, Luck::Good);
        }
        driver.advance(Span::mins(15));
    }
}

/// Spec 3.8: without `deploy.revision` an unknown outcome is Hold `deploy-unknown`. The open effect is asked
/// about again and again instead (`decide/effect.rs` goes before the gate that would hold).
#[test]

fn an_unanswerable_deployment_is_a_hold() {
    let (mut driver, id) = unknown_deployment();
    nobody_can_tell(&mut driver);
    let task = driver.task(id);
    assert_eq!(task.hold.as_ref().map(|h| h.code), Some(HoldCode::DeployUnknown), "{:?}", task.reason);
}

/// I-17: the same while stopping.
#[test]

fn stop_ends_though_nobody_can_tell_what_the_deployment_did() {
    let (mut driver, id) = unknown_deployment();
    driver.command(id, Wanted::Stop);
    nobody_can_tell(&mut driver);
    assert_eq!(driver.task(id).stage, Stage::Cancelled, "{:?}", driver.task(id).reason);
}

/// I-17: a queued landing that nobody claims while orchd is drained is not a step that runs; STOP ends it.
#[test]

fn stop_does_not_wait_for_a_queued_push_while_drained() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to_job(JobKind::Push);
    driver.drain(true);
    driver.command(id, Wanted::Stop);
    driver.run_for(Span::hours(24));
    assert_eq!(driver.task(id).stage, Stage::Cancelled, "{:?}", driver.task(id).reason);
}

/// Spec 3.9: the first red after a landing freezes with this task as the cause. While another task occupies,
/// `let_in_first` drops the freeze with the rollback that has to wait, and the other lands on a broken main.
#[test]

fn the_first_red_after_a_landing_freezes_though_another_occupies() {
    let mut policy = policy();
    policy.deploy = hook(false);
    policy.on_broken = OnBroken::FixForward { attempts: 5, within: Span::mins(60) };
    let mut driver = Driver::new(policy);
    let (first, second) = (driver.create(1, "express"), driver.create(2, "express"));
    driver.run_to(second, Stage::Development);
    driver.settle_due();
    assert!(driver.repo.occupied_by(second), "the first waits for its confirmation");
    driver.command(first, Wanted::ConfirmDeploy);
    let deploy = driver.job_of(first).expect("the hook runs");
    driver.answer(deploy.id, Luck::Red);
    driver.settle_due();
    let cause = driver.repo.frozen.as_ref().and_then(|freeze| freeze.cause);
    assert_eq!(cause, Some(first), "{:?}", driver.task(first).reason);
}

/// I-6: those coming back go first. One that waits to mend main is no candidate, as its former landing is
/// proven, so a task that never was in is let in before it.
#[test]

fn a_task_that_waits_to_mend_main_is_coming_back() {
    let mut policy = policy();
    policy.deploy = hook(false);
    policy.on_broken = OnBroken::FixForward { attempts: 5, within: Span::mins(60) };
    let mut driver = Driver::new(policy);
    let (first, second) = (driver.create(1, "express"), driver.create(2, "express"));
    driver.create(3, "express");
    driver.run_to(second, Stage::Development);
    driver.settle_due();
    driver.command(first, Wanted::ConfirmDeploy);
    let deploy = driver.job_of(first).expect("the hook runs");
    driver.answer(deploy.id, Luck::Red);
    driver.settle_due();
    let waits = matches!(driver.task(first).reason, Some(Reason::Wait(Wait::Predecessor { .. })));
    assert!(!waits || driver.view(second).candidates.iter().any(|c| c.task == first));
}
