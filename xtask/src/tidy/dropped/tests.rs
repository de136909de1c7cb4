//! Values thrown away in silence, and the ways in which it is not silence.

use super::*;

#[track_caller]
fn lines(text: &str, expected: &[usize]) {
    let source = Source { path: "crates/git/src/a.rs".to_owned(), text: text.to_owned() };
    let found: Vec<_> = check(&source, &lex::lex(text)).into_iter().map(|finding| finding.line).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn a_dropped_value_needs_a_comment() {
    lines("fn a() {\n    let _ = b();\n}", &[2]);
    lines("fn a() {\n    let _: Result<(), E> = b();\n}", &[2]);
    lines("fn a() {\n    let _ = b(); // best effort\n}", &[]);
    lines("fn a() {\n    // Nobody listens any more,\n    // so nothing is lost.\n    let _ = b();\n}", &[]);
    lines("fn a() {\n    // About something else.\n\n    let _ = b();\n}", &[4]);
    lines("fn a() {\n    let _guard = b();\n    let (_, c) = d();\n}", &[]);
}

#[test]
fn a_bare_ok_drops_a_result_too() {
    lines("fn a() {\n    b(c)?;\n    d(e, f).ok();\n}", &[3]);
    lines("fn a() {\n    if b { c() }\n    d().ok();\n}", &[3]);
    lines("fn a() {\n    // Gone is as good as removed.\n    d().ok();\n}", &[]);
    lines("fn a() {\n    let b = c(|d| { e; f }).ok();\n    return g().ok();\n}", &[]);
    lines("fn a() { b = c.d().ok(); e().ok() }", &[]);
}

#[test]
fn test_code_is_left_alone() {
    let text = "fn a() {\n    let _ = b();\n}";
    let source = Source { path: "crates/git/tests/it/a.rs".to_owned(), text: text.to_owned() };
    assert!(check(&source, &lex::lex(text)).is_empty());
}
