//! The lexer on what trips lexers: raw strings, lifetimes, nested comments, numbers with dots.

use super::*;

#[track_caller]
fn check(source: &str, expected: &[(Kind, &str)]) {
    let lexed = lex(source);
    let found: Vec<_> = lexed.tokens.iter().map(|token| (token.kind, token.text)).collect();
    assert_eq!(found, expected, "{source}");
}

#[test]
fn strings_of_every_kind_are_one_token() {
    check(r#""a \" b""#, &[(Kind::Str, r#""a \" b""#)]);
    check(r##"r#"a " b"#"##, &[(Kind::Str, r##"r#"a " b"#"##)]);
    check(r#"br"\" c"x" b"\"""#, &[(Kind::Str, r#"br"\""#), (Kind::Str, r#"c"x""#), (Kind::Str, r#"b"\"""#)]);
    check("r#match", &[(Kind::Ident, "r#match")]);
}

#[test]
fn characters_are_not_lifetimes() {
    check(
        "'a 'b' '\\'' '\"' 'é' b'\\n'",
        &[
            (Kind::Lifetime, "'a"),
            (Kind::Char, "'b'"),
            (Kind::Char, "'\\''"),
            (Kind::Char, "'\"'"),
            (Kind::Char, "'é'"),
            (Kind::Char, "b'\\n'"),
        ],
    );
}

#[test]
fn numbers_end_before_ranges_and_methods() {
    let (number, punct, ident) = (Kind::Number, Kind::Punct, Kind::Ident);
    check("1..2", &[(number, "1"), (punct, "."), (punct, "."), (number, "2")]);
    check("1.5_f64 1.max", &[(number, "1.5_f64"), (number, "1"), (punct, "."), (ident, "max")]);
}

#[test]
fn comments_are_kept_apart_with_their_lines() {
    let lexed = lex("a /* x /* y */\n z */ b // \"c\nd \"\n\" e");
    let tokens: Vec<_> = lexed.tokens.iter().map(|token| (token.text, token.line)).collect();
    assert_eq!(tokens, [("a", 1), ("b", 2), ("d", 3), ("\"\n\"", 3), ("e", 4)]);
    let comments: Vec<_> = lexed.comments.iter().map(|note| (note.text, note.first, note.last)).collect();
    assert_eq!(comments, [("/* x /* y */\n z */", 1, 2), ("// \"c", 2, 2)]);
}

#[test]
fn a_literal_is_what_stands_between_the_quotes() {
    let inner: Vec<_> = lex(r##""a" r#"b"c"# b"" x"##).tokens.iter().map(Token::literal).collect();
    assert_eq!(inner, [Some("a"), Some("b\"c"), Some(""), None]);
}

#[test]
fn broken_text_is_taken_to_its_end() {
    for text in ["\"abc", "r#\"abc", "/* abc", "'", "b'", "r#", "'\\", "\"\\"] {
        let lexed = lex(text);
        assert!(lexed.tokens.len() + lexed.comments.len() > 0, "{text}");
    }
}
