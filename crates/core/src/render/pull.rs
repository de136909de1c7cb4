//! The pull request's title and text: a render of the row that changes only with the row, so that the
//! projector writes it only when something happened. Markdown; text of others is made harmless cell by cell.

use super::{board, not_checked, one_line, results, subject};
use crate::task::Task;

/// The title.
pub fn title(task: &Task) -> String {
    one_line(&format!("{}: {}", task.key, task.request.title), 200)
}

/// The text.
pub fn text(task: &Task) -> String {
    let status = board::status(task);
    let mut out = format!("**{}**: {}\n\n", status.name, inline(&status.line));
    putln!(out, "Documents: `docs/work-items/{}/` on `{}`.", task.key, task.branch);
    if let Some(branch) = &task.branch_state {
        putln!(out, "Head `{}` on main `{}`.", branch.head.short(), branch.base.short());
    }
    for head in &task.landing.landed {
        putln!(out, "Landed: `{head}`.");
    }
    if let Some(warning) = not_checked(task) {
        putln!(out, "\n**{}**", inline(&warning));
    }
    if !task.gates.is_empty() {
        out.push_str("\n| gate | outcome | speaks about | evidence |\n|---|---|---|---|\n");
        for result in results(task) {
            let stands = if task.standing(result.gate).is_some() || !result.outcome.opens() {
                ""
            } else {
                " (for an older subject)"
            };
            putln!(
                out,
                "| {} | {}{stands} | {} | {} |",
                result.gate.name(),
                result.outcome.word(),
                subject(&result.subject),
                inline(&one_line(&result.evidence, 200))
            );
        }
    }
    out
}

/// One line in which nothing is markup, a mention or a reference: what a model wrote must not close an issue.
fn inline(text: &str) -> String {
    let line = one_line(text, 1000);
    let plain =
        |c: char| !matches!(c, '<' | '>' | '&' | '@' | '#' | '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '!');
    // Most lines are: a pull request's text is rendered at every step of its task.
    if line.chars().all(plain) {
        return line;
    }
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '!' => {
                out.push('\\');
                out.push(c);
            }
            other => out.push(other),
        }
    }
    out
}
