//! The breaker and the quota of a provider against a plain reference: what is allowed is worked out anew from the
//! whole history at each step, while the health is carried along. Runs begin, end in every way, end late or never.

use orchd_core::id::{JobId, ProviderId, TaskId};
use orchd_core::policy::Budgets;
use orchd_core::provider::{Breaker, Health, Start, Word, wakes};
use orchd_core::reason::Wait;
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};
use proptest::prelude::*;

use crate::support::build::{T0, birth, job_id};
use crate::support::config;

/// A run's wall-clock budget; a probe may take twice as long.
const TIMEOUT: Span = Span::mins(30);

/// What a provider says when a run ends.
#[derive(Debug, Clone, Copy)]
enum Says {
    Answers,
    Fails { retry_in: Option<i64> },
    UsedUp { resets_in: i64 },
    Nothing,
}

#[derive(Debug, Clone, Copy)]
enum Op {
    /// A task would start a run.
    Start(u8),
    /// One of the runs under way ends.
    End(u8, Says),
    /// Time passes, in milliseconds.
    Tick(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let says = prop_oneof![
        3 => Just(Says::Answers),
        8 => prop::option::weighted(0.2, 0..900_000i64).prop_map(|retry_in| Says::Fails { retry_in }),
        1 => (0..5_000_000i64).prop_map(|resets_in| Says::UsedUp { resets_in }),
        2 => Just(Says::Nothing),
    ];
    prop_oneof![
        6 => any::<u8>().prop_map(Op::Start),
        6 => (any::<u8>(), says).prop_map(|(n, says)| Op::End(n, says)),
        3 => prop_oneof![0..3_000i64, 0..60_000i64, 0..900_000i64, 0..9_000_000i64].prop_map(Op::Tick),
    ]
}

/// What happened, as the reference remembers it: everything.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Was {
    Started { job: JobId, probe: bool, at: Timestamp },
    Ended { job: JobId, says: Word<'static>, at: Timestamp, opened_until: Option<Timestamp> },
}

/// What the history allows. Outcome enum of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Freely,
    AsProbe,
    No,
}

/// The reference: reads the history from its beginning.
fn allowed(history: &[Was], limit: u32, task: &Task, now: Timestamp) -> (u32, Allowed) {
    let (mut in_a_row, mut down, mut quota) = (0u32, false, Timestamp(i64::MIN));
    let mut not_before = Timestamp(i64::MIN);
    let mut probe: Option<(JobId, Timestamp)> = None;
    for was in history {
        match *was {
            Was::Started { job, probe: true, at } => probe = Some((job, at)),
            Was::Started { .. } => {}
            Was::Ended { says: Word::Answers, .. } => (in_a_row, down, probe) = (0, false, None),
            Was::Ended { says: Word::UsedUp { resets_at }, .. } => {
                (in_a_row, down, probe) = (0, false, None);
                quota = quota.max(resets_at);
            }
            Was::Ended { job, says: Word::Fails { retry_at, .. }, opened_until, at } => {
                in_a_row += 1;
                let tried = probe.is_some_and(|(tries, _)| tries == job);
                // Whoever it was, it failed at a time when it might have been tried.
                let still = down && probe.is_none() && not_before <= at;
                if (!down && in_a_row >= limit.max(1)) || tried || still {
                    (down, probe) = (true, None);
                    not_before = opened_until.expect("the health said until when");
                } else if down && probe.is_none() {
                    not_before = not_before.max(retry_at.unwrap_or(not_before));
                }
            }
            Was::Ended { job, says: Word::Nothing, at, .. } => {
                if probe.is_some_and(|(tries, _)| tries == job) {
                    (probe, not_before) = (None, at);
                }
            }
        }
    }
    let staggered = quota.0.saturating_add(Span::secs(i64::try_from(task.seq % 30).unwrap_or(0)).0);
    let tried = probe.is_some_and(|(_, since)| now < since + Span(2 * TIMEOUT.0));
    let answer = if now.0 < staggered {
        Allowed::No
    } else if !down {
        Allowed::Freely
    } else if tried || (probe.is_none() && now < not_before) {
        Allowed::No
    } else {
        Allowed::AsProbe
    };
    (in_a_row, answer)
}

fn task(n: u8) -> Task {
    orchd_core::evolve::born(&birth(u64::from(n) + 1, "express"), T0)
}

/// The moment at which somebody who waits looks again; nobody waits without one.
fn end_of(wait: &Wait, health: &Health) -> Timestamp {
    match (wait, &health.breaker) {
        (Wait::Quota { until } | Wait::Provider { until: Some(until), .. }, _) => *until,
        (Wait::Provider { until: None, .. }, Breaker::HalfOpen { probe, .. }) => probe.until,
        (other, breaker) => panic!("{other:?} of {breaker:?}"),
    }
}

struct Play {
    health: Health,
    history: Vec<Was>,
    runs: Vec<(TaskId, JobId)>,
    budgets: Budgets,
    now: Timestamp,
}

impl Play {
    fn new(limit: u32) -> Self {
        let budgets = Budgets { breaker_failures: limit, ..Budgets::default() };
        let health = Health::new(ProviderId::new("north"));
        Self { health, history: Vec::new(), runs: Vec::new(), budgets, now: T0 }
    }

