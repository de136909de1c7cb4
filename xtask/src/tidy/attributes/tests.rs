//! The one allowed `cfg(test)`, and ignored tests with and without their reason.

use super::*;

#[track_caller]
fn rules(text: &str, expected: &[(usize, &str)]) {
    let source = Source { path: "crates/git/src/a.rs".to_owned(), text: text.to_owned() };
    let found: Vec<_> =
        check(&source, &lex::lex(text)).into_iter().map(|finding| (finding.line, finding.rule)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn only_the_module_tests_depends_on_test() {
    rules("fn a() {}\n#[cfg(test)]\nmod tests;", &[]);
    rules("#[cfg(unix)]\nmod a;\n#[cfg(feature = \"test\")]\nmod b;", &[]);
    for bad in [
        "#[cfg(test)]\nmod tests { }",
        "#[cfg(test)]\nmod more_tests;",
        "#[cfg(test)]\nfn now() {}",
        "#[cfg(not(test))]\nmod tests;",
        "#[cfg(any(test, feature = \"fake\"))]\nmod tests;",
        "#[cfg_attr(test, derive(Debug))]\nstruct A;",
        "#![cfg(test)]",
        "fn a() { if cfg!(test) { } }",
    ] {
        rules(bad, &[(1, "cfg-test")]);
    }
}

#[test]
fn an_ignored_test_says_why() {
    rules("#[test]\n#[ignore = \"needs a tracker; the nightly run has one\"]\nfn a() {}", &[]);
    rules("#[diagnostic(ignore)] fn a() { ignore(b) }", &[]);
    rules(concat!("#[test]\n#", "[ignore]\nfn a() {}"), &[(2, "ignore-reason")]);
    rules("#[ignore = \"\"]\nfn a() {}", &[(1, "ignore-reason")]);
    rules("#[cfg_attr(miri, ignore)]\nfn a() {}", &[(1, "ignore-reason")]);
}
