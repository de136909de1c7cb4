//! Credentials reach the origin they are meant for and no other.

use super::*;

#[test]
fn a_url_with_a_password_is_refused_and_not_repeated() {
    for url in ["https://me:hunter2@host/x.git", "https://hunter2@host/x.git", "ssh://me:hunter2@host/x"] {
        let error = check_url(url).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(check_url("ext::sh -c id").is_err());
    assert!(check_url("--upload-pack=id").is_err());
    for url in ["https://host:3000/x.git", "ssh://git@host/x.git", "git@host:x.git", "file:///a/b"] {
        assert!(check_url(url).is_ok(), "{url}");
    }
}

#[test]
fn the_helper_is_bound_to_the_origin() {
    let access = Access::Password { username: "bot".into(), secret: Secret::new("hunter2") };
    let environment = access.environment("https://host:3000/team/x.git");
    assert!(environment.iter().any(|(_, value)| value == "credential.https://host:3000.helper"));
    assert!(!format!("{access:?}").contains("hunter2"));
}
