//! Machine verdicts (spec 1.3): both channels, every word, and what is refused. Total on arbitrary bytes.

use orchd_core::stage::Role;
use orchd_core::verdict::{
    BadVerdict, FRONT_MATTER_MAX, SUBMISSION_MAX, Verdict, artifact, artifact_name, submission,
};
use proptest::prelude::*;

use crate::support::config;

const TESTER_GOOD: [&str; 5] = ["PASS", "PASSED", "GREEN", "READY-TO-DEPLOY", "APPROVED"];
const TESTER_BAD: [&str; 4] = ["FAIL", "FAILED", "BLOCKED", "RED"];

fn front(role: Role, front: &str) -> Result<Option<Verdict>, BadVerdict> {
    artifact(role, format!("---\n{front}\n---\n").as_bytes()).map(|read| read.verdict)
}

fn json(role: Role, text: &str) -> Result<Option<Verdict>, BadVerdict> {
    submission(role, text.as_bytes()).map(|(read, _)| read.verdict)
}

/// One word in both channels, under every key that the role may use.
#[track_caller]
fn check(role: Role, word: &str, expected: Option<Verdict>) {
    let keys: &[&str] = if role == Role::Tester { &["result", "verdict", "status"] } else { &["verdict"] };
    for key in keys {
        let quoted = serde_json::to_string(word).expect("a string has a JSON form");
        for read in [front(role, &format!("{key}: {quoted}")), json(role, &format!("{{\"{key}\":{quoted}}}"))]
        {
            match expected {
                Some(verdict) => assert_eq!(read, Ok(Some(verdict)), "{role} {key}: {word}"),
                None => {
                    assert!(matches!(read, Err(BadVerdict::Unknown { .. })), "{role} {key}: {word}: {read:?}")
                }
            }
        }
    }
}

#[test]
fn every_word_of_the_table_counts_in_any_case_by_its_first_token() {
    let rows: [(Role, &[&str], Verdict); 4] = [
        (Role::Reviewer, &["APPROVED"], Verdict::Positive),
        (Role::Reviewer, &["REQUEST_CHANGES"], Verdict::Negative),
        (Role::Tester, &TESTER_GOOD, Verdict::Positive),
        (Role::Tester, &TESTER_BAD, Verdict::Negative),
    ];
    for (role, words, verdict) in rows {
        for word in words {
            check(role, word, Some(verdict));
            check(role, &word.to_lowercase(), Some(verdict));
            check(role, &format!("  {word}\t"), Some(verdict));
            check(role, &format!("{word} — ready-to-deploy"), Some(verdict));
            check(role, &format!("{word}, with remarks"), Some(verdict));
        }
    }
}

#[test]
fn words_of_another_table_and_unknown_words_are_no_verdict() {
    for word in ["", "maybe", "LGTM", "PASSABLE", "NOT APPROVED", "APPROVEDISH", "UNAPPROVED", "true", "1"] {
        check(Role::Reviewer, word, None);
        check(Role::Tester, word, None);
    }
    for word in ["PASS", "GREEN", "FAIL"] {
        check(Role::Reviewer, word, None);
    }
    check(Role::Tester, "REQUEST_CHANGES", None);
}

#[test]
fn a_negative_in_any_field_beats_a_positive_in_another() {
    let keys = ["result", "verdict", "status"];
    for (at, bad) in keys.iter().enumerate() {
        let word = |n| if n == at { "red" } else { "PASS" };
        let fields: Vec<_> = keys.iter().enumerate().map(|(n, key)| (*key, word(n))).collect();
        let yaml: Vec<_> = fields.iter().map(|(key, word)| format!("{key}: {word}")).collect();
        let wire: Vec<_> = fields.iter().map(|(key, word)| format!("\"{key}\":\"{word}\"")).collect();
        assert_eq!(front(Role::Tester, &yaml.join("\n")), Ok(Some(Verdict::Negative)), "{bad}");
        assert_eq!(
            json(Role::Tester, &format!("{{{}}}", wire.join(","))),
            Ok(Some(Verdict::Negative)),
            "{bad}"
        );
    }
    // An unknown word beside a positive one is not positive; beside a negative one it stays negative.
    assert!(front(Role::Tester, "result: PASS\nstatus: dunno").is_err());
    assert_eq!(front(Role::Tester, "result: RED\nstatus: dunno"), Ok(Some(Verdict::Negative)));
}

