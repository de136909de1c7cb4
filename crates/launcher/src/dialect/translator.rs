//! The one reader of a program's output: pieces of bytes in, events out, and at the end the [`Reading`]. The same for
//! a run that is over and for one somebody watches. Memory is bounded whatever the program prints.

use std::io;

use orchd_core::time::Timestamp;
use serde_json::Value;

use super::claude::Claude;
use super::codex::Codex;
use super::event::Event;
use super::fault::{self, Login};
use super::gemini::Gemini;
use super::heard::{Closing, Heard, end_of};
use super::lines::Splitter;
use super::mask::Secrets;
use super::opencode::Opencode;
use super::{AgentOutcome, Dialect, Reading, by_end, usage};
use crate::ended::{Ended, ExitClass, class};
use crate::run_dir::RunDir;

/// Under this name stands what a model used that nobody named.
const UNNAMED: &str = "(unnamed)";
/// Of standard error, for people.
const STDERR: usize = 4 * 1024;
/// Of standard error, as the program's last complaint.
const COMPLAINT_LINES: usize = 5;
const COMPLAINT: usize = 500;
/// Of standard error, for who watches a run that failed.
const SHOWN_LINES: usize = 20;

/// One dialect: events of a program in, verbs of [`Heard`] out.
pub(super) trait Reader: std::fmt::Debug + Send {
    /// Takes one event; what it does not know it passes over.
    fn event(&mut self, event: &Value, heard: &mut Heard);

    /// The output is over: what was kept back is told.
    fn finish(&mut self, heard: &mut Heard);

    /// What a person does about a missing login.
    fn login(&self) -> Login;

    /// Whether it tells of its own retries on standard error alone, where nothing else of them is to be seen.
    fn retries_in_silence(&self) -> bool {
        false
    }

    /// What an exit code means that came without a closing event, where the program gives it a meaning of its own.
    fn exit(&self, _code: i32, _stderr: &str) -> Option<AgentOutcome> {
        None
    }
}

/// Reads one run's output as it comes.
#[derive(Debug)]
pub struct Translator {
    lines: Splitter,
    /// `None` where output is text for people.
    reader: Option<Box<dyn Reader>>,
    heard: Heard,
    broken: u64,
}

impl Translator {
    /// For output in `dialect` of a run that was asked for the model `asked`.
    pub fn new(dialect: Dialect, asked: Option<&str>) -> Self {
        let model = asked.unwrap_or(UNNAMED);
        let reader: Option<Box<dyn Reader>> = match dialect {
            Dialect::Plain => None,
            Dialect::ClaudeStreamJson => Some(Box::new(Claude::default())),
            Dialect::CodexJsonl => Some(Box::new(Codex::new(model))),
            Dialect::GeminiStreamJson => Some(Box::new(Gemini::default())),
            Dialect::OpencodeJson => Some(Box::new(Opencode::new(model))),
        };
        Self { lines: Splitter::default(), reader, heard: Heard::default(), broken: 0 }
    }

    /// Texts that are replaced in every event from now on, and in the reading: the credentials the run was given.
    #[must_use]
    pub fn masking(mut self, secrets: impl IntoIterator<Item = String>) -> Self {
        self.heard.mask(secrets);
        self
    }

    /// What is replaced.
    pub(super) fn secrets(&self) -> &Secrets {
        self.heard.secrets()
    }

    /// The last lines of the run's standard error, without what is replaced.
    pub fn last_of_stderr(&self, dir: &RunDir) -> io::Result<String> {
        let end = self.secrets().tail(dir, RunDir::STDERR, STDERR as u64)?;
        let mut last: Vec<&str> = end.trim_end().lines().rev().take(SHOWN_LINES).collect();
        last.reverse();
        Ok(last.join("\n"))
    }

    /// Takes the next piece of output, and when it came where that is now; gives the events it completes.
    pub fn push(&mut self, bytes: &[u8], at: Option<Timestamp>) -> Vec<Event> {
        let Self { lines, reader, heard, broken } = self;
        heard.arrives(at);
        lines.push(bytes, |line| see(reader, line, heard, broken));
        heard.events()
    }

    /// The process has ended: the last events, with the end of a turn that had none.
    pub fn end(&mut self, ended: &Ended) -> Vec<Event> {
        let Self { lines, reader, heard, broken } = self;
        lines.rest(|line| see(reader, line, heard, broken));
        match class(ended) {
            // Without typed events the end of the process is the turn's own word.
            ExitClass::Success if reader.is_none() => heard.turn_ends(),
            ExitClass::Success | ExitClass::Work { .. } => heard.process_ended(&ended.to_string(), false),
            ExitClass::Infra { .. } => heard.process_ended(&ended.to_string(), true),
        }
        heard.events()
    }

