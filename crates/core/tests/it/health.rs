//! A provider's health, asked directly: at which moment something begins or is over, what people read of it, and what
//! keeps its queued jobs in the queue.

use orchd_core::id::{JobId, ProviderId};
use orchd_core::policy::Budgets;
use orchd_core::provider::{BELIEVED, Bar, Breaker, Down, Health, Probe, UsedUp, Word};
use orchd_core::time::{Span, Timestamp};

use crate::support::build::{T0, job_id, task_id};

fn well() -> Health {
    Health::new(ProviderId::new("north"))
}

fn minutes(n: i64) -> Timestamp {
    T0 + Span::mins(n)
}

fn down() -> Down {
    Down { since: T0, why: "529 overloaded".to_owned(), times: 1 }
}

fn open(until: Timestamp) -> Health {
    Health { breaker: Breaker::Open { down: down(), until }, ..well() }
}

fn half_open(until: Timestamp) -> Health {
    let probe = Probe { task: task_id(1), job: job_id(1), until };
    Health { breaker: Breaker::HalfOpen { down: down(), probe }, ..well() }
}

fn used_up(resets_at: Timestamp) -> Option<UsedUp> {
    Some(UsedUp { since: T0, resets_at, reported: None })
}

fn heard(health: &Health, word: Word<'_>, now: Timestamp) -> Health {
    health.heard(word, (task_id(1), job_id(1)), &Budgets::default(), now)
}

/// People read of what keeps runs from starting, and of nothing else.
#[test]
fn what_is_said_is_what_is_so() {
    let before = minutes(10) + Span::millis(-1);
    for (health, now, said) in [
        (well(), T0, None),
        (Health { quota: used_up(minutes(10)), ..well() }, before, Some("it resets in 1 ms")),
        (Health { quota: used_up(minutes(10)), ..well() }, minutes(10), None),
        (open(minutes(10)), before, Some("it is tried again in 1 ms")),
        (open(minutes(10)), minutes(10), Some("the next run tries it")),
        (half_open(minutes(10)), before, Some("is trying it")),
        (half_open(minutes(10)), minutes(10), Some("the next run tries it")),
    ] {
        assert_eq!(health.is_well(now), said.is_none(), "{health:?}");
        let line = health.line(now);
        assert_eq!(line.is_some(), said.is_some(), "{health:?}");
        assert!(line.iter().zip(said).all(|(line, said)| line.ends_with(said)), "{line:?}");
    }
    assert!(!Health { quota: used_up(minutes(10)), ..open(T0) }.is_well(minutes(20)), "it does not answer");
}

/// A quota is one from its first word to its reset, the latest that was believed.
#[test]
fn a_quota_lasts_from_its_first_word_to_its_latest_reset() {
    let quota = |health: &Health| health.quota.clone().expect("it is used up");
    let first = heard(&well(), Word::UsedUp { resets_at: minutes(10) }, T0);
    assert_eq!(quota(&first), UsedUp { since: T0, resets_at: minutes(10), reported: None });
    let longer = heard(&first, Word::UsedUp { resets_at: minutes(20) }, minutes(5));
    assert_eq!(quota(&longer), UsedUp { since: T0, resets_at: minutes(20), reported: None });
    let nearer = heard(&longer, Word::UsedUp { resets_at: minutes(15) }, minutes(6));
    assert_eq!(quota(&nearer), quota(&longer));
    // From the moment of its reset on it is another one.
    let next = heard(&first, Word::UsedUp { resets_at: minutes(30) }, minutes(10));
    assert_eq!(quota(&next).since, minutes(10));
    // What was not believed is said even where it changes nothing else.
    let standing = Health { quota: used_up(minutes(5) + BELIEVED), ..well() };
    let far = minutes(9) + BELIEVED;
    let reported = heard(&standing, Word::UsedUp { resets_at: far }, minutes(5));
    assert_eq!(quota(&reported).reported, Some(far));
}

#[test]
fn a_bar_lasts_as_long_as_what_it_comes_from() {
    let bar = |until, probe, one_by_one| Some(Bar { until, probe, one_by_one });
    let probe = Some(job_id(1));
    assert_eq!(well().bar(), None);
    assert_eq!(open(minutes(10)).bar(), bar(minutes(10), None, true));
    assert_eq!(half_open(minutes(10)).bar(), bar(minutes(10), probe, true));
    let with = |quota: i64, health: Health| Health { quota: used_up(minutes(quota)), ..health }.bar();
    assert_eq!(with(10, well()), bar(minutes(10), None, false));
    assert_eq!(with(10, open(minutes(20))), bar(minutes(20), None, true));
    assert_eq!(with(30, half_open(minutes(20))), bar(minutes(30), probe, true));
}

#[test]
fn a_bar_lets_the_probe_through_and_later_one_at_a_time_or_all() {
    let (probe, other): (JobId, JobId) = (job_id(1), job_id(2));
    let one_by_one = Bar { until: minutes(10), probe: Some(probe), one_by_one: true };
    let all = Bar { probe: None, one_by_one: false, ..one_by_one };
    let before = minutes(10) + Span::millis(-1);
    for tried in [false, true] {
        assert!(one_by_one.admits(probe, tried, before));
        assert!(!one_by_one.admits(other, tried, before) && !all.admits(other, tried, before));
        assert!(all.admits(other, tried, minutes(10)));
    }
    assert!(one_by_one.admits(other, false, minutes(10)));
    assert!(!one_by_one.admits(other, true, minutes(10)), "somebody tries it");
}
