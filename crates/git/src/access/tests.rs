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

#[tokio::test]
async fn git_asks_the_helper_for_the_remotes_origin_and_for_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let git = crate::Git::new(crate::GitConfig::new(dir.path())).unwrap();
    let access = Access::Password { username: "b ot".into(), secret: Secret::new("hu'nt$er2") };
    let ask = async |host: &str| {
        let call =
            git.call("ask for credentials", crate::command::Place::Nowhere).args(["credential", "fill"]);
        let variables = access.environment("https://host:3000/team/x.git");
        let call = variables.into_iter().fold(call, |call, (name, value)| call.env(name, value));
        call.stdin(format!("protocol=https\nhost={host}\n\n")).text().await
    };
    let told = ask("host:3000").await.unwrap();
    assert!(told.contains("username=b ot\npassword=hu'nt$er2"), "{told}");
    assert!(ask("elsewhere").await.is_err(), "a redirect's host gets nothing");
}
