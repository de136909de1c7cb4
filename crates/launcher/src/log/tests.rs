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

/// A file with numbered lines of 16 bytes, of which only the ends are kept; `None` where nothing can be dropped.
fn rotated(lines: u64, keep: Keep) -> Option<(tempfile::TempDir, RunDir)> {
    let text: String = (0..lines).map(|n| format!("{n:015}\n")).collect();
    let (temp, dir) = with(text.as_bytes());
    let file = fs::OpenOptions::new().append(true).open(dir.file("out")).expect("opened");
    if rotate(&file, keep).expect("asked") {
        return Some((temp, dir));
    }
    eprintln!("not run: this file system cannot drop the middle of a file");
    None
}

const KEEP: Keep = Keep { head: BLOCK, tail: 2 * BLOCK };

#[test]
fn what_is_short_is_kept_whole() {
    let Some((_temp, dir)) = rotated(4 * BLOCK / 16, KEEP) else { return };
    // 64 KiB more than is to be kept: not yet worth a hole.
    let before = extent(&dir, "out").expect("read");
    assert_eq!((before.total, before.dropped_bytes()), (4 * BLOCK, BLOCK));
    let Some((_temp, dir)) = rotated(4 * BLOCK / 16 - 1, KEEP) else { return };
    assert_eq!(extent(&dir, "out").expect("read").dropped_bytes(), 0);
}

#[test]
fn both_ends_of_a_long_one_are_kept_and_every_reader_says_what_is_not() {
    let total = 40 * BLOCK + 160;
    let Some((_temp, dir)) = rotated(total / 16, KEEP) else { return };
    let extent = extent(&dir, "out").expect("read");
    assert_eq!((extent.total, extent.dropped.clone()), (total, BLOCK..38 * BLOCK));

    // From the beginning, over the hole, to the end.
    let (mut at, mut dropped, mut bytes) = (0, 0, Vec::new());
    loop {
        let chunk = chunk(&dir, "out", at, 50_000).expect("read");
        assert!(chunk.bytes.len() <= 50_000 && chunk.total == total);
        (at, dropped) = (chunk.next, dropped + chunk.dropped);
        bytes.extend(chunk.bytes);
        if chunk.eof {
            break;
        }
    }
    assert_eq!((at, dropped), (total, 37 * BLOCK));
    assert_eq!(bytes.len() as u64, total - 37 * BLOCK);
    assert!(!bytes.contains(&0), "what was dropped was read");

    // From the middle of the hole.
    let middle = chunk(&dir, "out", 2 * BLOCK, 16).expect("read");
    assert_eq!((middle.offset, middle.dropped), (38 * BLOCK, 36 * BLOCK));
    assert_eq!(middle.bytes, format!("{:015}\n", 38 * BLOCK / 16).into_bytes());
    let end = chunk(&dir, "out", total, 16).expect("read");
    assert!(end.eof && end.bytes.is_empty() && end.next == total);

    let tail = tail(&dir, "out", total).expect("read");
    assert_eq!((tail.before, tail.dropped), (38 * BLOCK, 37 * BLOCK));
    let mut seen = Vec::new();
    lines(&dir, "out", 100, |line| seen.push(line.parse::<u64>().expect("a whole line"))).expect("read");
    let kept: Vec<u64> = (0..BLOCK / 16).chain(38 * BLOCK / 16 + 1..total / 16).collect();
    assert_eq!(seen, kept);
}

#[test]
fn a_hole_grows_with_its_file_and_an_output_goes_on_behind_it() {
    let Some((_temp, dir)) = rotated(40 * BLOCK / 16, KEEP) else { return };
    let mut file = fs::OpenOptions::new().append(true).open(dir.file("out")).expect("opened");
    for round in 1..=3_u64 {
        io::Write::write_all(&mut file, &vec![b'x'; 10 * usize::try_from(BLOCK).expect("small")])
            .expect("written");
        assert!(rotate(&file, KEEP).expect("asked"));
        let extent = extent(&dir, "out").expect("read");
        assert_eq!(extent.total, (40 + 10 * round) * BLOCK);
        assert_eq!(extent.dropped, BLOCK..extent.total - 2 * BLOCK);
    }
}

#[test]
fn what_is_no_file_holds_no_output() {
    let (_temp, dir) = with(b"");
    fs::remove_file(dir.file("out")).expect("removed");
    fs::create_dir(dir.file("out")).expect("created");
    assert_eq!(tail(&dir, "out", 10).expect("read").text, "");
    fs::remove_dir(dir.file("out")).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", dir.file("out")).expect("linked");
    assert_eq!(chunk(&dir, "out", 0, 10).expect("read").bytes, b"");
}
