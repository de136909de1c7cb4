//! Pure renders of a task's row: board status, card, pull-request text, report files, `why`, reference pages.
//! A render reads the row (`why` also the view it is decided on) and nothing else, and writes plain text;
//! escaping for a surface's markup happens once, at that surface's boundary, with [`escape_html`].

/// Appends formatted text.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!($out, $($arg)*);
    }};
}

/// Appends formatted text and ends the line.
macro_rules! putln {
    ($out:expr, $($arg:tt)*) => {{ put!($out, $($arg)*); $out.push('\n'); }};
}

pub mod alert;
pub mod board;
pub mod card;
pub mod line;
pub mod pull;
pub mod records;
pub mod reference;
pub mod why;

use std::borrow::Cow;

use crate::gate::{GateName, GateOutcome, GateResult, Subject};
use crate::task::Task;

/// Escapes text for HTML text and attribute values. To be called exactly once per slot, at the boundary:
/// a render never calls it (a card with `<1m` in it once froze).
pub fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// One line of at most `max` characters: what a model or a tool wrote, where a line is all there is room for.
pub(crate) fn one_line(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max && is_one_line(text) {
        return Cow::Borrowed(text);
    }
    let mut words = text.split_whitespace();
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
        if line.len() > max.saturating_mul(4) {
            break;
        }
    }
    // A character is a byte at least.
    if line.len() <= max || line.chars().count() <= max {
        return Cow::Owned(line);
    }
    let cut: String = line.chars().take(max.saturating_sub(1)).collect();
    Cow::Owned(format!("{cut}…"))
}

/// Printable ASCII with single spaces between words: as it is when it has been put on one line.
fn is_one_line(text: &str) -> bool {
    let mut after_space = true;
    for byte in text.bytes() {
        match byte {
            b' ' if after_space => return false,
            b' ' | b'!'..=b'~' => after_space = byte == b' ',
            _other => return false,
        }
    }
    !after_space || text.is_empty()
}

/// A gate's subject for people.
pub(crate) fn subject(subject: &Subject) -> String {
    match subject {
        Subject::None => "-".to_owned(),
        Subject::Docs(digest) => format!("docs {}", digest.short()),
        Subject::Patch(digest) => format!("patch {}", digest.short()),
        Subject::Commit(sha) => format!("commit {}", sha.short()),
        Subject::Landing { head, main } => format!("{} on main {}", head.short(), main.short()),
    }
}

/// The stored results in the order of the transitions.
pub(crate) fn results(task: &Task) -> impl Iterator<Item = &GateResult> {
    GateName::ALL.into_iter().filter_map(|gate| task.gates.get(&gate))
}

/// What was passed over rather than checked, by reason: a surface that shows a success shows this beside it.
pub(crate) fn not_checked(task: &Task) -> Option<String> {
    let passed_over = results(task).filter_map(|result| {
        let GateOutcome::NotApplicable { why } = &result.outcome else { return None };
        Some((result.gate.name(), why))
    });
    let mut by_reason: Vec<(&String, String)> = Vec::new();
    for (gate, why) in passed_over {
        match by_reason.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, gates)) => put!(gates, ", {gate}"),
            None => by_reason.push((why, gate.to_owned())),
        }
    }
    let mut out = String::new();
    for (why, gates) in by_reason {
        put!(out, "{}{gates} ({why})", if out.is_empty() { "Not checked: " } else { "; " });
    }
    (!out.is_empty()).then(|| out + ".")
}

#[cfg(test)]
mod tests;
