//! The status card: one plain text per task for chats and terminals (spec 4.5). Whoever sends it as HTML
//! escapes it once; a settled task's card does not depend on the time it is rendered at.

use super::{board, not_checked, one_line};
use crate::policy::Money;
use crate::reason::{Reason, Wait};
use crate::stage::Stage;
use crate::task::{StageTotals, Task};
use crate::time::{Span, Timestamp};

/// A stage that was passed.
const PASSED: &str = "✅";
/// The present stage, at work.
const AT_WORK: &str = "🔄";
/// The present stage, standing still until a person acts.
const STANDS: &str = "⏸";
/// Was entered once, and is ahead again after a rollback; or the task was stopped.
const AHEAD: &str = "▫";

/// The card's text at `now`.
pub fn text(task: &Task, now: Timestamp) -> String {
    let status = board::status(task);
    let mut out = format!("{} {}\n{}\n", task.key, one_line(&task.request.title, 200), status.name);
    for (stage, totals) in &task.totals {
        if let Some(line) = stage_line(task, *stage, totals, now) {
            putln!(out, "{line}");
        }
    }
    putln!(out, "{}", status.line);
    if let Some(warning) = not_checked(task).filter(|warning| !status.line.contains(warning.as_str())) {
        putln!(out, "{warning}");
    }
    put!(out, "{}", totals(task, now));
    out
}

/// `created`, once left, and the terminal stages have no line: nobody works in them.
fn stage_line(task: &Task, stage: Stage, totals: &StageTotals, now: Timestamp) -> Option<String> {
    let present = stage == task.stage;
    if stage.is_terminal() || (stage == Stage::Created && !present) {
        return None;
    }
    let running = if present { (now - task.entered_at).0.max(0) } else { 0 };
    let mut line = format!("{} {stage} {}", mark(task, stage), Span(totals.spent_ms + running));
    match totals.attempts {
        0 => {}
        1 => line.push_str(", attempt 1"),
        n if present => {
            put!(line, ", attempt {n}");
        }
        n => {
            put!(line, ", {n} attempts");
        }
    }
    if totals.tokens != (0, 0) {
        put!(line, ", {}/{} tokens", totals.tokens.0, totals.tokens.1);
    }
    if totals.cost != Money(0) {
        put!(line, ", ${:.2}", totals.cost.usd());
    }
    Some(line)
}

fn mark(task: &Task, stage: Stage) -> &'static str {
    match task.stage {
        Stage::Done => PASSED,
        // Where it stood when it was stopped is not known to have been passed.
        Stage::Cancelled => AHEAD,
        present if stage < present => PASSED,
        present if stage > present => AHEAD,
        _ if stands(task) => STANDS,
        _ => AT_WORK,
    }
}

fn stands(task: &Task) -> bool {
    task.hold.is_some()
        || task.pause.is_some()
        || match &task.reason {
            Some(Reason::Held { .. } | Reason::Paused { .. } | Reason::Ended) => true,
            Some(Reason::Wait(
                Wait::Person { .. }
                | Wait::Drained
                | Wait::Frozen { .. }
                | Wait::Dependency { .. }
                | Wait::Predecessor { .. }
                | Wait::Capacity
                | Wait::Lane { .. }
                | Wait::Quota { .. }
                | Wait::Provider { .. },
            )) => true,
            Some(
                Reason::Wait(Wait::Ci { .. } | Wait::Main) | Reason::Working { .. } | Reason::Deferred { .. },
            )
            | None => false,
        }
}

fn totals(task: &Task, now: Timestamp) -> String {
    let end = if task.stage.is_terminal() { task.entered_at } else { now };
    let age = Span((end - task.created_at).0.max(0));
    let mut out = format!("total {age}, {} runs", task.spent.runs);
    if task.spent.tokens != (0, 0) {
        put!(out, ", {}/{} tokens", task.spent.tokens.0, task.spent.tokens.1);
    }
    if task.spent.money != Money(0) {
        put!(out, ", ${:.2}", task.spent.money.usd());
    }
    if !task.stage.is_terminal() {
        put!(out, "; so for {}", Span((now - task.reason_since).0.max(0)));
    }
    out
}
