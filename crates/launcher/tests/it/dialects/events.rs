//! What somebody who is attached sees of a recording: golden files in `tests/data/events`, one JSON object per event,
//! the way they are sent on.

use std::fs;
use std::path::Path;

use orchd_core::time::{Span, Timestamp};
use orchd_launcher::dialect::event::ARGUMENTS_CAP;
use orchd_launcher::dialect::{Dialect, Event, ToolOutcome, Translator};
use orchd_launcher::ended::Ended;
use serde_json::json;

use super::recorded::Recording;

fn seen(name: &str) -> Vec<Event> {
    let recording = Recording::load(name);
    let mut translator = Translator::new(recording.dialect, Some("asked-for"));
    let mut events = translator.push(&recording.stdout, None);
    events.extend(translator.end(&recording.ended));
    events
}

fn check(name: &str) {
    let line = |event: Event| serde_json::to_string(&event).expect("JSON") + "\n";
    let actual: String = seen(name).into_iter().map(line).collect();
    let file = format!("{}.jsonl", name.replace('/', "-"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/events").join(&file);
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == golden,
        "{name} is shown otherwise than tests/data/events/{file} says; it is now:\n{actual}"
    );
}

#[test]
fn an_edit_and_a_commit_look_alike_in_every_dialect() {
    for program in ["claude", "codex", "gemini", "opencode"] {
        let name = if program == "claude" { "edit_commit_user" } else { "edit_commit" };
        check(&format!("{program}/{name}"));
    }
}

#[test]
fn failures_and_broken_off_turns_are_told() {
    for name in [
        "claude/f401",
        "claude/fallback_529",
        "claude/failing_command",
        "claude/sigint_mid_text",
        "claude/sigterm_mid_command",
        "codex/f429_forever",
        "gemini/f401",
        "opencode/f401",
    ] {
        check(name);
    }
}

fn claude(lines: &[serde_json::Value]) -> Vec<u8> {
    lines.iter().flat_map(|line| (line.to_string() + "\n").into_bytes()).collect()
}

fn call(arguments: serde_json::Value) -> serde_json::Value {
    let block = json!({"type": "tool_use", "id": "call-1", "name": "Bash", "input": arguments});
    json!({"type": "assistant", "message": {"id": "m", "model": "x", "content": [block]}})
}

#[test]
fn arguments_are_cut_and_secrets_masked_even_at_the_cut() {
    let secret = "sk-very-secret-0123456789";
    let filler = "ä".repeat((ARGUMENTS_CAP - 30) / 2);
    let lines = claude(&[call(json!({"command": format!("{filler}{secret}{filler}")}))]);
    let mut translator =
        Translator::new(Dialect::ClaudeStreamJson, None).masking([secret.to_owned(), String::new()]);
    let events = translator.push(&lines, None);
    let [Event::Tool { arguments, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(arguments.len() <= ARGUMENTS_CAP && arguments.len() > ARGUMENTS_CAP - 4, "{}", arguments.len());
    assert!(arguments.contains("***") && !arguments.contains("sk-"), "{arguments}");
}

#[test]
fn a_reading_holds_no_secret_either() {
    let secret = "sk-very-secret-0123456789".to_owned();
    let refused = format!("invalid key {secret}");
    let result = json!({"type": "result", "is_error": true, "api_error_status": 401, "result": refused});
    for output in [claude(&[result]), Vec::new()] {
        let mut translator = Translator::new(Dialect::ClaudeStreamJson, None).masking([secret.clone()]);
        translator.push(&output, None);
        let reading = translator.reading(&Ended::Exited { code: 1 }, &format!("sent {secret}\n"));
        let shown = format!("{reading:?}");
        assert!(shown.contains("***") && !shown.contains("sk-very"), "{shown}");
    }
}

#[test]
fn a_calls_time_is_measured_where_the_program_does_not_tell_it() {
    let mut translator = Translator::new(Dialect::ClaudeStreamJson, None);
    translator.push(&claude(&[call(json!({}))]), Some(Timestamp(1_000)));
    let result = json!({"type": "tool_result", "tool_use_id": "call-1", "is_error": true, "content": "no"});
    let ended = claude(&[json!({"type": "user", "message": {"content": [result]}})]);
    let events = translator.push(&ended, Some(Timestamp(3_500)));
    let [Event::Tool { outcome: ToolOutcome::Failed, took, name, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((*took, name.as_str()), (Some(Span::millis(2_500)), "Bash"));
}

#[test]
fn plain_output_is_text_and_one_turn() {
    let mut translator = Translator::new(Dialect::Plain, None);
    let mut events = translator.push(b"one\ntwo", None);
    events.extend(translator.end(&Ended::Stopped { why: "enough".to_owned() }));
    let text = |text: &str| Event::Text { text: text.to_owned() };
    let cancelled = Event::Cancelled { why: "was stopped: enough".to_owned() };
    assert_eq!(events, [text("one"), text("two"), cancelled, Event::TurnEnd]);
}
