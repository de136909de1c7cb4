//! The pull request's title and text: a render of the row that changes only with the row, so that the
//! projector writes it only when something happened. Markdown; text of others is made harmless cell by cell.

use std::borrow::Cow;

use super::{board, not_checked, one_line, results, subject};
use crate::task::Task;

/// A text is about this long.
const ROOM: usize = 4096;

/// The title.
pub fn title(task: &Task) -> String {
    one_line(&format!("{}: {}", task.key, task.request.title), 200).into_owned()
}

/// The text.
pub fn text(task: &Task) -> String {
    let status = board::status(task);
    let mut out = String::with_capacity(ROOM);
    putln!(out, "**{}**: {}\n", status.name, inline(&status.line));
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
            let (gate, outcome, subject) =
                (result.gate.name(), result.outcome.word(), subject(&result.subject));
            let evidence = one_line(&result.evidence, 200);
            // Piece by piece: a row for every gate at every step of every task.
            for piece in
                ["| ", gate, " | ", outcome, stands, " | ", &subject, " | ", &inline(&evidence), " |\n"]
            {
                out.push_str(piece);
            }
        }
    }
    out
}

/// By byte: whether [`inline`] changes it.
const MARKUP: [bool; 256] = {
    let mut is_markup = [false; 256];
    let mut rest: &[u8] = b"<>&@#|`*_[]\\!";
    while let [byte, others @ ..] = rest {
        is_markup[*byte as usize] = true;
        rest = others;
    }
    is_markup
};

/// One line in which nothing is markup, a mention or a reference: what a model wrote must not close an issue.
fn inline(text: &str) -> Cow<'_, str> {
    let line = one_line(text, 1000);
    // Most lines are plain: a pull request's text is rendered at every step of its task.
    if !line.bytes().any(|byte| MARKUP[usize::from(byte)]) {
        return line;
    }
    let mut out = String::with_capacity(line.len() + 16);
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
    Cow::Owned(out)
}
