//! Whether a provider of agents may be used now: its breaker (spec 5.4) and its quota (B-9), one value for all
//! tasks. What a run's end says changes it; `decide/run.rs` asks it before every start; a turn's commit stores it.
//! Values only: nothing here knows a store or a profile.

mod bar;

use serde::{Deserialize, Serialize};

use crate::budget;
use crate::id::{JobId, ProviderId, TaskId};
use crate::job::AgentOutcome;
use crate::mutant::{self, Mutant};
use crate::policy::Budgets;
use crate::reason::Wait;
use crate::task::Task;
use crate::time::{Span, Timestamp};

pub use bar::Bar;

/// Characters that are kept of what a provider said.
const WORDS: usize = 200;

/// The longest wait that a provider is believed to ask for: weekly quotas exist. One that says more, by mistake or in
/// another unit, is asked again then.
pub const BELIEVED: Span = Span::hours(8 * 24);

/// The health of one provider. One that nobody has heard of is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whose.
    pub provider: ProviderId,
    /// Transient errors in a row, over all tasks.
    pub failures: u32,
    /// The breaker.
    pub breaker: Breaker,
    /// Its quota is used up.
    pub quota: Option<UsedUp>,
}

/// The breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Breaker {
    /// Runs start.
    Closed,
    /// No run starts before `until`; the first one after it is the probe.
    Open {
        /// What happened.
        down: Down,
        /// When it is tried again.
        until: Timestamp,
    },
    /// One run tries whether it answers again; nobody else starts one.
    HalfOpen {
        /// What happened.
        down: Down,
        /// The run.
        probe: Probe,
    },
}

/// Why and since when a breaker is not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Down {
    /// Since when it has not been closed.
    pub since: Timestamp,
    /// What the provider said last.
    pub why: String,
    /// How often in a row the breaker opened.
    pub times: u32,
}

/// The one run that tries a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Whose run.
    pub task: TaskId,
    /// The job.
    pub job: JobId,
    /// It counts as lost from then on, whatever became of it.
    pub until: Timestamp,
}

/// A quota that is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedUp {
    /// Since when.
    pub since: Timestamp,
    /// When it resets, as far as that is believed.
    pub resets_at: Timestamp,
    /// What the provider said, where that was not believed.
    #[serde(default)]
    pub reported: Option<Timestamp>,
}

/// What the end of a run says about its provider. Outcome enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word<'a> {
    /// It answers.
    Answers,
    /// It does not, for now.
    Fails {
        /// What it said.
        why: &'a str,
        /// Its Retry-After, as a moment.
        retry_at: Option<Timestamp>,
    },
    /// It answers that its quota is used up.
    UsedUp {
        /// When it resets.
        resets_at: Timestamp,
    },
    /// Nothing: the run was lost, ended from outside, or never began.
    Nothing,
}

impl<'a> Word<'a> {
    /// What a run's outcome says.
    pub fn of(outcome: &'a AgentOutcome) -> Self {
        match outcome {
            // A failure is the run's own: something answered it until then.
            AgentOutcome::Completed { .. } | AgentOutcome::Failed { .. } => Self::Answers,
            AgentOutcome::Transient { why, retry_at } => Self::Fails { why, retry_at: *retry_at },
            AgentOutcome::Quota { resets_at } => Self::UsedUp { resets_at: *resets_at },
            AgentOutcome::Infra { .. } => Self::Nothing,
        }
    }
}

/// How a run starts. Outcome enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// As any other.
    Freely,
    /// As the one that tries the provider.
    AsProbe,
}

impl Health {
    /// A provider that is well.
    pub const fn new(provider: ProviderId) -> Self {
        Self { provider, failures: 0, breaker: Breaker::Closed, quota: None }
    }

    /// Whether nothing keeps runs from starting.
    pub fn is_well(&self, now: Timestamp) -> bool {
        let has_quota = self.quota.as_ref().is_none_or(|used_up| used_up.resets_at <= now);
        matches!(self.breaker, Breaker::Closed) && has_quota
    }

    /// Whether a run of the task may start now; else what it waits for. Outcome by `Result`: a Wait is no failure.
    pub fn may_start(&self, task: &Task, now: Timestamp) -> Result<Start, Wait> {
        if let Some(used_up) = &self.quota {
            let until = budget::after_quota(task, used_up.resets_at);
            if now < until {
                return Err(Wait::Quota { until });
            }
        }
        let wait = |down: &Down, until| Wait::Provider {
            provider: self.provider.clone(),
            until,
            why: down.why.clone(),
        };
        if mutant::on(Mutant::BreakerIgnored) {
            return Ok(Start::Freely);
        }
        match &self.breaker {
            Breaker::Closed => Ok(Start::Freely),
            Breaker::Open { down, until } if now < *until => Err(wait(down, Some(*until))),
            Breaker::HalfOpen { down, probe } if now < probe.until => Err(wait(down, None)),
            Breaker::Open { .. } | Breaker::HalfOpen { .. } => Ok(Start::AsProbe),
        }
    }

