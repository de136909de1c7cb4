//! Open effects and STOP: every question about an irreversible step is answered in the end, by the resource or
//! by a person, and STOP comes to its end whatever can not be reached (spec 1.7, 2.4, 3.8).

use orchd_core::command::{RepoWanted, Wanted};
use orchd_core::effect::{EffectState, ProbeAnswer};
use orchd_core::event::Event;
use orchd_core::hold::HoldCode;
use orchd_core::id::TaskId;
use orchd_core::job::{DeployAnswer, JobKind, JobResult, Work};
use orchd_core::policy::{Deploy, OnBroken};
use orchd_core::reason::Reason;
use orchd_core::stage::Stage;
use orchd_core::time::Span;

use crate::support::build::{hook, policy};
use crate::support::check;
use crate::support::driver::Driver;
use crate::support::world::Luck;

fn hold(driver: &Driver, id: TaskId) -> Option<HoldCode> {
    driver.task(id).hold.as_ref().map(|held| held.code)
}

/// A deployment whose outcome nobody can tell: the hook was killed, and there is no `deploy.revision`.
fn unknown_deployment() -> (Driver, TaskId) {
    let mut policy = policy();
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

/// Spec 3.8: without `deploy.revision` an unknown outcome is Hold `deploy-unknown`.
#[test]
fn an_unanswerable_deployment_is_a_hold() {
    let (mut driver, id) = unknown_deployment();
    nobody_can_tell(&mut driver);
    assert_eq!(hold(&driver, id), Some(HoldCode::DeployUnknown), "{:?}", driver.task(id).reason);
}

/// And a person's answer ends it: it runs there, or it is the next attempt.
#[test]
fn a_person_answers_for_a_deployment_that_can_not_be_asked() {
    let (mut driver, id) = unknown_deployment();
    nobody_can_tell(&mut driver);
    driver.command(id, Wanted::Approve);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert_eq!(driver.task(id).deploy.attempt, 1);
    check::replay(&driver);

    let (mut driver, id) = unknown_deployment();
    nobody_can_tell(&mut driver);
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert_eq!(driver.task(id).deploy.attempt, 2);
    check::replay(&driver);
}

/// I-17: the same while stopping, and from the Hold.
#[test]
fn stop_ends_though_nobody_can_tell_what_the_deployment_did() {
    let (mut driver, id) = unknown_deployment();
    driver.command(id, Wanted::Stop);
    nobody_can_tell(&mut driver);
    assert_eq!(driver.task(id).stage, Stage::Cancelled, "{:?}", driver.task(id).reason);

    let (mut driver, id) = unknown_deployment();
    nobody_can_tell(&mut driver);
    assert_eq!(hold(&driver, id), Some(HoldCode::DeployUnknown));
    driver.command(id, Wanted::Stop);
    nobody_can_tell(&mut driver);
    assert_eq!(driver.task(id).stage, Stage::Cancelled, "{:?}", driver.task(id).reason);
}

/// Spec 1.7: a landing that is only queued is not a step that runs; STOP ends it, drained or not.
#[test]
fn stop_ends_a_landing_that_nobody_took_up() {
    for drained in [true, false] {
        let mut driver = Driver::new(policy());
        let id = driver.create(1, "express");
        driver.run_to_job(JobKind::Push);
        driver.drain(drained);
        driver.command(id, Wanted::Stop);
        driver.run_for(Span::hours(24));
        assert_eq!(driver.task(id).stage, Stage::Cancelled, "{:?}", driver.task(id).reason);
        assert!(driver.world.landed.is_empty(), "it landed after the stop");
    }
}

/// Spec 1.5: nothing new starts while paused; a landing that nobody took up is such a thing.
#[test]
fn pause_ends_a_landing_that_nobody_took_up() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to_job(JobKind::Push);
    driver.command(id, Wanted::Pause { why: "later".to_owned(), now: false });
    driver.run_for(Span::hours(24));
    assert!(driver.world.landed.is_empty(), "it landed while paused");
    assert!(driver.task(id).effect.is_none(), "{:?}", driver.task(id).reason);
    driver.command(id, Wanted::Resume { answers: None });
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
}

/// Spec 1.7: one that is under way is waited for, and its honest end is kept.
#[test]
fn stop_waits_for_a_landing_that_is_under_way() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.claim(push.id);
    driver.command(id, Wanted::Stop);
    assert!(matches!(
        driver.task(id).reason,
        Some(Reason::Working { kind: JobKind::Push, ending: true, .. })
    ));
    driver.answer(push.id, Luck::Good);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Cancelled);
    assert_eq!(driver.task(id).landing.landed.len(), 1);
}

