//! Markdown as far as the linter needs it: what is prose, what stands in backticks, what in a fenced block, and in which
//! line. Total on any text.

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    /// Text.
    Prose,
    /// Between backticks in a line.
    Code,
    /// A fenced block.
    Block {
        /// What follows its fence.
        language: &'t str,
    },
}

/// A part of the text, of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'t> {
    pub(super) kind: Kind<'t>,
    pub(super) text: &'t str,
    /// Where it begins, from 1.
    pub(super) line: usize,
}

impl<'t> Piece<'t> {
    /// Its words, with the line of each: the longest runs of what `is_part` takes.
    pub(super) fn words<P: Fn(char) -> bool + Copy>(
        &self,
        is_part: P,
    ) -> impl Iterator<Item = (usize, &'t str)> {
        let first = self.line;
        self.text.split('\n').enumerate().flat_map(move |(n, line)| {
            line.split(move |c| !is_part(c))
                .filter(|word| !word.is_empty())
                .map(move |word| (first + n, word))
        })
    }
}

/// What a path consists of.
pub(super) fn is_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '*' | '<' | '>')
}

/// The whole text, in order. Text between paragraphs is in none.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    for part in parts(text) {
        match part.kind {
            Kind::Prose => inline(part, &mut found),
            Kind::Code | Kind::Block { .. } => found.push(part),
        }
    }
    found
}

/// Sentences and clauses of the prose, with what stands in backticks in them.
pub(super) fn sentences(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for part in parts(text).into_iter().filter(|part| part.kind == Kind::Prose) {
        let mut line = part.line;
        for sentence in part.text.split_inclusive(['.', ';', '!', '?']) {
            let before = sentence.len() - sentence.trim_start().len();
            found.push((line + newlines(&sentence[..before]), sentence.trim()));
            line += newlines(sentence);
        }
    }
    found
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Paragraphs and fenced blocks.
fn parts(text: &str) -> Vec<Piece<'_>> {
    let mut parts = Vec::new();
    let mut open: Option<Open<'_>> = None;
    let (mut at, mut number) = (0, 0);
    for line in text.split_inclusive('\n') {
        number += 1;
        let end = at + line.len();
        let bare = line.trim();
        let ticks = bare.len() - bare.trim_start_matches('`').len();
        let fence = ticks >= 3 && !bare[ticks..].contains('`');
        open = match open {
            Some(block) if block.ticks > 0 => match fence && ticks >= block.ticks && bare.len() == ticks {
                true => {
                    parts.push(block.until(text, at));
                    None
                }
                false => Some(block),
            },
            former if fence || bare.is_empty() => {
                parts.extend(former.map(|paragraph| paragraph.until(text, at)));
                let language = bare[ticks.min(bare.len())..].trim();
                fence.then_some(Open { ticks, language, from: end, line: number + 1 })
            }
            former => former.or(Some(Open { ticks: 0, language: "", from: at, line: number })),
        };
        at = end;
    }
    // One that is never closed goes to the end.
    parts.extend(open.map(|block| block.until(text, at)));
    parts
}

/// A part whose end is not seen yet; without ticks a paragraph.
struct Open<'t> {
    ticks: usize,
    language: &'t str,
    from: usize,
    line: usize,
}

impl<'t> Open<'t> {
    fn until(self, text: &'t str, end: usize) -> Piece<'t> {
        let kind = if self.ticks > 0 { Kind::Block { language: self.language } } else { Kind::Prose };
        Piece { kind, text: text.get(self.from..end).unwrap_or_default(), line: self.line }
    }
}

/// Divides a paragraph at its backticks: as many close as opened; one that is never closed is text.
fn inline<'t>(paragraph: Piece<'t>, found: &mut Vec<Piece<'t>>) {
    let (mut rest, mut line) = (paragraph.text, paragraph.line);
    while let Some(from) = rest.find('`') {
        let ticks = run(&rest[from..]);
        let inside = &rest[from + ticks..];
        let Some(length) = closing(inside, ticks) else {
            // Text; what follows it may still be code.
            let end = from + ticks;
            found.push(Piece { kind: Kind::Prose, text: &rest[..end], line });
            line += newlines(&rest[..end]);
            rest = inside;
            continue;
        };
        found.push(Piece { kind: Kind::Prose, text: &rest[..from], line });
        line += newlines(&rest[..from]);
        found.push(Piece { kind: Kind::Code, text: &inside[..length], line });
        line += newlines(&inside[..length]);
        rest = &inside[length + ticks..];
    }
    found.push(Piece { kind: Kind::Prose, text: rest, line });
}

/// Backticks at the start.
fn run(text: &str) -> usize {
    text.len() - text.trim_start_matches('`').len()
}

/// Where exactly so many backticks close.
fn closing(text: &str, ticks: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(next) = text[at..].find('`') {
        let here = at + next;
        let many = run(&text[here..]);
        if many == ticks {
            return Some(here);
        }
        at = here + many;
    }
    None
}

#[cfg(test)]
mod tests;
