//! Rule `outcome-wildcard`: a `match` on an outcome names every variant, so that a new one is a compile error at each
//! place that must think about it. Sees `match` with `Enum::Variant` or `Self::Variant` in its arms, outside tests;
//! not `if let` and `matches!`, which ask one question and claim no more, and not names brought in by `use Enum::*`.

use std::collections::BTreeSet;

use super::Finding;
use super::lex::{self, Kind, Lexed, Token};
use super::source::{Source, test_modules, within};

/// Outcomes by convention end so; others are listed here, or have the words [`MARK`] in their doc comment.
const ENDINGS: &[&str] = &["Answer", "Decision", "Outcome", "Verdict"];
const LISTED: &[&str] = &["Ancestry", "ExitClass", "JobResult", "Waited"];
const MARK: &str = "Outcome enum";

/// The names of the outcome enums that the files define.
pub(crate) fn names(sources: &[Source]) -> BTreeSet<String> {
    sources
        .iter()
        .filter(|source| source.is_rust())
        .flat_map(|source| defined(&lex::lex(&source.text)))
        .collect()
}

fn defined(lexed: &Lexed<'_>) -> Vec<String> {
    let tokens = &lexed.tokens;
    let mut found = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        if !pair[0].is("enum") || pair[1].kind != Kind::Ident {
            continue;
        }
        let name = pair[1].text;
        // The doc comment stands between the item before and this one.
        let before =
            tokens[..at].iter().rfind(|token| token.is("}") || token.is(";")).map_or(0, |token| token.line);
        let docs = lexed.comments.iter().filter(|note| note.first >= before && note.last < pair[0].line);
        let marked = docs.into_iter().any(|note| note.text.starts_with("///") && note.text.contains(MARK));
        if marked || LISTED.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push(name.to_owned());
        }
    }
    found
}

pub(crate) fn check(source: &Source, lexed: &Lexed<'_>, outcomes: &BTreeSet<String>) -> Vec<Finding> {
    if source.is_test() {
        return Vec::new();
    }
    let tests = test_modules(lexed);
    let tokens = &lexed.tokens;
    let keywords = (0..tokens.len()).filter(|at| tokens[*at].is("match") && !within(&tests, *at));
    let mut findings = Vec::new();
    for at in keywords {
        let Some(body) = body(tokens, at) else { continue };
        let arms = arms(tokens, body.0, body.1);
        let own = implementing(tokens, at);
        let named: BTreeSet<_> = arms.iter().flat_map(|arm| mentions(arm.pattern, own, outcomes)).collect();
        for arm in arms.iter().filter(|arm| !arm.guarded) {
            let hidden = named.iter().filter(|(_, wrappers)| catches_all(arm.pattern, wrappers));
            let hidden: BTreeSet<&str> = hidden.map(|(name, _)| name.as_str()).collect();
            if !hidden.is_empty() {
                let names = hidden.into_iter().collect::<Vec<_>>().join("`, `");
                let says = format!("this arm hides the other variants of the outcome `{names}`: name them");
                findings.push(Finding::new(&source.path, arm.pattern[0].line, "outcome-wildcard", says));
            }
        }
    }
    findings
}

struct Arm<'t, 'a> {
    pattern: &'t [Token<'a>],
    guarded: bool,
}

/// The braces of the `match` at `at`. A scrutinee holds no bare brace but in brackets.
fn body(tokens: &[Token<'_>], at: usize) -> Option<(usize, usize)> {
    let mut next = at + 1;
    while let Some(token) = tokens.get(next) {
        match token.text {
            "{" => return Some((next, lex::closing(tokens, next))),
            "(" | "[" => next = lex::closing(tokens, next) + 1,
            ";" | "}" => return None,
            _ => next += 1,
        }
    }
    None
}

/// The arms between the braces. Not a parser: where an expression's commas mislead it (generic arguments, closure
/// parameters), the next pattern starts anew at the last comma before its arrow.
fn arms<'t, 'a>(tokens: &'t [Token<'a>], open: usize, close: usize) -> Vec<Arm<'t, 'a>> {
    let mut found = Vec::new();
    let (mut start, mut guard, mut at) = (open + 1, None, open + 1);
    while at < close {
        if lex::reads(tokens, at, &["=", ">"]) {
            let pattern = &tokens[start..guard.unwrap_or(at)];
            if !pattern.is_empty() {
                found.push(Arm { pattern, guarded: guard.is_some() });
            }
            at = after_expression(tokens, at + 2, close);
            (start, guard) = (at, None);
            continue;
        }
        match tokens[at].text {
            "(" | "[" | "{" => at = lex::closing(tokens, at),
            // An attribute or a leading bar is no part of the pattern.
            "#" if at == start => {
                at = lex::closing(tokens, at + 1);
                start = at + 1;
            }
            "|" if at == start => start = at + 1,
            "," => (start, guard) = (at + 1, None),
            "if" => guard = Some(at),
            _ => {}
        }
        at += 1;
    }
    found
}

