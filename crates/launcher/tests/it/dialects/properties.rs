//! What holds for any output: nothing panics, nothing that lacks its program's own word is a success, and how output
//! is cut into pieces changes nothing.

use std::sync::LazyLock;

use orchd_launcher::dialect::{AgentOutcome, Dialect, Event, Reading, Translator};
use orchd_launcher::ended::Ended;
use proptest::prelude::*;
use proptest::sample::select;

use super::recorded::{self, Recording};

static ALL: LazyLock<Vec<Recording>> =
    LazyLock::new(|| recorded::names().iter().map(|name| Recording::load(name)).collect());

fn read(dialect: Dialect, bytes: &[u8], ended: &Ended) -> Reading {
    let mut translator = Translator::new(dialect, None);
    translator.push(bytes, None);
    translator.reading(ended, "")
}

const fn exit(code: i32) -> Ended {
    Ended::Exited { code }
}

fn index() -> impl Strategy<Value = usize> {
    0..ALL.len()
}

fn any_end() -> impl Strategy<Value = Ended> {
    prop_oneof![
        (0..256i32).prop_map(exit),
        (1..32i32).prop_map(|signal| Ended::Signalled { signal }),
        Just(Ended::DeadlineExceeded),
        Just(Ended::Stalled),
        Just(Ended::OutputCeiling),
        Just(Ended::Stopped { why: "asked".to_owned() }),
        Just(Ended::SpawnFailed { error: "missing".to_owned(), os_code: Some(2) }),
    ]
}

