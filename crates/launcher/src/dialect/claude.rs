//! The dialect of Claude Code's `--output-format stream-json`. Its trap: every failure of the API ends as
//! `subtype:"success"` with `is_error:true`; so the subtype alone is never read as success.

use std::collections::VecDeque;

use orchd_core::time::{Span, Timestamp};
use serde_json::Value;

use super::AgentOutcome;
use super::event::ToolOutcome;
use super::fault::{self, Login};
use super::field::{count, list, said, status, text};
use super::heard::Heard;
use super::translator::Reader;
use super::usage::{Usage, micro_usd};

const LOGIN: Login =
    Login("log in with `claude` and /login, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN for orchd");
/// What the program calls messages it wrote itself.
const SYNTHETIC: &str = "<synthetic>";
/// Messages told apart by identity; those of sub-agents may come between the pieces of one.
const MESSAGES: usize = 64;

/// State between events.
#[derive(Debug, Default)]
pub(crate) struct Claude {
    /// The typed error of the last message the program wrote itself.
    error: Option<String>,
    /// The subscription's limit is reached, until then.
    rejected: Option<Option<Timestamp>>,
    /// Messages that no `result` has accounted for: identity, model, usage.
    open: VecDeque<(String, String, Usage)>,
    messages: u32,
}

impl Reader for Claude {
    fn event(&mut self, event: &Value, heard: &mut Heard) {
        match text(event, "type").unwrap_or_default() {
            "system" => self.system(event, heard),
            "assistant" => self.assistant(event, heard),
            "user" => user(event, heard),
            "rate_limit_event" => self.rate_limit(event, heard),
            "result" => self.result(event, heard),
            _ => {}
        }
    }

    fn finish(&mut self, heard: &mut Heard) {
        for (_, model, used) in self.open.drain(..) {
            heard.used(&model, &used);
        }
        if heard.turns.is_none() && self.messages > 0 {
            heard.turns = Some(self.messages);
        }
    }

    fn login(&self) -> Login {
        LOGIN
    }
}

impl Claude {
    fn system(&mut self, event: &Value, heard: &mut Heard) {
        match text(event, "subtype").unwrap_or_default() {
            "init" => {
                heard.session(said(event, "session_id"), said(event, "model"));
                heard.reopens();
                self.error = None;
            }
            "api_retry" => {
                let what = text(event, "error").unwrap_or("unknown");
                let (attempt, max) = (count(event, "attempt"), count(event, "max_retries"));
                let status = status(event, "error_status");
                let shown = status.map_or(String::new(), |status| format!(", HTTP {status}"));
                let message = format!("{what}{shown}, attempt {attempt} of {max}");
                let fault = typed(Some(what), status, &message)
                    .unwrap_or_else(|| fault::transient("no answer from the provider", &message));
                let delay = event.get("retry_delay_ms").and_then(Value::as_f64);
                // Only a rate limit's delay is the provider's word; the others are the program's own backoff.
                let delay = delay.filter(|_| status == Some(429)).map(|ms| Span::millis(ms as i64));
                heard.stumbles(&message, Some(fault::retry_after(fault, delay)));
            }
            "model_fallback" => {
                heard.answers(said(event, "fallback_model"));
                heard.stumbles(text(event, "content").unwrap_or("switched to the fallback model"), None);
            }
            "model_refusal_no_fallback" => {
                let said = text(event, "content").unwrap_or("the model refused");
                let fault = fault::permanent(said, "change the request, or the role's model");
                heard.stumbles(said, Some(fault));
            }
            _ => {}
        }
    }

    fn assistant(&mut self, event: &Value, heard: &mut Heard) {
        let Some(message) = event.get("message") else { return };
        let model = text(message, "model").unwrap_or_default();
        let inside = said(event, "parent_tool_use_id").is_some();
        if model == SYNTHETIC {
            self.error = said(event, "error").map(str::to_owned);
            return;
        }
        if !inside {
            heard.reopens();
            heard.answers(Some(model).filter(|model| !model.is_empty()));
        }
        self.account(message, model, heard);
        for block in list(message, "content") {
            match text(block, "type").unwrap_or_default() {
                "text" if inside => heard.aside(text(block, "text").unwrap_or_default()),
                "text" => heard.says(text(block, "text").unwrap_or_default(), false),
                "tool_use" => heard.calls(
                    text(block, "id").unwrap_or_default(),
                    text(block, "name").unwrap_or_default(),
                    block.get("input").unwrap_or(&Value::Null),
                ),
                _ => {}
            }
        }
    }

    /// Counts a message's usage once, however many events it comes in.
    fn account(&mut self, message: &Value, model: &str, heard: &mut Heard) {
        let Some(told) = message.get("usage") else { return };
        let used = Usage {
            input_tokens: count(told, "input_tokens"),
            output_tokens: count(told, "output_tokens"),
            cache_read_tokens: count(told, "cache_read_input_tokens"),
            cache_write_tokens: count(told, "cache_creation_input_tokens"),
            cost_micro_usd: None,
        };
        let id = text(message, "id").unwrap_or_default();
        match self.open.iter_mut().find(|(known, _, _)| known == id) {
            Some((_, _, known)) => known.grow(&used),
            None => {
                self.messages = self.messages.saturating_add(1);
                self.open.push_back((id.to_owned(), model.to_owned(), used));
                if self.open.len() > MESSAGES
                    && let Some((_, model, used)) = self.open.pop_front()
                {
                    heard.used(&model, &used);
                }
            }
        }
    }

