//! What is text, what is code, and in which line.

use super::*;

/// Pieces as kind, text and line, without those that are space alone.
fn read(text: &str) -> Vec<(&'static str, &str, usize)> {
    let name = |kind| match kind {
        Kind::Prose => "prose",
        Kind::Code => "code",
        Kind::Block { .. } => "block",
    };
    let said = |piece: &Piece<'_>| !piece.text.trim().is_empty();
    pieces(text).iter().filter(|p| said(p)).map(|p| (name(p.kind), p.text.trim(), p.line)).collect()
}

#[test]
fn prose_code_and_blocks_are_told_apart_with_their_lines() {
    assert_eq!(
        read("# A\n\none `two\nthree` four\n```json\n{`}\n```\nfive ``a`b`` six\n"),
        [
            ("prose", "# A", 1),
            ("prose", "one", 3),
            ("code", "two\nthree", 3),
            ("prose", "four", 4),
            ("block", "{`}", 6),
            ("prose", "five", 8),
            ("code", "a`b", 8),
            ("prose", "six", 8),
        ]
    );
}

#[test]
fn a_backtick_that_is_never_closed_is_text_and_ends_with_its_paragraph() {
    assert_eq!(
        read("one `two\n\nthree `four`"),
        [("prose", "one `", 1), ("prose", "two", 1), ("prose", "three", 3), ("code", "four", 3)]
    );
}

#[test]
fn a_block_is_closed_by_as_many_backticks_or_by_the_end() {
    assert_eq!(read("````\na\n```\nb\n````\nc"), [("block", "a\n```\nb", 2), ("prose", "c", 6)]);
    assert_eq!(read("```json\na\n```x\n"), [("block", "a\n```x", 2)]);
    assert!(matches!(pieces("```json\n{}\n```")[0].kind, Kind::Block { language: "json" }));
}

#[test]
fn nothing_is_lost_and_any_cut_is_read() {
    let text = "# é\n\n`a` b ``c` d\n```json\n{\"é\": 1}\n```\n- e `f`\n```\n";
    for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
        let cut = &text[..end];
        let lines = cut.split('\n').count();
        for piece in pieces(cut) {
            assert!(piece.text.is_empty() || piece.line <= lines, "{piece:?}");
            assert!(cut.contains(piece.text), "{piece:?}");
        }
        let _ = sentences(cut);
    }
}

#[test]
fn sentences_know_their_lines() {
    assert_eq!(sentences("One.\nTwo `a`;\nthree"), [(1, "One."), (2, "Two `a`;"), (3, "three")]);
}
