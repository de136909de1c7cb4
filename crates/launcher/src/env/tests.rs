//! The allowlist, rule by rule.

use super::*;

fn parent() -> impl Iterator<Item = (String, String)> {
    [("PATH", "/bin"), ("LC_ALL", "C"), ("GITEA_TOKEN", "secret"), ("ORCHD_TOKEN", "secret"), ("PATHS", "x")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

#[test]
fn only_what_is_allowed_passes() {
    let env = scrubbed_env(parent(), BASE_ALLOW, []);
    assert_eq!(env.keys().collect::<Vec<_>>(), ["LC_ALL", "PATH"]);
}

#[test]
fn orchds_own_variables_never_pass_but_may_be_added() {
    let env = scrubbed_env(parent(), &["*"], [("ORCHD_ROLE".to_owned(), "tester".to_owned())]);
    assert!(!env.contains_key("ORCHD_TOKEN"));
    assert_eq!(env.get("ORCHD_ROLE").map(String::as_str), Some("tester"));
}

#[test]
fn what_is_added_wins() {
    let env = scrubbed_env(parent(), BASE_ALLOW, [("PATH".to_owned(), "/opt/bin".to_owned())]);
    assert_eq!(env["PATH"], "/opt/bin");
}

#[test]
fn an_empty_variable_wipes_no_default() {
    let parent = [("HOME", "/h"), ("ANTHROPIC_BASE_URL", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let env = scrubbed_env(parent.into_iter(), &["HOME", "ANTHROPIC_BASE_URL"], []);
    assert_eq!(env.keys().collect::<Vec<_>>(), ["HOME"]);
}
