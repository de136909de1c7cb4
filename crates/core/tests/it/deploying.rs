//! The deployment after a landing: which commit is ordered, and what a deploy job's answers count for (spec 3.7,
//! 3.8). The answers are scripted: how a checkout converges and how an environment is asked is the executor's.

use orchd_core::command::Wanted;
use orchd_core::effect::ProbeAnswer;
use orchd_core::gate::GateName;
use orchd_core::hold::HoldCode;
use orchd_core::id::{Sha, TaskId};
use orchd_core::job::{DeployAnswer, JobKind, JobResult, ProbeOf, Work};
use orchd_core::reason::Reason;
use orchd_core::stage::Stage;
use orchd_core::time::Span;

use crate::support::build::{hook, policy, sha};
use crate::support::check;
use crate::support::driver::{Driver, Queued};
use crate::support::world::Luck;

/// A task whose deployment a person confirmed, and the job that was ordered for it.
fn confirmed(policy: orchd_core::policy::Policy) -> (Driver, TaskId, Queued) {
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    driver.command(id, Wanted::ConfirmDeploy);
    let job = driver.run_to_job(JobKind::Deploy);
    (driver, id, job)
}

fn asks_a_person() -> orchd_core::policy::Policy {
    let mut policy = policy();
    policy.deploy = hook(false);
    policy
}

/// What a deploy job is to bring out: the commit, and the attempt.
fn ordered(job: &Queued) -> (Sha, u32) {
    let Work::Deploy { sha, attempt, .. } = &job.spec.work else { panic!("{job:?} does not deploy") };
    (sha.clone(), *attempt)
}

/// The commit that the tests spoke for and that was proven to have landed.
fn tested(driver: &Driver, id: TaskId) -> Sha {
    let task = driver.task(id);
    let suite = task.evidence.suite.as_ref().expect("the suite ran");
    assert!(task.standing(GateName::TestsVerdict).is_some(), "the tests stand for the head");
    assert_eq!(task.landing.proof.as_ref().map(|proof| &proof.head), Some(&suite.head));
    suite.head.clone()
}

fn dirty(why: &str) -> JobResult {
    JobResult::Deploy(DeployAnswer::NotStarted { why: why.to_owned() })
}

#[test]
fn inc_18_a_dirty_deploy_checkout_is_infrastructure() {
    let (mut driver, id, job) = confirmed(asks_a_person());
    let first = ordered(&job);
    assert_eq!(first, (tested(&driver, id), 1), "the checkout converges to exactly this commit");
    let why = "the deploy checkout did not converge: src/main.rs is changed";
    driver.settle(&job, dirty(why));
    driver.settle_due();
    let task = driver.task(id);
    assert!(task.hold.is_none(), "a dirty checkout blocks the deployment: {:?}", task.reason);
    assert!(task.evidence.deploy.is_none() && task.deploy.deployed.is_none(), "nothing was deployed");
    assert!(task.effect.is_none(), "nothing was started, so there is nothing to ask about");
    let deferred = matches!(&task.reason, Some(Reason::Deferred { gate: GateName::DeployVerdict, why: told, .. }) if told == why);
    assert!(deferred, "{:?}", task.reason);
    assert_eq!(
        (task.stage, task.spent.rework),
        (Stage::Deploy, 0),
        "infrastructure is never the work's fault"
    );
    // The same commit and attempt are ordered again, and nobody is asked anew.
    let again = next_deployment(&mut driver, id);
    assert_eq!(ordered(&again), first);
    driver.answer(again.id, Luck::Good);
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert_eq!(driver.world.running.as_ref(), Some(&first.0));
    check::replay(&driver);
}

/// The next deploy job, after the backoff.
fn next_deployment(driver: &mut Driver, id: TaskId) -> Queued {
    driver.advance(Span::mins(15));
    driver.settle_due();
    let job = driver.job_of(id);
    job.unwrap_or_else(|| panic!("the deployment is not tried again: {:?}", driver.task(id).reason))
}

