//! Wherever a text is cut, no part of a credential is left.

use std::fs;

use super::*;

const SECRET: &str = "hunter2-and-more";

#[test]
fn no_cut_leaves_a_part_of_a_secret() {
    let temp = tempfile::tempdir().expect("temporary directory");
    let dir = RunDir::create(temp.path().join("run")).expect("created");
    let secrets = Secrets::new([SECRET.to_owned(), "hunter2-".to_owned(), "abc".to_owned()]);
    for text in [
        format!("begin {SECRET}{SECRET} abc end"),
        format!("beginé {SECRET} {SECRET} abc é{SECRET}"),
        format!("{SECRET} – nothing of it for a while: abc"),
    ] {
        fs::write(dir.file(RunDir::STDERR), &text).expect("written");
        for cap in 0..=text.len() + 2 {
            let shown = secrets.tail(&dir, RunDir::STDERR, cap as u64).expect("read");
            let left = shown.replace("***", "\n");
            for from in 0..SECRET.len() - 3 {
                let part = &SECRET[from..from + 3];
                assert!(!left.contains(part), "{cap}: {shown:?} has {part:?}");
            }
            let whole = secrets.masked(&text);
            assert!(whole.ends_with(&shown), "{cap}: {shown:?} is no end of {whole:?}");
        }
        let whole = secrets.tail(&dir, RunDir::STDERR, 1000).expect("read");
        assert_eq!(whole, text.replace(SECRET, "***"));
    }
}
