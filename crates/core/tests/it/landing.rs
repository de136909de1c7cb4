//! The lanes, the questions about an open step, and how often and when it is asked about (spec 2.4, 3.8).

use orchd_core::command::{RepoWanted, Wanted};
use orchd_core::decide::{Decision, decide};
use orchd_core::effect::{EffectState, Intent};
use orchd_core::enact::changes_who_may_run;
use orchd_core::event::Event;
use orchd_core::gate::GateName;
use orchd_core::id::{RepoId, TaskId};
use orchd_core::job::{JobKind, Work};
use orchd_core::policy::{Ci, Policy, Suite};
use orchd_core::reason::{Reason, Wait};
use orchd_core::stage::Stage;
use orchd_core::time::Span;
use orchd_core::view::View;

use crate::samples::{repo_event_name, repo_events};
use crate::support::build::{hook, policy, repo, sha, task_id};
use crate::support::driver::Driver;
use crate::support::world::Luck;

fn told_to_end(driver: &Driver, id: TaskId) -> usize {
    driver.events(id).into_iter().filter(|event| matches!(event, Event::JobToldToEnd { .. })).count()
}

/// Spec 2.1: a wake changes nothing. What acts is ended when nobody wants it any more, and told so once.
#[test]
fn a_landing_is_told_to_end_once_and_only_if_it_is_unwanted() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.claim(push.id);
    driver.step(id);
    assert_eq!(told_to_end(&driver, id), 0, "it is wanted");
    driver.command(id, Wanted::Pause { why: "later".to_owned(), now: false });
    driver.step(id);
    assert_eq!(told_to_end(&driver, id), 1);
    assert!(matches!(
        driver.task(id).reason,
        Some(Reason::Working { kind: JobKind::Push, ending: true, .. })
    ));
}

/// Spec 2.4: a question is asked at once, and again with a backoff; whoever answers it is let finish.
#[test]
fn the_first_question_is_asked_at_once_and_the_next_one_later() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    // Sent, and the answer means nothing.
    driver.answer(push.id, Luck::Changed);
    driver.settle_due();
    let look = driver.job_of(id).expect("it is asked about");
    assert!(matches!(look.spec.work, Work::Probe { close: false, .. }));
    assert_eq!(look.spec.not_before, None);
    driver.command(id, Wanted::Pause { why: "later".to_owned(), now: false });
    assert_eq!(told_to_end(&driver, id), 0, "a look takes no step that could be unwanted");
    driver.answer(look.id, Luck::Good);
    driver.settle_due();
    let close = driver.job_of(id).expect("the door is closed, as nobody wants it now");
    assert!(matches!(close.spec.work, Work::Probe { close: true, .. }));
    assert!(close.spec.not_before.is_some_and(|at| at > driver.now));
}

/// Three tasks that are tested and would land: the first has the lane, the others wait for it.
fn three_would_land() -> (Driver, [TaskId; 3]) {
    let mut policy = policy();
    policy.serial = false;
    let mut driver = Driver::new(policy);
    let ids = [1, 2, 3].map(|n| driver.create(n, "express"));
    loop {
        driver.settle_due();
        let Some(job) = driver.queue.iter().find(|job| job.spec.work.kind() != JobKind::Test) else { break };
        driver.answer(job.id, Luck::Good);
    }
    for id in ids {
        let test = driver.job_of(id).expect("it is tested");
        driver.answer(test.id, Luck::Good);
        driver.settle_due();
    }
    (driver, ids)
}

fn lane(driver: &Driver, id: TaskId) -> Option<(&str, u32)> {
    match &driver.task(id).reason {
        Some(Reason::Wait(Wait::Lane { on, position })) => Some((on, *position)),
        _other => None,
    }
}

/// Spec 2.4: a busy lane is a wait with a position, first come first served, whoever is woken first.
#[test]
fn the_lane_is_first_come_first_served() {
    let (mut driver, [first, second, third]) = three_would_land();
    assert_eq!(driver.repo.landing_task, Some(first));
    assert_eq!(lane(&driver, second), Some(("DEMO-1", 1)));
    assert_eq!(lane(&driver, third), Some(("DEMO-1", 2)));
    for _ in ["rebase", "push"] {
        let job = driver.job_of(first).expect("it lands");
        driver.answer(job.id, Luck::Good);
        driver.step(first);
    }
    assert_eq!(driver.repo.landing_task, None);
    driver.step(third);
    assert_eq!(lane(&driver, third), Some(("DEMO-2", 2)), "{:?}", driver.task(third).reason);
    driver.settle_due();
    assert_eq!(driver.repo.landing_task, Some(second));
    driver.step(third);
    assert_eq!(lane(&driver, third), Some(("DEMO-2", 1)));
}

