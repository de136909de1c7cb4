//! Rules `unwrap` and `expect-message`: outside tests nothing panics but a proven invariant, with its proof as the
//! message. Clippy denies `unwrap` too; this rule also sees into macro bodies.

use super::Finding;
use super::lex::{self, Lexed};
use super::source::{Source, test_modules, within};

/// Shorter than this, a message names a thing but proves nothing.
const PROOF_AT_LEAST: usize = 15;

pub(crate) fn check(source: &Source, lexed: &Lexed<'_>) -> Vec<Finding> {
    if source.is_test() {
        return Vec::new();
    }
    let tests = test_modules(lexed);
    let calls = (0..lexed.tokens.len()).filter(|at| !within(&tests, *at));
    calls.filter_map(|at| call(source, lexed, at)).collect()
}

fn call(source: &Source, lexed: &Lexed<'_>, at: usize) -> Option<Finding> {
    let tokens = &lexed.tokens;
    if lex::reads(tokens, at, &[".", "unwrap", "(", ")"]) {
        let says =
            "`.unwrap()` outside tests: return the error, or prove it in the message of an `.expect(\"…\")`";
        return Some(Finding::new(&source.path, tokens[at + 1].line, "unwrap", says));
    }
    if !lex::reads(tokens, at, &[".", "expect", "("]) {
        return None;
    }
    let proof = tokens.get(at + 3).and_then(lex::Token::literal);
    let says = match proof.map(|text| text.chars().count()) {
        Some(PROOF_AT_LEAST..) => return None,
        Some(_) => "the message of `.expect` does not say why it cannot fail",
        None => "`.expect` takes a literal that says why it cannot fail; for anything else return an error",
    };
    Some(Finding::new(&source.path, tokens[at + 1].line, "expect-message", says))
}

#[cfg(test)]
mod tests;
