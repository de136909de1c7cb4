//! Readers of what agent programs and test runners print, in every dialect, in pieces, with credentials to mask.

use orchd_launcher::Ended;
use orchd_launcher::dialect::{Dialect, Translator, plain as plain_text};
use orchd_launcher::summary as test_summary;

/// A credential as a run has one.
const SECRET: &str = "sk-fuzz-0123456789";

pub(super) fn claude(bytes: &[u8]) {
    dialect(Dialect::ClaudeStreamJson, bytes);
}

pub(super) fn codex(bytes: &[u8]) {
    dialect(Dialect::CodexJsonl, bytes);
}

pub(super) fn gemini(bytes: &[u8]) {
    dialect(Dialect::GeminiStreamJson, bytes);
}

pub(super) fn opencode(bytes: &[u8]) {
    dialect(Dialect::OpencodeJson, bytes);
}

pub(super) fn plain(bytes: &[u8]) {
    dialect(Dialect::Plain, bytes);
    plain_text::usage(&String::from_utf8_lossy(bytes));
}

fn dialect(dialect: Dialect, bytes: &[u8]) {
    translate(dialect, bytes, &[SECRET.to_owned()]);
}

/// The first line holds the credentials, the rest is what a program said.
pub(super) fn masking(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let secrets: Vec<String> = first.split_whitespace().take(8).map(str::to_owned).collect();
    for dialect in Dialect::ALL {
        translate(dialect, rest.as_bytes(), &secrets);
    }
}

/// Reads as the daemon does, in pieces, and demands that no credential is shown.
fn translate(dialect: Dialect, bytes: &[u8], secrets: &[String]) {
    let mut translator = Translator::new(dialect, Some("model")).masking(secrets.iter().cloned());
    let mut events = Vec::new();
    for piece in bytes.chunks(bytes.len() / 3 + 1) {
        events.extend(translator.push(piece, None));
    }
    let ended = Ended::Exited { code: i32::from(bytes.first().is_some_and(|byte| byte % 2 == 1)) };
    events.extend(translator.end(&ended));
    let reading = translator.reading(&ended, &String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)));
    // Of a credential that looks like the mask or like an event's own words nothing can be said.
    let telling = |secret: &&String| {
        secret.len() >= 12 && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    for secret in secrets.iter().filter(telling) {
        for event in &events {
            assert!(!shown(event).contains(secret.as_str()), "{secret} is shown in {event:?}");
        }
        assert!(!shown(&reading).contains(secret.as_str()), "{secret} is shown in {reading:?}");
    }
}

/// Everything in it as text; the letter of an escape is no part of a word.
fn shown(what: &impl std::fmt::Debug) -> String {
    let text = format!("{what:?}");
    ["\\n", "\\r", "\\t", "\\0"].iter().fold(text, |text, escape| text.replace(escape, " "))
}

pub(super) fn summary(bytes: &[u8]) {
    test_summary::read(&String::from_utf8_lossy(bytes));
}
