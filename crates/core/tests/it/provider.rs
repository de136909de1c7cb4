//! What a provider's health makes of decisions: errors and quotas of one task bind all that use the provider,
//! nobody spends while waiting, one run tries, and whatever comes of it everybody goes on.

use orchd_core::event::Event;
use orchd_core::id::{JobId, ProviderId, TaskId};
use orchd_core::job::{AgentOutcome, JobKind, JobResult};
use orchd_core::policy::{Approval, Policy};
use orchd_core::provider::{BELIEVED, Breaker, Health};
use orchd_core::reason::{Reason, Wait};
use orchd_core::render::why::explain;
use orchd_core::stage::{Role, Stage};
use orchd_core::time::{Span, Timestamp};

use crate::support::build::{agents, policy};
use crate::support::check;
use crate::support::driver::Driver;
use crate::support::world::Luck;

fn north() -> ProviderId {
    ProviderId::new("north")
}

/// Many tasks at once, all played by one provider, whose breaker opens at the third error in a row.
fn shared() -> Policy {
    let mut policy = policy();
    policy.serial = false;
    policy.approval = Approval::Auto;
    policy.agents = agents("north");
    policy.budgets.breaker_failures = 3;
    policy
}

/// So many tasks, each with its developer's run queued.
fn at_work(policy: Policy, n: u64) -> (Driver, Vec<TaskId>) {
    let mut driver = Driver::new(policy);
    let ids: Vec<TaskId> = (1..=n).map(|n| driver.create(n, "express")).collect();
    for id in &ids {
        driver.run_to(*id, Stage::Development);
    }
    driver.settle_due();
    assert!(ids.iter().all(|id| running(&driver, *id).is_some()), "everybody has a run");
    (driver, ids)
}

/// The agent job of a task.
fn running(driver: &Driver, id: TaskId) -> Option<JobId> {
    driver.job_of(id).filter(|job| job.spec.work.kind() == JobKind::Agent).map(|job| job.id)
}

fn ends(driver: &mut Driver, id: TaskId, luck: Luck) {
    let job = running(driver, id).expect("it has a run");
    driver.answer(job, luck);
    driver.settle_due();
}

fn waits(driver: &Driver, id: TaskId) -> Option<Option<Timestamp>> {
    match &driver.task(id).reason {
        Some(Reason::Wait(Wait::Provider { until, provider, .. })) => {
            assert_eq!(*provider, north());
            Some(*until)
        }
        _other => None,
    }
}

fn breaker(driver: &Driver) -> &Breaker {
    &driver.providers[&north()].breaker
}

fn open_until(driver: &Driver) -> Timestamp {
    match breaker(driver) {
        Breaker::Open { until, .. } => *until,
        other => panic!("the breaker is {other:?}"),
    }
}

/// Three errors of three tasks, and a fourth task that comes later.
fn down() -> (Driver, Vec<TaskId>, TaskId) {
    let (mut driver, ids) = at_work(shared(), 3);
    for id in &ids {
        ends(&mut driver, *id, Luck::Transient);
    }
    let late = driver.create(9, "express");
    driver.run_to(late, Stage::Development);
    driver.settle_due();
    (driver, ids, late)
}

#[test]
fn errors_of_several_tasks_open_the_breaker_for_all() {
    let (driver, ids, late) = down();
    let until = open_until(&driver);
    // The first two were met before it opened: their own backoff, as ever.
    assert_eq!(driver.task(ids[0]).spent.transient, 1);
    assert!(running(&driver, ids[1]).is_some());
    for id in [ids[2], late] {
        assert_eq!(waits(&driver, id), Some(Some(until)), "{:?}", driver.task(id).reason);
        assert!(running(&driver, id).is_none());
        assert_eq!(driver.tasks[&id].due, Some(until));
        assert_eq!(driver.task(id).spent.transient, 0, "a wait spends nothing");
    }
}

#[test]
fn an_answer_in_between_forgets_the_errors() {
    let (mut driver, ids) = at_work(shared(), 4);
    for (id, luck) in ids.iter().zip([Luck::Transient, Luck::Transient, Luck::Failed, Luck::Transient]) {
        ends(&mut driver, *id, luck);
    }
    assert_eq!(driver.providers[&north()], Health { failures: 1, ..Health::new(north()) });
}

