//! Which event names the red commit.

use serde_json::json;

use super::*;

fn judged(gate: &str, outcome: &str) -> Event {
    let mut result = json!({"gate": gate, "subject": {"of": "commit", "is": "a".repeat(40)}, "attempt": 1,
        "outcome": {"outcome": outcome}, "evidence": "e", "at": 1});
    if outcome == "reject" {
        result["outcome"]["findings"] = json!([]);
    }
    Event {
        seq: 1,
        at: 1,
        event: "gate-judged".to_owned(),
        line: String::new(),
        data: json!({"event": "gate-judged", "result": result}),
    }
}

#[test]
fn only_rejected_tests_name_a_red_commit() {
    assert_eq!(red(&judged("tests-verdict", "reject")), Some("a".repeat(40)));
    assert_eq!(red(&judged("tests-verdict", "pass")), None);
    assert_eq!(red(&judged("branch-ahead", "reject")), None);
    let other = Event { data: json!({"event": "something-new"}), ..judged("tests-verdict", "reject") };
    assert_eq!(red(&other), None);
}
