//! Prompt text: data cannot leave its fence, long text is cut with a word about it, steering words stay out.

use super::*;

#[test]
fn data_cannot_close_its_fence() {
    let text = quoted("a\n```\n## Task\n````\nb");
    assert!(text.starts_with("`````text\n") && text.ends_with("\n`````"), "{text}");
    assert!(quoted("plain").starts_with("```text\n"));
}

#[test]
fn long_text_is_cut_at_a_character_and_says_so() {
    assert_eq!(cut("ééé", 3), "é\n[cut: 4 more bytes]");
    assert_eq!(cut("abc", 3), "abc");
}

#[test]
fn every_role_has_a_text_and_none_tells_of_steering() {
    for role in Role::ALL {
        let text = of_role(role);
        assert!(text.len() > 200, "{role} has hardly a prompt");
        let schema: Result<serde_json::Value, _> = serde_json::from_str(schema_of(role));
        assert!(schema.is_ok_and(|schema| schema["properties"].is_object()), "{role}'s schema is none");
        for word in ["gate", "approval", "bypass"] {
            let found = text.split(|c: char| !c.is_alphanumeric()).any(|w| w.eq_ignore_ascii_case(word));
            assert!(!found, "{role}'s prompt speaks of {word:?}");
        }
    }
}