#[test]
fn values_that_are_no_text_are_no_verdict() {
    for value in ["true", "[PASS]", "{x: PASS}", "null", "~", "1", "0x1", "1.5", ""] {
        assert!(front(Role::Tester, &format!("result: {value}")).is_err(), "{value}");
    }
}

#[test]
fn aliases_anchors_tags_and_duplicate_keys_are_refused() {
    let refused = [
        "a: &x PASS\nresult: *x",
        "result: !!str PASS",
        "result: !custom PASS",
        "result: &a PASS",
        "result: PASS\nresult: PASS",
        "result: FAIL\nresult: PASS",
        "<<: {result: PASS}\nresult: PASS\n? x\n: *y",
    ];
    for text in refused {
        let read = front(Role::Tester, text);
        assert!(matches!(read, Err(BadVerdict::Broken { .. })), "{text:?}: {read:?}");
    }
}

#[test]
fn line_ends_and_byte_order_marks_are_read_and_invalid_utf8_is_refused() {
    let read = |bytes: &[u8]| artifact(Role::Reviewer, bytes).map(|read| read.verdict);
    assert_eq!(read(b"---\r\nverdict: APPROVED\r\n---\r\nbody"), Ok(Some(Verdict::Positive)));
    assert_eq!(read(b"\xef\xbb\xbf---\nverdict: APPROVED\n---\n"), Ok(Some(Verdict::Positive)));
    assert_eq!(read(b"---\nverdict: APPROVED\n---"), Ok(Some(Verdict::Positive)));
    assert!(read(b"---\nverdict: \xff\xfe\n---\n").is_err());
    assert!(read(b"\n---\nverdict: APPROVED\n---\n").is_err(), "front matter stands at the top");
    assert!(read(b"---\nverdict: APPROVED\n").is_err(), "front matter is closed");
    assert!(read(b"----\nverdict: APPROVED\n---\n").is_err());
    assert!(read(b"").is_err());
    assert!(submission(Role::Reviewer, b"{\"verdict\":\"\xff\"}").is_err());
}

#[test]
fn what_is_too_large_is_refused_by_name() {
    let long = format!("---\nverdict: APPROVED\nx: {}\n---\n", "y".repeat(FRONT_MATTER_MAX));
    assert!(matches!(artifact(Role::Reviewer, long.as_bytes()), Err(BadVerdict::TooLarge { .. })));
    let body = format!("---\nverdict: APPROVED\n---\n{}", "y".repeat(4 * FRONT_MATTER_MAX));
    assert!(artifact(Role::Reviewer, body.as_bytes()).is_ok(), "the limit is the front matter's");
    let wire = format!("{{\"verdict\":\"APPROVED\",\"summary\":\"{}\"}}", "y".repeat(SUBMISSION_MAX));
    assert!(matches!(submission(Role::Reviewer, wire.as_bytes()), Err(BadVerdict::TooLarge { .. })));
}

#[test]
fn the_engines_own_fields_are_dropped_and_named() {
    let text = br#"{"verdict":"APPROVED","task":"x","branch":"main","environment":"prod","run_id":7}"#;
    let (read, dropped) = submission(Role::Reviewer, text).expect("well formed but for what is dropped");
    assert_eq!(read.verdict, Some(Verdict::Positive));
    assert_eq!(dropped, ["task", "branch", "environment", "run_id"]);
}