/// Spec 1.7: a look that can never answer (a person rewound main over the landing before anybody asked) does not keep a
/// stopped task for ever; the door is closed, and main's word is final then.
#[test]
fn stop_closes_the_door_where_a_look_never_answers() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.claim(push.id);
    driver.answer(push.id, Luck::LostBefore);
    driver.run_to_job(JobKind::Probe);
    driver.command(id, Wanted::Stop);
    let look = driver.run_to_job(JobKind::Probe);
    driver.answer(look.id, Luck::OwnInfra);
    let close = driver.run_to_job(JobKind::Probe);
    assert!(matches!(close.spec.work, Work::Probe { close: true, .. }), "{:?}", close.spec.work);
    driver.answer(close.id, Luck::Good);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Cancelled, "{:?}", driver.task(id).reason);
    check::replay(&driver);
}

/// Spec 2.4: once a close was ordered the door may be shut: nothing is sent to the same number again, and the
/// next landing has the next one.
#[test]
fn a_lost_close_does_not_strand_the_landing() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.claim(push.id);
    driver.command(id, Wanted::Pause { why: "later".to_owned(), now: false });
    driver.answer(push.id, Luck::Infra);
    let look = driver.run_to_job(JobKind::Probe);
    driver.answer(look.id, Luck::Good);
    let close = driver.run_to_job(JobKind::Probe);
    assert!(matches!(close.spec.work, Work::Probe { close: true, .. }), "{:?}", close.spec.work);
    driver.answer(close.id, Luck::LostAfter);
    driver.command(id, Wanted::Resume { answers: None });
    driver.run_for(Span::hours(1));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert_eq!(driver.task(id).landing.number, 2);
    check::replay(&driver);
}

/// Spec 1.4, I-12: a landing that never arrives is infrastructure, and its budget runs out.
#[test]
fn a_landing_that_never_arrives_is_a_hold_in_the_end() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    for _ in 0..300 {
        driver.settle_due();
        let Some(job) = driver.job_of(id).or_else(|| driver.queue.first().cloned()) else { break };
        driver.advance(Span::mins(11));
        let luck = if job.spec.work.kind() == JobKind::Push { Luck::Infra } else { Luck::Good };
        driver.answer(job.id, luck);
    }
    assert_eq!(hold(&driver, id), Some(HoldCode::Infra), "{:?}", driver.task(id).reason);
    assert!(driver.task(id).effect.is_none(), "the door is closed before a person is asked");
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    driver.run_for(Span::hours(1));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
}

/// The same where the resource can not be asked; the effect stays open, and `retry` asks again.
#[test]
fn a_landing_that_can_not_be_asked_about_is_a_hold_in_the_end() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.answer(push.id, Luck::LostAfter);
    let mut asked = 0;
    for _ in 0..100 {
        driver.settle_due();
        let Some(job) = driver.job_of(id) else { break };
        assert_eq!(job.spec.work.kind(), JobKind::Probe);
        asked += 1;
        driver.advance(Span::mins(11));
        driver.answer(job.id, Luck::OwnInfra);
    }
    assert_eq!(asked, 6, "once, and again for each unit of the budget");
    assert_eq!(hold(&driver, id), Some(HoldCode::Infra), "{:?}", driver.task(id).reason);
    assert_eq!(driver.task(id).effect.as_ref().map(|e| e.state), Some(EffectState::Unknown));
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    driver.run_for(Span::hours(1));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
}

/// Spec 1.4: a lost probe is a failed one, and the next comes later.
#[test]
fn a_lost_probe_is_counted() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.answer(push.id, Luck::LostAfter);
    let mut waits = Vec::new();
    for _ in 0..4 {
        driver.settle_due();
        let probe = driver.job_of(id).expect("it is probed");
        waits.push(probe.spec.not_before.map_or(0, |at| (at - driver.now).0));
        driver.advance(Span::mins(11));
        driver.answer(probe.id, Luck::LostBefore);
    }
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
}