    /// Only a subscription tells its limits so; with a key they come as errors.
    fn rate_limit(&mut self, event: &Value, heard: &mut Heard) {
        let Some(info) = event.get("rate_limit_info") else { return };
        self.rejected = None;
        if text(info, "status") == Some("rejected") {
            let secs = info.get("resetsAt").and_then(Value::as_i64);
            let resets_at = secs.map(|secs| Timestamp(secs.saturating_mul(1000)));
            self.rejected = Some(resets_at);
            let which = text(info, "rateLimitType").unwrap_or("subscription");
            let why = format!("the {which} limit is reached");
            heard.stumbles(&why, Some(AgentOutcome::Quota { why: why.clone(), resets_at }));
        }
    }

    fn result(&mut self, event: &Value, heard: &mut Heard) {
        heard.is_named(said(event, "session_id"));
        self.settle_usage(event, heard);
        heard.turns = u32::try_from(count(event, "num_turns")).ok();
        heard.denied = u32::try_from(list(event, "permission_denials").len()).unwrap_or(u32::MAX);
        let in_order = event.get("is_error").and_then(Value::as_bool) == Some(false)
            && text(event, "subtype") == Some("success");
        if in_order {
            heard.succeeds(said(event, "result"));
        } else {
            let words = words(event);
            heard.fails(&words, self.failure(event, &words));
        }
    }

    /// The numbers of `result` are of the whole session so far and include turns that were cut; `modelUsage` is the
    /// complete one of the two it has.
    fn settle_usage(&mut self, event: &Value, heard: &mut Heard) {
        heard.cost_micro_usd = event.get("total_cost_usd").and_then(Value::as_f64).and_then(micro_usd);
        let Some(told) = event.get("modelUsage").and_then(Value::as_object).filter(|told| !told.is_empty())
        else {
            return;
        };
        heard.models.clear();
        self.open.clear();
        for (model, told) in told {
            heard.uses(
                model,
                Usage {
                    input_tokens: count(told, "inputTokens"),
                    output_tokens: count(told, "outputTokens"),
                    cache_read_tokens: count(told, "cacheReadInputTokens"),
                    cache_write_tokens: count(told, "cacheCreationInputTokens"),
                    cost_micro_usd: told.get("costUSD").and_then(Value::as_f64).and_then(micro_usd),
                },
            );
        }
    }

    fn failure(&self, event: &Value, words: &str) -> AgentOutcome {
        match text(event, "subtype").unwrap_or_default() {
            "error_max_budget_usd" => {
                return fault::permanent(
                    words,
                    "the run's money cap is reached; raise it, or make the task smaller",
                );
            }
            "error_max_turns" => {
                return fault::permanent(words, "the limit of turns is reached; make the task smaller");
            }
            "error_max_structured_output_retries" => {
                return fault::permanent(words, "the model never answered by the schema; use another model");
            }
            _ => {}
        }
        match text(event, "terminal_reason").unwrap_or_default() {
            "aborted_streaming" | "aborted_tools" => return fault::interrupted(words),
            "prompt_too_long" => return fault::permanent(words, "give the role less to read"),
            _ => {}
        }
        let status = status(event, "api_error_status");
        let limited = status == Some(429) || self.error.as_deref() == Some("rate_limit");
        match self.rejected {
            Some(resets_at) if limited => AgentOutcome::Quota { why: fault::brief(words), resets_at },
            Some(_) | None => {
                typed(self.error.as_deref(), status, words).unwrap_or_else(|| fault::of(status, words, LOGIN))
            }
        }
    }
}

/// The class of one of the program's typed errors; `None` for those that say nothing.
fn typed(error: Option<&str>, status: Option<u16>, words: &str) -> Option<AgentOutcome> {
    let or = |other| fault::by_status(status.unwrap_or(other), words, LOGIN);
    Some(match error? {
        "authentication_failed" => or(401),
        "billing_error" => fault::credit(words),
        "rate_limit" => or(429),
        "overloaded" => or(529),
        "server_error" => or(500),
        "model_not_found" => or(404),
        "invalid_request" => or(400),
        "max_output_tokens" => {
            fault::permanent(words, "an answer was longer than the model may write; make the task smaller")
        }
        _ => return status.map(|status| fault::by_status(status, words, LOGIN)),
    })
}

/// What a failed `result` says: its text, else its list of errors, else its subtype.
fn words(event: &Value) -> String {
    if let Some(said) = said(event, "result") {
        return said.to_owned();
    }
    let errors: Vec<&str> = list(event, "errors").iter().filter_map(Value::as_str).collect();
    if errors.is_empty() { text(event, "subtype").unwrap_or_default().to_owned() } else { errors.join("; ") }
}

/// Results of tools, and notes in the user's name.
fn user(event: &Value, heard: &mut Heard) {
    let Some(message) = event.get("message") else { return };
    let inside = said(event, "parent_tool_use_id").is_some();
    if let Some(text) = said(message, "content") {
        if !inside {
            heard.user(text);
        }
        return;
    }
    for block in list(message, "content") {
        match text(block, "type").unwrap_or_default() {
            "tool_result" => {
                let failed = block.get("is_error").and_then(Value::as_bool) == Some(true);
                let outcome = if failed { ToolOutcome::Failed } else { ToolOutcome::Succeeded };
                heard.called(text(block, "tool_use_id").unwrap_or_default(), outcome, None);
            }
            "text" if !inside => heard.user(text(block, "text").unwrap_or_default()),
            _ => {}
        }
    }
}
