//! The board's status of a task: a logical key with its default name, and one line below it (spec 4.3). Which
//! columns a board really has is its adapter's to find out, along the fallbacks named here.

use super::not_checked;
use crate::reason::{Ask, Reason, Wait};
use crate::stage::Stage;
use crate::task::Task;

/// What a board shows of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardStatus {
    /// The logical key; names are a map per project.
    pub key: &'static str,
    /// The default name of the column.
    pub name: &'static str,
    /// One line for people: why it is there and who acts.
    pub line: String,
}

/// A tracker's group of columns; `Completed` and `Cancelled` are what tells that an issue is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Not asked for yet.
    Backlog,
    /// Asked for.
    Unstarted,
    /// Under way.
    Started,
    /// Over, with success.
    Completed,
    /// Over, without.
    Cancelled,
}

/// A column of the board (the table of spec 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The logical key.
    pub key: &'static str,
    /// The default name.
    pub name: &'static str,
    /// The group.
    pub group: Group,
    /// The engine shows it; false for a person's action status.
    pub shown: bool,
    /// Where a board lacks it: the key that stands for it. An action status has none: it is simply not available.
    pub fallback: Option<&'static str>,
}

const fn shown(
    key: &'static str,
    name: &'static str,
    group: Group,
    fallback: Option<&'static str>,
) -> Column {
    Column { key, name, group, shown: true, fallback }
}

const fn action(key: &'static str, name: &'static str, group: Group) -> Column {
    Column { key, name, group, shown: false, fallback: None }
}

/// Every logical key.
pub const COLUMNS: &[Column] = &[
    shown("backlog", "Backlog", Group::Backlog, None),
    shown("to_analyse", "To Analyse", Group::Unstarted, Some("backlog")),
    shown("analysis", "Analysis", Group::Started, Some("in_progress")),
    shown("architecture", "Architecture", Group::Started, Some("in_progress")),
    shown("development", "Development", Group::Started, Some("in_progress")),
    shown("code_review", "Code Review", Group::Started, Some("in_review")),
    shown("testing", "Testing", Group::Started, Some("in_progress")),
    shown("needs_input", "Needs Input", Group::Started, Some("blocked")),
    shown("in_review", "In Review", Group::Started, Some("in_progress")),
    action("approved", "Approved", Group::Started),
    action("rejected", "Rejected", Group::Started),
    shown("deploying_staging", "Deploying (staging)", Group::Started, Some("in_progress")),
    shown("awaiting_deploy", "Awaiting Deploy", Group::Started, Some("in_review")),
    action("confirm_deploy", "Confirm Deploy", Group::Started),
    shown("deploying", "Deploying", Group::Started, Some("in_progress")),
    shown("in_progress", "In Progress", Group::Started, None),
    shown("monitoring", "Monitoring after Deploy", Group::Started, Some("in_progress")),
    shown("blocked", "Blocked", Group::Started, Some("in_progress")),
    action("stop", "STOP", Group::Cancelled),
    shown("cancelled", "Cancelled", Group::Cancelled, None),
    action("estimate", "Estimate", Group::Unstarted),
    shown("done", "Done", Group::Completed, None),
];

/// The column of a logical key.
pub fn column(key: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.key == key)
}

/// The first key along the fallbacks that a board has; `None` fails closed.
pub fn available(key: &str, has: impl Fn(&Column) -> bool) -> Option<&'static Column> {
    let mut at = column(key)?;
    // Fallbacks lead to a key that has none; the bound keeps a bad table from turning.
    for _ in 0..COLUMNS.len() {
        if has(at) {
            return Some(at);
        }
        at = column(at.fallback?)?;
    }
    None
}

/// The status of a task: a function of its row alone, so that a settled task's never changes again (I-16).
pub fn status(task: &Task) -> BoardStatus {
    let key = key(task);
    // Every key below is a row of the table.
    let name = column(key).map_or(key, |column| column.name);
    BoardStatus { key, name, line: line(task) }
}

