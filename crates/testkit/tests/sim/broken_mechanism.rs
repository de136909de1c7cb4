//! The invariants of the mechanism can be broken: rows of a real run, with one thing wrong, and the number that must
//! complain.

use orchd_core::audit::Auditor;
use orchd_core::effect::EffectState;
use orchd_core::event::Event;
use orchd_core::gate::GateName;
use orchd_core::id::{BootId, TaskId, Token};
use orchd_core::job::JobClass;
use orchd_core::port::store::JobState;
use orchd_core::stage::Stage;
use orchd_core::time::{Span, Timestamp};
use orchd_testkit::memory::State;
use orchd_testkit::world::{Options, Outcome, Rest, run};
use uuid::Uuid;

use crate::broken::{complaints, rest};

fn landed(state: &State) -> TaskId {
    *state.tasks.iter().find(|(_, row)| !row.task.landing.landed.is_empty()).unwrap().0
}

#[test]
fn i_22_landed_work_in_an_earlier_stage_and_a_stop_that_does_not_tell() {
    let earlier = complaints(|rest| {
        let id = rest.truth.landings[0].task;
        let row = rest.state.tasks.get_mut(&id).unwrap();
        std::sync::Arc::make_mut(&mut row.task).stage = Stage::Review;
        std::sync::Arc::make_mut(&mut row.task).fix_forward = None;
    });
    assert!(earlier.contains(&22), "{earlier:?}");
    let untold = complaints(|rest| {
        let id = rest.truth.landings[0].task;
        let row = rest.state.tasks.get_mut(&id).unwrap();
        std::sync::Arc::make_mut(&mut row.task).stage = Stage::Cancelled;
        std::sync::Arc::make_mut(&mut row.task).landing.landed.clear();
    });
    assert!(untold.contains(&22), "{untold:?}");
}

#[test]
fn i_23_a_verdict_of_an_older_run() {
    let numbers = complaints(|rest| {
        for log in rest.state.task_events.values_mut() {
            for logged in log {
                if let Event::RunEnded { run } = &mut logged.event {
                    run.entry += 100;
                }
            }
        }
    });
    assert!(numbers.contains(&23), "{numbers:?}");
}

/// A run in which some effect was unknown and came to an end.
fn doubted() -> Outcome {
    let asked = |log: &Vec<orchd_core::port::store::Logged<Event>>| {
        let mut unknown = false;
        // A probe that answers while nobody knows, and closes the question.
        log.windows(2).any(|pair| {
            match &pair[0].event {
                Event::EffectMoved { state, .. } => unknown = *state == EffectState::Unknown,
                Event::EffectOpened { .. } => unknown = false,
                _other => {}
            }
            let closes = matches!(&pair[1].event, Event::EffectMoved { state, .. } if !state.is_open());
            unknown && closes && matches!(pair[0].event, Event::ProbeAnswered { .. })
        })
    };
    let doubts = |outcome: &Outcome| {
        outcome.violations.is_empty() && outcome.rest.state.task_events.values().any(asked)
    };
    (0..400).map(|seed| run(&Options::seed(seed))).find(doubts).unwrap()
}

#[test]
fn i_24_an_unknown_effect_that_is_closed_without_a_look() {
    let mut rest = doubted().rest;
    for log in rest.state.task_events.values_mut() {
        log.retain(|l| !matches!(l.event, Event::ProbeAnswered { .. } | Event::LandingAnswered { .. }));
    }
    assert!(rest.audit().iter().any(|violation| violation.number == 24));
}

/// Makes a pipeline job run under a token, until a moment.
fn runs(rest: &mut Rest, token: i64, owner: u128, until: Timestamp) {
    let jobs = rest.state.jobs.values_mut();
    let job = jobs.filter(|job| job.row.class == JobClass::Pipeline).max_by_key(|job| job.place).unwrap();
    job.row.state = JobState::Running;
    job.row.token = Some(Token(token));
    job.row.owner = Some(BootId(Uuid::from_u128(owner)));
    job.row.run = Some(orchd_core::id::RunId(Uuid::nil()));
    job.row.started_at = Some(until);
    job.row.until = Some(until);
}

