//! The file's shape, walked by key: what a table may hold, what a key means and which name is close to one that is not
//! known. The shape itself is `file`'s; this is its JSON schema.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::file::File;

/// Names this much alike are taken for a slip.
const ALIKE: f64 = 0.8;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    // Inline, so that a key is found by walking alone; the shape has no cycles.
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<File>().to_value()
});

/// The whole schema.
pub(crate) fn schema() -> &'static Value {
    &SCHEMA
}

/// What a key holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'s>(&'s Value);

impl<'s> Node<'s> {
    /// The whole file.
    pub(crate) fn root() -> Node<'static> {
        Node(schema())
    }

    /// The key below this one; `None` where there can be none of this name.
    pub(crate) fn child(self, name: &str) -> Option<Node<'s>> {
        let named = self.properties().and_then(|known| known.get(name));
        named.or_else(|| self.any()).map(Node)
    }

    /// Names it knows; `None` where it is no table, or one whose names are the operator's.
    pub(crate) fn names(self) -> Option<Vec<&'s str>> {
        self.properties().map(|known| known.keys().map(String::as_str).collect())
    }

    /// A table whose names are the operator's.
    pub(crate) fn is_map(self) -> bool {
        self.properties().is_none() && self.any().is_some()
    }

    /// Whether it holds text and nothing else.
    pub(crate) fn is_text(self) -> bool {
        self.variants().all(|variant| {
            let word = variant.get("const").or_else(|| variant.get("enum").and_then(|all| all.get(0)));
            word.is_some_and(Value::is_string) || has_type(variant, "string") || has_type(variant, "null")
        })
    }

    /// What it does, in one paragraph.
    pub(crate) fn description(self) -> Option<String> {
        let text = self.0.get("description")?.as_str()?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn properties(self) -> Option<&'s serde_json::Map<String, Value>> {
        self.variants().find_map(|variant| variant.get("properties")?.as_object())
    }

    fn any(self) -> Option<&'s Value> {
        self.variants().find_map(|variant| variant.get("additionalProperties").filter(|any| any.is_object()))
    }

    /// Itself, or what it may be instead.
    fn variants(self) -> impl Iterator<Item = &'s Value> {
        let of = |word: &str| self.0.get(word).and_then(Value::as_array);
        let several = of("anyOf").or_else(|| of("oneOf"));
        several.map_or_else(|| std::slice::from_ref(self.0), Vec::as_slice).iter()
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().all(|one| one == name || one == "null"),
        Some(_) | None => false,
    }
}

/// Which of `known` was meant.
pub(crate) fn meant<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |name: &str| name.replace('-', "_").to_lowercase();
    let name = plain(name);
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(&name, &plain(known)), known));
    scored.filter(|(alike, _)| *alike >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}