/// What was judged on the way to a wait, or to a job, stands from then on.
#[test]
fn what_was_judged_before_a_wait_is_stored() {
    let (driver, [_, second, _]) = three_would_land();
    assert!(driver.task(second).standing(GateName::TestsVerdict).is_some(), "it waits for the lane");
    let mut policy = policy();
    policy.ci = Ci::Command(Suite { command: "ci".to_owned(), timeout: Span::mins(1) });
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_to_job(JobKind::Ci);
    assert!(driver.task(id).standing(GateName::BranchAhead).is_some(), "CI runs");
    // The same in `deploy`, where a freeze comes while a stale base is rebased.
    let mut driver = Driver::new(Policy { ci: Ci::None, ..(*driver.policy).clone() });
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.world.main_moves();
    driver.answer(push.id, Luck::Good);
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    driver.repo_command(RepoWanted::Freeze { why: "main is wrong".to_owned() });
    driver.answer(rebase.id, Luck::Good);
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Deploy);
    assert!(frozen(&driver, id), "{:?}", driver.task(id).reason);
    assert!(driver.task(id).standing(GateName::TestsVerdict).is_some(), "it waits for the thaw");
}

fn frozen(driver: &Driver, id: TaskId) -> bool {
    let waits = matches!(driver.task(id).reason, Some(Reason::Wait(Wait::Frozen { .. })));
    waits && !driver.repo.occupied_by(id)
}

/// Spec 1.5: while frozen, others work on up to their landing, wait there, and give way.
#[test]
fn while_frozen_work_goes_on_up_to_the_landing() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Development);
    driver.repo_command(RepoWanted::Freeze { why: "main is wrong".to_owned() });
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Testing);
    assert!(driver.task(id).standing(GateName::TestsVerdict).is_some(), "it is not tested");
    assert!(frozen(&driver, id), "{:?}", driver.task(id).reason);
}

/// The same where what led to the landing failed meanwhile: the failure is asked about after the thaw.
#[test]
fn a_failure_under_the_lane_does_not_keep_the_place_while_frozen() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    driver.repo_command(RepoWanted::Freeze { why: "main is wrong".to_owned() });
    driver.answer(rebase.id, Luck::Infra);
    driver.settle_due();
    assert!(frozen(&driver, id), "{:?}", driver.task(id).reason);
    driver.repo_command(RepoWanted::Unfreeze);
    driver.run_for(Span::hours(1));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
}

/// Spec 3.5: the rebase made another head, and CI has to speak for that one before `deploy` is entered.
#[test]
fn ci_is_asked_about_the_rebased_head_before_deploy_is_entered() {
    let mut policy = policy();
    policy.ci = Ci::Command(Suite { command: "ci".to_owned(), timeout: Span::mins(1) });
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.world.main_moves();
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    driver.answer(rebase.id, Luck::Good);
    let ci = driver.run_to_job(JobKind::Ci);
    assert!(matches!(&ci.spec.work, Work::Ci { head } if Some(head) == driver.task(id).head()));
    assert_eq!(driver.task(id).stage, Stage::Testing);
}

/// A landed task whose deployment to `prod` is next, while these deploy.
fn deploys_beside(deploying: &[(&str, TaskId)]) -> Decision {
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    let mut confirmed = (*driver.policy).clone();
    confirmed.deploy = hook(true);
    let mut view: View = driver.view(id);
    view.policy = std::sync::Arc::new(confirmed);
    repo(&mut view).deploying = deploying.iter().map(|(env, task)| ((*env).to_owned(), *task)).collect();
    decide(&view, driver.now).decision
}

/// Spec 2.4: the deploy lane is of one environment, and the task's own place in it is in nobody's way.
#[test]
fn a_deployment_waits_for_another_to_the_same_environment() {
    let (mine, other) = (task_id(1), task_id(9));
    for free in [&[][..], &[("staging", other)], &[("prod", mine)]] {
        let decision = deploys_beside(free);
        let Decision::Run(order) = decision else { panic!("{free:?}: {decision:?}") };
        assert!(matches!(order.intent, Some(Intent::Deploy { .. })));
    }
    let busy = Wait::Lane { on: other.to_string(), position: 1 };
    assert_eq!(deploys_beside(&[("prod", other)]), Decision::Stay(Reason::Wait(busy)));
}

/// Spec 2.4: the lane is given back on a rollback, and the rejection that led to it stays on record.
#[test]
fn a_conflict_gives_the_lane_back() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.world.main_moves();
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    driver.answer(rebase.id, Luck::Red);
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Development);
    assert_eq!(driver.repo.landing_task, None);
    assert_eq!(driver.task(id).gates[&GateName::MergeReady].outcome.word(), "reject");
}

