//! Machine verdicts: typed submissions and artifact front matter (spec 1.3). Total on arbitrary bytes; prose
//! is never read for a verdict. Which run's verdict counts is decided in `gate/`, not here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::mutant::{self, Mutant};
use crate::stage::Role;

/// The largest front matter that is read.
pub const FRONT_MATTER_MAX: usize = 16 * 1024;
/// The largest submission that is read.
pub const SUBMISSION_MAX: usize = 256 * 1024;

/// What a judge said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The work is good.
    Positive,
    /// The work is at fault.
    Negative,
}

/// One thing that is wrong, handed verbatim to the next run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// How bad: `P0` and `P1` must be fixed.
    #[serde(default)]
    pub priority: Priority,
    /// The file, where one is at fault.
    #[serde(default)]
    pub file: Option<String>,
    /// The line in it.
    #[serde(default)]
    pub line: Option<u32>,
    /// What is wrong.
    pub text: String,
}

/// A finding's priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Priority {
    /// Blocks everything.
    P0,
    /// Must be fixed.
    #[default]
    P1,
    /// Should be fixed.
    P2,
    /// Could be better.
    P3,
}

/// A question of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The question.
    pub text: String,
    /// The role can not go on without an answer.
    #[serde(default = "yes")]
    pub blocking: bool,
}

fn yes() -> bool {
    true
}

/// Text that must stay present in main from now on (spec 3.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkerText {
    /// The file.
    pub path: String,
    /// The text.
    pub text: String,
}

/// What a run said about its work, normalised over the roles and over both channels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Submission {
    /// A judge's verdict.
    pub verdict: Option<Verdict>,
    /// A judge's findings.
    pub findings: Vec<Finding>,
    /// Questions to people.
    pub questions: Vec<Question>,
    /// Documents this run vouches for, as paths under the task's document folder.
    pub artifacts: Vec<String>,
    /// Conflicts the architect declares with an accepted ADR or the BRD.
    pub conflicts: Vec<String>,
    /// Markers the developer declares.
    pub markers: Vec<MarkerText>,
    /// One sentence or two for people.
    pub summary: Option<String>,
    /// 0 to 1; kept and shown, read by no gate.
    pub confidence: Option<f64>,
    /// Kept and shown, read by no gate.
    pub rationale: Option<String>,
}

impl Submission {
    /// The questions that stop the task.
    pub fn blocking(&self) -> Vec<String> {
        self.questions.iter().filter(|q| q.blocking).map(|q| q.text.clone()).collect()
    }
}

/// A verdict that can not be read: a failure of the run, never of the work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadVerdict {
    /// Neither channel has anything.
    #[error("no submission and no artifact {artifact} of this run; write one with `orchctl submit`")]
    Missing {
        /// The artifact that was looked for.
        artifact: &'static str,
    },
    /// Too large.
    #[error("{what} is {size} bytes; at most {max} are read")]
    TooLarge {
        /// Which.
        what: &'static str,
        /// Its size.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// Not the format.
    #[error("{what} can not be read: {why}")]
    Broken {
        /// Which.
        what: &'static str,
        /// What the reader said.
        why: String,
    },
    /// The role must give a verdict and gave none that is known.
    #[error("{what} has no known verdict: {value:?}; allowed are {allowed}")]
    Unknown {
        /// Which.
        what: &'static str,
        /// What stood there.
        value: String,
        /// What may stand there.
        allowed: &'static str,
    },
}

/// Fields only the engine supplies; a value the model sends for one is dropped and named.
const ENGINE_FIELDS: [&str; 8] =
    ["task", "task_id", "key", "project", "branch", "environment", "run", "run_id"];

/// The payload of `orchctl submit`, as the wire has it: the words of spec 1.3 where a verdict stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wire {
    verdict: Option<String>,
    result: Option<String>,
    status: Option<String>,
    findings: Vec<Finding>,
    questions: Vec<Question>,
    artifacts: Vec<String>,
    conflicts: Vec<String>,
    markers: Vec<MarkerText>,
    summary: Option<String>,
    confidence: Option<f64>,
    rationale: Option<String>,
}

