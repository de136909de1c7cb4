//! Panics outside tests, and everything that only looks like one.

use super::*;

#[track_caller]
fn lines(path: &str, text: &str, expected: &[(usize, &str)]) {
    let source = Source { path: path.to_owned(), text: text.to_owned() };
    let found: Vec<_> =
        check(&source, &lex::lex(text)).into_iter().map(|finding| (finding.line, finding.rule)).collect();
    assert_eq!(found, expected, "{path}: {text}");
}

const CODE: &str = "crates/git/src/a.rs";

#[test]
fn unwrap_is_a_finding() {
    lines(CODE, "fn a() { b().unwrap(); }", &[(1, "unwrap")]);
    lines(CODE, "fn a() {\n b()\n  .unwrap()\n}", &[(3, "unwrap")]);
    lines(CODE, "macro_rules! m { () => { x.unwrap() } }", &[(1, "unwrap")]);
    lines(CODE, "// .unwrap()\nfn a() { b(\".unwrap()\").unwrap_or(1); }", &[]);
}

#[test]
fn expect_needs_a_proof_as_a_literal() {
    lines(CODE, "fn a() { b().expect(\"written two lines above\"); }", &[]);
    lines(CODE, "fn a() { b().expect(\n    \"fifteen letters\",\n) }", &[]);
    lines(CODE, "fn a() { b().expect(\"14 letters....\"); }", &[(1, "expect-message")]);
    lines(
        CODE,
        "fn a() { b().expect(&format!(\"a long text that proves {c}\")); }",
        &[(1, "expect-message")],
    );
    lines(CODE, "fn a() { b().expect(WHY); }", &[(1, "expect-message")]);
    lines(CODE, "#[expect(clippy::x, reason = \"y\")] fn a() { b().expect_err(c); }", &[]);
}

#[test]
fn tests_may_panic() {
    let text = "fn a() { b().unwrap(); c().expect(\"x\"); }";
    for path in [
        "crates/git/tests/it.rs",
        "crates/git/src/a/tests.rs",
        "crates/testkit/src/a.rs",
        "crates/a/src/tests/b.rs",
    ] {
        lines(path, text, &[]);
    }
    lines("crates/git/src/contests.rs", text, &[(1, "unwrap"), (1, "expect-message")]);
    lines(
        CODE,
        "#[cfg(test)]\nmod tests { fn a() { b().unwrap(); } }\nfn c() { d().unwrap(); }",
        &[(3, "unwrap")],
    );
}