/// Spec 2.4: after a wait for which the lane was given back, it is taken again and `merge-ready` is asked again.
#[test]
fn merge_ready_is_asked_again_after_the_lane_was_given_back() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    driver.repo_command(RepoWanted::Freeze { why: "main is wrong".to_owned() });
    driver.answer(rebase.id, Luck::Good);
    driver.settle_due();
    assert!(frozen(&driver, id), "{:?}", driver.task(id).reason);
    assert_eq!(driver.repo.landing_task, None);
    assert!(driver.task(id).evidence.ready.is_none(), "what was found under the lane outlives it");
    driver.repo_command(RepoWanted::Unfreeze);
    driver.settle_due();
    let again = driver.job_of(id).map(|job| job.spec.work.kind());
    assert_eq!(again, Some(JobKind::RebaseAndRetest));
}

/// Who has the lane does not take it anew to rebase once more: it compares the epoch where who may run changes.
#[test]
fn a_stale_base_is_rebased_again_under_the_same_lane() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    let Work::Push { effect, .. } = &push.spec.work else { panic!("no push") };
    assert_eq!(Some(*effect), driver.task(id).effect.as_ref().map(|open| open.id), "which step is it?");
    driver.world.main_moves();
    let before = driver.repo_log.len();
    driver.answer(push.id, Luck::Good);
    driver.settle_due();
    let again = driver.job_of(id).map(|job| job.spec.work.kind());
    assert_eq!((again, driver.repo.landing_task), (Some(JobKind::RebaseAndRetest), Some(id)));
    assert_eq!(driver.repo_log[before..], []);
}

/// What leaves it as it is who may run wakes nobody.
#[test]
fn only_what_changes_who_may_run_wakes_those_who_wait() {
    let quiet = ["LaneQueued", "LaneTaken", "DeployLaneTaken", "MainJobQueued", "MarkerAdded"];
    for event in repo_events() {
        let name = repo_event_name(&event);
        assert_eq!(changes_who_may_run(&event), !quiet.contains(&name), "{name}");
    }
}

/// Spec 2.4: a try that sent nothing did not happen, unless an earlier one of the same step may still come.
#[test]
fn a_try_that_sent_nothing_answers_for_itself_only() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.answer(push.id, Luck::OwnInfra);
    driver.settle_due();
    assert!(driver.task(id).effect.is_none(), "nothing was sent");
    assert!(matches!(driver.task(id).reason, Some(Reason::Deferred { gate: GateName::MergeVerify, .. })));

    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.answer(push.id, Luck::LostBefore);
    let look = driver.run_to_job(JobKind::Probe);
    driver.answer(look.id, Luck::Good);
    let again = driver.run_to_job(JobKind::Push);
    driver.answer(again.id, Luck::OwnInfra);
    driver.settle_due();
    assert_eq!(driver.task(id).effect.as_ref().map(|open| open.state), Some(EffectState::Unknown));
    assert_eq!(driver.job_of(id).map(|job| job.spec.work.kind()), Some(JobKind::Probe));
}

/// Its base is gone, but the try before it may still be on its way: it lands if somebody takes main back. So its door is
/// closed before anything else is decided.
#[test]
fn a_stale_base_does_not_answer_for_the_try_before() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.answer(push.id, Luck::LostBefore);
    let look = driver.run_to_job(JobKind::Probe);
    driver.answer(look.id, Luck::Good);
    let again = driver.run_to_job(JobKind::Push);
    driver.world.main_moves();
    driver.answer(again.id, Luck::Good);
    driver.settle_due();
    assert_eq!(driver.task(id).effect.as_ref().map(|open| open.state), Some(EffectState::Unknown));
    let look = driver.run_to_job(JobKind::Probe);
    driver.answer(look.id, Luck::Good);
    let close = driver.run_to_job(JobKind::Probe);
    assert!(matches!(close.spec.work, Work::Probe { close: true, .. }), "{:?}", close.spec.work);
    driver.answer(close.id, Luck::Good);
    driver.settle_due();
    assert!(driver.task(id).effect.is_none());
    assert_eq!(driver.task(id).landing.number, 2, "the closed door keeps its number");
}

/// Spec 2.4: at most one open step has a target, and an applied one of its key is never carried out again.
#[test]
fn a_step_has_a_target_and_a_key() {
    let (repo, task) = (RepoId::new("demo"), task_id(1));
    let (base, head) = (sha("base"), sha("head"));
    let landing = Intent::Landing { landing: 2, base, head: head.clone() };
    assert_eq!(landing.target(&repo), "merge/demo#main");
    assert_eq!(landing.key(task), format!("merge/{task}/2"));
    let deploy = Intent::Deploy { sha: head.clone(), attempt: 3, environment: "prod".to_owned() };
    assert_eq!(deploy.target(&repo), "deploy/demo#prod");
    assert_eq!(deploy.key(task), format!("deploy/{task}/{head}/3"));
}