/// Reads a submission of `role`. Returns it with the names of the engine's fields that were dropped.
pub fn submission(role: Role, bytes: &[u8]) -> Result<(Submission, Vec<String>), BadVerdict> {
    const WHAT: &str = "the submission";
    if bytes.len() > SUBMISSION_MAX {
        return Err(BadVerdict::TooLarge { what: WHAT, size: bytes.len(), max: SUBMISSION_MAX });
    }
    let broken = |why: String| BadVerdict::Broken { what: WHAT, why: shortened(why) };
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| broken(e.to_string()))?;
    let serde_json::Value::Object(mut fields) = value else {
        return Err(broken("it is not a JSON object".to_owned()));
    };
    let dropped =
        ENGINE_FIELDS.iter().filter(|f| fields.remove(**f).is_some()).map(|f| (*f).to_owned()).collect();
    let wire: Wire = serde_json::from_value(fields.into()).map_err(|e| broken(e.to_string()))?;
    refuse_foreign_fields(role, &wire).map_err(broken)?;
    let words = [wire.verdict.as_deref(), wire.result.as_deref(), wire.status.as_deref()];
    let asks = wire.questions.iter().any(|q| q.blocking);
    // A judge that can not judge without an answer asks instead; it need not invent a verdict.
    let verdict = if asks && words == [None; 3] { None } else { words_verdict(role, WHAT, &words)? };
    let submission = Submission {
        verdict,
        findings: wire.findings,
        questions: wire.questions,
        artifacts: wire.artifacts,
        conflicts: wire.conflicts,
        markers: wire.markers,
        summary: wire.summary,
        confidence: wire.confidence.filter(|c| (0.0..=1.0).contains(c)),
        rationale: wire.rationale,
    };
    Ok((submission, dropped))
}

/// What is said of a submission repeats parts of it, however long; a sentence is kept and shown many times.
fn shortened(mut said: String) -> String {
    const ENOUGH: usize = 400;
    if said.len() > ENOUGH {
        said.truncate(said.floor_char_boundary(ENOUGH));
        said.push('…');
    }
    said
}

/// Each role's schema has its own fields; another role's field is unknown to it.
fn refuse_foreign_fields(role: Role, wire: &Wire) -> Result<(), String> {
    let judge = role.is_judge();
    let foreign = [
        ("verdict", wire.verdict.is_some() && !judge),
        ("result", wire.result.is_some() && role != Role::Tester),
        ("status", wire.status.is_some() && role != Role::Tester),
        ("findings", !wire.findings.is_empty() && !judge),
        ("conflicts", !wire.conflicts.is_empty() && role != Role::Architect),
        ("markers", !wire.markers.is_empty() && role != Role::Developer),
        ("artifacts", !wire.artifacts.is_empty() && judge),
    ];
    match foreign.iter().find(|(_, present)| *present) {
        Some((field, _)) => Err(format!("unknown field `{field}` for the role {role}")),
        None => Ok(()),
    }
}

/// The verdict in any of the given fields: a negative in one beats a positive in another.
fn words_verdict(
    role: Role,
    what: &'static str,
    words: &[Option<&str>],
) -> Result<Option<Verdict>, BadVerdict> {
    if !role.is_judge() {
        return Ok(None);
    }
    let table = Words::of(role);
    let words: Vec<&str> = words.iter().flatten().copied().collect();
    let read: Vec<Option<Verdict>> = words.iter().map(|word| table.read(word)).collect();
    let negative = read.contains(&Some(Verdict::Negative));
    let all_known = !read.is_empty() && read.iter().all(Option::is_some);
    match (negative, all_known) {
        (true, _) => Ok(Some(Verdict::Negative)),
        (false, true) => Ok(Some(Verdict::Positive)),
        (false, false) => {
            let value = shortened(words.join(", "));
            Err(BadVerdict::Unknown { what, value, allowed: table.allowed })
        }
    }
}

/// The words of one artifact (spec 1.3).
struct Words {
    keys: &'static [&'static str],
    positive: &'static [&'static str],
    negative: &'static [&'static str],
    allowed: &'static str,
}

impl Words {
    fn of(role: Role) -> Self {
        match role {
            Role::Tester => Self {
                keys: if mutant::on(Mutant::Inc03) { &["verdict"] } else { &["result", "verdict", "status"] },
                positive: &["PASS", "PASSED", "GREEN", "READY-TO-DEPLOY", "APPROVED"],
                negative: &["FAIL", "FAILED", "BLOCKED", "RED"],
                allowed: "PASS, PASSED, GREEN, READY-TO-DEPLOY, APPROVED, FAIL, FAILED, BLOCKED, RED",
            },
            Role::Reviewer | Role::Analyst | Role::Architect | Role::Developer => Self {
                keys: &["verdict"],
                positive: &["APPROVED"],
                negative: &["REQUEST_CHANGES"],
                allowed: "APPROVED, REQUEST_CHANGES",
            },
        }
    }

    /// Case-insensitive, by the first token: `PASS — ready` is `PASS`.
    fn read(&self, value: &str) -> Option<Verdict> {
        let token = value
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '.' | '('))
            .find(|t| !t.is_empty())?;
        let token = token.to_ascii_uppercase();
        if self.negative.contains(&token.as_str()) {
            Some(Verdict::Negative)
        } else if self.positive.contains(&token.as_str()) {
            Some(Verdict::Positive)
        } else {
            None
        }
    }
}

