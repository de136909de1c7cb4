//! What the demonstration says at its end, for people and as one line of JSON. Values in, text out.

use std::fmt::{Arguments, Write as _};
use std::path::{Path, PathBuf};

use orchd_http::dto::Task;
use serde::Serialize;

use super::chaos::Survived;
use crate::view::{cut, short};

/// The last line of `orchctl demo --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Report {
    /// A repository that has all three commits.
    pub(crate) repo: PathBuf,
    /// Main before anything was done.
    pub(crate) base_sha: String,
    /// A commit whose tests failed and that was sent back for it.
    pub(crate) red_sha: Option<String>,
    /// Main at the end.
    pub(crate) main_sha: String,
    /// The tasks, oldest first.
    pub(crate) tasks: Vec<TaskReport>,
    /// What the engine's kills came to, with `--chaos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chaos: Option<Survived>,
}

/// A task in the last line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TaskReport {
    /// The tracker's key.
    pub(crate) key: String,
    /// Identity.
    pub(crate) id: String,
    /// Where it is.
    pub(crate) stage: String,
    /// How often it was sent back to development.
    pub(crate) rework: u32,
    /// Reported cost in dollars; the demonstration's agent reports made-up figures.
    pub(crate) cost_usd: f64,
}

impl From<&Task> for TaskReport {
    fn from(task: &Task) -> Self {
        Self {
            key: task.key.clone(),
            id: task.id.clone(),
            stage: task.stage.clone(),
            rework: task.rework,
            cost_usd: task.cost_usd,
        }
    }
}

/// Everything the text is made of.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) dir: &'a Path,
    pub(super) report: &'a Report,
    pub(super) tasks: &'a [Task],
    /// `git log` of main from the base, newest first.
    pub(super) commits: &'a str,
    /// The last line of the tests at main.
    pub(super) tests: &'a str,
}

/// One more line.
fn line(out: &mut String, text: Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

/// The text for people.
pub(super) fn text(facts: &Facts<'_>) -> String {
    let Facts { dir, report, tasks, commits, tests } = facts;
    let repo = report.repo.display();
    let mut out = String::from("\nWhat was done\n");
    for task in *tasks {
        task_line(&mut out, task);
    }
    without_runner(&mut out, tasks);
    out.push_str("  The cost is what the scripted agent claims; no model was asked and nothing was spent.\n");
    if let Some(survived) = &report.chaos {
        chaos_lines(&mut out, survived);
    }
    line(
        &mut out,
        format_args!(
            "\nMain went from {} to {}; its tests: {tests}",
            short(&report.base_sha),
            short(&report.main_sha)
        ),
    );
    for commit in commits.lines() {
        line(&mut out, format_args!("  {commit}"));
    }
    out.push_str("\nHow to look further\n");
    line(&mut out, format_args!("  git -C {repo} diff {}..main", short(&report.base_sha)));
    if let Some(red) = &report.red_sha {
        line(&mut out, format_args!("  git -C {repo} show {}    # what the tests sent back", short(red)));
    }
    line(
        &mut out,
        format_args!(
            "  ls {}    # the engine's log, every run's prompt and output",
            dir.join("data").display()
        ),
    );
    line(&mut out, format_args!("  rm -r {}    # nothing else was written anywhere", dir.display()));
    out.push_str("\nOn a repository of your own\n");
    out.push_str("  cd there, then `orchctl init` (one file, nothing in the repository), `orchctl run \"...\"`, `orchctl pull`\n");
    out.push_str("  docs/guide/own-repository.md tells the rest\n");
    out
}

/// Gates that keep their place and have nobody to answer them yet: said here as on every surface.
fn without_runner(out: &mut String, tasks: &[Task]) {
    let missing = |gate: &&orchd_http::dto::Gate| gate.evidence.contains("no runner in this version");
    let mut names: Vec<&str> =
        tasks.iter().flat_map(|t| &t.gates).filter(missing).map(|g| g.gate.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if !names.is_empty() {
        line(out, format_args!("  Not applicable, no runner in this version: {}.", names.join(", ")));
    }
}

fn chaos_lines(out: &mut String, survived: &Survived) {
    let Survived { seed, kills, finished, miscounted } = survived;
    line(
        out,
        format_args!("  The engine was killed {kills} times (seed {seed}) and started again each time."),
    );
    if miscounted.is_empty() {
        line(out, format_args!("  {finished} runs of agents came to their end; each was counted, and once."));
    } else {
        line(
            out,
            format_args!("  WRONG: of {finished} finished runs these were not counted once: {miscounted:?}"),
        );
    }
}

fn task_line(out: &mut String, task: &Task) {
    let times = |n: u32, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    line(out, format_args!("  {}  {}", task.key, task.title));
    line(
        out,
        format_args!(
            "      {}: sent back {}, {}, ${:.4}",
            task.stage,
            times(task.rework, "time", "times"),
            times(task.runs, "run", "runs"),
            task.cost_usd
        ),
    );
    if let Some(hold) = &task.hold {
        line(out, format_args!("      on Hold ({}): {}", hold.code, cut(hold.detail.trim(), 500)));
        line(out, format_args!("      the {} must act: {}", hold.who, hold.todo));
    } else if task.stage != "done" {
        line(out, format_args!("      {}", task.sentence.trim()));
    }
}

#[cfg(test)]
mod tests;