    /// What the run amounts to; `stderr` is the end of its standard error.
    pub fn reading(mut self, ended: &Ended, stderr: &str) -> Reading {
        drop(self.end(ended));
        let Self { lines, mut reader, mut heard, broken } = self;
        if let Some(reader) = &mut reader {
            reader.finish(&mut heard);
        }
        let stderr = &heard.masked(stderr).into_owned();
        let mut total = usage::sum(&heard.models);
        if let Some(cost) = heard.cost_micro_usd {
            total.get_or_insert_default().cost_micro_usd = Some(cost);
        }
        let outcome = match reader {
            Some(reader) => judge(reader.as_ref(), &mut heard, ended, stderr),
            None => by_end(ended),
        };
        Reading {
            outcome: outcome.reworded(|why| heard.masked(why).into_owned()),
            tail: tail(heard.last_words.as_deref().unwrap_or_default(), stderr),
            usage: total,
            models: heard.models,
            session: heard.session,
            model: heard.model,
            turns: heard.turns,
            last_words: heard.last_words,
            denied: heard.denied,
            broken_lines: broken,
            dropped_lines: lines.dropped(),
        }
    }
}

fn see(reader: &mut Option<Box<dyn Reader>>, line: &[u8], heard: &mut Heard, broken: &mut u64) {
    let line = String::from_utf8_lossy(line);
    let Some(reader) = reader else { return heard.says(&line, false) };
    if line.trim().is_empty() {
        return;
    }
    match serde_json::from_str::<Value>(&line) {
        Ok(event) if event.is_object() => reader.event(&event, heard),
        Ok(_) | Err(_) => *broken += 1,
    }
}

/// Success takes all three: the program's word, exit code 0, and an end of its own.
fn judge(reader: &dyn Reader, heard: &mut Heard, ended: &Ended, stderr: &str) -> AgentOutcome {
    match (std::mem::take(&mut heard.closing), class(ended)) {
        (Closing::Success, ExitClass::Success) => AgentOutcome::Finished,
        (Closing::Success, ExitClass::Work { code }) => {
            let said = format!("it reported success and then ended with exit {code}: {}", complaint(stderr));
            fault::permanent(&said, "read the run's log")
        }
        (Closing::Success, ExitClass::Infra { reason }) => AgentOutcome::Infra { why: reason },
        (Closing::Failure(fault), _) => fault,
        (Closing::Open, class) => wordless(reader, heard.trouble.take(), class, ended, stderr),
    }
}

/// A run without a closing event: its last trouble, its exit code, the end of its standard error, in this order.
fn wordless(
    reader: &dyn Reader,
    trouble: Option<AgentOutcome>,
    class: ExitClass,
    ended: &Ended,
    stderr: &str,
) -> AgentOutcome {
    let complaint = complaint(stderr);
    let by_code = if let Ended::Exited { code } = ended { reader.exit(*code, &complaint) } else { None };
    if let Some(fault) = trouble.or(by_code) {
        return fault;
    }
    match class {
        ExitClass::Success => fault::permanent(
            "it ended with exit 0 but without the event that closes a turn",
            "check that this version of the program is a known one",
        ),
        ExitClass::Work { code } => fault::by_words(&complaint, reader.login()).unwrap_or_else(|| {
            let said = format!("exit {code} without a closing event: {complaint}");
            fault::permanent(&said, "read the run's log")
        }),
        ExitClass::Infra { reason } => {
            let said = || fault::by_words(&complaint, reader.login()).filter(fault::passes);
            let retried = reader.retries_in_silence().then(said).flatten();
            retried.unwrap_or(AgentOutcome::Infra { why: reason })
        }
    }
}

/// The last lines of standard error on one: enough to hold an error message, too little to hold a run's history.
fn complaint(stderr: &str) -> String {
    let mut lines: Vec<&str> =
        stderr.lines().rev().map(str::trim).filter(|line| !line.is_empty()).take(COMPLAINT_LINES).collect();
    lines.reverse();
    let said = lines.join(" / ");
    if said.is_empty() { "nothing on standard error".to_owned() } else { end_of(&said, COMPLAINT).to_owned() }
}

/// What a person reads of the end: the last words, then standard error.
fn tail(words: &str, stderr: &str) -> String {
    let stderr = end_of(stderr, STDERR).trim_end();
    match (words.is_empty(), stderr.is_empty()) {
        (_, true) => words.to_owned(),
        (true, false) => stderr.to_owned(),
        (false, false) => format!("{words}\n{stderr}"),
    }
}
