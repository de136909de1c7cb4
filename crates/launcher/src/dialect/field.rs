//! Tolerant access to the fields of an event: what is missing or of another type is absent, never an error.

use serde_json::Value;

/// A text field.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

/// A text field that is not empty.
pub(crate) fn said<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    text(value, name).filter(|text| !text.trim().is_empty())
}

/// A whole number that is not negative; zero where it is none.
pub(crate) fn count(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// An HTTP status.
pub(crate) fn status(value: &Value, name: &str) -> Option<u16> {
    let status = u16::try_from(value.get(name)?.as_u64()?).ok()?;
    (100..1000).contains(&status).then_some(status)
}

/// The elements of an array; none where it is no array.
pub(crate) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