#[test]
fn a_healthy_provider_is_never_written() {
    let (mut driver, ids) = at_work(shared(), 2);
    driver.run_for(Span::hours(3));
    assert!(ids.iter().all(|id| driver.task(*id).stage == Stage::Done));
    assert!(driver.providers.is_empty());
    let said = ids.iter().flat_map(|id| driver.events(*id));
    assert_eq!(said.filter(|event| matches!(event, Event::ProviderChanged { .. })).count(), 0);
}

#[test]
fn one_run_tries_and_an_answer_frees_everybody() {
    let (mut driver, ids, late) = down();
    driver.now = open_until(&driver);
    driver.settle_due();
    let tries: Vec<TaskId> =
        [ids[2], late].into_iter().filter(|id| running(&driver, *id).is_some()).collect();
    assert_eq!(tries.len(), 1, "exactly one starts");
    let other = if tries[0] == late { ids[2] } else { late };
    assert_eq!(waits(&driver, other), Some(None));
    assert!(driver.tasks[&other].due.is_some(), "a lost word of the probe costs time only");
    let job = driver.job_of(tries[0]).expect("it has a run");
    assert_eq!(job.spec.not_before, None, "the breaker's wait is over; the task's does not come on top");
    ends(&mut driver, tries[0], Luck::Good);
    assert_eq!(*breaker(&driver), Breaker::Closed);
    assert!(running(&driver, other).is_some(), "{:?}", driver.task(other).reason);
    ids.iter().chain([&late]).for_each(|_| check::replay(&driver));
}

#[test]
fn an_error_of_the_probe_opens_it_again_for_longer() {
    let (mut driver, ids, late) = down();
    let mut last = Span(0);
    for _ in 0..3 {
        driver.now = open_until(&driver);
        driver.settle_due();
        let Breaker::HalfOpen { probe, .. } = breaker(&driver).clone() else { panic!("nobody tries") };
        ends(&mut driver, probe.task, Luck::Transient);
        let until = open_until(&driver);
        assert!(until - driver.now > last);
        last = until - driver.now;
        for id in [ids[2], late] {
            assert_eq!(waits(&driver, id), Some(Some(until)), "{:?}", driver.task(id).reason);
        }
    }
}

/// Ended in any way, or not at all: somebody else tries.
#[test]
fn a_probe_that_says_nothing_does_not_block_for_ever() {
    for luck in [Some(Luck::LostBefore), Some(Luck::Infra), Some(Luck::OwnInfra), None] {
        let (mut driver, _, _) = down();
        driver.now = open_until(&driver);
        driver.settle_due();
        let Breaker::HalfOpen { probe, .. } = breaker(&driver).clone() else { panic!("nobody tries") };
        match luck {
            Some(luck) => ends(&mut driver, probe.task, luck),
            None => {
                driver.now = probe.until;
                driver.settle_due();
            }
        }
        let Breaker::HalfOpen { probe: next, .. } = breaker(&driver) else {
            panic!("{luck:?}: nobody tries")
        };
        assert_ne!(next.task, probe.task, "{luck:?}");
    }
}

#[test]
fn a_stopped_probe_gives_its_turn_away() {
    let (mut driver, _, _) = down();
    driver.now = open_until(&driver);
    driver.settle_due();
    let Breaker::HalfOpen { probe, .. } = breaker(&driver).clone() else { panic!("nobody tries") };
    driver.command(probe.task, orchd_core::command::Wanted::Stop);
    driver.settle_due();
    let Breaker::HalfOpen { probe: next, .. } = breaker(&driver) else { panic!("nobody tries") };
    assert_ne!(next.task, probe.task);
    driver.run_for(Span::hours(3));
    assert_eq!(driver.task(probe.task).stage, Stage::Cancelled);
    assert_eq!(*breaker(&driver), Breaker::Closed);
}

