//! Recordings of real agent programs (`tests/data/agents`: standard output as it came, and beside it arguments, exit
//! code and standard error), read as runs are. `properties` has what holds for any output, `events` what somebody who
//! is attached sees, `programs` stand-ins that are as strict about their arguments as the real ones.

mod events;
mod programs;
mod properties;
mod recorded;

use std::collections::BTreeSet;

use orchd_core::time::Timestamp;
use orchd_launcher::dialect::AgentOutcome;

use recorded::Recording;

/// What a recording is to be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Finished,
    Transient,
    Quota,
    Permanent,
    Infra,
}
use Class::{Finished, Infra, Permanent, Quota, Transient};

fn class(outcome: &AgentOutcome) -> Class {
    match outcome {
        AgentOutcome::Finished => Finished,
        AgentOutcome::Transient { .. } => Transient,
        AgentOutcome::Quota { .. } => Quota,
        AgentOutcome::Permanent { .. } => Permanent,
        AgentOutcome::Infra { .. } => Infra,
    }
}

/// Recording, class, a word its sentence must have, cost in micro-dollars, input and output tokens.
type Row = (&'static str, Class, &'static str, Option<u64>, Option<(u64, u64)>);

const TABLE: &[Row] = &[
    ("claude/bad_resume", Permanent, "No conversation found", Some(0), None),
    ("claude/default_permissions_user", Finished, "", Some(24_000), Some((3600, 240))),
    ("claude/drop_mid_once", Finished, "", Some(24_000), Some((3600, 240))),
    ("claude/edit_commit_user", Finished, "", Some(24_000), Some((3600, 240))),
    ("claude/f400_credit", Permanent, "top it up", Some(0), None),
    ("claude/f401", Permanent, "log in", Some(0), None),
    ("claude/f404_model", Permanent, "choose another", Some(0), None),
    ("claude/f429_long", Transient, "429", Some(0), None),
    ("claude/f429_twice", Finished, "", Some(24_000), Some((3600, 240))),
    ("claude/f529_forever", Transient, "529", Some(0), None),
    ("claude/failing_command", Finished, "", Some(16_000), Some((2400, 160))),
    ("claude/fallback_529", Transient, "529", Some(0), None),
    ("claude/json_schema", Finished, "", Some(8_000), Some((1200, 80))),
    ("claude/killed_then", Infra, "signal 15", None, Some((1200, 1))),
    ("claude/killed_then_resume", Finished, "", Some(8_000), Some((1200, 80))),
    ("claude/max_budget", Permanent, "money cap", Some(56_000), Some((8400, 560))),
    ("claude/max_turns_5", Permanent, "turns", Some(40_000), Some((6000, 400))),
    ("claude/no_key", Permanent, "log in", Some(0), None),
    ("claude/oauth_quota_rejected", Quota, "limit", Some(0), None),
    ("claude/oauth_quota_warning", Finished, "", Some(4_800), Some((1200, 80))),
    ("claude/partial_messages", Finished, "", Some(24_000), Some((3600, 240))),
    ("claude/say", Finished, "", Some(8_000), Some((1200, 80))),
    ("claude/sigint_mid_text", Infra, "interrupted", Some(0), Some((1200, 1))),
    ("claude/sigterm_mid_command", Infra, "signal 15", None, Some((1200, 1))),
    ("claude/stream_json_input", Permanent, "without the event", None, None),
    ("codex/edit_commit", Finished, "", None, Some((3600, 240))),
    ("codex/f401", Permanent, "log in", None, None),
    ("codex/f429_forever", Transient, "429", None, None),
    ("codex/failing_command", Finished, "", None, Some((2400, 160))),
    ("codex/sandbox_default", Finished, "", None, Some((3600, 240))),
    ("codex/sandbox_workspace_write", Finished, "", None, Some((3600, 240))),
    ("codex/sigterm_mid_command", Infra, "signal 15", None, None),
    ("gemini/edit_commit", Finished, "", None, Some((4800, 320))),
    ("gemini/f400", Permanent, "refused", None, None),
    ("gemini/f401", Permanent, "GEMINI_API_KEY", None, None),
    ("gemini/say", Finished, "", None, Some((1200, 80))),
    ("opencode/edit_commit", Finished, "", None, Some((3600, 240))),
    ("opencode/f401", Permanent, "log in", None, None),
    ("opencode/f429_twice", Finished, "", None, Some((3600, 240))),
    ("opencode/say", Finished, "", None, Some((1200, 80))),
];

