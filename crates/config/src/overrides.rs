//! Settings of the environment: `ORCHD__PROJECT__SHOP__APPROVAL=auto` stands for `project.shop.approval = "auto"`. The
//! environment goes before the file. Names are matched without regard to case, and `-` is written `_`.

use toml::{Table, Value};

use crate::keys::{Node, meant};

/// What every such variable begins with.
pub(crate) const PREFIX: &str = "ORCHD__";

/// A variable that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Override {
    pub(crate) variable: String,
    pub(crate) key: Vec<String>,
    pub(crate) value: Value,
}

/// Why a variable is none, and what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoKey {
    pub(crate) key: String,
    pub(crate) reason: String,
    pub(crate) suggestion: Option<String>,
}

/// What a variable sets. `table`: the file, whose names of projects it may mean. `None`: it is none of orchd's.
pub(crate) fn read(variable: &str, text: &str, table: &Table) -> Option<Result<Override, NoKey>> {
    let rest = variable.strip_prefix(PREFIX)?;
    Some(resolve(rest, table).map(|(key, node)| {
        let value = if node.is_text() { Value::String(text.to_owned()) } else { value(text) };
        Override { variable: variable.to_owned(), key, value }
    }))
}

fn resolve(rest: &str, table: &Table) -> Result<(Vec<String>, Node<'static>), NoKey> {
    let (mut key, mut node, mut there) = (Vec::new(), Node::root(), Some(table));
    for part in rest.split("__") {
        let found = match node.names() {
            Some(names) => names.iter().find(|name| is_same(name, part)).map(|name| (*name).to_owned()),
            // A name of the operator's: the file's, or a new one.
            None if node.is_map() => {
                let known = there.and_then(|table| table.keys().find(|name| is_same(name, part)));
                Some(known.cloned().unwrap_or_else(|| part.to_lowercase()))
            }
            None => None,
        };
        let below = found.as_deref().and_then(|name| node.child(name));
        let (Some(name), Some(below)) = (found, below) else {
            let above = if key.is_empty() { "the file".to_owned() } else { key.join(".") };
            let suggestion = node
                .names()
                .and_then(|names| meant(part, names))
                .map(|name| format!("did you mean {}?", name.to_uppercase()));
            key.push(part.to_lowercase());
            return Err(NoKey { key: key.join("."), reason: format!("{above} has no such key"), suggestion });
        };
        there = there.and_then(|table| table.get(&name)).and_then(Value::as_table);
        key.push(name);
        node = below;
    }
    Ok((key, node))
}

fn is_same(name: &str, part: &str) -> bool {
    name.replace('-', "_").eq_ignore_ascii_case(part)
}

/// As it would stand in the file; text that is no TOML is a string.
fn value(text: &str) -> Value {
    let line = format!("value = {text}");
    let read: Option<Value> = line.parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Sets it, making the tables on the way. `false`: something on the way is no table.
pub(crate) fn apply(table: &mut Table, change: &Override) -> bool {
    let Some((last, above)) = change.key.split_last() else { return false };
    let mut at = table;
    for name in above {
        let next = at.entry(name.clone()).or_insert_with(|| Value::Table(Table::new()));
        let Some(next) = next.as_table_mut() else { return false };
        at = next;
    }
    at.insert(last.clone(), change.value.clone());
    true
}
