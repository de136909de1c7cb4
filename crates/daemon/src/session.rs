//! A run's output as a session: read from its log as it grows, translated to the small vocabulary of spec 5.3, and over
//! when the run is. What a watcher heard before is read again and not said again.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::unfold;
use orchd_core::id::RunId;
use orchd_http::session::{Heard, Hearing};
use orchd_launcher::dialect::{Event, Translator};
use orchd_launcher::log;
use orchd_launcher::run_dir::ShimIdentity;
use orchd_launcher::{Ended, RunDir, RunResult, RunSpec};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often a log that has nothing new is looked at again.
const LOOK: Duration = Duration::from_millis(200);
/// After so many looks that found nothing it is asked whether anybody is still there.
const LOOKS: u32 = 10;
/// Bytes that are read at once.
const PART: usize = 64 * 1024;

/// One watcher's place in a run's output.
struct Watcher {
    dir: RunDir,
    run: RunId,
    translator: Translator,
    /// Everything before it was pushed.
    offset: u64,
    /// Everything before it was heard already.
    heard_until: u64,
    waiting: VecDeque<Heard>,
    caught_up: bool,
    /// Looks in a row that found nothing.
    quiet: u32,
    over: bool,
}

/// What a watcher hears of a run, from this offset of its output on, without these credentials.
pub(crate) fn hear(dir: RunDir, run: RunId, from: u64, secrets: Vec<String>) -> std::io::Result<Hearing> {
    let spec = RunSpec::read(&dir)?;
    let translator = Translator::new(spec.dialect, None).masking(secrets);
    let waiting = VecDeque::new();
    let watcher = Watcher {
        dir,
        run,
        translator,
        offset: 0,
        heard_until: from,
        waiting,
        caught_up: false,
        quiet: 0,
        over: false,
    };
    Ok(Box::pin(unfold(watcher, next)))
}

async fn next(mut watcher: Watcher) -> Option<(Heard, Watcher)> {
    loop {
        if let Some(heard) = watcher.waiting.pop_front() {
            return Some((heard, watcher));
        }
        if watcher.over {
            return None;
        }
        // Reading a file blocks; the log may be on a slow disk.
        let (read, back) = spawn_blocking(move || {
            let read = watcher.read();
            (read, watcher)
        })
        .await
        .ok()?;
        watcher = back;
        match read {
            Ok(true) => {}
            Ok(false) => sleep(LOOK).await,
            Err(error) => {
                tracing::warn!(run = %watcher.run, "a session can not be read on: {error}");
                return None;
            }
        }
    }
}

impl Watcher {
    /// Reads on; says whether there was anything.
    fn read(&mut self) -> std::io::Result<bool> {
        // Asked before the log: what is written before the result is in it then.
        let result = RunResult::read(&self.dir, self.run).ok();
        // What was heard and what was not never come in one piece.
        let heard = self.heard_until.saturating_sub(self.offset);
        let most = if heard > 0 { usize::try_from(heard).unwrap_or(PART).min(PART) } else { PART };
        let part = log::chunk(&self.dir, RunDir::STDOUT, self.offset, most)?;
        if part.dropped > 0 && part.next > self.heard_until {
            let event = serde_json::json!({ "event": "dropped", "bytes": part.dropped });
            self.waiting.push_back(Heard::Event { event, next: None });
        }
        if part.dropped > 0 {
            // The lines at both sides of the gap are cut: they end here.
            drop(self.translator.push(b"\n", None));
        }
        let events = self.translator.push(&part.bytes, None);
        self.offset = part.next;
        if self.offset > self.heard_until {
            self.say(events, Some(part.next));
        }
        if !part.eof {
            return Ok(true);
        }
        let nothing = part.bytes.is_empty() && result.is_none();
        self.quiet = if nothing { self.quiet.saturating_add(1) } else { 0 };
        if nothing && self.quiet.is_multiple_of(LOOKS) && self.is_lost() {
            let ended = "lost: its supervising process is gone and left no result".to_owned();
            self.waiting.push_back(Heard::Over { ended });
            self.over = true;
        }
        if let Some(result) = result {
            let last = self.translator.end(&result.ended);
            self.say(last, None);
            self.complain(&result.ended);
            self.waiting.push_back(Heard::Over { ended: result.ended.to_string() });
            self.over = true;
        }
        if !self.caught_up {
            self.caught_up = true;
            let at = self.waiting.len() - usize::from(self.over);
            self.waiting.insert(at, Heard::CaughtUp);
        }
        Ok(!self.waiting.is_empty())
    }

    /// What a run that failed wrote to standard error last: there most programs say why.
    fn complain(&mut self, ended: &Ended) {
        if matches!(ended, Ended::Exited { code: 0 }) {
            return;
        }
        match self.translator.last_of_stderr(&self.dir) {
            Ok(text) if text.is_empty() => {}
            Ok(text) => self.say(vec![Event::Text { text: format!("standard error ended:\n{text}") }], None),
            Err(error) => tracing::warn!(run = %self.run, "its standard error can not be read: {error}"),
        }
    }

    /// Whether nobody is there any more who could write a result. Looks only: what is left of a lost run is its job's.
    fn is_lost(&self) -> bool {
        // Not knowing is no answer: it is asked again.
        let gone = |identity: ShimIdentity| matches!(identity.shim.is_alive(), Ok(false));
        // What can not be read now may be read at the next look.
        let shim = self.dir.identity().ok().flatten();
        shim.is_some_and(gone) && RunResult::read(&self.dir, self.run).is_err()
    }

    fn say(&mut self, events: Vec<Event>, next: Option<u64>) {
        let last = events.len().saturating_sub(1);
        for (n, event) in events.into_iter().enumerate() {
            // An event is plain data with string keys: its JSON form always exists.
            let event = serde_json::to_value(&event).unwrap_or_default();
            self.waiting.push_back(Heard::Event { event, next: next.filter(|_| n == last) });
        }
    }
}

#[cfg(test)]
mod tests;
