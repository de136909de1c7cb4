//! The prompt linter (spec 5.2): what a role's prompt mentions must exist in the contract of that role, and how the
//! pipeline is steered is none of its business. Text in, drifts out; nothing is opened here.
//!
//! In single backticks stand names that orchd knows: fields, words, documents, tools. A command is written with its
//! arguments and a path with its folder, so that both are told from a name; such code is the project's own.

mod contract;
mod drift;
mod markdown;

use orchd_core::stage::Role;
use orchd_core::verdict;
use serde_json::Value;

use contract::Contract;
use drift::What;
pub use drift::{BadPrompt, Drift, PROMPT_MAX};
use markdown::{Kind, Piece};

/// Words that tell of steering, whole.
const STEERING: [&str; 10] =
    ["gate", "gates", "gated", "gating", "pipeline", "pipelines", "skip", "skips", "skipped", "skipping"];
/// Parts of words that do.
const STEERING_PARTS: [&str; 4] = ["approv", "bypass", "orchestrat", "rollback"];
/// Words for a verdict that are nothing else, of whichever role, and those that are easily taken for one.
const VERDICTS: [&str; 6] =
    ["APPROVED", "REQUEST_CHANGES", "READY-TO-DEPLOY", "CHANGES_REQUESTED", "REJECTED", "LGTM"];
/// What makes a sentence about a verdict a command.
const FORCING: [&str; 4] = ["always", "regardless", "unconditionally", "no matter"];
/// Names in backticks that belong to a document's own form or to every language.
const FREE: [&str; 5] = ["accepted", "superseded", "true", "false", "null"];