#[test]
fn a_quota_of_one_binds_all_and_ends_staggered() {
    let (mut driver, ids) = at_work(shared(), 3);
    let resets_at = driver.now + Span::mins(30);
    ends(&mut driver, ids[0], Luck::Quota);
    // The next would have to run again, for another reason.
    ends(&mut driver, ids[1], Luck::Failed);
    for id in &ids[..2] {
        let until = resets_at + Span::secs(i64::try_from(driver.task(*id).seq).expect("a small number"));
        assert_eq!(driver.task(*id).reason, Some(Reason::Wait(Wait::Quota { until })));
        assert_eq!(driver.tasks[id].due, Some(until));
        assert_eq!(driver.task(*id).spent.agent + driver.task(*id).spent.transient, 0);
    }
    // One that was at work all the while is not disturbed; its answer does not end the quota.
    ends(&mut driver, ids[2], Luck::Good);
    assert!(driver.providers[&north()].quota.is_some());
    driver.now = resets_at + Span::secs(1);
    driver.settle_due();
    assert!(running(&driver, ids[0]).is_some() && running(&driver, ids[1]).is_none());
    driver.run_for(Span::hours(3));
    assert!(ids.iter().all(|id| driver.task(*id).stage == Stage::Done));
}

#[test]
fn another_provider_is_not_bound() {
    let mut policy = shared();
    let reviewer = policy.agents.get_mut(&Role::Reviewer).expect("every role is played");
    reviewer.provider = Some("south".to_owned());
    let (mut driver, ids) = at_work(policy, 4);
    ends(&mut driver, ids[3], Luck::Good);
    assert_eq!(driver.task(ids[3]).stage, Stage::Review);
    for id in &ids[..3] {
        ends(&mut driver, *id, Luck::Transient);
    }
    assert!(driver.now < open_until(&driver));
    ends(&mut driver, ids[3], Luck::Red);
    assert_eq!(driver.task(ids[3]).stage, Stage::Development);
    assert!(
        waits(&driver, ids[3]).is_some(),
        "back with the developer it waits: {:?}",
        driver.task(ids[3]).reason
    );
    assert_eq!(driver.providers.keys().collect::<Vec<_>>(), [&north()]);
}

/// The budget of the task's own errors is what it was: it runs out into a Hold, breaker or not.
#[test]
fn a_tasks_own_errors_still_run_out() {
    let mut policy = shared();
    policy.budgets.transient = 5;
    let (mut driver, ids) = at_work(policy, 1);
    for _ in 0..6 {
        for _ in 0..9 {
            driver.settle_due();
            if running(&driver, ids[0]).is_some() {
                break;
            }
            driver.now = driver.tasks[&ids[0]].due.expect("it waits for a known moment");
        }
        ends(&mut driver, ids[0], Luck::Transient);
    }
    let held = driver.task(ids[0]).hold.as_ref().expect("its budget is used up");
    assert_eq!(held.code, orchd_core::hold::HoldCode::ProviderDown);
    assert_eq!(driver.task(ids[0]).spent.transient, 5);
}

#[test]
fn a_retry_after_is_honoured_for_all() {
    let (mut driver, ids) = at_work(shared(), 3);
    let at = driver.now + Span::hours(2);
    for id in &ids {
        let job = driver.job_of(*id).expect("it has a run");
        let JobResult::Agent(mut run) = driver.result_of(&job, Luck::Transient) else { panic!("no run") };
        run.outcome = AgentOutcome::Transient { why: "429\nslow down".to_owned(), retry_at: Some(at) };
        driver.settle(&job, JobResult::Agent(run));
        driver.settle_due();
    }
    assert_eq!(open_until(&driver), at);
    assert_eq!(waits(&driver, ids[2]), Some(Some(at)));
}