#[test]
fn i_25_a_token_that_changes_hands() {
    let mut rest = rest();
    let mut auditor = Auditor::new(&rest.policies);
    let mut ask = |rest: &mut Rest, token, owner| {
        let until = rest.now;
        runs(rest, token, owner, until);
        rest.ask(&mut auditor).iter().any(|violation| violation.number == 25)
    };
    assert!(!ask(&mut rest, 9_000, 1));
    assert!(!ask(&mut rest, 9_000, 1));
    assert!(!ask(&mut rest, 9_001, 2), "the next owner has a higher token");
    assert!(ask(&mut rest, 9_001, 3), "the same token has another owner");
}

#[test]
fn i_26_a_lease_without_an_end() {
    let numbers = complaints(|rest| {
        let until = rest.now + Span::secs(61);
        runs(rest, 9_000, 1, until);
    });
    assert!(numbers.contains(&26), "{numbers:?}");
}

#[test]
fn i_27_a_push_that_nobody_holds_a_lease_for() {
    let mut rest = rest();
    let mut auditor = Auditor::new(&rest.policies);
    let before = rest.ask(&mut auditor);
    assert_eq!(before, []);
    rest.state.ledger[0].effect.state = EffectState::Sent;
    assert!(rest.ask(&mut auditor).iter().any(|violation| violation.number == 27));
}

/// When it was sent is not known then: its job may be over since, and its answer lie in the inbox.
#[test]
fn i_27_is_not_asked_about_what_the_first_look_finds() {
    let mut rest = rest();
    rest.state.ledger[0].effect.state = EffectState::Sent;
    assert!(!rest.audit().iter().any(|violation| violation.number == 27));
}

#[test]
fn i_28_a_recovery_that_nothing_called_for() {
    let mut rest = doubted().rest;
    assert!(!rest.audit().iter().any(|violation| violation.number == 28));
    rest.truth.faultless = true;
    assert!(rest.audit().iter().any(|violation| violation.number == 28));
}

/// Puts a pipeline job into the queue.
fn queued(rest: &mut Rest) {
    let jobs = rest.state.jobs.values_mut();
    let job = jobs.filter(|job| job.row.class == JobClass::Pipeline).max_by_key(|job| job.place).unwrap();
    job.row.state = JobState::Queued;
    (job.row.owner, job.row.run, job.row.token) = (None, None, None);
    (job.row.until, job.row.started_at) = (None, None);
    (job.row.job.since, job.row.job.not_before) = (rest.now, None);
}

#[test]
fn i_29_a_job_that_nobody_claims() {
    let complains = |after: Span, faultless: bool| {
        let mut rest = rest();
        queued(&mut rest);
        rest.now = rest.now + after;
        (rest.truth.faultless, rest.truth.slots, rest.state.drained) = (faultless, None, false);
        rest.audit().iter().any(|violation| violation.number == 29)
    };
    assert!(complains(Span::secs(600), true));
    assert!(!complains(Span::secs(60), true));
    assert!(!complains(Span::secs(600), false), "something may have gone wrong");
}

#[test]
fn i_30_more_runs_than_slots() {
    let numbers = complaints(|rest| {
        rest.truth.slots = Some(0);
        let until = rest.now;
        runs(rest, 9_000, 1, until);
    });
    assert!(numbers.contains(&30), "{numbers:?}");
}

#[test]
fn a_world_without_faults_is_free_of_recoveries_and_there_are_some() {
    let faultless = (0..80).map(|seed| run(&Options::seed(seed))).filter(|o| o.rest.truth.faultless);
    let (mut worlds, mut done) = (0, 0);
    for outcome in faultless {
        assert_eq!(outcome.violations, []);
        worlds += 1;
        done += outcome.totals.done;
        assert!(outcome.rest.state.tasks.values().all(|row| row.task.spent.infra.values().all(|n| *n == 0)));
    }
    assert!(worlds > 4 && done > worlds, "{worlds} worlds, {done} done");
}

#[test]
fn i_09_what_a_person_took_out_of_main_again_is_no_lie() {
    let mut rest = rest();
    let id = landed(&rest.state);
    let head = rest.state.tasks[&id].task.landing.landed[0].clone();
    rest.truth.main.values_mut().for_each(|main| {
        main.remove(&head);
    });
    rest.truth.taken_out.insert(head);
    assert!(!rest.audit().iter().any(|violation| violation.number == 9));
    assert!(rest.state.tasks[&id].task.gates.contains_key(&GateName::MergeReady));
}
