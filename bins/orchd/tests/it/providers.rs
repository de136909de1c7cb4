//! Providers over the API: how they are, how far a reset is believed, and a person's word that one is well again.

use orchd_http::dto::Provider;
use rustix::process::Signal;

use crate::place::Place;

/// A subscription whose limit is reached; until the year 2100, it says.
const USED_UP: &str = r#"echo '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":4102444800}}'
echo '{"type":"system","subtype":"init","session_id":"0f0f0f0f-1111-4222-8333-444444444444","model":"m"}'
echo '{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"limit"}'
exit 1"#;

fn only(providers: Option<Vec<Provider>>) -> Provider {
    let mut providers = providers.unwrap();
    assert_eq!(providers.len(), 1, "{providers:?}");
    providers.remove(0)
}

#[test]
fn a_quota_is_listed_and_forgotten_by_hand() {
    let place = Place::new();
    let notes = place.notes().display().to_string();
    place.configure_as("claude", &format!("echo started >> {notes}/started; {USED_UP}"));
    let server = place.serve();
    let fresh = only(place.get("/providers"));
    assert_eq!((fresh.name.as_str(), fresh.state.as_str(), fresh.closed), ("anthropic", "well", None));
    assert_eq!(place.close_provider("anthropic"), Err("not-asked".to_owned()));
    assert_eq!(place.close_provider("clod"), Err("not-found".to_owned()));
    place.ask();
    place.wait_for_event("provider-changed");
    let used_up = only(place.get("/providers"));
    let sentence = used_up.sentence.unwrap();
    assert_eq!(used_up.state, "quota");
    assert!(sentence.contains("of which 8 d 0 h are believed: it is asked again in "), "{sentence}");
    assert!(place.answer("/tasks/T-1/why").contains("are believed"), "the task says so too");
    assert_eq!(place.note("started").lines().count(), 1);

    let closed = only(place.close_provider("anthropic").ok());
    assert_eq!(closed.closed.unwrap().by, "ada");
    // Who waited goes on at once, meets it again, and the word of the person stays on record.
    place.wait_for_note("started", 2);
    assert!(server.end(Signal::TERM).success());
    let server = place.serve();
    assert_eq!(only(place.get("/providers")).closed.unwrap().by, "ada");
    assert!(server.end(Signal::TERM).success());
}
