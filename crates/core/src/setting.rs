//! A setting that several layers may give: the first one that says something usable counts (spec 5.1). What could
//! not be used is told, for the log; it is never passed on. Where the layers come from is the configuration's.

use crate::mutant::{self, Mutant};

/// What one place says about a setting, the strongest first: role override, role setting, default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer<'a> {
    /// The place, for people: a variable's name, a key of the configuration.
    pub name: &'a str,
    /// What it says; `None` and the empty text are not set.
    pub value: Option<&'a str>,
}

/// A value that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{layer} says {value:?}, which can not be used: {why}; the next layer counts")]
pub struct Skipped {
    /// The place.
    pub layer: String,
    /// What it says.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
}

/// What a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved<T> {
    /// The value, with the place that gave it; `None` where no layer says anything usable.
    pub value: Option<(T, String)>,
    /// Stronger places whose value could not be used, the strongest first.
    pub skipped: Vec<Skipped>,
}

/// The strongest layer that says something which `parse` can read. An empty text wipes nothing (INC-34).
pub fn resolve<'a, T, E: ToString>(
    layers: impl IntoIterator<Item = Layer<'a>>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Resolved<T> {
    let mut skipped = Vec::new();
    for Layer { name, value } in layers {
        let is_set = |text: &&str| !text.trim().is_empty() || mutant::on(Mutant::Inc34);
        let Some(text) = value.filter(is_set) else { continue };
        match parse(text) {
            Ok(value) => return Resolved { value: Some((value, name.to_owned())), skipped },
            Err(why) => {
                let (layer, value) = (name.to_owned(), text.to_owned());
                skipped.push(Skipped { layer, value, why: why.to_string() });
            }
        }
    }
    Resolved { value: None, skipped }
}
