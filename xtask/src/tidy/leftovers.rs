//! Rules `leftover` and `machine-path`: nothing half done, and nothing that only one machine has.

use super::Finding;
use super::lex::{self, Lexed};
use super::source::Source;

const HALF_DONE: &[&str] = &["todo", "unimplemented", "dbg"];

/// Written in pieces, so that this file does not find itself.
const OF_ONE_MACHINE: &[&str] = &[concat!("/", "work", "/"), concat!("/", "farm", "/")];
const OUTSIDE: &str = concat!("../", "shared");

/// `todo!` and its like, in tests too.
pub(crate) fn macros(source: &Source, lexed: &Lexed<'_>) -> Vec<Finding> {
    let tokens = &lexed.tokens;
    let calls =
        (0..tokens.len()).filter(|at| HALF_DONE.iter().any(|name| lex::reads(tokens, *at, &[name, "!"])));
    let finding = |at: usize| {
        let says = format!("`{}!` is left in: finish it or take it out", tokens[at].text);
        Finding::new(&source.path, tokens[at].line, "leftover", says)
    };
    calls.map(finding).collect()
}

/// Paths of one machine, in any text file.
pub(crate) fn paths(source: &Source) -> Vec<Finding> {
    // Cargo writes it, and checks its own text.
    if source.path == "Cargo.lock" {
        return Vec::new();
    }
    let lines = source.text.lines().enumerate();
    let found = lines.filter_map(|(at, line)| Some((at + 1, foreign(line)?)));
    let finding = |(line, text): (usize, &str)| {
        let says = format!("`{text}` exists on one machine only: derive the path, or copy in what is needed");
        Finding::new(&source.path, line, "machine-path", says)
    };
    found.map(finding).collect()
}

fn foreign(line: &str) -> Option<&'static str> {
    let absolute = |text: &&&str| line.match_indices(**text).any(|(at, _)| starts_a_path(&line[..at]));
    OF_ONE_MACHINE.iter().find(absolute).copied().or_else(|| line.contains(OUTSIDE).then_some(OUTSIDE))
}

/// `crates/work/x` and `example.org/work/x` are not absolute paths.
fn starts_a_path(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-'))
}

#[cfg(test)]
mod tests;
