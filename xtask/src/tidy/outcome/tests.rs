//! Wildcards on outcomes in all their disguises, and matches that are none of the rule's business.

use super::*;

fn outcomes() -> BTreeSet<String> {
    ["PushOutcome", "Verdict"].map(str::to_owned).into()
}

#[track_caller]
fn lines(text: &str, expected: &[usize]) {
    let source = Source { path: "crates/git/src/a.rs".to_owned(), text: text.to_owned() };
    let found = check(&source, &lex::lex(text), &outcomes());
    let found: Vec<_> = found.into_iter().map(|finding| finding.line).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn outcome_enums_are_known_by_ending_list_or_mark() {
    let text = "enum A { X }\npub enum PushOutcome { X }\nenum Waited { X }\n\
                /// How it ended.\n/// Outcome enum.\n#[derive(Debug)]\npub enum Landing { X, Y }\n\
                enum Plain { X }\n// Outcome enum\nstruct Outcome;\n";
    let source = Source { path: "a.rs".to_owned(), text: text.to_owned() };
    let found: Vec<String> = names(&[source]).into_iter().collect();
    assert_eq!(found, ["Landing", "PushOutcome", "Waited"]);
}

#[test]
fn a_wildcard_beside_variants_is_a_finding() {
    lines("fn a() { match b {\n PushOutcome::Done => 1,\n _ => 2,\n} }", &[3]);
    lines("fn a() { match b {\n PushOutcome::Done { sha } => { c(sha) }\n other => d(other),\n} }", &[3]);
    lines("fn a() { match b {\n core::PushOutcome::Stale | PushOutcome::Done => 1,\n ref x => 2,\n} }", &[3]);
    lines("fn a() { match b {\n PushOutcome::Done => 1,\n all @ _ => 2,\n} }", &[3]);
    lines("fn a() { match (b, c) {\n (PushOutcome::Done, 1) => 1,\n (_, _) => 2,\n} }", &[3]);
    lines("fn a() { match b {\n PushOutcome::Done => 1,\n PushOutcome::Stale | _ => 2,\n} }", &[3]);
    lines(
        "fn a() { match b {\n #[cfg(unix)]\n PushOutcome::Done => 1,\n #[cfg(windows)]\n _ => 2,\n} }",
        &[5],
    );
}

#[test]
fn naming_every_variant_is_fine() {
    lines(
        "fn a() { match b { PushOutcome::Done => 1, PushOutcome::Stale(_) | PushOutcome::Gone { .. } => 2 } }",
        &[],
    );
    lines("fn a() { match b { PushOutcome::Done => 1, _ if c => 2, PushOutcome::Stale => 3 } }", &[]);
    lines("fn a() { match b { Other::Done => 1, _ => 2 } }", &[]);
    lines("fn a() { match b { 1 => PushOutcome::Done, _ => PushOutcome::Stale } }", &[]);
    lines("fn a() { match b { PushOutcome::parse => 1, true => 2, false => 3 } }", &[]);
}

#[test]
fn a_wildcard_inside_the_same_wrapper_is_a_finding() {
    lines("fn a() { match b {\n Ok(PushOutcome::Done) => 1,\n Ok(_) => 2,\n Err(_) => 3,\n} }", &[3]);
    lines(
        "fn a() { match b {\n Some(Ok(Verdict::Pass)) => 1,\n Some(Ok(other)) => 2,\n Some(Err(_)) | None => 3,\n} }",
        &[3],
    );
    lines("fn a() { match b {\n Some(Verdict::Pass) => 1,\n _ => 2,\n} }", &[3]);
    lines("fn a() { match b {\n Ok(Verdict::Pass | Verdict::Fail) => 1,\n Err(_) => 2,\n} }", &[]);
}

#[test]
fn the_type_of_self_is_known() {
    let body = "{ fn f(self) -> u8 { match self {\n Self::Pass => 1,\n _ => 2,\n} } }";
    lines(&format!("impl Verdict {body}"), &[3]);
    lines(&format!("impl<T: Into<u8>> From<T> for crate::Verdict where T: Copy {body}"), &[3]);
    lines(&format!("impl Other {body}"), &[]);
    lines(&format!("impl Verdict {{ }} impl Other {body}"), &[]);
}

#[test]
fn nested_and_awkward_expressions_do_not_hide_an_arm() {
    lines("fn a() { match b(|x| { x }) {\n Verdict::Pass => c::<A, B>(d),\n _ => 2,\n} }", &[3]);
    lines("fn a() { match b {\n Verdict::Pass => match c {\n 1 => 2,\n _ => 3,\n },\n _ => 4,\n} }", &[6]);
    lines("fn a() { match b {\n 1 => match c {\n Verdict::Pass => 2,\n _ => 3,\n },\n _ => 4,\n} }", &[4]);
    lines("fn a() { match b {\n Verdict::Pass => |x, y| x + y,\n _ => 4,\n} }", &[3]);
}

#[test]
fn tests_may_be_short() {
    let text = "fn a() { match b { Verdict::Pass => 1, _ => 2 } }";
    let source = Source { path: "crates/git/src/a/tests.rs".to_owned(), text: text.to_owned() };
    assert!(check(&source, &lex::lex(text), &outcomes()).is_empty());
}