/// A prompt of the project's own, if it is text, has a sane size and keeps to the contract.
pub fn accept(role: Role, bytes: &[u8]) -> Result<String, Vec<BadPrompt>> {
    if bytes.len() > PROMPT_MAX {
        return Err(vec![BadPrompt::TooLong]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(vec![BadPrompt::NotUtf8 { at: error.valid_up_to() }]),
    };
    if text.trim().is_empty() {
        return Err(vec![BadPrompt::Empty]);
    }
    let drifts = lint(role, text);
    if drifts.is_empty() {
        Ok(text.to_owned())
    } else {
        Err(drifts.into_iter().map(BadPrompt::Drift).collect())
    }
}

/// Everything in a prompt of `role` that its contract does not have, in the order of the text.
pub fn lint(role: Role, prompt: &str) -> Vec<Drift> {
    let mut lint = Lint { role, contract: Contract::of(role), found: Vec::new() };
    for piece in markdown::pieces(prompt) {
        lint.piece(&piece);
    }
    for (line, sentence) in markdown::sentences(prompt) {
        lint.forced(line, sentence);
    }
    lint.found.sort_by_key(|drift| drift.line);
    lint.found.dedup();
    lint.found
}

/// Words of steering alone: for a whole prompt, whose other parts are not written by hand.
pub fn steering(role: Role, text: &str) -> Vec<Drift> {
    let mut lint = Lint { role, contract: Contract::of(role), found: Vec::new() };
    lint.steering(&Piece { kind: Kind::Prose, text, line: 1 });
    lint.found
}

struct Lint {
    role: Role,
    contract: Contract,
    found: Vec<Drift>,
}

impl Lint {
    fn wrong(&mut self, line: usize, what: What) {
        let known = self.contract.known_instead(&what);
        self.found.push(Drift { role: self.role, line, what, known });
    }

    fn piece(&mut self, piece: &Piece<'_>) {
        self.variables(piece);
        match &piece.kind {
            Kind::Prose => {
                self.steering(piece);
                self.verdicts(piece);
                self.documents(piece);
            }
            Kind::Code => self.code(piece),
            Kind::Block { language } => {
                self.steering(piece);
                self.tools(piece);
                self.documents(piece);
                if *language == "json" {
                    self.example(piece);
                }
            }
        }
    }

    /// A variable that a run does not get.
    fn variables(&mut self, piece: &Piece<'_>) {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for (line, word) in piece.words(is_part) {
            if word.starts_with("ORCHD_") && !contract::is_variable(word) {
                self.wrong(line, What::Variable(word.to_owned()));
            }
        }
    }

    /// A word that tells how the pipeline is steered. A verdict of the role's own is none, as it is spelled.
    fn steering(&mut self, piece: &Piece<'_>) {
        // A verdict is one word with its underscore or hyphens, and is looked at as such.
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        for (line, whole) in piece.words(is_part) {
            if self.contract.words.contains(whole.trim_matches('-')) {
                continue;
            }
            for word in whole.split(['_', '-']) {
                let lower = word.to_lowercase();
                let steers = STEERING.contains(&lower.as_str())
                    || STEERING_PARTS.iter().any(|part| lower.contains(part));
                if steers {
                    self.wrong(line, What::Steering(word.to_owned()));
                }
            }
        }
    }

    /// A verdict in prose that is not the role's to give.
    fn verdicts(&mut self, piece: &Piece<'_>) {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        for (line, word) in piece.words(is_part) {
            if VERDICTS.contains(&word) && !self.contract.words.contains(word) {
                self.wrong(line, What::Word(word.to_owned()));
            }
        }
    }

    /// Documents by their numbers, wherever they are named.
    fn documents(&mut self, piece: &Piece<'_>) {
        for (line, word) in piece.words(markdown::is_path) {
            let word = word.trim_end_matches(['.', '/']).trim_start_matches("./");
            if contract::is_numbered_document(word) && !self.contract.has_document(word) {
                self.wrong(line, What::Document(word.to_owned()));
            }
        }
    }

    /// What stands in single backticks.
    fn code(&mut self, piece: &Piece<'_>) {
        let token = piece.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = piece.line;
        if contract::is_document(&token) {
            if !self.contract.has_document(&token) {
                self.wrong(line, What::Document(token));
            }
        } else if is_upper_word(&token) {
            // A variable was looked at already.
            if !self.contract.words.contains(&token) && !token.starts_with("ORCHD_") {
                self.wrong(line, What::Word(token));
            }
        } else if is_lower_word(&token) {
            if !self.contract.has_name(&token) && !FREE.contains(&token.as_str()) {
                self.wrong(line, What::Name(token));
            }
        } else {
            self.tools(piece);
            self.documents(piece);
        }
    }

    /// What is called of orchd's own program.
    fn tools(&mut self, piece: &Piece<'_>) {
        let words: Vec<(usize, &str)> = piece.words(|c| !c.is_whitespace()).collect();
        for pair in words.windows(2) {
            let [(_, program), (line, called)] = pair else { continue };
            let program = program.trim_matches(['"', '\'', '$', '{', '}', '(', '`']);
            let called = called.trim_end_matches(['.', ',', ';', ')', '`']);
            let is_ours = matches!(program, "ORCHD_SUBMIT" | "orchctl" | "orchd");
            if is_ours && !called.starts_with('-') && !self.contract.tools.contains(called) {
                self.wrong(*line, What::Tool(called.to_owned()));
            }
        }
    }

    /// An example is a submission that would be taken.
    fn example(&mut self, piece: &Piece<'_>) {
        match verdict::submission(self.role, piece.text.as_bytes()) {
            Err(bad) => self.wrong(piece.line, What::Example(bad.to_string())),
            Ok((_, dropped)) => {
                for field in dropped {
                    self.wrong(piece.line, What::Example(format!("{field} is not the role's to say")));
                }
            }
        }
        // Readable, as what was read before is read again as it stands.
        let value: Value = serde_json::from_str(piece.text).unwrap_or_default();
        for field in ["verdict", "result", "status"] {
            if let Some(word) = value[field].as_str().filter(|word| !self.contract.words.contains(*word)) {
                self.wrong(piece.line, What::Word(word.to_owned()));
            }
        }
        for document in value["artifacts"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !self.contract.has_document(document) {
                self.wrong(piece.line, What::Document(document.to_owned()));
            }
        }
    }

    /// A sentence that names a verdict and makes it unconditional.
    fn forced(&mut self, line: usize, sentence: &str) {
        let lower = sentence.to_lowercase();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let named = sentence.split(|c| !is_part(c)).find(|word| self.contract.verdicts.contains(*word));
        if let (Some(verdict), Some(by)) = (named, FORCING.iter().find(|by| lower.contains(**by))) {
            let (verdict, by) = (verdict.to_owned(), (*by).to_owned());
            self.wrong(line, What::Forced { verdict, by });
        }
    }
}

/// `REQUEST_CHANGES`, `P0`: in backticks a word of the contract.
fn is_upper_word(token: &str) -> bool {
    token.len() > 1
        && token.starts_with(|c: char| c.is_ascii_uppercase())
        && token.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '-')
}

/// `findings`: in backticks a name of the contract.
fn is_lower_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_lowercase())
        && token.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests;
