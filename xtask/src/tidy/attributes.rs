//! Rules `cfg-test` and `ignore-reason`: the tested program is the shipped one, and a test that does not run says why.

use super::Finding;
use super::lex::{self, Lexed, Token};
use super::source::Source;

const ONLY_FORM: &[&str] = &["#", "[", "cfg", "(", "test", ")", "]", "mod", "tests", ";"];

pub(crate) fn check(source: &Source, lexed: &Lexed<'_>) -> Vec<Finding> {
    let tokens = &lexed.tokens;
    let places = 0..tokens.len();
    places.filter_map(|at| cfg_test(source, tokens, at).or_else(|| ignored(source, tokens, at))).collect()
}

/// `cfg(…test…)` in an attribute or in the macro `cfg!`.
fn cfg_test(source: &Source, tokens: &[Token<'_>], at: usize) -> Option<Finding> {
    let attribute = ["cfg", "cfg_attr"].iter().any(|name| lex::reads(tokens, at, &["[", name, "("]));
    let open = match attribute {
        true => at + 2,
        false if lex::reads(tokens, at, &["cfg", "!", "("]) => at + 2,
        false => return None,
    };
    let inside = &tokens[open..=lex::closing(tokens, open)];
    let asks = inside.iter().any(|token| token.is("test"));
    if !asks || (attribute && at > 0 && lex::reads(tokens, at - 1, ONLY_FORM)) {
        return None;
    }
    let says = "only `#[cfg(test)] mod tests;` (the module in its own file) may depend on `test`: \
                what tests need differently enters through a constructor or a port";
    Some(Finding::new(&source.path, tokens[at].line, "cfg-test", says))
}

/// `#[ignore]` without `= "reason"`, also within `cfg_attr`.
fn ignored(source: &Source, tokens: &[Token<'_>], at: usize) -> Option<Finding> {
    if !lex::reads(tokens, at, &["#", "["]) {
        return None;
    }
    let inside = at + 2..lex::closing(tokens, at + 1);
    let attribute = inside.clone().find(|at| tokens[*at].is("ignore"))?;
    // `ignore` is the attribute itself or the last part of a `cfg_attr`, not a word of another attribute.
    if attribute != at + 2 && !tokens[at + 2].is("cfg_attr") {
        return None;
    }
    let reason = lex::reads(tokens, attribute + 1, &["="])
        .then(|| tokens.get(attribute + 2).and_then(Token::literal))
        .flatten();
    if reason.is_some_and(|text| !text.trim().is_empty()) {
        return None;
    }
    let says = "an ignored test says why and who runs it: `#[ignore = \"…\"]`";
    Some(Finding::new(&source.path, tokens[attribute].line, "ignore-reason", says))
}

#[cfg(test)]
mod tests;
