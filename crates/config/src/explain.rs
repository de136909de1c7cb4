//! `config explain`: what a key is set to, where that was said, and what it does.

use std::fmt;

use serde_json::Value;

use crate::keys::{Node, meant};
use crate::problem::Place;
use crate::read::Document;

/// Where a value was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the file or the environment.
    Said(Place),
    /// Nowhere: it is the default.
    Default,
}

/// A key, explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The key, dotted.
    pub key: String,
    /// What it is set to; `None` where it is not set and has no default.
    pub value: Option<Value>,
    /// Where that was said.
    pub origin: Origin,
    /// What it does.
    pub does: Option<String>,
}

/// A key that the file cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// The key.
    pub key: String,
    /// What was meant, or what there is.
    pub suggestion: String,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no key {}; {}", self.key, self.suggestion)
    }
}

impl std::error::Error for UnknownKey {}

impl Document {
    /// Explains a dotted key, `project.shop.budgets.money_per_day`.
    pub fn explain(&self, key: &str) -> Result<Explained, UnknownKey> {
        let mut node = Node::root();
        let mut known = Vec::new();
        for name in key.split('.') {
            let there = if node.is_map() { self.names_at(&known.join(".")) } else { None };
            let is_there = there.as_ref().is_none_or(|names| names.iter().any(|known| known == name));
            node = match node.child(name).filter(|_| is_there) {
                Some(below) => below,
                None => {
                    let names = there.unwrap_or_else(|| {
                        node.names().unwrap_or_default().into_iter().map(str::to_owned).collect()
                    });
                    return Err(UnknownKey {
                        key: key.to_owned(),
                        suggestion: suggest(&known, name, &names),
                    });
                }
            };
            known.push(name);
        }
        let value = self.value(key).filter(|value| !value.is_null());
        Ok(Explained { key: key.to_owned(), value, origin: self.origin(key), does: node.description() })
    }

    /// Every key, those that are not set too, in the order of their names.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        walk(&self.values(), Node::root(), &mut Vec::new(), &mut keys);
        keys
    }

    fn values(&self) -> Value {
        // Strings, numbers and tables with string keys: its JSON form always exists.
        serde_json::to_value(&self.file).unwrap_or_default()
    }

    fn value(&self, key: &str) -> Option<Value> {
        let mut at = &self.values();
        for name in key.split('.') {
            at = at.get(name)?;
        }
        Some(at.clone())
    }

    fn names_at(&self, key: &str) -> Option<Vec<String>> {
        Some(self.value(key)?.as_object()?.keys().cloned().collect())
    }

    fn origin(&self, key: &str) -> Origin {
        let of_key = |known: &str| known == key || known.starts_with(&format!("{key}."));
        let said = self.overrides.iter().rev().find(|change| of_key(&change.key.join(".")));
        let place = said.map(|change| Place::Variable(change.variable.clone()));
        place.or_else(|| self.places.of_file(key)).map_or(Origin::Default, Origin::Said)
    }
}

fn walk(value: &Value, node: Node<'_>, above: &mut Vec<String>, keys: &mut Vec<String>) {
    let table = value.as_object().filter(|_| node.names().is_some() || node.is_map());
    let Some(table) = table else {
        keys.push(above.join("."));
        return;
    };
    for (name, value) in table {
        let Some(below) = node.child(name) else { continue };
        above.push(name.clone());
        walk(value, below, above, keys);
        above.pop();
    }
}

fn suggest(above: &[&str], name: &str, names: &[String]) -> String {
    let whole = |name: &str| above.iter().copied().chain([name]).collect::<Vec<_>>().join(".");
    match meant(name, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean {}?", whole(name)),
        None if names.is_empty() => format!("{} holds no keys", above.join(".")),
        None => format!("known here are {}", names.join(", ")),
    }
}
