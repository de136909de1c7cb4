//! The short way of `one_line` is a short way: it takes no text that the long one would change.

use proptest::prelude::*;

use super::{is_one_line, one_line};

proptest! {
    #[test]
    fn what_is_taken_for_one_line_is_one(text in "[ a\t\u{b}\u{a0}é~!]{0,12}") {
        let words: Vec<&str> = text.split_whitespace().collect();
        prop_assert!(!is_one_line(&text) || words.join(" ") == text, "{text:?}");
        // Both ways end at the same line, whatever the room.
        let line = one_line(&text, 100);
        prop_assert_eq!(line, words.join(" "));
    }
}

#[test]
fn most_lines_are_taken_the_short_way() {
    assert!(is_one_line("tests at 60dc0da963: green (14 tests)"));
    assert!(is_one_line(""));
    for other in [" a", "a ", "a  b", "a\tb", "a\u{a0}b", "é"] {
        assert!(!is_one_line(other), "{other:?}");
    }
}
