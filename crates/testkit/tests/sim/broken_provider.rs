//! I-21 can be broken: rows and logs of a real run in which a provider was down, with one thing wrong.

use orchd_core::event::{Event, ProviderEvent};
use orchd_core::id::{Actor, JobId, TaskId};
use orchd_core::provider::{Breaker, Down, Health, Probe};
use orchd_core::time::{Span, Timestamp};
use orchd_testkit::world::{Options, Outcome, Rest, run};
use uuid::Uuid;

/// A world at rest in which a provider was down and tried again.
fn was_down() -> Rest {
    was_down_and(|_| true)
}

/// Such a world, of a kind.
fn was_down_and(is_it: impl Fn(&Rest) -> bool) -> Rest {
    let tried = |outcome: &Outcome| {
        let logs = outcome.rest.state.task_events.values().flatten();
        logs.filter(|logged| half_open(&logged.event)).count() > 1 && is_it(&outcome.rest)
    };
    let rested = (0..400).map(|seed| run(&Options::seed(seed)));
    let rest = rested.filter(|outcome| outcome.violations.is_empty()).find(tried).unwrap().rest;
    assert_eq!(rest.audit(), []);
    rest
}

fn half_open(event: &Event) -> bool {
    matches!(event, Event::ProviderChanged { health } if matches!(health.breaker, Breaker::HalfOpen { .. }))
}

fn numbers(rest: &Rest) -> Vec<u8> {
    let mut numbers: Vec<u8> = rest.audit().iter().map(|violation| violation.number).collect();
    numbers.dedup();
    numbers
}

#[test]
fn i_21_a_start_while_the_provider_is_down() {
    // Runs that started as a probe are said to have started as any other.
    let mut rest = was_down();
    for log in rest.state.task_events.values_mut() {
        log.retain(|logged| !half_open(&logged.event));
    }
    assert!(numbers(&rest).contains(&21), "{:?}", numbers(&rest));
}

#[test]
fn i_21_a_probe_before_its_time_and_one_beside_another() {
    for late in [true, false] {
        let mut rest = was_down();
        for logged in rest.state.task_events.values_mut().flatten() {
            let Event::ProviderChanged { health } = &mut logged.event else { continue };
            let far = logged.at + Span::hours(900);
            match &mut health.breaker {
                Breaker::Open { until, .. } if late => *until = far,
                Breaker::Open { down, .. } if !late => {
                    let task = TaskId(Uuid::nil());
                    let probe = Probe { task, job: JobId(Uuid::nil()), until: far };
                    health.breaker = Breaker::HalfOpen { down: down.clone(), probe };
                }
                Breaker::Open { .. } | Breaker::HalfOpen { .. } | Breaker::Closed => {}
            }
        }
        assert!(numbers(&rest).contains(&21), "{:?}", numbers(&rest));
    }
}

#[test]
fn i_21_a_probe_that_nobody_runs_and_a_health_that_is_not_its_logs() {
    let mut rest = was_down();
    let now = rest.now;
    let row = rest.state.providers.values_mut().next().unwrap();
    row.health.breaker = Breaker::HalfOpen {
        down: Down { since: now, why: "529".to_owned(), times: 1 },
        probe: Probe {
            task: *rest.state.tasks.keys().next().unwrap(),
            job: JobId(Uuid::nil()),
            until: now + Span::secs(1),
        },
    };
    let found = numbers(&rest);
    assert!(found.contains(&21) && found.contains(&14), "{found:?}");
}

/// The last word about a provider that was down: that it is well again. With its place, and the word before it.
fn last_word(rest: &Rest) -> Option<(u64, Timestamp, Health)> {
    let logs = rest.state.task_events.values().flatten();
    let changed = logs.filter_map(|logged| match &logged.event {
        Event::ProviderChanged { health } => Some((logged.seq, logged.at, (**health).clone())),
        _other => None,
    });
    let mut changed: Vec<_> = changed.collect();
    changed.sort_by_key(|(seq, ..)| *seq);
    changed.iter().enumerate().rev().find_map(|(place, (_, _, was))| {
        let mut later = changed[place + 1..].iter().filter(|(.., health)| health.provider == was.provider);
        let (well, at, _) = later.next()?;
        (was.breaker != Breaker::Closed && later.next().is_none()).then(|| (*well, *at, was.clone()))
    })
}

/// As if a person had said so instead.
fn closed_by_hand(rest: &mut Rest) {
    let (well, at, was) = last_word(rest).unwrap();
    for log in rest.state.task_events.values_mut() {
        log.retain(|logged| logged.seq != well);
    }
    let by = Actor::new("ada");
    rest.state.provider_events.push((at, ProviderEvent::Closed { by, was: Box::new(was) }));
}

#[test]
fn what_a_person_closed_is_closed() {
    let mut rest = was_down_and(|rest| last_word(rest).is_some());
    closed_by_hand(&mut rest);
    assert_eq!(rest.audit(), []);
    let words = std::mem::take(&mut rest.state.provider_events);
    assert!(numbers(&rest).contains(&14), "nobody closed it");
    let not_yet = |(at, event)| (at + Span::hours(9000), event);
    rest.state.provider_events = words.into_iter().map(not_yet).collect();
    assert!(!numbers(&rest).contains(&14), "in the end it was closed");
}
