//! What a dialect has heard: the state of a run so far, and the events it leads to. All dialects speak through these
//! few verbs, so that bounds, masking, turns and last words are one piece of code.

use std::borrow::Cow;
use std::collections::BTreeMap;

use orchd_core::time::{Span, Timestamp};
use serde_json::Value;

use super::event::{ARGUMENTS_CAP, Event, TEXT_CAP, ToolOutcome};
use super::mask::Secrets;
use super::usage::{self, Usage, UsageByModel};
use super::{AgentOutcome, is_session_name};

/// The most of the last words that is kept, in bytes; its end.
const WORDS_CAP: usize = 8 * 1024;
/// Calls under way at once; a run has a handful.
const CALLS: usize = 1024;

/// The program's own word on how its turn ended.
#[derive(Debug, Default)]
pub(crate) enum Closing {
    /// None yet.
    #[default]
    Open,
    /// In order.
    Success,
    /// Not.
    Failure(AgentOutcome),
}

#[derive(Debug)]
struct Call {
    name: String,
    arguments: String,
    since: Option<Timestamp>,
}

/// The state of a run as its output tells it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) session: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) models: UsageByModel,
    /// The total, where the program tells one of its own.
    pub(crate) cost_micro_usd: Option<u64>,
    pub(crate) turns: Option<u32>,
    pub(crate) last_words: Option<String>,
    pub(crate) denied: u32,
    pub(crate) closing: Closing,
    /// An error it told of and has not got past.
    pub(crate) trouble: Option<AgentOutcome>,
    calls: BTreeMap<String, Call>,
    secrets: Secrets,
    at: Option<Timestamp>,
    turn_open: bool,
    turns_ended: u32,
    events: Vec<Event>,
}

impl Heard {
    /// Texts that appear in no event.
    pub(crate) fn mask(&mut self, secrets: impl IntoIterator<Item = String>) {
        self.secrets.add(secrets);
    }

    /// The time at which what follows arrived.
    pub(crate) fn arrives(&mut self, at: Option<Timestamp>) {
        self.at = at;
    }

