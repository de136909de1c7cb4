//! Reads the documents that shape the code (spec 1.1, 3.0): which required sections stand, which ADRs there
//! are. Bytes in, facts out; where the bytes come from is the executor's business.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What was found under `docs/work-items/<KEY>/` at a head.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DocFacts {
    /// `01-brd.md`.
    pub brd: Option<Brd>,
    /// `06-adr/*`.
    pub adrs: Vec<Adr>,
    /// `10-tech-risks.md` is there and not empty.
    pub risks: bool,
    /// Questions in `01-questions.md`, where this run wrote it.
    pub questions: Vec<String>,
    /// Paths under the document folder that this run changed.
    pub changed: Vec<String>,
    /// Numbers of ADRs that already stand on main, for the conflict of numbers.
    pub taken_numbers: Vec<u32>,
    /// Those ADRs on main that have the number of one of this task's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taken_by: Vec<String>,
}

/// The BRD's required sections that are present and not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Brd {
    /// Goal.
    pub goal: bool,
    /// Scope.
    pub scope: bool,
    /// Acceptance criteria.
    pub acceptance: bool,
}

/// One architecture decision record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adr {
    /// The path.
    pub path: String,
    /// The number in its name, where it has one.
    pub number: Option<u32>,
    /// A status is given.
    pub has_status: bool,
}

impl Brd {
    /// The missing sections, for the next run to read.
    pub fn missing(self) -> Vec<&'static str> {
        let sections = [(self.goal, "goal"), (self.scope, "scope"), (self.acceptance, "acceptance criteria")];
        sections.into_iter().filter(|(there, _)| !there).map(|(_, name)| name).collect()
    }
}

/// Reads `01-brd.md`: a heading whose text starts with the section's name, with text below it.
pub fn brd(bytes: &[u8]) -> Brd {
    let text = String::from_utf8_lossy(bytes);
    let has = |name: &str| section(&text, name).is_some_and(|body| !body.trim().is_empty());
    Brd { goal: has("goal"), scope: has("scope"), acceptance: has("acceptance") }
}

/// Reads `01-questions.md`: its list items and lines that end in a question mark.
pub fn questions(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let item = |line: &str| {
        let line = line.trim();
        let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let listed = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).or_else(|| {
            numbered
                .strip_prefix(". ")
                .or_else(|| numbered.strip_prefix(") "))
                .filter(|_| numbered.len() < line.len())
        });
        match listed {
            Some(question) => Some(question.trim().to_owned()),
            None => (line.ends_with('?') && !line.starts_with('#')).then(|| line.to_owned()),
        }
    };
    text.lines().filter_map(item).filter(|question| !question.is_empty()).collect()
}

/// Reads one ADR.
pub fn adr(path: &str, bytes: &[u8]) -> Adr {
    let text = String::from_utf8_lossy(bytes);
    let line_status = text.lines().any(|line| {
        let line = line.trim_start_matches(['*', '-', ' ', '_']).to_ascii_lowercase();
        line.strip_prefix("status")
            .and_then(|rest| rest.trim_start_matches(['*', '_', ' ']).strip_prefix(':'))
            .is_some_and(|v| !v.trim().is_empty())
    });
    let section_status = section(&text, "status").is_some_and(|body| !body.trim().is_empty());
    Adr { path: path.to_owned(), number: adr_number(path), has_status: line_status || section_status }
}

/// The number of `ADR-012-choice.md` or `012-choice.md`.
pub fn adr_number(path: &str) -> Option<u32> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let digits: String =
        name.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The number for a new record: after the highest that has three digits; a date or a slip of the pen is no number to go on from.
pub fn free_adr_number(taken: impl IntoIterator<Item = u32>) -> u32 {
    let taken: BTreeSet<u32> = taken.into_iter().collect();
    let highest = taken.iter().copied().filter(|number| *number < 1000).max().unwrap_or(0);
    (highest..u32::MAX).map(|number| number + 1).find(|number| !taken.contains(number)).unwrap_or(u32::MAX)
}

/// The text below the first heading that starts with `name` (case-insensitive), up to the next heading.
fn section<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut at = 0;
    let mut start = None;
    for line in text.split_inclusive('\n') {
        if let Some(heading) = line.strip_prefix('#') {
            if let Some(start) = start {
                return text.get(start..at);
            }
            let heading = heading
                .trim_start_matches('#')
                .trim()
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ' ');
            if heading.to_ascii_lowercase().starts_with(name) {
                start = Some(at + line.len());
            }
        }
        at += line.len();
    }
    start.and_then(|start| text.get(start..))
}