fn key(task: &Task) -> &'static str {
    if task.stage.is_terminal() || task.stopping.is_some() {
        return of_stage(task.stage);
    }
    if task.hold.is_some() {
        return "blocked";
    }
    if task.pause.as_ref().is_some_and(|pause| !pause.questions.is_empty()) {
        return "needs_input";
    }
    match &task.reason {
        Some(Reason::Wait(Wait::Person { ask: Ask::Approve, .. })) => "in_review",
        Some(Reason::Wait(Wait::Person { ask: Ask::ConfirmDeploy, .. })) => "awaiting_deploy",
        Some(
            Reason::Wait(
                Wait::Drained
                | Wait::Frozen { .. }
                | Wait::Dependency { .. }
                | Wait::Predecessor { .. }
                | Wait::Capacity
                | Wait::Lane { .. }
                | Wait::Ci { .. }
                | Wait::Quota { .. }
                | Wait::Provider { .. }
                | Wait::Main,
            )
            | Reason::Working { .. }
            | Reason::Deferred { .. }
            | Reason::Held { .. }
            | Reason::Paused { .. }
            | Reason::Ended,
        )
        | None => of_stage(task.stage),
    }
}

const fn of_stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Created => "to_analyse",
        Stage::Analysis => "analysis",
        Stage::Architecture => "architecture",
        Stage::Development => "development",
        Stage::Review => "code_review",
        Stage::Testing => "testing",
        Stage::DeployStaging => "deploying_staging",
        Stage::Deploy => "deploying",
        Stage::Done => "done",
        Stage::Cancelled => "cancelled",
    }
}

/// The one line below the status.
fn line(task: &Task) -> String {
    match task.stage {
        Stage::Done => with_not_checked(task, done(task)),
        Stage::Cancelled => cancelled(task),
        Stage::Created
        | Stage::Analysis
        | Stage::Architecture
        | Stage::Development
        | Stage::Review
        | Stage::Testing
        | Stage::DeployStaging
        | Stage::Deploy => open_line(task),
    }
}

fn open_line(task: &Task) -> String {
    let sentence = match &task.reason {
        Some(reason) => reason.sentence(task.key.as_str()),
        None => "It has not been looked at yet.".to_owned(),
    };
    let sentence = match (&task.hold, &task.stopping) {
        (_, Some(stopping)) => format!("Being stopped by {}. {sentence}", stopping.by),
        (Some(held), None) if !held.detail.is_empty() => {
            format!("{sentence} {}", super::one_line(&held.detail, 300))
        }
        (Some(_) | None, None) => sentence,
    };
    // A person who decides must know what was not checked.
    match &task.reason {
        Some(Reason::Wait(Wait::Person { .. })) => with_not_checked(task, sentence),
        Some(
            Reason::Wait(_)
            | Reason::Working { .. }
            | Reason::Deferred { .. }
            | Reason::Held { .. }
            | Reason::Paused { .. }
            | Reason::Ended,
        )
        | None => sentence,
    }
}

fn done(task: &Task) -> String {
    let landed = task.landing.proof.as_ref().map_or_else(
        || "Done.".to_owned(),
        |proof| format!("{} is in main {}.", proof.head.short(), proof.main.short()),
    );
    match &task.deploy.deployed {
        Some(sha) => format!("{landed} {} is deployed.", sha.short()),
        None => landed,
    }
}

/// STOP never undoes what is merged or deployed, and says so.
fn cancelled(task: &Task) -> String {
    let landed: Vec<&str> = task.landing.landed.iter().map(crate::id::Sha::short).collect();
    let mut line = "Stopped.".to_owned();
    if !landed.is_empty() {
        line = format!("{line} {} had landed and stays in main.", landed.join(", "));
    }
    if let Some(sha) = &task.deploy.deployed {
        line = format!("{line} {} was deployed and stays so.", sha.short());
    }
    line
}

fn with_not_checked(task: &Task, line: String) -> String {
    match not_checked(task) {
        Some(warning) => format!("{line} {warning}"),
        None => line,
    }
}