/// Where the next arm starts: behind a block, or behind the comma that ends the expression.
fn after_expression(tokens: &[Token<'_>], from: usize, close: usize) -> usize {
    let comma = |at: usize| at + usize::from(tokens.get(at).is_some_and(|token| token.is(",")));
    if tokens.get(from).is_some_and(|token| token.is("{")) {
        return comma(lex::closing(tokens, from) + 1).min(close);
    }
    let mut at = from;
    while at < close {
        match tokens[at].text {
            "(" | "[" | "{" => at = lex::closing(tokens, at),
            "," => return at + 1,
            _ => {}
        }
        at += 1;
    }
    close
}

/// The type whose `impl` block holds the token, for `Self::Variant`.
fn implementing<'a>(tokens: &[Token<'a>], at: usize) -> Option<&'a str> {
    let starts = (0..at).rev().filter(|start| tokens[*start].is("impl"));
    let mut blocks = starts.filter_map(|start| {
        let open = (start..at).find(|open| tokens[*open].is("{"))?;
        (lex::closing(tokens, open) > at).then(|| &tokens[start + 1..open])
    });
    let head = blocks.next()?;
    // `impl Trait for Type<..> where ..`: the last plain name before the generics or the bounds.
    let from = head.iter().position(|token| token.is("for")).map_or(0, |place| place + 1);
    let named = head[from..].iter().take_while(|token| !token.is("where"));
    let mut depth = 0_i32;
    let mut last = None;
    for token in named {
        match token.text {
            "<" => depth += 1,
            ">" => depth -= 1,
            _ if depth == 0 && token.kind == Kind::Ident => last = Some(token.text),
            _ => {}
        }
    }
    last
}

/// The outcomes that a pattern names, each with the `Some(`, `Ok(`, `Err(` around it.
fn mentions(
    pattern: &[Token<'_>],
    own: Option<&str>,
    outcomes: &BTreeSet<String>,
) -> Vec<(String, Vec<String>)> {
    let name = |at: usize| {
        let variant = lex::reads(pattern, at + 1, &[":", ":"])
            && pattern
                .get(at + 3)
                .is_some_and(|token| token.text.starts_with(|c: char| c.is_ascii_uppercase()));
        let name = if pattern[at].is("Self") { own? } else { pattern[at].text };
        (variant && outcomes.contains(name)).then(|| (name.to_owned(), wrappers(pattern, at)))
    };
    (0..pattern.len()).filter_map(name).collect()
}

/// The wrappers that stand open before the token at `end`, outermost first.
fn wrappers(pattern: &[Token<'_>], end: usize) -> Vec<String> {
    let calls = (0..end.saturating_sub(1)).filter(|at| {
        is_wrapper(&pattern[*at]) && pattern[at + 1].is("(") && lex::closing(pattern, at + 1) > end
    });
    calls.map(|at| pattern[at].text.to_owned()).collect()
}

fn is_wrapper(token: &Token<'_>) -> bool {
    ["Some", "Ok", "Err"].iter().any(|name| token.is(name))
}

/// Whether the pattern takes whatever comes inside the first of these wrappers, for instance `_`, `other`, `Ok(_)`.
fn catches_all(pattern: &[Token<'_>], wrappers: &[String]) -> bool {
    let alternatives = pattern.split(|token| token.is("|"));
    alternatives.into_iter().any(|one| {
        let mut inner = one;
        let mut around = wrappers.iter();
        while let [wrapper, open, rest @ .., close] = inner
            && is_wrapper(wrapper)
            && open.is("(")
            && close.is(")")
        {
            if around.next().is_none_or(|expected| expected != wrapper.text) {
                return false;
            }
            inner = rest;
        }
        let words: Vec<&str> = inner
            .iter()
            .map(|token| token.text)
            .filter(|text| !matches!(*text, "ref" | "mut" | "&"))
            .collect();
        match words.as_slice() {
            [] => false,
            [binding] => {
                binding.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && !is_literal(binding)
            }
            [_, "@", "_"] => true,
            all => all.iter().all(|word| matches!(*word, "_" | "," | "(" | ")" | ".")) && all.contains(&"_"),
        }
    })
}

fn is_literal(word: &str) -> bool {
    matches!(word, "true" | "false")
}

#[cfg(test)]
mod tests;
