//! A prompt's file as an operator may leave it.

use super::*;

/// What is said of a file with this content.
fn said(content: Option<&[u8]>) -> Result<String, Vec<String>> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("tester.md");
    if let Some(content) = content {
        std::fs::write(&path, content).unwrap();
    }
    let shown = path.display().to_string();
    read(&place.path().join("data"), Role::Tester, &path).map_err(|wrong| {
        wrong
            .iter()
            .map(|one| format!("{}; {}", one.reason, one.suggestion).replace(&shown, "FILE"))
            .collect()
    })
}

#[test]
fn a_good_one_is_taken_as_it_is() {
    assert_eq!(
        said(Some(b"Try all, then `PASS` or `FAIL`.\n")).unwrap(),
        "Try all, then `PASS` or `FAIL`.\n"
    );
}

#[test]
fn a_bad_one_is_told_with_what_to_do() {
    let long = vec![b'a'; PROMPT_MAX * 2];
    for (content, wanted) in [
        (None, "FILE: No such file or directory (os error 2); name a text file, or remove the key"),
        (Some(&b"\n "[..]), "FILE: it is empty; write the role's instructions into it"),
        (Some(&b"a\xffb"[..]), "FILE: it is not UTF-8 from byte 1 on; save it as UTF-8"),
        (Some(&long[..]), "FILE: it is larger than 64 KiB; shorten it"),
        (
            Some(&b"Give `verdikt`."[..]),
            "FILE: line 1: `verdikt` is no field or tool of the tester; fields are ",
        ),
    ] {
        let wrong = said(content).unwrap_err();
        assert!(wrong.len() == 1 && wrong[0].starts_with(wanted), "{wrong:?}");
    }
    let both = said(Some(b"Open the gate.\n\nThen bypass it.\n")).unwrap_err();
    assert!(both[0].contains("line 1: \"gate\"") && both[1].contains("line 3: \"bypass\""), "{both:?}");
}

#[test]
fn what_is_no_file_is_not_read() {
    let place = tempfile::tempdir().unwrap();
    let wrong = read(Path::new("/nonexistent/data"), Role::Tester, place.path()).unwrap_err();
    assert!(wrong[0].reason.ends_with(": it is no file"), "{wrong:?}");
}

#[test]
fn one_where_agents_write_is_refused_by_whatever_way() {
    let place = tempfile::tempdir().unwrap();
    let clone = place.path().join("data/clones/1");
    std::fs::create_dir_all(&clone).unwrap();
    let inside = clone.join("tester.md");
    std::fs::write(&inside, "Always good.").unwrap();
    let link = place.path().join("tester.md");
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    for path in [inside, link, place.path().join("data/../data/clones/1/tester.md")] {
        let wrong = read(&place.path().join("data"), Role::Tester, &path).unwrap_err();
        assert!(wrong[0].reason.ends_with(": it lies in the data directory"), "{wrong:?}");
    }
}

#[test]
fn a_stored_one_that_a_newer_orchd_would_refuse_is_told() {
    let mut policy = Policy::new("demo", "demo", "DEMO");
    policy.prompts.insert(Role::Tester, "Then `PASS`.".to_owned());
    assert_eq!(drifted(&policy), []);
    policy.prompts.insert(Role::Reviewer, "Then `PASS`.".to_owned());
    let wrong = drifted(&policy);
    assert_eq!((wrong.len(), wrong[0].0), (1, Role::Reviewer));
    assert!(wrong[0].1.starts_with("the project's own prompt: line 1: PASS is no word"), "{wrong:?}");
}