/// Spec 1.7: what can not be reached is owed; it keeps neither the task nor the repository waiting.
#[test]
fn a_clean_up_that_keeps_failing_blocks_nobody() {
    let mut driver = Driver::new(policy());
    let (id, next) = (driver.create(1, "express"), driver.create(2, "express"));
    driver.run_to(id, Stage::Review);
    driver.settle_due();
    driver.command(id, Wanted::Stop);
    driver.settle_due();
    assert!(!driver.repo.occupied_by(id), "a stopped task keeps its place");
    let mut tries = Vec::new();
    for _ in 0..50 {
        driver.settle_due();
        let Some(job) = driver.job_of(id) else { break };
        tries.push(job.spec.not_before.is_some_and(|at| at > driver.now));
        driver.advance(Span::mins(11));
        driver.answer(job.id, Luck::Infra);
    }
    assert_eq!(tries, [false, true, true, true, true, true], "at once, then later, within the budget");
    assert_eq!(driver.task(id).stage, Stage::Cancelled, "{:?}", driver.task(id).reason);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(next).stage, Stage::Done);
}

/// A finished task leaves nothing behind: its remains are salvaged and removed by a side job.
#[test]
fn a_done_task_is_cleaned_up() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Done);
    let job = driver.job_of(id).expect("the clean-up is queued");
    assert_eq!(job.spec.work.kind(), JobKind::CleanUp);
    driver.answer(job.id, Luck::Good);
    driver.settle_due();
    assert!(driver.task(id).cleaned && driver.queue.is_empty());
    assert_eq!(driver.task(id).stage, Stage::Done, "I-1: a side job moved it");
    assert!(driver.events(id).into_iter().any(|e| matches!(e, Event::CleanedUp { .. })));
    check::replay(&driver);
}

/// Spec 1.7: what was begun is salvaged and removed, though no run has ended yet; where nothing was, nothing is.
#[test]
fn stop_cleans_up_from_the_moment_the_branch_is_cut() {
    let mut driver = Driver::new(policy());
    let (id, never) = (driver.create(1, "express"), driver.create(2, "express"));
    driver.run_to(id, Stage::Development);
    driver.settle_due();
    driver.command(never, Wanted::Stop);
    assert_eq!(driver.task(never).stage, Stage::Cancelled);
    assert!(driver.job_of(never).is_none(), "there is nothing to remove");
    driver.command(id, Wanted::Stop);
    driver.settle_due();
    assert_eq!(driver.job_of(id).map(|job| job.spec.work.kind()), Some(JobKind::CleanUp));
    assert_eq!(driver.task(id).stage, Stage::Development, "cancelled before it was cleaned up");
}

/// Whether the repository freezes when the task is stopped; a person had ended the freeze there was.
fn freezes_when_stopped(mut driver: Driver, id: TaskId) -> bool {
    driver.repo_command(RepoWanted::Unfreeze);
    driver.command(id, Wanted::Stop);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Cancelled, "{:?}", driver.task(id).reason);
    driver.repo.frozen.is_some()
}

/// A task whose hook was taken back, mended in its own right.
fn mends(attempts: u32) -> (Driver, TaskId) {
    let mut policy = policy();
    policy.deploy = hook(true);
    policy.on_broken = OnBroken::FixForward { attempts, within: Span::mins(60) };
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    let deploy = driver.run_to_job(JobKind::Deploy);
    driver.answer(deploy.id, Luck::Red);
    driver.settle_due();
    (driver, id)
}

/// Spec 1.7: stopping a task whose landing left main or production broken freezes the repository.
#[test]
fn stopping_a_task_that_left_something_broken_freezes() {
    let (driver, id) = mends(5);
    assert_eq!(driver.task(id).stage, Stage::Development);
    assert!(freezes_when_stopped(driver, id), "nobody mends it any more");
    let (driver, id) = mends(0);
    assert_eq!(hold(&driver, id), Some(HoldCode::MainBroken));
    assert!(freezes_when_stopped(driver, id), "nobody mends it any more");
}

/// And of any other task does not: one that landed well, or one that waits for what is not its own.
#[test]
fn stopping_a_task_that_broke_nothing_freezes_nothing() {
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy.clone());
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    assert!(driver.task(id).landed());
    assert!(!freezes_when_stopped(driver, id), "it landed well");

    let mut driver = Driver::new(policy.clone());
    let id = driver.create(1, "express");
    for _ in 0..3 {
        let run = driver.run_to_job(JobKind::Agent);
        driver.answer(run.id, Luck::Failed);
        driver.settle_due();
    }
    assert_eq!(hold(&driver, id), Some(HoldCode::AgentFailed));
    assert!(!freezes_when_stopped(driver, id), "its agent failed");

    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.world.main_moves();
    driver.world.main_is_red(&["tests::a"]);
    driver.run_for(Span::mins(5));
    assert_eq!(hold(&driver, id), Some(HoldCode::MainRed));
    assert!(!freezes_when_stopped(driver, id), "a red main is nobody's fault, and was unfrozen");
}