    /// What it is once a run of the task has begun; one that begins while the breaker is not closed is the probe.
    /// `timeout` is that run's wall-clock budget: for twice as long it may wait for a worker and work, then somebody
    /// else may try.
    pub fn begun(&self, task: TaskId, job: JobId, timeout: Span, now: Timestamp) -> Self {
        let probe = Probe { task, job, until: now + timeout + timeout };
        let breaker = match &self.breaker {
            Breaker::Closed => Breaker::Closed,
            still if mutant::on(Mutant::ProbesMany) => still.clone(),
            Breaker::Open { down, .. } | Breaker::HalfOpen { down, .. } => {
                Breaker::HalfOpen { down: down.clone(), probe }
            }
        };
        Self { breaker, ..self.clone() }
    }

    /// What it is once the end of a task's job has said this.
    pub fn heard(
        &self,
        word: Word<'_>,
        (task, job): (TaskId, JobId),
        budgets: &Budgets,
        now: Timestamp,
    ) -> Self {
        let mut next = self.clone();
        match word {
            Word::Answers => {
                next.failures = 0;
                next.breaker = Breaker::Closed;
                next.quota.take_if(|used_up| used_up.resets_at <= now);
            }
            Word::UsedUp { resets_at } => {
                next.failures = 0;
                next.breaker = Breaker::Closed;
                let believed = resets_at.min(now + BELIEVED);
                let reported = (believed < resets_at).then_some(resets_at);
                let said = UsedUp { since: now, resets_at: believed, reported };
                let standing = self.quota.as_ref().filter(|used_up| now < used_up.resets_at);
                next.quota = Some(match standing {
                    Some(longer) if longer.resets_at > believed => longer.clone(),
                    Some(standing) => UsedUp { since: standing.since, ..said },
                    None => said,
                });
            }
            Word::Fails { why, retry_at } => {
                let retry_at = retry_at.map(|at| at.min(now + BELIEVED));
                next.failures = self.failures.saturating_add(1);
                let limit = budgets.breaker_failures;
                let open = |since: Timestamp, times: u32| {
                    // Goes on from where a task that met all the errors itself would be.
                    let nth = limit.saturating_sub(1).saturating_add(times.saturating_sub(1));
                    let until = now + budget::backoff(budgets, task, nth);
                    let down = Down { since, why: words(why), times };
                    Breaker::Open { down, until: retry_at.map_or(until, |at| at.max(until)) }
                };
                next.breaker = match &self.breaker {
                    Breaker::Closed if next.failures >= limit => open(now, 1),
                    Breaker::HalfOpen { down, probe } if probe.job == job => {
                        open(down.since, down.times.saturating_add(1))
                    }
                    // Its time had come, and somebody whose run was queued long before tried it.
                    Breaker::Open { down, until } if *until <= now => {
                        open(down.since, down.times.saturating_add(1))
                    }
                    Breaker::Open { down, until } => {
                        let until = retry_at.map_or(*until, |at| at.max(*until));
                        Breaker::Open { down: down.clone(), until }
                    }
                    // The error of a run that began before the breaker opened is old news: the probe will tell.
                    Breaker::HalfOpen { .. } | Breaker::Closed => self.breaker.clone(),
                };
            }
            Word::Nothing => {
                if let Breaker::HalfOpen { down, probe } = &self.breaker
                    && probe.job == job
                {
                    // It tried nothing: whoever comes next may.
                    next.breaker = Breaker::Open { down: down.clone(), until: now };
                }
            }
        }
        next
    }

    /// One line for people; none where it is well.
    pub fn line(&self, now: Timestamp) -> Option<String> {
        let ago = |since: Timestamp| Span((now - since).0.max(0));
        let ahead = |until: Timestamp| Span((until - now).0.max(0));
        let id = &self.provider;
        if let Some(used_up) = self.quota.as_ref().filter(|used_up| now < used_up.resets_at) {
            let (since, resets) = (ago(used_up.since), ahead(used_up.resets_at));
            let then = match used_up.reported {
                None => format!("it resets in {resets}"),
                Some(reported) => format!(
                    "it said that it resets in {}, of which {BELIEVED} are believed: it is asked again in {resets}",
                    ahead(reported)
                ),
            };
            return Some(format!("provider {id}: its quota has been used up for {since}; {then}"));
        }
        let (down, then) = match &self.breaker {
            Breaker::Closed => return None,
            Breaker::Open { down, until } if now < *until => {
                (down, format!("it is tried again in {}", ahead(*until)))
            }
            Breaker::HalfOpen { down, probe } if now < probe.until => {
                (down, format!("a run of task {} is trying it", probe.task))
            }
            Breaker::Open { down, .. } | Breaker::HalfOpen { down, .. } => {
                (down, "the next run tries it".to_owned())
            }
        };
        Some(format!("provider {id}: has not answered for {} ({}); {then}", ago(down.since), down.why))
    }
}

fn words(why: &str) -> String {
    why.lines().next().unwrap_or_default().chars().take(WORDS).collect()
}

/// Whether a change ends what tasks wait for, or makes it end at another time than they know: they look again.
pub const fn wakes(before: &Health, after: &Health) -> bool {
    match (&before.breaker, &after.breaker) {
        (Breaker::Open { .. } | Breaker::HalfOpen { .. }, Breaker::Closed)
        | (Breaker::HalfOpen { .. }, Breaker::Open { .. }) => true,
        (Breaker::Closed, _)
        | (Breaker::Open { .. }, Breaker::Open { .. } | Breaker::HalfOpen { .. })
        | (Breaker::HalfOpen { .. }, Breaker::HalfOpen { .. }) => false,
    }
}