#[test]
fn unknown_fields_and_another_roles_fields_are_refused() {
    let refused = [
        (Role::Reviewer, r#"{"verdict":"APPROVED","approved":true}"#),
        (Role::Reviewer, r#"{"verdict":"APPROVED","result":"PASS"}"#),
        (Role::Reviewer, r#"{"verdict":"APPROVED","artifacts":["12-review.md"]}"#),
        (Role::Developer, r#"{"verdict":"APPROVED"}"#),
        (Role::Developer, r#"{"conflicts":["x"]}"#),
        (Role::Analyst, r#"{"markers":[{"path":"a","text":"b"}]}"#),
        (Role::Analyst, r#"{"findings":[{"text":"x"}]}"#),
        (Role::Tester, r#"{"result":"PASS","findings":[{"text":"x","severity":"high"}]}"#),
        (Role::Reviewer, r#"[]"#),
        (Role::Reviewer, r#""APPROVED""#),
        (Role::Reviewer, "not json"),
    ];
    for (role, text) in refused {
        let read = submission(role, text.as_bytes());
        assert!(matches!(read, Err(BadVerdict::Broken { .. })), "{role} {text}: {read:?}");
    }
}

#[test]
fn a_judge_that_asks_needs_no_verdict_and_one_that_does_not_needs_one() {
    assert_eq!(json(Role::Reviewer, r#"{"questions":[{"text":"which?"}]}"#), Ok(None));
    assert!(json(Role::Reviewer, r#"{"questions":[{"text":"which?","blocking":false}]}"#).is_err());
    assert!(json(Role::Reviewer, "{}").is_err());
    assert_eq!(json(Role::Developer, "{}"), Ok(None));
}

#[test]
fn a_negative_artifact_hands_its_text_on_and_confidence_is_kept_in_bounds() {
    let read =
        artifact(Role::Reviewer, b"---\nverdict: REQUEST_CHANGES\n---\nRename it.\n").expect("well formed");
    assert_eq!(read.findings.len(), 1);
    assert_eq!(read.findings[0].text, "Rename it.");
    let kept = |c: &str| {
        let text = format!("{{\"verdict\":\"APPROVED\",\"confidence\":{c}}}");
        submission(Role::Reviewer, text.as_bytes()).expect("well formed").0.confidence
    };
    assert_eq!((kept("0.5"), kept("7")), (Some(0.5), None));
}

#[test]
fn every_role_has_an_artifact() {
    let names: std::collections::BTreeSet<_> = Role::ALL.into_iter().map(artifact_name).collect();
    assert_eq!(names.len(), Role::ALL.len());
}

/// Text out of the pieces a confused model might write.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "---\n", "---\r\n", "\n", "verdict", "result", "status", ":", ": ", "PASS", "APPROVED", "FAIL",
        "&a ", "*a", "!!str ", "- ", "{", "}", "\"", "'", "|\n", ">\n", "#", "\u{feff}", "\u{0}", "é", "  ",
        "yes",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

fn judge() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Reviewer, Role::Tester])
}

/// A positive verdict implies that a positive word stands after one of the role's keys.
fn may_be_positive(role: Role, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_uppercase();
    let (keys, words): (&[&str], &[&str]) = match role {
        Role::Tester => (&["RESULT", "VERDICT", "STATUS"], &TESTER_GOOD),
        Role::Reviewer | Role::Analyst | Role::Architect | Role::Developer => (&["VERDICT"], &["APPROVED"]),
    };
    keys.iter().any(|key| text.split(key).skip(1).any(|after| words.iter().any(|word| after.contains(word))))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_read_without_a_panic_and_never_positive_without_the_word(
        role in judge(),
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..400), pieces()],
    ) {
        for read in [artifact(role, &bytes).map(|r| r.verdict), submission(role, &bytes).map(|(r, _)| r.verdict)] {
            if read == Ok(Some(Verdict::Positive)) {
                prop_assert!(may_be_positive(role, &bytes), "{:?}", String::from_utf8_lossy(&bytes));
            }
        }
    }

    #[test]
    fn a_body_never_changes_a_verdict(role in judge(), body in prop::collection::vec(any::<u8>(), 0..400)) {
        for (word, verdict) in [("APPROVED", Some(Verdict::Positive)), ("nonsense", None)] {
            let mut bytes = format!("---\nverdict: {word}\n---\n").into_bytes();
            bytes.extend(&body);
            prop_assert_eq!(artifact(role, &bytes).ok().and_then(|r| r.verdict), verdict);
        }
    }
}

/// Linear: what is read is bounded, however large or deeply nested it is.
#[test]
fn hostile_front_matter_is_refused_and_not_worked_through() {
    for hostile in ["[", "{a: ", "- ", "? ", "|\n ", "\"", "&a [*a, "] {
        let text = format!("---\nresult: {}\n---\n", hostile.repeat(FRONT_MATTER_MAX / hostile.len()));
        assert!(artifact(Role::Tester, text.as_bytes()).is_err(), "{hostile:?}");
    }
    let nested = "[".repeat(SUBMISSION_MAX - 1);
    assert!(submission(Role::Tester, nested.as_bytes()).is_err());
}

/// Whatever a submission says, what is said of it stays a sentence.
#[test]
fn a_refusal_does_not_repeat_a_long_submission() {
    let long = "é".repeat(50_000);
    let key = format!("{{\"{long}\": 1}}");
    let word = format!("{{\"verdict\": \"{long}\"}}");
    for (role, text) in [(Role::Analyst, &key), (Role::Reviewer, &key), (Role::Reviewer, &word)] {
        let said = submission(role, text.as_bytes()).unwrap_err().to_string();
        assert!(said.len() < 1_000, "{} bytes", said.len());
        assert!(said.contains('é') && said.contains('…'), "{said}");
    }
}
