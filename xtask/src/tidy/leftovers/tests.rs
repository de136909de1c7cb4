//! Macros that were left in, and paths that only one machine has.

use super::*;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn unfinished_code_is_a_finding_in_tests_too() {
    let text = ["fn a() {\n ", "to", "do!();\n ", "db", "g!(b);\n ", "unimpl", "emented!() }"].concat();
    for path in ["crates/git/src/a.rs", "crates/git/tests/it.rs"] {
        let found: Vec<_> =
            macros(&source(path, &text), &lex::lex(&text)).iter().map(|finding| finding.line).collect();
        assert_eq!(found, [2, 3, 4]);
    }
    let fine = "// todo later\nfn todo() { dbg(\"unimplemented\") }";
    assert!(macros(&source("a.rs", fine), &lex::lex(fine)).is_empty());
}

#[test]
fn paths_of_one_machine_are_findings_in_any_text() {
    let bad = [
        concat!("see /", "work/main"),
        concat!("cd \"/", "farm/x\""),
        concat!("(/", "work/)"),
        concat!("copied from ..", "/shared/spec"),
    ];
    for text in bad {
        let found = paths(&source("docs/a.md", &format!("fine\n{text}\n")));
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2], "{text}");
    }
    for text in ["the path crates/work/a", "https://example.org/farm/a", "/workspace/a", "shared/a"] {
        assert!(paths(&source("docs/a.md", text)).is_empty(), "{text}");
    }
    assert!(paths(&source("Cargo.lock", bad[0])).is_empty());
}
