//! The file is read as written, and only in its own version.

use super::*;

#[test]
fn a_specification_comes_back_as_written_and_another_version_does_not() {
    let temp = tempfile::tempdir().expect("temporary directory");
    let dir = RunDir::create(temp.path().join("run")).expect("created");
    let run = RunId(uuid::Uuid::from_u128(7));
    let ident = Ident { name: "Dev".into(), email: "dev@example.invalid".into() };
    let mut spec = RunSpec::new(run, vec!["true".into()], "/", Span::mins(60));
    spec.env.insert("PATH".into(), "/bin".into());
    spec.leftovers = Some(Leftovers {
        clone: "/clone".into(),
        branch: Branch::new("orchd/K-1"),
        salvage: Branch::new("salvage"),
        start: None,
        author: ident.clone(),
        committer: ident,
        message: "x\n\nTask: K-1\n".into(),
        when: CommitOn::Success,
    });
    spec.write(&dir).expect("written");
    assert_eq!(RunSpec::read(&dir).expect("read"), spec);

    spec.v = 2;
    spec.write(&dir).expect("written");
    assert!(RunSpec::read(&dir).expect_err("refused").to_string().contains("version 2"));
}

#[test]
fn a_name_that_could_mean_another_file_is_refused() {
    let temp = tempfile::tempdir().expect("temporary directory");
    let dir = RunDir::create(temp.path().join("run")).expect("created");
    let spec = RunSpec::new(RunId(uuid::Uuid::from_u128(7)), vec!["true".into()], "/", Span::mins(60));
    let with = |takes: &[&str], gives: &[&str]| {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        RunSpec { takes: names(takes), gives: names(gives), ..spec.clone() }
    };
    let good = with(&["12-review.md"], &["must-fix.json"]);
    good.write(&dir).expect("written");
    assert_eq!(RunSpec::read(&dir).expect("read"), good);
    for name in ["", ".", "..", ".x", "a/b", "../x", "/etc/passwd", "a\0b", "a b", "result.json", "shim.json"]
    {
        with(&[name], &[]).write(&dir).expect_err(name);
        with(&[], &[name]).write(&dir).expect_err(name);
    }
    with(&["x"], &["x"]).write(&dir).expect_err("both ways");
    assert_eq!(RunSpec::read(&dir).expect("read"), good);
}
