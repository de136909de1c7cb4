//! What a role's schema knows by name: the one source of what a prompt may mention.

use std::collections::BTreeSet;

use orchd_core::stage::Role;
use orchd_launcher::RunSpec;
use orchd_launcher::profile::CONTRACT;
use serde_json::Value;

use super::drift::What;
use crate::submit::schema_of;

/// The contract of one role.
pub(super) struct Contract {
    /// Fields, at any depth.
    pub(super) fields: BTreeSet<String>,
    /// Values a field may have: verdicts and priorities.
    pub(super) words: BTreeSet<String>,
    /// Those of them that are verdicts.
    pub(super) verdicts: BTreeSet<String>,
    /// Documents the role reads or writes.
    pub(super) documents: BTreeSet<String>,
    /// What it may call.
    pub(super) tools: BTreeSet<String>,
}

impl Contract {
    pub(super) fn of(role: Role) -> Self {
        // It ships with the program and a test reads each; a broken one would make every mention a drift.
        let schema: Value = serde_json::from_str(schema_of(role)).unwrap_or_default();
        let mut contract = Self {
            fields: BTreeSet::new(),
            words: BTreeSet::new(),
            verdicts: BTreeSet::new(),
            documents: texts(&schema["x-artifacts"]).collect(),
            tools: texts(&schema["x-tools"]).collect(),
        };
        contract.take(&schema);
        for field in ["verdict", "result", "status"] {
            contract.verdicts.extend(texts(&schema["properties"][field]["enum"]));
        }
        contract
    }

    /// Fields and words of an object of the schema and of the objects in its lists.
    fn take(&mut self, object: &Value) {
        for (name, property) in object["properties"].as_object().into_iter().flatten() {
            self.fields.insert(name.clone());
            self.words.extend(texts(&property["enum"]));
            self.take(&property["items"]);
        }
    }

    pub(super) fn has_name(&self, name: &str) -> bool {
        self.fields.contains(name) || self.tools.contains(name)
    }

    /// Whether it is one of the role's documents, in whichever folder of a task; a decision record has a folder of its
    /// own and any number and title.
    pub(super) fn has_document(&self, path: &str) -> bool {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = folder.rsplit('/').next().unwrap_or_default();
        self.documents.iter().any(|known| match known.rsplit_once('/') {
            Some((own, _)) => (folder.is_empty() || folder == own) && is_record(name),
            None => known == name,
        })
    }

    /// What there is instead of something that is not, in a sentence.
    pub(super) fn known_instead(&self, what: &What) -> String {
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        match what {
            What::Name(_) => list(&self.fields),
            What::Word(_) => list(&self.words),
            What::Document(_) => list(&self.documents),
            What::Tool(_) => list(&self.tools),
            What::Variable(_) => variables().collect::<Vec<_>>().join(", "),
            What::Example(_) | What::Steering(_) | What::Forced { .. } => String::new(),
        }
    }
}

fn texts(value: &Value) -> impl Iterator<Item = String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)
}

fn variables() -> impl Iterator<Item = &'static str> {
    CONTRACT.into_iter().chain([RunSpec::MARK])
}

/// A variable that every run has.
pub(super) fn is_variable(name: &str) -> bool {
    variables().any(|known| known == name)
}

/// `ADR-012-title.md` or `ADR-NNN-title.md`.
fn is_record(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("ADR-") else { return false };
    let Some((number, title)) = rest.split_once('-') else { return false };
    let numbered = number == "NNN" || (number.len() == 3 && number.chars().all(|c| c.is_ascii_digit()));
    numbered && title.len() > ".md".len() && title.ends_with(".md")
}

/// A file whose name begins with a number of the work items' folders, or a decision record.
pub(super) fn is_numbered_document(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".md") && (is_numbered(name) || name.starts_with("ADR-"))
}

/// What in backticks is a document of a task: by its number, or a bare name in small letters. `AGENTS.md` and
/// `docs/style.md` are the repository's.
pub(super) fn is_document(token: &str) -> bool {
    if token.contains(char::is_whitespace) {
        return false;
    }
    let small =
        token.strip_suffix(".md").is_some_and(|stem| !stem.contains('/') && stem != stem.to_uppercase());
    small || is_numbered_document(token) || (!token.contains('/') && is_numbered(token))
}

fn is_numbered(name: &str) -> bool {
    let mut chars = name.chars();
    let digits = chars.by_ref().take(2).filter(char::is_ascii_digit).count();
    digits == 2 && chars.next() == Some('-') && chars.next().is_some_and(|c| c.is_ascii_alphabetic())
}
