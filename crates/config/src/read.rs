//! From text and environment to a document: TOML with the place of every key, keys that are not known, types. What
//! goes beyond a single key is `check`'s.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use orchd_core::id::ProjectId;
use orchd_core::stage::Role;
use serde::Deserialize as _;
use toml::Table;
use toml::de::{DeTable, DeValue};

use crate::check::{self, Config};
use crate::file::File;
use crate::keys::{Node, meant};
use crate::overrides::{self, Override, PREFIX};
use crate::problem::{Place, Problem, Problems, Refused};

/// A file that was read and is in order.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) file: File,
    pub(crate) places: Places,
    pub(crate) overrides: Vec<Override>,
    config: Config,
}

impl Document {
    /// What it says.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where a key was said, or the nearest one above it that was.
    pub fn place(&self, key: &str) -> Place {
        self.places.of_key(key, &self.overrides)
    }

    /// The same with the texts of the projects' own prompts, read by `read`: nothing here opens a file, or knows what a
    /// prompt may say. Answers with everything that is wrong with them.
    pub fn with_prompts(
        mut self,
        mut read: impl FnMut(&Path, Role, &Path) -> Result<String, Vec<Refused>>,
    ) -> Result<Self, Problems> {
        let (mut config, mut problems) = (self.config.clone(), Vec::new());
        for project in &mut config.projects {
            for (role, path) in &project.prompts {
                match read(&config.data, *role, path) {
                    Ok(text) => {
                        project.policy.prompts.insert(*role, text);
                    }
                    Err(refused) => {
                        let key = format!("project.{}.prompts.{role}", project.policy.project);
                        problems.extend(refused.into_iter().map(|why| why.at(self.place(&key), &key)));
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        self.config = config;
        Ok(self)
    }

    /// The table that says how a role is played in a project.
    pub fn key_of_agent(&self, project: &ProjectId, role: Role) -> String {
        let own = format!("project.{project}.roles.{role}");
        let is_own = self.file.project.get(project.as_str()).is_some_and(|of| of.roles.of(role).is_some());
        if is_own { own } else { format!("project.{project}.agent") }
    }
}

/// Reads the text of the file at `path`, which must be absolute; `environment` is every variable of this process, of which those
/// that begin with `ORCHD__` count. Answers with everything that is wrong.
pub fn read(
    path: &Path,
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Document, Problems> {
    let tree = DeTable::parse(text).map_err(|error| Problems(vec![no_toml(path, text, &error)]))?;
    let places = Places::of(path, text, tree.get_ref());
    let mut problems = Vec::new();
    unknown(tree.get_ref(), Node::root(), &mut Vec::new(), &places, &mut problems);
    if !problems.is_empty() {
        problems.sort_by_key(|problem| problem.place.position());
        return Err(Problems(problems));
    }
    let table: Table = toml::from_str(text).map_err(|error| Problems(vec![no_toml(path, text, &error)]))?;
    let overrides = overridden(environment, &table).map_err(Problems)?;
    let file = match (with_overrides(&table, &overrides), toml::from_str::<File>(text)) {
        (Ok(file), _) => file,
        // The file alone is wrong already: that has a line.
        (Err(_), Err(error)) => return Err(Problems(vec![places.no_value(&error)])),
        (Err(problem), Ok(_)) => return Err(Problems(vec![problem])),
    };
    let config = check::check(&file, path, &|key: &str| places.of_key(key, &overrides)).map_err(Problems)?;
    Ok(Document { file, places, overrides, config })
}

/// The file with what the environment says, or which variable is to blame. Where the file alone lacks something that the
/// environment says, that is fine.
fn with_overrides(table: &Table, overrides: &[Override]) -> Result<File, Problem> {
    let blamed = |change: &Override, reason: String| Problem {
        place: Place::Variable(change.variable.clone()),
        key: change.key.join("."),
        reason,
        suggestion: None,
    };
    let with = |but: Option<&Override>| {
        let mut table = table.clone();
        let wanted = overrides.iter().filter(|change| Some(*change) != but);
        let unfit = wanted.filter(|change| !overrides::apply(&mut table, change)).last();
        (unfit, File::deserialize(table))
    };
    match with(None) {
        (Some(unfit), _) => Err(blamed(unfit, "a key above it is no table in the file".to_owned())),
        (None, Ok(file)) => Ok(file),
        (None, Err(error)) => {
            let reason = error.message().trim().to_owned();
            let culprit = overrides.iter().find(|change| with(Some(change)).1.is_ok());
            Err(culprit.or(overrides.first()).map_or_else(
                || Problem {
                    place: Place::Variable(PREFIX.to_owned()),
                    key: String::new(),
                    reason: reason.clone(),
                    suggestion: None,
                },
                |change| blamed(change, reason.clone()),
            ))
        }
    }
}

fn overridden(
    environment: impl IntoIterator<Item = (String, String)>,
    table: &Table,
) -> Result<Vec<Override>, Vec<Problem>> {
    let mut mine: Vec<_> = environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    mine.sort();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (name, text) in mine {
        match overrides::read(&name, &text, table) {
            Some(Ok(change)) => good.push(change),
            Some(Err(no)) => bad.push(Problem {
                place: Place::Variable(name),
                key: no.key,
                reason: no.reason,
                suggestion: no.suggestion,
            }),
            None => {}
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

/// Mistakes that are told at once: who mends so many asks again.
const MOST: usize = 20;

/// Every key of a table that its shape does not have, and of the tables below it.
fn unknown(
    table: &DeTable<'_>,
    node: Node<'_>,
    above: &mut Vec<String>,
    places: &Places,
    found: &mut Vec<Problem>,
) {
    for (name, value) in table {
        if found.len() == MOST {
            return;
        }
        let name: &str = name.get_ref();
        above.push(name.to_owned());
        match node.child(name) {
            Some(below) => {
                if let DeValue::Table(table) = value.get_ref() {
                    // A table in place of a value is told by its type.
                    if below.names().is_some() || below.is_map() {
                        unknown(table, below, above, places, found);
                    }
                }
            }
            None => {
                let known = node.names().unwrap_or_default();
                let suggestion = match meant(name, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("known here are {}", known.join(", ")),
                };
                let key = above.join(".");
                found.push(Problem {
                    place: places.of_file(&key).unwrap_or_else(|| places.start()),
                    key,
                    reason: "there is no such key".to_owned(),
                    suggestion: Some(suggestion),
                });
            }
        }
        above.pop();
    }
}

/// Where each key of the file stands. Lines are counted for those alone that are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    path: PathBuf,
    text: String,
    /// By dotted key: where its name begins, and the bytes of its value.
    keys: BTreeMap<String, (usize, Range<usize>)>,
}

impl Places {
    fn of(path: &Path, text: &str, table: &DeTable<'_>) -> Self {
        let mut places = Self { path: path.to_owned(), text: text.to_owned(), keys: BTreeMap::new() };
        places.walk(table, &mut Vec::new());
        places
    }

    fn walk(&mut self, table: &DeTable<'_>, above: &mut Vec<String>) {
        for (name, value) in table {
            above.push(name.get_ref().to_string());
            self.keys.insert(above.join("."), (name.span().start, value.span()));
            if let DeValue::Table(table) = value.get_ref() {
                self.walk(table, above);
            }
            above.pop();
        }
    }

    /// The place of a key in the file.
    pub(crate) fn of_file(&self, key: &str) -> Option<Place> {
        self.keys.get(key).map(|(at, _)| place(&self.path, &self.text, *at))
    }

    /// Where a key was said, or the nearest one above it that was.
    fn of_key(&self, key: &str, overrides: &[Override]) -> Place {
        if let Some(change) = overrides.iter().rev().find(|change| change.key.join(".") == key) {
            return Place::Variable(change.variable.clone());
        }
        let mut key = key;
        loop {
            if let Some(place) = self.of_file(key) {
                return place;
            }
            match key.rsplit_once('.') {
                Some((above, _)) => key = above,
                None => return self.start(),
            }
        }
    }

    fn start(&self) -> Place {
        Place::File { path: self.path.clone(), line: 1, column: 1 }
    }

    /// A value of the wrong type, or one that is missing.
    fn no_value(&self, error: &toml::de::Error) -> Problem {
        let at = error.span().unwrap_or(0..0);
        let around = |span: &Range<usize>| span.start <= at.start && at.end <= span.end && !at.is_empty();
        let inner =
            self.keys.iter().filter(|(_, (_, span))| around(span)).min_by_key(|(_, (_, span))| span.len());
        Problem {
            place: place(&self.path, &self.text, at.start),
            key: inner.map(|(key, _)| key.clone()).unwrap_or_default(),
            reason: error.message().trim().to_owned(),
            suggestion: None,
        }
    }
}

fn place(path: &Path, text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place::File { path: path.to_owned(), line, column }
}

fn no_toml(path: &Path, text: &str, error: &toml::de::Error) -> Problem {
    Problem {
        place: place(path, text, error.span().map_or(0, |span| span.start)),
        key: String::new(),
        reason: format!("this is no TOML: {}", error.message().trim()),
        suggestion: None,
    }
}

#[cfg(test)]
mod tests;
