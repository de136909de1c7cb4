//! Rule `dropped-result`: a value thrown away with `let _ =`, or a Result with a bare `.ok();`, has a comment that
//! says why nobody needs it. Test code is left alone.

use super::Finding;
use super::lex::{self, Lexed, Token};
use super::source::Source;

pub(crate) fn check(source: &Source, lexed: &Lexed<'_>) -> Vec<Finding> {
    if source.is_test() {
        // A test that needs the answer asserts it; a driver of random operations drops most of them.
        return Vec::new();
    }
    let tokens = &lexed.tokens;
    let dropped = |at: &usize| {
        let named =
            lex::reads(tokens, *at, &["let", "_", "="]) || lex::reads(tokens, *at, &["let", "_", ":"]);
        named || (lex::reads(tokens, *at, &[".", "ok", "(", ")", ";"]) && !used(&tokens[..*at]))
    };
    let found = (0..tokens.len()).filter(dropped).map(|at| tokens[at].line);
    let silent =
        found.filter(|line| !lexed.comments.iter().any(|note| note.first == *line || note.last + 1 == *line));
    let says = "dropped without a word: handle it, or say in a comment on this line or the one before why nobody needs it";
    silent.map(|line| Finding::new(&source.path, line, "dropped-result", says)).collect()
}

/// Whether the statement that ends in these tokens does something with its value.
fn used(before: &[Token<'_>]) -> bool {
    let mut depth = 0_usize;
    for (at, token) in before.iter().enumerate().rev() {
        match token.text {
            "}" if depth == 0 && ends_statement(before, at) => return false,
            ")" | "]" | "}" => depth += 1,
            "(" | "[" | "{" | ";" if depth == 0 => return false,
            "(" | "[" | "{" => depth -= 1,
            "=" | "return" | "break" if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// A `}` ends a statement unless a method is called on the block.
fn ends_statement(before: &[Token<'_>], at: usize) -> bool {
    before.get(at + 1).is_some_and(|next| !next.is(".") && !next.is("?"))
}

#[cfg(test)]
mod tests;
