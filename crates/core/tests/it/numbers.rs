//! Numbers: leases, budgets with their backoff, money, and time as people read it.

use orchd_core::budget::{after_quota, backoff, infra_left, left, money_refusal};
use orchd_core::gate::GateName;
use orchd_core::lease::LeasePolicy;
use orchd_core::policy::{Budgets, Money};
use orchd_core::task::Spent;
use orchd_core::time::{Span, Timestamp};
use proptest::prelude::*;

use crate::support::build::{T0, policy, row, task_id};
use crate::support::config;
use crate::support::driver::Driver;

#[test]
fn a_lease_is_renewed_at_a_third_and_forbids_acts_from_the_half() {
    let lease = LeasePolicy { ttl: Span::secs(60) };
    assert_eq!(lease.renew_every(), Span::secs(20));
    assert_eq!(lease.until(T0), T0 + Span::secs(60));
    assert!(lease.may_act(T0, T0) && lease.may_act(T0, T0 + Span::millis(29_999)));
    assert!(!lease.may_act(T0, T0 + Span::secs(30)), "at half the lease nothing irreversible starts");
    assert!(!lease.may_act(T0 + Span::secs(1), T0), "a clock that went back proves nothing");
    assert!(!LeasePolicy::expired(T0, T0) && LeasePolicy::expired(T0, T0 + Span::millis(1)));
    assert!(!lease.may_reap(T0, T0 + Span::millis(59_999)) && lease.may_reap(T0, T0 + Span::secs(60)));
}

proptest! {
    #![proptest_config(config())]

    /// A holder that may act is never one whose lease another may take.
    #[test]
    fn who_may_act_is_never_expired(ttl in 3..10_000_000i64, passed in 0..20_000_000i64) {
        let lease = LeasePolicy { ttl: Span(ttl) };
        let now = T0 + Span(passed);
        prop_assert!(!(lease.may_act(T0, now) && LeasePolicy::expired(lease.until(T0), now)));
        prop_assert!(lease.renew_every().0 <= ttl / 2, "renewal comes before acting is forbidden");
    }

    #[test]
    fn backoff_is_bounded_deterministic_and_grows_to_its_cap(
        base in 1..100_000i64, cap in 1..10_000_000i64, n in 0..100u32, task in any::<u64>(),
    ) {
        let budgets = Budgets { backoff_base: Span(base), backoff_cap: Span(cap), ..Budgets::default() };
        let id = task_id(task);
        let wait = backoff(&budgets, id, n);
        prop_assert_eq!(wait, backoff(&budgets, id, n));
        let floor = base.saturating_mul(1i64 << n.min(32)).min(cap);
        prop_assert!(wait.0 >= floor && wait.0 <= floor + floor / 4, "{wait:?} of {floor}");
        let later = backoff(&budgets, id, n + 3);
        prop_assert!(later.0 >= floor, "it never falls below what it was without jitter");
    }

    #[test]
    fn what_is_left_of_a_budget(limit in any::<u32>(), granted in any::<u32>(), spent in any::<u32>()) {
        let total = u64::from(limit) + u64::from(granted);
        prop_assert_eq!(left(limit, granted, spent), u64::from(spent) < total.min(u64::from(u32::MAX)));
    }

    #[test]
    fn a_span_has_a_short_text(ms in any::<i64>()) {
        let text = Span(ms).to_string();
        prop_assert!(!text.is_empty() && text.len() <= 24 && !text.contains('-'), "{text}");
    }
}

/// Many tasks that met the same error do not come back at once.
#[test]
fn the_jitter_spreads_over_a_quarter() {
    let minute = Span::mins(1).0;
    let budgets = Budgets { backoff_base: Span(minute), ..Budgets::default() };
    let tasks = (0..64u64).map(|n| task_id(n.wrapping_mul(0xd134_2543_de82_ef95)));
    let waits: Vec<i64> = tasks.map(|task| backoff(&budgets, task, 0).0 - minute).collect();
    let (least, most) = (waits.iter().min(), waits.iter().max());
    assert!(least.is_some_and(|wait| *wait < minute / 32), "{waits:?}");
    assert!(most.is_some_and(|wait| *wait > minute / 32 * 7), "{waits:?}");
}

#[test]
fn infra_is_counted_and_granted_per_gate() {
    let budgets = Budgets { infra: 1, ..Budgets::default() };
    let mut spent = Spent::default();
    spent.infra.insert(GateName::CiGreen, 1);
    assert!(!infra_left(&budgets, &spent, GateName::CiGreen));
    assert!(infra_left(&budgets, &spent, GateName::MergeReady));
    spent.infra_granted.insert(GateName::CiGreen, 1);
    assert!(infra_left(&budgets, &spent, GateName::CiGreen));
}

#[test]
fn a_launch_that_does_not_fit_the_money_is_not_started() {
    let mut policy = policy();
    policy.budgets.task_money = Some(Money(10_000_000));
    policy.budgets.day_money = Some(Money(20_000_000));
    policy.budgets.run_money = Money(2_000_000);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    let mut view = driver.view(id);
    row(&mut view).spent.money = Money(8_000_000);
    assert_eq!(money_refusal(&view), None);
    row(&mut view).spent.money = Money(8_000_001);
    assert_eq!(money_refusal(&view).as_deref(), Some("the task has spent $8.00 of $10.00"));
    row(&mut view).spent.money = Money(0);
    view.spent_today = Money(19_000_000);
    assert_eq!(money_refusal(&view).as_deref(), Some("the project has spent $19.00 of $20.00 today"));
    view.spent_today = Money(18_000_000);
    assert_eq!(money_refusal(&view), None);
}

#[test]
fn a_quotas_end_is_staggered_and_never_early() {
    let mut driver = Driver::new(policy());
    for n in 1..40 {
        let id = driver.create(n, "express");
        let at = after_quota(driver.task(id), T0);
        assert!(at >= T0 && at < T0 + Span::secs(30));
    }
}

#[test]
fn spans_as_people_read_them() {
    let text = |ms| Span(ms).to_string();
    assert_eq!(text(-5), "0 ms");
    assert_eq!(text(340), "340 ms");
    assert_eq!(text(12_345), "12.3 s");
    assert_eq!(text(59_999), "59.9 s");
    assert_eq!(text(245_000), "4 min 05 s");
    assert_eq!(text(7_800_000), "2 h 10 min");
    assert_eq!(text(273_600_000), "3 d 4 h");
}

#[test]
fn a_day_begins_at_midnight_utc_before_and_after_1970() {
    let day = Span::hours(24).0;
    assert_eq!(Timestamp(day + 1).day_start(), Timestamp(day));
    assert_eq!(Timestamp(-1).day_start(), Timestamp(-day));
    assert_eq!(Timestamp(0).day_start(), Timestamp(0));
    assert_eq!(Timestamp(i64::MAX) + Span::secs(1), Timestamp(i64::MAX));
}