    /// The events since the last call.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(crate) fn session(&mut self, id: Option<&str>, model: Option<&str>) {
        let id = self.is_named(id);
        let model = self.answers(model);
        self.tell(Event::Session { id, model });
    }

    /// The program's name of the session, which it may tell again; gives it where it is one. One that holds a
    /// credential is none: it would be shown wherever a session is named.
    pub(crate) fn is_named(&mut self, id: Option<&str>) -> Option<String> {
        let is_name = |id: &&str| is_session_name(id) && self.masked(id) == **id;
        let id = id.filter(is_name).map(str::to_owned);
        self.session = id.clone().or(self.session.take());
        id
    }

    /// The model that answers from here on, where the program tells; gives its name as it may be shown.
    pub(crate) fn answers(&mut self, model: Option<&str>) -> Option<String> {
        let model = model.map(|model| self.clean(model, ARGUMENTS_CAP));
        self.model = model.clone().or(self.model.take());
        model
    }

    pub(crate) fn user(&mut self, text: &str) {
        let text = self.clean(text, TEXT_CAP);
        self.tell(Event::User { text });
    }

    /// The model spoke; `goes_on` where this is a further piece of the same message.
    pub(crate) fn says(&mut self, text: &str, goes_on: bool) {
        self.trouble = None;
        let text = self.clean(text, TEXT_CAP);
        let words = match self.last_words.take() {
            // A secret that came in pieces is one only now.
            Some(words) if goes_on => self.masked(&(words + &text)).into_owned(),
            Some(_) | None => text.clone(),
        };
        self.last_words = Some(end_of(&words, WORDS_CAP).to_owned());
        self.tell(Event::Text { text });
    }

    /// A sub-agent spoke: shown, but not the run's own words.
    pub(crate) fn aside(&mut self, text: &str) {
        self.trouble = None;
        let text = self.clean(text, TEXT_CAP);
        self.tell(Event::Text { text });
    }

    pub(crate) fn calls(&mut self, call: &str, name: &str, arguments: &Value) {
        self.trouble = None;
        let call = self.clean(call, ARGUMENTS_CAP);
        let name = self.clean(name, ARGUMENTS_CAP);
        let arguments = self.clean(&arguments.to_string(), ARGUMENTS_CAP);
        if self.calls.len() >= CALLS {
            self.calls.pop_first();
        }
        let since = self.at;
        let known = Call { name: name.clone(), arguments: arguments.clone(), since };
        self.calls.insert(call.clone(), known);
        self.tell(Event::Tool { call, name, arguments, outcome: ToolOutcome::Running, took: None });
    }

    /// Whether a call is under way.
    pub(crate) fn is_calling(&self, call: &str) -> bool {
        self.calls.contains_key(&self.clean(call, ARGUMENTS_CAP))
    }

    /// A call came to its end; `took` where the program tells. Ends of calls nobody heard of are passed over.
    pub(crate) fn called(&mut self, call: &str, outcome: ToolOutcome, took: Option<Span>) {
        let call = self.clean(call, ARGUMENTS_CAP);
        let Some(Call { name, arguments, since }) = self.calls.remove(&call) else { return };
        let took = took.or_else(|| Some(self.at? - since?));
        self.tell(Event::Tool { call, name, arguments, outcome, took });
    }

    /// An error that the program itself goes on from; `fault` is what it means if it does not get past it.
    pub(crate) fn stumbles(&mut self, message: &str, fault: Option<AgentOutcome>) {
        self.trouble = fault.or(self.trouble.take());
        let message = self.clean(message, TEXT_CAP);
        self.tell(Event::Error { message, passing: true });
    }

    /// What one model used; shown, and added to what it used before.
    pub(crate) fn uses(&mut self, model: &str, used: Usage) {
        let model = self.used(model, &used);
        self.tell(Event::Usage { model, usage: used });
    }

    /// The same, not shown; gives the model's name as it may be.
    pub(crate) fn used(&mut self, model: &str, used: &Usage) -> String {
        let model = self.clean(model, ARGUMENTS_CAP);
        usage::add(&mut self.models, &model, used);
        model
    }

    /// A turn goes on after what looked like its end.
    pub(crate) fn reopens(&mut self) {
        self.closing = Closing::Open;
        self.turn_open = true;
    }

    /// The turn ended in order. `text` is its conclusion where that is not simply the last thing said.
    pub(crate) fn succeeds(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            let text = self.clean(text, TEXT_CAP);
            self.last_words = Some(end_of(&text, WORDS_CAP).to_owned());
        }
        self.trouble = None;
        self.closing = Closing::Success;
        let text = self.last_words.clone().unwrap_or_default();
        self.tell(Event::Result { text });
        self.ends_turn();
    }

    /// The turn failed, or was broken off from outside.
    pub(crate) fn fails(&mut self, message: &str, fault: AgentOutcome) {
        let message = self.clean(message, TEXT_CAP);
        let cancelled = matches!(fault, AgentOutcome::Infra { .. });
        self.closing = Closing::Failure(fault);
        self.stops(message, cancelled);
    }

    /// The process is gone: a turn without an end gets one.
    pub(crate) fn process_ended(&mut self, why: &str, cancelled: bool) {
        if self.turn_open || self.turns_ended == 0 {
            self.stops(why.to_owned(), cancelled);
        }
    }

    /// The process is gone, and that was the turn's end in order.
    pub(crate) fn turn_ends(&mut self) {
        if self.turn_open || self.turns_ended == 0 {
            self.ends_turn();
        }
    }

    fn stops(&mut self, why: String, cancelled: bool) {
        self.tell(if cancelled {
            Event::Cancelled { why }
        } else {
            Event::Error { message: why, passing: false }
        });
        self.ends_turn();
    }

    fn ends_turn(&mut self) {
        self.turn_open = false;
        self.turns_ended = self.turns_ended.saturating_add(1);
        self.events.push(Event::TurnEnd);
    }

    /// Whatever is told is part of a turn, which it opens if none is.
    fn tell(&mut self, event: Event) {
        self.turn_open = true;
        self.events.push(event);
    }

    /// The text without the secrets.
    pub(crate) fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.secrets.masked(text)
    }

    /// What is masked.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Masked first, cut afterwards: a cut through a secret would leave a part of it.
    fn clean(&self, text: &str, cap: usize) -> String {
        start_of(&self.masked(text), cap).to_owned()
    }
}

/// At most `cap` bytes from the start, whole characters.
pub(crate) fn start_of(text: &str, cap: usize) -> &str {
    &text[..text.floor_char_boundary(cap)]
}

/// At most `cap` bytes from the end, whole characters.
pub(crate) fn end_of(text: &str, cap: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(cap))..]
}
