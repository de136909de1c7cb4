//! What is filed, what is refused and how it is said.

use super::*;

fn filed(role: Role, text: &str) -> (Result<String, SubmitError>, Option<Vec<u8>>) {
    let dir = tempfile::tempdir().unwrap();
    let said = file_submission(dir.path(), role, text.as_bytes());
    (said, std::fs::read(dir.path().join(RunDir::SUBMISSION)).ok())
}

#[test]
fn a_good_one_is_filed_byte_for_byte() {
    let text = "{ \"verdict\": \"APPROVED\" }\n";
    let (said, kept) = filed(Role::Reviewer, text);
    assert_eq!(said.unwrap(), "filed for the reviewer");
    assert_eq!(kept.unwrap(), text.as_bytes());
}

#[test]
fn what_only_the_engine_knows_is_dropped_and_named() {
    let (said, kept) = filed(Role::Developer, r#"{"summary":"s","branch":"x","task":"y"}"#);
    assert_eq!(said.unwrap(), "filed for the developer; dropped, as orchd knows it better: task, branch");
    assert!(kept.is_some());
}

#[test]
fn a_bad_one_is_refused_exactly_and_leaves_nothing() {
    for (role, text, wanted) in [
        (Role::Developer, r#"{"verdict":"APPROVED"}"#, "unknown field `verdict` for the role developer"),
        (Role::Reviewer, r#"{"verdict":"LGTM"}"#, "no known verdict: \"LGTM\"; allowed are APPROVED"),
        (Role::Reviewer, "{}", "no known verdict"),
        (Role::Analyst, r#"{"sumary":"s"}"#, "unknown field `sumary`"),
        (Role::Analyst, "[]", "it is not a JSON object"),
        (Role::Analyst, "{", "EOF while parsing"),
    ] {
        let (said, kept) = filed(role, text);
        let error = said.unwrap_err();
        assert_eq!(error.code(), 2);
        let shown = error.to_string();
        assert!(shown.contains(wanted), "{shown}");
        assert!(shown.contains(&format!("orchctl submit --schema {role}")), "{shown}");
        assert_eq!(kept, None);
    }
}

#[test]
fn a_refusal_keeps_the_good_one_of_before() {
    let dir = tempfile::tempdir().unwrap();
    file_submission(dir.path(), Role::Analyst, br#"{"summary":"good"}"#).unwrap();
    file_submission(dir.path(), Role::Analyst, b"{").unwrap_err();
    let kept = std::fs::read(dir.path().join(RunDir::SUBMISSION)).unwrap();
    assert_eq!(kept, br#"{"summary":"good"}"#);
}

#[test]
fn a_giant_is_refused_without_being_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("giant");
    std::fs::write(&path, vec![b' '; verdict::SUBMISSION_MAX * 2]).unwrap();
    let bytes = read(Some(&path)).unwrap();
    assert_eq!(bytes.len(), verdict::SUBMISSION_MAX + 1);
    assert_eq!(file_submission(dir.path(), Role::Analyst, &bytes).unwrap_err().code(), 2);
}

#[test]
fn a_missing_file_or_directory_is_no_refusal() {
    assert_eq!(read(Some(Path::new("/nonexistent/s.json"))).unwrap_err().code(), 1);
    let error = file_submission(Path::new("/nonexistent"), Role::Analyst, b"{}").unwrap_err();
    assert_eq!(error.code(), 1);
    assert_eq!(role_named("boss").unwrap_err().code(), 2);
}