    fn step(&mut self, n: u64, op: Op) {
        match op {
            Op::Tick(ms) => self.now = self.now + Span(ms),
            Op::Start(who) => self.start(&task(who % 5), job_id(n)),
            Op::End(which, says) if !self.runs.is_empty() => {
                let run = self.runs.remove(usize::from(which) % self.runs.len());
                self.end(run, says);
            }
            Op::End(..) => {}
        }
    }

    fn start(&mut self, task: &Task, job: JobId) {
        let (in_a_row, expected) = allowed(&self.history, self.budgets.breaker_failures, task, self.now);
        assert_eq!(self.health.failures, in_a_row);
        let may = self.health.may_start(task, self.now);
        assert_eq!(may, self.health.may_start(task, self.now));
        let found = match &may {
            Ok(Start::Freely) => Allowed::Freely,
            Ok(Start::AsProbe) => Allowed::AsProbe,
            Err(_) => Allowed::No,
        };
        assert_eq!(found, expected, "{:?} after {:?}", self.health, self.history);
        match may {
            Ok(start) => {
                let probe = start == Start::AsProbe;
                let next = self.health.begun(task.id, job, TIMEOUT, self.now);
                assert_eq!(
                    next != self.health,
                    probe,
                    "a start changes the health exactly where it is the probe"
                );
                self.health = next;
                self.history.push(Was::Started { job, probe, at: self.now });
                self.runs.push((task.id, job));
            }
            Err(wait) => assert!(end_of(&wait, &self.health) > self.now, "{wait:?} is over"),
        }
    }

    fn end(&mut self, (task, job): (TaskId, JobId), says: Says) {
        let at = self.now;
        let word = match says {
            Says::Answers => Word::Answers,
            Says::Fails { retry_in } => {
                Word::Fails { why: "529", retry_at: retry_in.map(|ms| at + Span(ms)) }
            }
            Says::UsedUp { resets_in } => Word::UsedUp { resets_at: at + Span(resets_in) },
            Says::Nothing => Word::Nothing,
        };
        let before = self.health.clone();
        self.health = before.heard(word, (task, job), &self.budgets, at);
        self.opens_longer(&before, word);
        let opened_until = match &self.health.breaker {
            Breaker::Open { until, .. } => Some(*until),
            Breaker::Closed | Breaker::HalfOpen { .. } => None,
        };
        // Who waits for another's probe, or for the breaker to close, hears of it.
        let waited = |health: &Health| match &health.breaker {
            Breaker::Closed => 0,
            Breaker::Open { .. } => 1,
            Breaker::HalfOpen { .. } => 2,
        };
        assert_eq!(wakes(&before, &self.health), waited(&before) > waited(&self.health));
        self.history.push(Was::Ended { job, says: word, at, opened_until });
    }

    /// Exponential by how often in a row it opened, up to the cap, never shorter than the provider asks for.
    fn opens_longer(&self, before: &Health, word: Word<'_>) {
        let (Breaker::Open { down, until }, Word::Fails { retry_at, .. }) = (&self.health.breaker, word)
        else {
            return;
        };
        if matches!(before.breaker, Breaker::Open { until, .. } if self.now < until) {
            return;
        }
        let limit = i64::from(self.budgets.breaker_failures.max(1));
        let nth = u32::try_from(limit + i64::from(down.times) - 2).unwrap_or(0);
        let least =
            self.budgets.backoff_base.0.saturating_mul(1 << nth.min(40)).min(self.budgets.backoff_cap.0);
        let wait = (*until - self.now).0;
        assert!(wait >= least, "{wait} ms at the opening number {} in a row, not {least}", down.times);
        assert!(retry_at.is_none_or(|at| *until >= at), "{retry_at:?} was not honoured");
        assert!(
            retry_at.is_some() || wait <= self.budgets.backoff_cap.0 * 5 / 4,
            "{wait} ms is beyond the cap"
        );
        let times = match &before.breaker {
            Breaker::HalfOpen { down, .. } | Breaker::Open { down, .. } => down.times + 1,
            Breaker::Closed => 1,
        };
        assert_eq!(down.times, times);
    }

    /// Whatever the health: who waits to the end of what it waits for, again and again, may start soon.
    fn is_never_for_ever(&self) {
        for who in 0..5 {
            let (task, mut now) = (task(who), self.now);
            let waits = (0..4).take_while(|_| match self.health.may_start(&task, now) {
                Ok(_) => false,
                Err(wait) => {
                    now = end_of(&wait, &self.health);
                    true
                }
            });
            assert!(waits.count() < 4, "nobody may ever start again: {:?}", self.health);
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_provider_is_what_its_whole_history_says(limit in 0..5u32, ops in prop::collection::vec(op(), 1..200)) {
        let mut play = Play::new(limit);
        for (n, op) in (1..).zip(ops) {
            play.step(n, op);
            play.is_never_for_ever();
        }
    }

    /// It is stored and read back as it was.
    #[test]
    fn a_health_has_a_stored_form(ops in prop::collection::vec(op(), 1..80)) {
        let mut play = Play::new(2);
        for (n, op) in (1..).zip(ops) {
            play.step(n, op);
            let text = serde_json::to_string(&play.health).expect("it has a stored form");
            prop_assert_eq!(serde_json::from_str::<Health>(&text).expect("it can be read"), play.health.clone());
        }
    }
}
