//! Which lines a union merge owes.

use super::*;

fn set(lines: &[&str]) -> Lines {
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}

#[test]
fn inc_33_both_sides_entries_are_owed_and_a_deliberate_removal_is_not() {
    let before = set(&["# Log", "old", "older"]);
    let ours = set(&["# Log", "old", "older", "ours"]);
    let theirs = set(&["# Log", "old", "theirs"]);
    assert_eq!(expected(&before, &ours, &theirs), set(&["# Log", "old", "ours", "theirs"]));
}

#[test]
fn a_pattern_cannot_smuggle_a_second_attribute_line() {
    assert!(attributes(&["a\nb filter=x".into()]).is_err());
    assert_eq!(attributes(&["a b.md".into()]).unwrap(), "\"a b.md\" merge=union\n");
}