#[test]
fn every_recording_is_read_as_its_run_ended() {
    for &(name, expected, word, cost, tokens) in TABLE {
        let reading = Recording::load(name).read();
        assert_eq!(class(&reading.outcome), expected, "{name}: {:?}", reading.outcome);
        assert!(format!("{:?}", reading.outcome).contains(word), "{name}: {:?}", reading.outcome);
        assert_eq!(reading.usage.and_then(|usage| usage.cost_micro_usd), cost, "cost of {name}");
        let used = reading.usage.filter(|usage| !usage.is_empty());
        assert_eq!(used.map(|u| (u.input_tokens, u.output_tokens)), tokens, "tokens of {name}");
        assert_eq!((reading.broken_lines, reading.dropped_lines), (0, 0), "{name}");
    }
}

#[test]
fn no_recording_is_missing_from_the_table_and_no_row_has_none() {
    let rows: BTreeSet<String> = TABLE.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(rows, recorded::names());
}

#[test]
fn the_reset_of_a_subscription_is_told() {
    let reading = Recording::load("claude/oauth_quota_rejected").read();
    let AgentOutcome::Quota { resets_at, .. } = reading.outcome else { panic!("{:?}", reading.outcome) };
    assert_eq!(resets_at, Some(Timestamp(4_102_444_800_000)));
}

#[test]
fn who_answered_in_which_session_and_what_was_said_last() {
    let session = |name: &str| Recording::load(name).read().session.expect("a session");
    assert_eq!(session("claude/killed_then"), "11111111-2222-4333-8444-666666666666");
    assert_eq!(session("claude/killed_then_resume"), session("claude/killed_then"));
    assert_eq!(session("codex/sigterm_mid_command"), "01a1f8a7-aa52-7b23-b3f6-0fdd587ea950");
    assert_eq!(session("gemini/say"), "84648739-df5b-469f-bcf7-c0432acbb362");
    assert_eq!(session("opencode/say"), "ses_e075388cdffexByOVk90zZ3YJU");

    let model = |name: &str| Recording::load(name).read().model;
    assert_eq!(model("claude/say").as_deref(), Some("claude-opus-4-8"));
    assert_eq!(model("claude/fallback_529").as_deref(), Some("claude-haiku-4-5"));
    assert_eq!(model("gemini/edit_commit").as_deref(), Some("gemini-3.8-flash"));
    assert_eq!(model("codex/edit_commit"), None);

    for name in ["claude/edit_commit_user", "codex/edit_commit", "gemini/edit_commit", "opencode/edit_commit"]
    {
        let reading = Recording::load(name).read();
        assert_eq!(reading.last_words.as_deref(), Some("Done: hello.txt is committed."), "{name}");
        let turns = if name.starts_with("codex") { 1 } else { 3 };
        assert_eq!(reading.turns, Some(turns), "{name}");
    }
}

#[test]
fn usage_is_told_by_model() {
    let models = Recording::load("gemini/edit_commit").read().models;
    let told: Vec<_> = models.iter().map(|(model, used)| (model.as_str(), used.input_tokens)).collect();
    assert_eq!(told, [("gemini-3.5-flash-lite", 1200), ("gemini-3.8-flash", 3600)]);
    let asked: Vec<_> = Recording::load("codex/edit_commit").read().models.into_keys().collect();
    assert_eq!(asked, ["asked-for"], "a program that names no model used the one it was asked for");
}

#[test]
fn work_that_was_not_allowed_shows() {
    assert_eq!(Recording::load("claude/default_permissions_user").read().denied, 2);
    assert_eq!(Recording::load("claude/edit_commit_user").read().denied, 0);
}
