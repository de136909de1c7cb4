//! The dialect of Gemini CLI's `-o stream-json`. Its last event is `result` with a status; its exit code is the HTTP
//! status modulo 256, which is all there is when it gave up without a `result`.

use serde_json::Value;

use super::AgentOutcome;
use super::event::ToolOutcome;
use super::fault::{self, Login};
use super::field::{count, said, status, text};
use super::heard::Heard;
use super::translator::Reader;
use super::usage::Usage;

const LOGIN: Login = Login(
    "set GEMINI_API_KEY for orchd and security.auth.selectedType in ~/.gemini/settings.json, or log in with `gemini`",
);
/// The model is chosen per request.
const AUTO: &str = "auto";
/// Exit code of a login that is not set up.
const EXIT_AUTH: i32 = 41;

/// State between events.
#[derive(Debug, Default)]
pub(crate) struct Gemini {
    /// The last event was a piece of what the model says.
    speaking: bool,
}

impl Reader for Gemini {
    fn event(&mut self, event: &Value, heard: &mut Heard) {
        let spoke = std::mem::take(&mut self.speaking);
        match text(event, "type").unwrap_or_default() {
            "init" => {
                heard.reopens();
                heard.session(said(event, "session_id"), said(event, "model").filter(|model| *model != AUTO));
            }
            "message" if text(event, "role") == Some("user") => {
                heard.user(text(event, "content").unwrap_or_default());
            }
            "message" => {
                let piece = event.get("delta").and_then(Value::as_bool) == Some(true);
                if !spoke {
                    heard.turns = Some(heard.turns.unwrap_or(0).saturating_add(1));
                }
                heard.says(text(event, "content").unwrap_or_default(), piece && spoke);
                self.speaking = true;
            }
            "tool_use" => heard.calls(
                text(event, "tool_id").unwrap_or_default(),
                text(event, "tool_name").unwrap_or_default(),
                event.get("parameters").unwrap_or(&Value::Null),
            ),
            "tool_result" => {
                let outcome = match text(event, "status").unwrap_or_default() {
                    "success" => ToolOutcome::Succeeded,
                    _ => ToolOutcome::Failed,
                };
                heard.called(text(event, "tool_id").unwrap_or_default(), outcome, None);
            }
            "error" => {
                let words = text(event, "message").unwrap_or_default();
                heard.stumbles(words, fault::by_words(words, LOGIN));
            }
            "result" => result(event, heard),
            _ => {}
        }
    }

    fn finish(&mut self, _: &mut Heard) {}

    fn login(&self) -> Login {
        LOGIN
    }

    fn retries_in_silence(&self) -> bool {
        true
    }

    fn exit(&self, code: i32, stderr: &str) -> Option<AgentOutcome> {
        match code {
            EXIT_AUTH => Some(fault::permanent(stderr, LOGIN.0)),
            // 400..=429 and 500..=511. Of the others only 529 is sent by anybody; they would be small exit codes.
            144..=173 | 244..=255 => Some(fault::by_status(u16::try_from(code).ok()? + 256, stderr, LOGIN)),
            17 => Some(fault::by_status(529, stderr, LOGIN)),
            _ => None,
        }
    }
}

fn result(event: &Value, heard: &mut Heard) {
    settle_usage(event, heard);
    if text(event, "status") == Some("success") {
        heard.succeeds(None);
        return;
    }
    let error = event.get("error").unwrap_or(&Value::Null);
    let words = said(error, "message").or(said(error, "type")).unwrap_or("result without success");
    // The provider's answer stands inside the sentence, as JSON.
    let answer = words.find('{').and_then(|at| {
        let mut values = serde_json::Deserializer::from_str(&words[at..]).into_iter::<Value>();
        values.next()?.ok()
    });
    let inner = answer.as_ref().and_then(|answer| answer.get("error"));
    let code = inner.and_then(|inner| status(inner, "code"));
    let message = inner.and_then(|inner| said(inner, "message")).unwrap_or(words);
    heard.fails(message, fault::of(code, message, LOGIN));
}

/// Cached tokens are part of `input_tokens`; `input` is what is left of them.
fn settle_usage(event: &Value, heard: &mut Heard) {
    let Some(told) = event.get("stats").and_then(|stats| stats.get("models")).and_then(Value::as_object)
    else {
        return;
    };
    for (model, told) in told {
        let cached = count(told, "cached");
        let used = Usage {
            input_tokens: count(told, "input_tokens").saturating_sub(cached),
            output_tokens: count(told, "output_tokens"),
            cache_read_tokens: cached,
            ..Usage::default()
        };
        if !used.is_empty() {
            heard.uses(model, used);
        }
    }
    // Small models help on the way; the answer is by the one that wrote most.
    let answered = heard.models.iter().max_by_key(|(_, used)| used.output_tokens);
    heard.model = answered.map(|(model, _)| model.clone()).or(heard.model.take());
}
