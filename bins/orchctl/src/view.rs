//! What the watcher sees, as text: facts as lines, and for a terminal a block of the tasks as they stand. Values of the
//! API in, text out; where it goes and how it is redrawn is `screen.rs`.

use orchd_http::dto::{Event, StageTotals, State, Task};
use serde_json::Value;

/// How text is dressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dress {
    /// Nothing but text.
    Plain,
    /// With escape codes for colours.
    Colour,
}

/// A colour's role.
#[derive(Debug, Clone, Copy)]
enum Tone {
    Good,
    Back,
    Now,
    Dim,
    Strong,
}

impl Dress {
    fn dress(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Back => "33",
            Tone::Now => "36",
            Tone::Dim => "2",
            Tone::Strong => "1",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// Gates whose passing is worth a line; the others only speak when something is wrong.
const TOLD: [&str; 6] =
    ["brd-files", "adr-files", "review-verdict", "tests-verdict", "merge-ready", "merge-verify"];

/// The line of an event, if it is worth one here: `3.2s TALLY-1 development → review`.
pub(crate) fn fact(key: &str, event: &Event, since: i64, dress: Dress) -> Option<String> {
    // A finding is a model's or a tool's text: nothing in it may move the cursor.
    let line = cut(event.line.trim(), usize::MAX);
    if line.is_empty() || !is_told(event) {
        return None;
    }
    let tone = match event.event.as_str() {
        "landed" => Some(Tone::Good),
        "held" | "deferred" | "job-failed" => Some(Tone::Back),
        "entered" if line.contains('↺') => Some(Tone::Back),
        "entered" => Some(Tone::Strong),
        _other => None,
    };
    let text = tone.map_or_else(|| line.clone(), |tone| dress.dress(tone, &line));
    let at = dress.dress(Tone::Dim, &format!("{:>6}", seconds(event.at - since)));
    Some(format!("{at}  {key}  {text}"))
}

fn is_told(event: &Event) -> bool {
    if event.event != "gate-judged" {
        return true;
    }
    let at = |path: &str| event.data.pointer(path).and_then(Value::as_str).unwrap_or_default();
    match at("/result/outcome/outcome") {
        "pass" => TOLD.contains(&at("/result/gate")),
        // The way back that follows says the same, with its finding; what does not apply is in the summary.
        "reject" | "not-applicable" => false,
        _other => true,
    }
}

/// The block: per task its key and title, a row of stages, and why it is where it is. `width` is in columns.
pub(crate) fn block(state: &State, width: usize, dress: Dress) -> Vec<String> {
    let mut lines = Vec::new();
    for task in &state.tasks {
        let title = cut(&task.title, width.saturating_sub(task.key.len() + 2));
        lines.push(format!("{}  {title}", dress.dress(Tone::Strong, &task.key)));
        lines.extend(stages(task, width, dress));
        lines.push(dress.dress(Tone::Dim, &cut(&format!("  {}", reason(task, state.now)), width)));
    }
    lines
}

/// The stages in order, broken between two of them where the terminal is narrow.
fn stages(task: &Task, width: usize, dress: Dress) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::from(" ");
    let mut used = 1;
    for stage in &task.walks {
        let totals = task.stages.iter().find(|totals| totals.stage == *stage);
        let (mark, tone) = mark(task, stage, totals);
        let text = cut(&format!("{mark} {stage}{}", spent(totals)), width.saturating_sub(2));
        let length = text.chars().count() + 1;
        if used + length > width && used > 1 {
            lines.push(std::mem::replace(&mut line, String::from(" ")));
            used = 1;
        }
        line.push(' ');
        line.push_str(&dress.dress(tone, &text));
        used += length;
    }
    lines.push(line);
    lines
}

fn mark(task: &Task, stage: &str, totals: Option<&StageTotals>) -> (char, Tone) {
    let place = |name: &str| task.walks.iter().position(|walked| walked == name);
    if task.stage == "done" {
        return ('✓', Tone::Good);
    }
    match (place(stage), place(&task.stage)) {
        (Some(here), Some(now)) if here < now => ('✓', Tone::Good),
        (Some(here), Some(now)) if here == now => ('▶', Tone::Now),
        // It was there before, and what was said there stands no more.
        (Some(_), Some(_)) if totals.is_some() => ('↺', Tone::Back),
        (Some(_) | None, Some(_) | None) => ('·', Tone::Dim),
    }
}

/// ` 2× 1.4s`: how often it was entered if more than once, and how long it took in all.
fn spent(totals: Option<&StageTotals>) -> String {
    match totals {
        Some(totals) if totals.visits > 1 => format!(" {}× {}", totals.visits, seconds(totals.ms)),
        Some(totals) => format!(" {}", seconds(totals.ms)),
        None => String::new(),
    }
}

fn reason(task: &Task, now: i64) -> String {
    let spent = format!("rework {}, runs {}, ${:.4}", task.rework, task.runs, task.cost_usd);
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if task.stage == "done" {
        let head = task.landed.last().map(|sha| short(sha)).unwrap_or_default();
        return format!("done: {head} is proven to be in main; {spent}");
    }
    if let Some(hold) = &task.hold {
        return format!("on Hold ({}): {}; {spent}", hold.code, line(&hold.detail));
    }
    let who = task.job.as_ref().map(|job| format!("{job}, ")).unwrap_or_default();
    let since = seconds(now - task.waiting_since);
    format!("{} ({who}{since}); {spent}", line(&task.sentence))
}

/// Milliseconds as seconds for people.
pub(crate) fn seconds(ms: i64) -> String {
    let tenths = ms.max(0) / 100;
    if tenths < 600 {
        format!("{}.{}s", tenths / 10, tenths % 10)
    } else {
        format!("{}m{:02}s", tenths / 600, tenths / 10 % 60)
    }
}

/// The first characters of a SHA.
pub(crate) fn short(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}

/// At most `width` characters. Every character used here is one column wide.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.chars().count() <= width {
        return clean;
    }
    let mut kept: String = clean.chars().take(width.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests;
