//! What a person reads of a session: something for what happened, nothing for bookkeeping, and no event is a panic.

use orchd_http::client::Said;
use serde_json::{Value, json};

use super::line;

fn read(name: &str, data: Value) -> Option<String> {
    line(&Said { name: name.to_owned(), data, id: None })
}

#[test]
fn what_happened_is_a_line() {
    assert_eq!(read("text", json!({"text": "hello\n"})).as_deref(), Some("hello"));
    assert_eq!(
        read("tool", json!({"name": "Bash", "arguments": "{\"command\":\"ls\"}", "outcome": "running"}))
            .as_deref(),
        Some("[Bash] {\"command\":\"ls\"}")
    );
    assert_eq!(read("tool", json!({"name": "Bash", "outcome": "denied"})).as_deref(), Some("[Bash] denied"));
    assert_eq!(read("over", json!({"ended": "exit 0"})).as_deref(), Some("── the run is over: exit 0"));
}

#[test]
fn bookkeeping_and_what_is_not_known_is_no_line() {
    assert_eq!(read("usage", json!({"model": "m"})), None);
    assert_eq!(read("turn_end", json!({})), None);
    assert_eq!(read("text", json!({"text": "\n"})), None);
    assert_eq!(read("something new", Value::Null), None);
    assert_eq!(read("tool", Value::Null).as_deref(), Some("[] "));
}