#[test]
fn people_are_told_what_is_down_since_when_and_who_acts() {
    let (mut driver, ids, _) = down();
    driver.advance(Span::secs(3));
    let text = explain(&driver.view(ids[2]), driver.now).to_text();
    for part in [
        "Provider north does not answer (529 overloaded); it is tried again by itself, nobody must act.",
        "Who acts: nobody",
        "provider north: has not answered for 3.0 s (529 overloaded); it is tried again in ",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let decided = driver.events(ids[2]).into_iter().rev().find_map(|event| match event {
        Event::Decided { admission, .. } => Some(admission.clone()),
        _other => None,
    });
    assert!(
        decided.is_some_and(|read| read.contains("provider north: has not answered")),
        "the log says what was read"
    );
    driver.now = open_until(&driver);
    driver.settle_due();
    let waiting =
        driver.tasks.keys().copied().find(|id| waits(&driver, *id) == Some(None)).expect("one tries");
    let text = explain(&driver.view(waiting), driver.now).to_text();
    assert!(text.contains("one run is trying it"), "{text}");
}

/// A reset a year ahead is a mistake, or of another unit: what is believed of it is waited for, and both are said.
#[test]
fn a_far_reset_is_believed_for_eight_days() {
    let (mut driver, ids) = at_work(shared(), 2);
    let (now, far) = (driver.now, driver.now + Span::hours(24 * 365));
    let job = driver.job_of(ids[0]).expect("it has a run");
    let JobResult::Agent(mut run) = driver.result_of(&job, Luck::Quota) else { panic!("no run") };
    run.outcome = AgentOutcome::Quota { resets_at: far };
    driver.settle(&job, JobResult::Agent(run));
    driver.settle_due();
    let quota = driver.providers[&north()].quota.clone().expect("it is used up");
    assert_eq!((quota.resets_at, quota.reported), (now + BELIEVED, Some(far)));
    let due = driver.tasks[&ids[0]].due.expect("it waits for a known moment");
    assert!(due >= now + BELIEVED && due <= now + BELIEVED + Span::secs(30), "{due:?}");
    let line = driver.providers[&north()].line(now).expect("it is unwell");
    assert!(line.contains("it said that it resets in 365 d 0 h, of which 8 d 0 h are believed"), "{line}");
    // A nearer word of another run does not shorten what stands.
    ends(&mut driver, ids[1], Luck::Quota);
    assert_eq!(driver.providers[&north()].quota, Some(quota));
    // It is asked again then.
    driver.now = due;
    driver.settle_due();
    assert!(running(&driver, ids[0]).is_some());
}

/// Neither is a Retry-After.
#[test]
fn a_far_retry_after_is_believed_for_eight_days() {
    let mut policy = shared();
    policy.budgets.breaker_failures = 2;
    let (mut driver, ids) = at_work(policy, 2);
    let at = driver.now + Span::hours(24 * 365);
    for id in &ids {
        let job = driver.job_of(*id).expect("it has a run");
        let JobResult::Agent(mut run) = driver.result_of(&job, Luck::Transient) else { panic!("no run") };
        run.outcome = AgentOutcome::Transient { why: "429".to_owned(), retry_at: Some(at) };
        driver.settle(&job, JobResult::Agent(run));
        driver.settle_due();
    }
    assert_eq!(open_until(&driver), driver.now + BELIEVED);
    let own = driver.job_of(ids[0]).expect("it was met before the breaker opened").spec.not_before;
    assert!(own.is_some_and(|at| at <= driver.now + BELIEVED), "{own:?}");
}

/// A quota stands with the provider: once that is well, by whosever word, nobody waits for what a run of his own read.
#[test]
fn a_quota_that_is_forgotten_is_not_waited_for() {
    let (mut driver, ids) = at_work(shared(), 1);
    ends(&mut driver, ids[0], Luck::Quota);
    assert!(running(&driver, ids[0]).is_none());
    driver.providers.insert(north(), Health::new(north()));
    driver.step(ids[0]);
    driver.settle_due();
    assert!(running(&driver, ids[0]).is_some(), "{:?}", driver.task(ids[0]).reason);
}

/// Its time had come and nobody had tried yet: an error then is no old news.
#[test]
fn an_error_after_its_time_opens_the_breaker_for_longer() {
    let (mut driver, ids) = at_work(shared(), 4);
    for id in &ids[..3] {
        ends(&mut driver, *id, Luck::Transient);
    }
    let until = open_until(&driver);
    driver.now = until;
    let job = running(&driver, ids[3]).expect("it runs since before");
    driver.answer(job, Luck::Transient);
    driver.step(ids[3]);
    assert!(open_until(&driver) > until);
    assert_eq!(driver.task(ids[3]).spent.transient, 0, "it waits with the others");
}
