//! What a run used is put down whatever its end was, once: stopped, lost and broken-off runs count against every cap
//! as finished ones do.

use orchd_core::command::Wanted;
use orchd_core::event::Event;
use orchd_core::hold::HoldCode;
use orchd_core::id::{JobId, TaskId};
use orchd_core::job::{JobKind, JobResult};
use orchd_core::policy::{Approval, Money, Policy};
use orchd_core::stage::{Role, Stage};
use orchd_core::time::Span;

use crate::support::build::{agents, policy};
use crate::support::check;
use crate::support::driver::Driver;
use crate::support::world::{Luck, account};

fn unattended() -> Policy {
    let mut policy = policy();
    policy.approval = Approval::Auto;
    policy.agents = agents("north");
    policy
}

/// A task whose developer's run is under way.
fn at_work(policy: Policy) -> (Driver, TaskId, JobId) {
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Development);
    driver.settle_due();
    let job =
        driver.job_of(id).filter(|job| job.spec.work.kind() == JobKind::Agent).expect("it has a run").id;
    driver.claim(job);
    (driver, id, job)
}

fn told_to_end(driver: &mut Driver, id: TaskId, job: JobId, wanted: Wanted) {
    driver.command(id, wanted);
    driver.settle_due();
    driver.answer(job, Luck::Good);
    driver.settle_due();
}

fn pause_now() -> Wanted {
    Wanted::Pause { why: "later".to_owned(), now: true }
}

fn paid(driver: &Driver, id: TaskId) -> usize {
    driver.events(id).into_iter().filter_map(Event::account).count()
}

/// However it ended: the same sums, the same session, and the log explains them.
#[test]
fn every_end_of_a_run_is_put_down_once() {
    for luck in [Luck::Good, Luck::Failed, Luck::LostBefore, Luck::Infra, Luck::Transient] {
        let (mut driver, id, job) = at_work(unattended());
        driver.answer(job, luck);
        driver.step(id);
        let task = driver.task(id);
        assert_eq!((task.spent.money, task.spent.tokens), (Money(120_000), (1000, 200)), "{luck:?}");
        let stage = &task.totals[&Stage::Development];
        assert_eq!((stage.cost, stage.tokens), (Money(120_000), (1000, 200)), "{luck:?}");
        assert_eq!(task.sessions.get(&Role::Developer), account().session.as_ref(), "{luck:?}");
        assert_eq!(paid(&driver, id), 1, "{luck:?}");
        check::replay(&driver);
    }
}

/// The old way past a cap: begin a run, stop it before its end, begin another.
#[test]
fn stopped_runs_count_against_the_task_s_cap() {
    let mut policy = unattended();
    policy.budgets.task_money = Some(Money(300_000));
    policy.budgets.run_money = Money(50_000);
    let (mut driver, id, mut job) = at_work(policy);
    for broken_off in 1.. {
        told_to_end(&mut driver, id, job, pause_now());
        assert_eq!(driver.task(id).spent.money, Money(120_000 * broken_off));
        assert_eq!(driver.task(id).spent.agent, 0, "it was no failure");
        driver.command(id, Wanted::Resume { answers: None });
        driver.settle_due();
        match driver.job_of(id) {
            Some(next) => job = next.id,
            None => break,
        }
        driver.claim(job);
        assert!(broken_off < 3, "the third launch does not fit any more");
    }
    assert_eq!(driver.task(id).hold.as_ref().map(|held| held.code), Some(HoldCode::Budget));
    check::replay(&driver);
}

/// Another task of the project pays for it too.
#[test]
fn a_cancelled_task_s_run_counts_against_the_day() {
    let mut policy = unattended();
    policy.budgets.day_money = Some(Money(150_000));
    policy.budgets.run_money = Money(50_000);
    let (mut driver, id, job) = at_work(policy);
    told_to_end(&mut driver, id, job, Wanted::Stop);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Cancelled);
    assert_eq!(driver.task(id).spent.money, Money(120_000));
    let next = driver.create(2, "express");
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(next).hold.as_ref().map(|held| held.code), Some(HoldCode::Budget));
}

/// One that nobody had begun used nothing.
#[test]
fn a_job_that_ends_in_the_queue_costs_nothing() {
    let mut driver = Driver::new(unattended());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Development);
    driver.settle_due();
    driver.command(id, pause_now());
    driver.settle_due();
    assert_eq!((driver.task(id).spent.money, paid(&driver, id)), (Money(0), 0));
}

/// Results that were stored before they said so.
#[test]
fn results_without_an_account_are_read() {
    let old = [
        (r#"{"result":"ended","why":"stopped"}"#, JobResult::ended("stopped")),
        (r#"{"result":"lost","reason":"gone"}"#, JobResult::lost("gone")),
        (r#"{"result":"infra","reason":"full"}"#, JobResult::infra("full")),
    ];
    for (text, expected) in old {
        assert_eq!(serde_json::from_str::<JobResult>(text).expect("it is read"), expected);
    }
}
