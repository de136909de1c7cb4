//! Cuts, broken characters, long lines.

use std::fs;

use super::*;

fn with(bytes: &[u8]) -> (tempfile::TempDir, RunDir) {
    let temp = tempfile::tempdir().expect("temporary directory");
    let dir = RunDir::create(temp.path().join("run")).expect("created");
    fs::write(dir.file("out"), bytes).expect("written");
    (temp, dir)
}

#[test]
fn a_tail_never_begins_inside_a_character() {
    let (_temp, dir) = with("aä€".as_bytes());
    let cut = |cap| tail(&dir, "out", cap).expect("read");
    assert_eq!(cut(100), Tail { text: "aä€".into(), before: 0, dropped: 0 });
    assert_eq!(cut(4), Tail { text: "€".into(), before: 3, dropped: 0 });
    assert_eq!(cut(2), Tail { text: String::new(), before: 6, dropped: 0 });
    assert_eq!(tail(&dir, "missing", 4).expect("empty").text, "");
}

#[test]
fn broken_text_is_replaced_and_lines_are_cut() {
    let (_temp, dir) = with(b"ok\xff\n\nlonger than five\nlast");
    assert_eq!(tail(&dir, "out", 100).expect("read").text, "ok\u{fffd}\n\nlonger than five\nlast");
    let mut seen = Vec::new();
    lines(&dir, "out", 5, |line| seen.push(line.to_owned())).expect("read");
    assert_eq!(seen, ["ok\u{fffd}", "", "longe", "last"]);
}

#[test]
fn a_line_longer_than_the_buffer_is_one_line() {
    let (_temp, dir) = with(&[vec![b'x'; 200_000], b"\nend\n".to_vec()].concat());
    let mut seen = Vec::new();
    lines(&dir, "out", 100_000, |line| seen.push(line.len())).expect("read");
    assert_eq!(seen, [100_000, 3]);
}