/// Within its budget: then a person is told what is the matter, and asked to confirm the deployment anew.
#[test]
fn inc_18_a_checkout_that_never_converges_is_told_in_the_end() {
    let (mut driver, id, mut job) = confirmed(asks_a_person());
    let budget = driver.policy.budgets.infra;
    for _ in 0..budget {
        driver.settle(&job, dirty("index.lock is there"));
        driver.settle_due();
        job = next_deployment(&mut driver, id);
    }
    driver.settle(&job, dirty("index.lock is there"));
    driver.settle_due();
    let held = driver.task(id).hold.clone().expect("the budget is used up");
    assert_eq!(held.code, HoldCode::Infra);
    assert!(held.detail.contains("index.lock is there"), "{}", held.detail);
    assert!(driver.world.hooks.is_empty() && driver.repo.frozen.is_none(), "production is as it was");
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    driver.run_for(Span::mins(5));
    assert!(driver.job_of(id).is_none(), "a person confirms again");
    driver.command(id, Wanted::ConfirmDeploy);
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    check::replay(&driver);
}

/// A job that broke off may have started the hook: that is asked, and never taken for a deployment.
#[test]
fn a_broken_off_deployment_is_asked_about() {
    let (mut driver, id, job) = confirmed(asks_a_person());
    driver.settle(&job, JobResult::infra("the disk is full"));
    driver.settle_due();
    assert!(driver.task(id).effect.is_some() && driver.task(id).evidence.deploy.is_none());
    let probe = driver.run_to_job(JobKind::Probe);
    driver.settle(&probe, JobResult::Probe(ProbeAnswer::NotDeployed));
    driver.settle_due();
    assert_eq!(driver.task(id).hold.as_ref().map(|held| held.code), Some(HoldCode::DeployFailed));
}

#[test]
fn inc_19_what_was_tested_is_what_is_deployed() {
    let mut driver = Driver::new(asks_a_person());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    // Somebody else's commit is on main already when the landing is proven.
    let JobResult::Landing(_) = driver.result_of(&push, Luck::Good) else { panic!("it does not land") };
    driver.world.main_moves();
    driver.answer(push.id, Luck::Good);
    driver.run_for(Span::mins(5));
    driver.command(id, Wanted::ConfirmDeploy);
    let job = driver.run_to_job(JobKind::Deploy);
    let tested = tested(&driver, id);
    assert_ne!(driver.world.head(), tested);
    assert_eq!(ordered(&job), (tested, 1), "another commit is deployed than was tested");
}

#[test]
fn inc_19_an_environment_that_reports_another_revision_is_not_deployed() {
    let (mut driver, id, job) = confirmed(asks_a_person());
    let (expected, _) = ordered(&job);
    let stale = Some(sha("the image that was built last week"));
    driver.settle(&job, JobResult::Deploy(DeployAnswer::Deployed { revision: stale }));
    driver.settle_due();
    let task = driver.task(id);
    assert_ne!(task.stage, Stage::Done, "another revision counts as deployed");
    assert!(task.evidence.deploy.is_none() && task.effect.is_some(), "it is asked about: {:?}", task.reason);
    // It may be a descendant, which git tells; here it is not.
    let probe = driver.run_to_job(JobKind::Probe);
    let Work::Probe { of: ProbeOf::Deploy { sha, .. }, .. } = &probe.spec.work else { panic!("{probe:?}") };
    assert_eq!(sha, &expected);
    driver.settle(&probe, JobResult::Probe(ProbeAnswer::NotDeployed));
    driver.settle_due();
    let task = driver.task(id);
    assert_eq!(task.hold.as_ref().map(|held| held.code), Some(HoldCode::DeployFailed), "{:?}", task.reason);
    assert!(task.deploy.deployed.is_none());
    check::replay(&driver);
}

/// Spec 3.8: a deployment never goes back, so a descendant counts; but that is git's word.
#[test]
fn inc_19_a_later_revision_counts_once_git_was_asked() {
    let (mut driver, id, job) = confirmed(asks_a_person());
    let revision = Some(sha("a later landing"));
    driver.settle(&job, JobResult::Deploy(DeployAnswer::Deployed { revision }));
    driver.settle_due();
    assert_ne!(driver.task(id).stage, Stage::Done, "nobody asked whether it is a descendant");
    let probe = driver.run_to_job(JobKind::Probe);
    driver.settle(&probe, JobResult::Probe(ProbeAnswer::Deployed));
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    check::replay(&driver);
}

/// The very commit needs no further question.
#[test]
fn an_environment_that_reports_the_commit_is_deployed() {
    let (mut driver, id, job) = confirmed(asks_a_person());
    let revision = Some(ordered(&job).0);
    driver.settle(&job, JobResult::Deploy(DeployAnswer::Deployed { revision }));
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
}