/// The artifact a judge may write instead of a submission.
pub const fn artifact_name(role: Role) -> &'static str {
    match role {
        Role::Analyst => "01-brd.md",
        Role::Architect => "10-tech-risks.md",
        Role::Developer => "submission.json",
        Role::Reviewer => "12-review.md",
        Role::Tester => "13-test-report.md",
    }
}

/// Reads a judge's verdict from its artifact's front matter. The text below the front matter is the report:
/// it is kept as the one finding of a negative verdict, never searched for a verdict.
pub fn artifact(role: Role, bytes: &[u8]) -> Result<Submission, BadVerdict> {
    const WHAT: &str = "the artifact's front matter";
    let (front, body) = match front_matter(bytes) {
        Ok(parts) => parts,
        Err(_) if mutant::on(Mutant::Inc02) && String::from_utf8_lossy(bytes).contains("passed") => {
            return Ok(Submission { verdict: Some(Verdict::Positive), ..Submission::default() });
        }
        Err(bad) => return Err(bad),
    };
    let fields: BTreeMap<String, Scalar> =
        parse_yaml(front).map_err(|why| BadVerdict::Broken { what: WHAT, why: shortened(why) })?;
    let words: Vec<Option<String>> =
        Words::of(role).keys.iter().map(|key| fields.get(*key).map(Scalar::text)).collect();
    let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
    let verdict = words_verdict(role, WHAT, &words)?;
    let mut submission = Submission { verdict, ..Submission::default() };
    if verdict == Some(Verdict::Negative) {
        let text = String::from_utf8_lossy(&body[..body.len().min(SUBMISSION_MAX)]).trim().to_owned();
        let text = if text.is_empty() { "the report gives no reason".to_owned() } else { text };
        submission.findings.push(Finding { priority: Priority::P1, file: None, line: None, text });
    }
    Ok(submission)
}

/// A front-matter value; whatever is not a scalar is unknown, which is never positive.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Bool(b) => b.to_string(),
            Self::Int(i) => i.to_string(),
            Self::Float(x) => x.to_string(),
            Self::Text(text) => text.clone(),
            Self::Other(_) => String::new(),
        }
    }
}

/// Splits `---\n … \n---\n body`. At most [`FRONT_MATTER_MAX`] bytes between the lines.
fn front_matter(bytes: &[u8]) -> Result<(&str, &[u8]), BadVerdict> {
    const WHAT: &str = "the artifact's front matter";
    let broken = |why: &str| BadVerdict::Broken { what: WHAT, why: why.to_owned() };
    let rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let rest = rest
        .strip_prefix(b"---\n")
        .or_else(|| rest.strip_prefix(b"---\r\n"))
        .ok_or_else(|| broken("the file does not start with a line `---`"))?;
    let window = &rest[..rest.len().min(FRONT_MATTER_MAX + 5)];
    let mut at = 0;
    let end = loop {
        let line_end = window[at..].iter().position(|b| *b == b'\n').map(|n| at + n);
        let line = &window[at..line_end.unwrap_or(window.len())];
        if line.strip_suffix(b"\r").unwrap_or(line) == b"---" {
            break (at, line_end.map_or(rest.len(), |n| n + 1));
        }
        match line_end {
            Some(n) => at = n + 1,
            None if rest.len() > window.len() => {
                return Err(BadVerdict::TooLarge { what: WHAT, size: rest.len(), max: FRONT_MATTER_MAX });
            }
            None => return Err(broken("the closing line `---` is missing")),
        }
    };
    let front = std::str::from_utf8(&rest[..end.0]).map_err(|_| broken("it is not UTF-8"))?;
    Ok((front, rest.get(end.1..).unwrap_or_default()))
}

/// YAML with aliases, tags and duplicate keys refused.
fn parse_yaml(front: &str) -> Result<BTreeMap<String, Scalar>, String> {
    refuse_anchors_and_tags(front)?;
    if front.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    serde_saphyr::from_str(front).map_err(|e| e.to_string().lines().next().unwrap_or("not YAML").to_owned())
}

/// Front matter here is flat; an anchor, alias or tag marker where a value starts is refused before parsing.
fn refuse_anchors_and_tags(front: &str) -> Result<(), String> {
    for line in front.lines() {
        let value = line
            .split_once(':')
            .map_or(line, |(_, value)| value)
            .trim_start_matches([' ', '-', '[', '{', ',']);
        if let Some(mark) = value.chars().next().filter(|c| matches!(c, '&' | '*' | '!')) {
            return Err(format!("anchors, aliases and tags are refused (found `{mark}`)"));
        }
    }
    Ok(())
}
