//! Budgets (spec 1.4): what is left of each, and the arithmetic of backoff. Spending is an event; running out
//! is a Hold, decided in `decide/`. Nothing refills a budget but a person's `retry`.

use crate::gate::GateName;
use crate::id::TaskId;
use crate::mutant::{self, Mutant};
use crate::policy::{Budgets, Money};
use crate::task::{Spent, Task};
use crate::time::{Span, Timestamp};
use crate::view::View;

/// Whether one more unit may be spent.
pub const fn left(limit: u32, granted: u32, spent: u32) -> bool {
    spent < limit.saturating_add(granted)
}

/// Whether one more rework may be spent.
pub fn rework_left(budgets: &Budgets, spent: &Spent) -> bool {
    left(budgets.rework, spent.rework_granted, spent.rework) || mutant::on(Mutant::ReworkUnbounded)
}

/// Whether a gate may be deferred once more.
pub fn infra_left(budgets: &Budgets, spent: &Spent, gate: GateName) -> bool {
    let used = spent.infra.get(&gate).copied().unwrap_or(0);
    used < infra_limit(budgets, spent, gate) || mutant::on(Mutant::InfraUnbounded)
}

/// How often a gate may be deferred in all.
pub fn infra_limit(budgets: &Budgets, spent: &Spent, gate: GateName) -> u32 {
    budgets.infra.saturating_add(spent.infra_granted.get(&gate).copied().unwrap_or(0))
}

/// The wait before try `n` (from 0): base·2^n up to the cap, plus up to a quarter of jitter that is a function
/// of the task, so that many tasks do not come back at once and a replay gives the same moment.
pub fn backoff(budgets: &Budgets, task: TaskId, n: u32) -> Span {
    let exponential = budgets.backoff_base.0.saturating_mul(1i64.checked_shl(n.min(32)).unwrap_or(i64::MAX));
    let capped = exponential.clamp(0, budgets.backoff_cap.0);
    let seed = task.0.as_u128().wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(u128::from(n));
    let jitter = i64::try_from((seed >> 64) as u64 % 1024).unwrap_or(0);
    Span(capped + capped / 4 * jitter / 1024)
}

/// Why a launch does not fit the money that is left, if it does not. It is not started then (B-10).
pub fn money_refusal(view: &View) -> Option<String> {
    let budgets = &view.policy.budgets;
    let over = |cap: Option<Money>, spent: Money| {
        cap.filter(|cap| spent.0.saturating_add(budgets.run_money.0) > cap.0)
    };
    if let Some(cap) = over(budgets.task_money, view.task.spent.money) {
        return Some(format!("the task has spent ${:.2} of ${:.2}", view.task.spent.money.usd(), cap.usd()));
    }
    over(budgets.day_money, view.spent_today)
        .map(|cap| format!("the project has spent ${:.2} of ${:.2} today", view.spent_today.usd(), cap.usd()))
}

/// When a waited-for quota lets this task go on: staggered by its sequence, so that not all resume at once.
pub fn after_quota(task: &Task, resets_at: Timestamp) -> Timestamp {
    resets_at + Span::secs(i64::try_from(task.seq % 30).unwrap_or(0))
}
