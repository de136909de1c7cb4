//! A small lexer for Rust: tokens and comments with their lines, and nothing about grammar. The rules match on
//! tokens, so that text inside strings and comments never looks like code. It takes any text and never fails.
//!
//! Why not `syn`: the rules need comments and lines, which syn drops or hides behind proc-macro2's spans, and they
//! must also see into macro bodies, which syn leaves unparsed.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ident,
    Lifetime,
    /// Any string literal, with its prefix and quotes.
    Str,
    Char,
    Number,
    /// One character of punctuation.
    Punct,
}

/// A token and the line on which it starts, counted from 1. The text of a literal has its quotes, so that it never
/// equals a bracket or a word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// A comment with its markers, and its first and last line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comment<'a> {
    pub(crate) text: &'a str,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// A file taken apart.
#[derive(Debug, Default)]
pub(crate) struct Lexed<'a> {
    pub(crate) tokens: Vec<Token<'a>>,
    pub(crate) comments: Vec<Comment<'a>>,
}

/// Takes the text apart.
pub(crate) fn lex(source: &str) -> Lexed<'_> {
    let mut lexed = Lexed::default();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (length, kind) = match first {
            _ if first.is_whitespace() => (first.len_utf8(), None),
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), None),
            '/' if rest.starts_with("/*") => (block_comment(rest), None),
            '"' => (quoted(rest, 0), Some(Kind::Str)),
            '\'' => quote(rest),
            _ if first.is_ascii_digit() => (number(rest), Some(Kind::Number)),
            _ if first == '_' || first.is_alphabetic() => word(rest),
            _ => (first.len_utf8(), Some(Kind::Punct)),
        };
        let text = &rest[..length];
        let last = line + text.matches('\n').count();
        match kind {
            Some(kind) => lexed.tokens.push(Token { kind, text, line }),
            None if first == '/' => lexed.comments.push(Comment { text, first: line, last }),
            None => {}
        }
        (at, line) = (at + length, last);
    }
    lexed
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// A string with escapes whose opening quote is at `open`.
fn quoted(rest: &str, open: usize) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(open + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `'a'` is a character, `'a` a lifetime.
fn quote(rest: &str) -> (usize, Option<Kind>) {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => (char_end(rest), Some(Kind::Char)),
        (Some(_), Some((at, '\''))) => (at + 1, Some(Kind::Char)),
        _ => (1 + word_end(&rest[1..]), Some(Kind::Lifetime)),
    }
}

fn char_end(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn number(rest: &str) -> usize {
    let whole = word_end(rest);
    let fraction =
        rest[whole..].strip_prefix('.').filter(|after| after.starts_with(|c: char| c.is_ascii_digit()));
    whole + fraction.map_or(0, |digits| 1 + word_end(digits))
}

/// An identifier, or a literal that starts like one: `r"…"`, `br#"…"#`, `b'x'`, `c"…"`, and `r#match`.
fn word(rest: &str) -> (usize, Option<Kind>) {
    let end = word_end(rest);
    let (prefix, after) = rest.split_at(end);
    let raw = matches!(prefix, "r" | "br" | "cr");
    if after.starts_with('"') && (raw || matches!(prefix, "b" | "c")) {
        return (if raw { raw_string(rest, end, 0) } else { quoted(rest, end) }, Some(Kind::Str));
    }
    if after.starts_with('\'') && prefix == "b" {
        return (end + char_end(after), Some(Kind::Char));
    }
    if raw && after.starts_with('#') {
        let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
        if after[hashes..].starts_with('"') {
            return (raw_string(rest, end + hashes, hashes), Some(Kind::Str));
        }
        return (end + 1 + word_end(&after[1..]), Some(Kind::Ident));
    }
    (end, Some(Kind::Ident))
}

/// A raw string whose opening quote is at `open` and which ends at a quote with that many hashes.
fn raw_string(rest: &str, open: usize, hashes: usize) -> usize {
    let close = format!("\"{}", "#".repeat(hashes));
    rest[open + 1..].find(&close).map_or(rest.len(), |at| open + 1 + at + close.len())
}

fn word_end(rest: &str) -> usize {
    rest.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(rest.len())
}

impl<'a> Token<'a> {
    /// Whether it is this punctuation or word (never a string's content).
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Punct | Kind::Ident) && self.text == text
    }

    /// What stands between the quotes of a string literal, escapes as written.
    pub(crate) fn literal(&self) -> Option<&'a str> {
        let open = (self.kind == Kind::Str).then(|| self.text.find('"')).flatten()?;
        let hashes = self.text[..open].matches('#').count();
        self.text.get(open + 1..self.text.len().checked_sub(1 + hashes)?)
    }
}

/// Whether the tokens from `at` on are these words, for instance `["#", "[", "cfg"]`.
pub(crate) fn reads(tokens: &[Token<'_>], at: usize, words: &[&str]) -> bool {
    tokens
        .get(at..at + words.len())
        .is_some_and(|here| here.iter().zip(words).all(|(token, word)| token.is(word)))
}

/// The index of the bracket that closes the one at `open`, or of the last token where none does.
pub(crate) fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    tokens.len().saturating_sub(1)
}

#[cfg(test)]
mod tests;