/// Turn ends of a stream of events, and whether anything came after the last one of a finished process.
fn check_turns(events: &[Event]) -> Result<(), TestCaseError> {
    let ends = events.iter().filter(|event| **event == Event::TurnEnd).count();
    prop_assert!(ends >= 1, "a process that ended has ended its turn");
    prop_assert!(
        !events.windows(2).any(|two| two == [Event::TurnEnd, Event::TurnEnd]),
        "two ends of one turn"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_bytes_are_read_without_a_panic_and_are_no_success(
        dialect in select(&Dialect::ALL[1..]),
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
        ended in any_end(),
    ) {
        let reading = read(dialect, &bytes, &ended);
        prop_assert_ne!(reading.outcome, AgentOutcome::Finished);
    }

    /// Cut anywhere before its closing event, a success is none any more.
    #[test]
    fn a_cut_success_is_never_finished(which in index(), part in 0.0..1.0f64) {
        let recording = &ALL[which];
        let text = recording.stdout.trim_ascii_end();
        let cut = (text.len() as f64 * part) as usize;
        let reading = read(recording.dialect, &text[..cut], &exit(0));
        prop_assert_ne!(reading.outcome, AgentOutcome::Finished, "{}", cut);
    }

    /// However it ends: only exit 0 is a success.
    #[test]
    fn only_exit_0_makes_a_success(which in index(), ended in any_end()) {
        let recording = &ALL[which];
        let reading = read(recording.dialect, &recording.stdout, &ended);
        if reading.outcome == AgentOutcome::Finished {
            prop_assert_eq!(ended, exit(0));
        }
    }

    /// Lines of any recording in any order, bytes flipped, in any dialect: nothing panics, turns stay whole.
    #[test]
    fn spliced_recordings_are_read(
        dialect in select(&Dialect::ALL[..]),
        lines in proptest::collection::vec((index(), any::<prop::sample::Index>()), 0..40),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        ended in any_end(),
    ) {
        let mut bytes = Vec::new();
        for (which, line) in lines {
            let all: Vec<&[u8]> = ALL[which].stdout.split_inclusive(|&b| b == b'\n').collect();
            if !all.is_empty() {
                bytes.extend_from_slice(all[line.index(all.len())]);
            }
        }
        for (at, byte) in flips {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        let mut translator = Translator::new(dialect, None);
        let mut events = translator.push(&bytes, None);
        events.extend(translator.end(&ended));
        check_turns(&events)?;
        prop_assert_eq!(events.last(), Some(&Event::TurnEnd));
        translator.reading(&ended, "whatever");
    }

    /// The size of the pieces is the operating system's affair.
    #[test]
    fn pieces_do_not_matter(which in index(), size in 1..700usize) {
        let recording = &ALL[which];
        let (mut whole, mut cut) =
            (Translator::new(recording.dialect, None), Translator::new(recording.dialect, None));
        let at_once = whole.push(&recording.stdout, None);
        let piecewise: Vec<Event> =
            recording.stdout.chunks(size).flat_map(|piece| cut.push(piece, None)).collect();
        prop_assert_eq!(at_once, piecewise);
        let end = &recording.ended;
        prop_assert_eq!(whole.reading(end, ""), cut.reading(end, ""));
    }
}

/// The closing event is the last line of each of them, so that every shorter beginning lacks it.
#[test]
fn no_beginning_of_a_recording_is_a_success() {
    for (name, recording) in recorded::names().iter().zip(ALL.iter()) {
        let text = recording.stdout.trim_ascii_end();
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        for cut in ends.chain([0, text.len().saturating_sub(1)]) {
            let outcome = read(recording.dialect, &text[..cut], &exit(0)).outcome;
            assert_ne!(outcome, AgentOutcome::Finished, "{name} up to byte {cut}");
        }
    }
}

#[test]
fn an_endless_line_costs_neither_memory_nor_the_run() {
    let say = Recording::load("claude/say");
    let mut translator = Translator::new(say.dialect, None);
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..800 {
        assert_eq!(translator.push(&piece, None), []);
    }
    translator.push(b"\n", None);
    translator.push(b"{\"type\": broken \xff\n\n[1]\n", None);
    translator.push(&say.stdout, None);
    let reading = translator.reading(&say.ended, "");
    assert_eq!(reading.outcome, AgentOutcome::Finished);
    assert_eq!((reading.dropped_lines, reading.broken_lines), (1, 2));
}

#[test]
fn invalid_utf8_inside_an_event_loses_no_event() {
    let say = Recording::load("claude/say");
    let text = String::from_utf8(say.stdout).expect("UTF-8").replace("Hello.", "Hel@lo.");
    let bytes: Vec<u8> = text.into_bytes().into_iter().map(|b| if b == b'@' { 0xff } else { b }).collect();
    let reading = read(say.dialect, &bytes, &say.ended);
    assert_eq!(reading.outcome, AgentOutcome::Finished);
    assert_eq!(reading.last_words.as_deref(), Some("Hel\u{fffd}lo."));
}

#[test]
fn a_run_that_was_killed_while_its_provider_failed_is_the_providers() {
    let text = String::from_utf8(Recording::load("claude/f529_forever").stdout).expect("UTF-8");
    let until_retries: String = text
        .lines()
        .filter(|line| !line.contains("<synthetic>"))
        .take(6)
        .fold(String::new(), |text, line| text + line + "\n");
    for ended in [Ended::DeadlineExceeded, Ended::Stalled, exit(143)] {
        let reading = read(Dialect::ClaudeStreamJson, until_retries.as_bytes(), &ended);
        assert!(matches!(reading.outcome, AgentOutcome::Transient { .. }), "{:?}", reading.outcome);
    }
    let got_past = until_retries + &String::from_utf8_lossy(&Recording::load("claude/killed_then").stdout);
    let reading = read(Dialect::ClaudeStreamJson, got_past.as_bytes(), &Ended::DeadlineExceeded);
    assert!(matches!(reading.outcome, AgentOutcome::Infra { .. }), "{:?}", reading.outcome);
}

#[test]
fn a_program_that_retries_in_silence_until_it_is_killed_is_read_by_its_standard_error() {
    let text = String::from_utf8(Recording::load("gemini/f401").stdout).expect("UTF-8");
    let begun: String = text.lines().take(2).map(|line| line.to_owned() + "\n").collect();
    let killed = |stderr: &str| {
        let mut translator = Translator::new(Dialect::GeminiStreamJson, None);
        translator.push(begun.as_bytes(), None);
        translator.reading(&Ended::DeadlineExceeded, stderr).outcome
    };
    let retrying = killed("Attempt 3 failed with status 503. Retrying with backoff...\n");
    assert!(matches!(retrying, AgentOutcome::Transient { .. }), "{retrying:?}");
    let hanging = killed("YOLO mode is enabled.\n");
    assert!(matches!(hanging, AgentOutcome::Infra { .. }), "{hanging:?}");
}

#[test]
fn a_run_that_is_killed_while_its_subscription_is_used_up_waits_for_the_reset() {
    let text = String::from_utf8(Recording::load("claude/oauth_quota_rejected").stdout).expect("UTF-8");
    let begun: String = text.lines().take(2).map(|line| line.to_owned() + "\n").collect();
    let outcome = read(Dialect::ClaudeStreamJson, begun.as_bytes(), &Ended::Stalled).outcome;
    assert!(matches!(outcome, AgentOutcome::Quota { resets_at: Some(_), .. }), "{outcome:?}");
}
