//! The dialect of Codex's `exec --json`. A turn ends in `turn.completed` or `turn.failed`; an item of type `error`
//! (unknown model metadata, say) is a note and fails nothing. It tells no money and not which model answered.

use serde_json::Value;

use super::event::ToolOutcome;
use super::fault::{self, Login};
use super::field::{count, said, text};
use super::heard::Heard;
use super::translator::Reader;
use super::usage::Usage;

const LOGIN: Login = Login("log in with `codex login`, or set CODEX_API_KEY or OPENAI_API_KEY for orchd");
/// Fields of an item that are not what a tool was asked.
const NOT_ASKED: &[&str] = &["id", "type", "status", "aggregated_output", "exit_code", "result", "error"];

/// State between events.
#[derive(Debug)]
pub(crate) struct Codex {
    /// Under which name usage is told.
    model: String,
}

impl Codex {
    pub(crate) fn new(model: &str) -> Self {
        Self { model: model.to_owned() }
    }
}

impl Reader for Codex {
    fn event(&mut self, event: &Value, heard: &mut Heard) {
        match text(event, "type").unwrap_or_default() {
            "thread.started" => heard.session(said(event, "thread_id"), None),
            "turn.started" => {
                heard.reopens();
                heard.turns = Some(heard.turns.unwrap_or(0).saturating_add(1));
            }
            "turn.completed" => {
                if let Some(told) = event.get("usage") {
                    heard.uses(&self.model, usage(told));
                }
                heard.succeeds(None);
            }
            "turn.failed" => {
                let words = event.get("error").and_then(|error| said(error, "message"));
                let words = words.unwrap_or("turn.failed without a message");
                heard.fails(words, fault::of(None, words, LOGIN));
            }
            "error" => {
                let words = text(event, "message").unwrap_or_default();
                heard.stumbles(words, Some(fault::of(None, words, LOGIN)));
            }
            "item.started" => item(event, false, heard),
            "item.completed" => item(event, true, heard),
            _ => {}
        }
    }

    fn finish(&mut self, _: &mut Heard) {}

    fn login(&self) -> Login {
        LOGIN
    }
}

/// Cached tokens are part of the input as it tells it, and reasoning is part of the output.
fn usage(told: &Value) -> Usage {
    let (read, write) = (count(told, "cached_input_tokens"), count(told, "cache_write_input_tokens"));
    Usage {
        input_tokens: count(told, "input_tokens").saturating_sub(read).saturating_sub(write),
        output_tokens: count(told, "output_tokens"),
        cache_read_tokens: read,
        cache_write_tokens: write,
        cost_micro_usd: None,
    }
}

fn item(event: &Value, completed: bool, heard: &mut Heard) {
    let Some(item) = event.get("item") else { return };
    match text(item, "type").unwrap_or_default() {
        "agent_message" if completed => heard.says(text(item, "text").unwrap_or_default(), false),
        "error" => heard.stumbles(text(item, "message").unwrap_or_default(), None),
        "agent_message" | "reasoning" | "todo_list" | "" => {}
        kind => {
            let call = text(item, "id").unwrap_or_default();
            if !heard.is_calling(call) {
                heard.calls(call, tool(kind, item).as_str(), &arguments(item));
            }
            if completed {
                heard.called(call, outcome(item), None);
            }
        }
    }
}

fn tool(kind: &str, item: &Value) -> String {
    match (said(item, "server"), said(item, "tool")) {
        (Some(server), Some(tool)) => format!("{server}.{tool}"),
        (Some(_), None) | (None, Some(_)) | (None, None) => kind.to_owned(),
    }
}

fn arguments(item: &Value) -> Value {
    let fields = item.as_object().into_iter().flatten();
    fields
        .filter(|(name, _)| !NOT_ASKED.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn outcome(item: &Value) -> ToolOutcome {
    match text(item, "status").unwrap_or_default() {
        "failed" => ToolOutcome::Failed,
        "declined" => ToolOutcome::Denied,
        _ => ToolOutcome::Succeeded,
    }
}
