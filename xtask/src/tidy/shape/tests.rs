//! Headers and lengths at their limits.

use super::*;

fn found(text: String) -> Vec<(usize, &'static str, bool)> {
    let source = Source { path: "crates/x/src/a.rs".to_owned(), text };
    check(&source).into_iter().map(|finding| (finding.line, finding.rule, finding.warning)).collect()
}

#[test]
fn a_file_starts_with_a_header_of_one_to_eight_lines() {
    assert_eq!(found("//! What.\nfn a() {}\n".to_owned()), []);
    assert_eq!(found("//! What.\n".repeat(8)), []);
    assert_eq!(found("//! What.\n".repeat(9)), [(1, "module-header", false)]);
    for bare in ["", "fn a() {}\n", "// What.\n", "\n//! What.\n", "/// What.\nfn a() {}\n"] {
        assert_eq!(found(bare.to_owned()), [(1, "module-header", false)], "{bare:?}");
    }
}

#[test]
fn a_long_file_warns_and_a_longer_one_fails() {
    let lines = |count: usize| format!("//! What.\n{}", "// x\n".repeat(count - 1));
    assert_eq!(found(lines(400)), []);
    assert_eq!(found(lines(401)), [(401, "file-length", true)]);
    assert_eq!(found(lines(600)), [(401, "file-length", true)]);
    assert_eq!(found(lines(601)), [(601, "file-length", false)]);
}
