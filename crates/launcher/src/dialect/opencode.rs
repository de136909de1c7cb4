//! The dialect of opencode's `run --format json`. It has no closing event of its own: a step that finishes with reason
//! `stop` ends the turn, one with `tool-calls` leads to the next, and `error` fails it.

use orchd_core::time::Span;
use serde_json::Value;

use super::AgentOutcome;
use super::event::ToolOutcome;
use super::fault::{self, Login};
use super::field::{count, said, status, text};
use super::heard::Heard;
use super::translator::Reader;
use super::usage::{Usage, micro_usd};

const LOGIN: Login = Login("log in with `opencode auth login`, or set the provider's key for orchd");

/// State between events.
#[derive(Debug)]
pub(crate) struct Opencode {
    /// Under which name usage is told: the events do not say who answered.
    model: String,
    introduced: bool,
}

impl Opencode {
    pub(crate) fn new(model: &str) -> Self {
        Self { model: model.to_owned(), introduced: false }
    }
}

impl Reader for Opencode {
    fn event(&mut self, event: &Value, heard: &mut Heard) {
        if let Some(session) = said(event, "sessionID").filter(|_| !self.introduced) {
            heard.session(Some(session), None);
            self.introduced = true;
        }
        let part = event.get("part").unwrap_or(&Value::Null);
        match text(event, "type").unwrap_or_default() {
            "step_start" => heard.reopens(),
            "text" => heard.says(text(part, "text").unwrap_or_default(), false),
            "tool_use" => tool(part, heard),
            "step_finish" => self.step(part, heard),
            "error" => failed(event.get("error").unwrap_or(&Value::Null), heard),
            _ => {}
        }
    }

    fn finish(&mut self, _: &mut Heard) {}

    fn login(&self) -> Login {
        LOGIN
    }
}

impl Opencode {
    fn step(&self, part: &Value, heard: &mut Heard) {
        heard.turns = Some(heard.turns.unwrap_or(0).saturating_add(1));
        if let Some(told) = part.get("tokens") {
            heard.uses(&self.model, usage(told, part.get("cost").and_then(Value::as_f64)));
        }
        match text(part, "reason").unwrap_or_default() {
            "stop" => heard.succeeds(None),
            "tool-calls" => heard.reopens(),
            other => {
                let words = format!("the model's answer ended with {other:?}");
                let advice = match other {
                    "length" => "make the task smaller, or allow the model longer answers",
                    "content-filter" => "change the request, or the role's model",
                    _ => "read the run's log",
                };
                heard.fails(&words, fault::permanent(&words, advice));
            }
        }
    }
}

/// Reasoning stands beside the output where the total counts it apart. A cost of zero for tokens used is that of a
/// model without a price: not told.
fn usage(told: &Value, cost: Option<f64>) -> Usage {
    let cache = told.get("cache").unwrap_or(&Value::Null);
    let (input, output, reasoning) = (count(told, "input"), count(told, "output"), count(told, "reasoning"));
    let (read, write) = (count(cache, "read"), count(cache, "write"));
    let parts = [input, output, reasoning, read, write].iter().fold(0u64, |sum, n| sum.saturating_add(*n));
    let apart = count(told, "total") >= parts;
    let used = Usage {
        input_tokens: input,
        output_tokens: if apart { output.saturating_add(reasoning) } else { output },
        cache_read_tokens: read,
        cache_write_tokens: write,
        cost_micro_usd: None,
    };
    let cost = cost.and_then(micro_usd).filter(|cost| *cost > 0 || used.is_empty());
    Usage { cost_micro_usd: cost, ..used }
}

fn tool(part: &Value, heard: &mut Heard) {
    let call = text(part, "callID").unwrap_or_default();
    let state = part.get("state").unwrap_or(&Value::Null);
    if !heard.is_calling(call) {
        heard.calls(call, text(part, "tool").unwrap_or_default(), state.get("input").unwrap_or(&Value::Null));
    }
    let outcome = match text(state, "status").unwrap_or_default() {
        "completed" => ToolOutcome::Succeeded,
        "error" => ToolOutcome::Failed,
        _ => return,
    };
    let time = state.get("time").unwrap_or(&Value::Null);
    let millis = |name| time.get(name).and_then(Value::as_i64);
    let took =
        millis("end").zip(millis("start")).map(|(end, start)| Span::millis(end.saturating_sub(start).max(0)));
    heard.called(call, outcome, took);
}

fn failed(error: &Value, heard: &mut Heard) {
    let data = error.get("data").unwrap_or(&Value::Null);
    let name = text(error, "name").unwrap_or_default();
    let words = said(data, "message").or(said(error, "message")).unwrap_or(name);
    let status = status(data, "statusCode");
    let fault = match name {
        "MessageAbortedError" => fault::interrupted(words),
        "ProviderAuthError" => fault::by_status(status.unwrap_or(401), words, LOGIN),
        _ if status.is_none() && data.get("isRetryable").and_then(Value::as_bool) == Some(true) => {
            fault::transient("a passing error", words)
        }
        _ => fault::of(status, words, LOGIN),
    };
    heard.fails(words, retry_after(fault, data));
}

fn retry_after(fault: AgentOutcome, data: &Value) -> AgentOutcome {
    let headers = data.get("responseHeaders").unwrap_or(&Value::Null);
    let number = |name| text(headers, name)?.trim().parse::<f64>().ok().filter(|n| (0.0..1e9).contains(n));
    let millis = number("retry-after-ms").or_else(|| Some(number("retry-after")? * 1000.0));
    fault::retry_after(fault, millis.map(|ms| Span::millis(ms as i64)))
}
