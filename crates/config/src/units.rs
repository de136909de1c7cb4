//! Values as people write them: spans of time, sizes, amounts of money, and the words that stand for no limit. Each says in its
//! error what it takes.

use std::borrow::Cow;
use std::fmt;

use jiff::SpanRelativeTo;
use orchd_core::policy::Money;
use orchd_core::time::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time above zero, `"90m"` or `"1h 30m"`; a day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Span);

impl Time {
    pub(crate) const fn mins(n: i64) -> Self {
        Self(Span::mins(n))
    }

    pub(crate) const fn days(n: i64) -> Self {
        Self(Span::hours(24 * n))
    }

    fn parse(text: &str) -> Option<Self> {
        let span: jiff::Span = text.trim().parse().ok()?;
        let millis = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.as_millis();
        i64::try_from(millis).ok().filter(|millis| *millis > 0).map(|millis| Self(Span(millis)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.0;
        let mut said = false;
        for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            let n = left / millis;
            left %= millis;
            if n > 0 {
                write!(f, "{}{n}{unit}", if said { " " } else { "" })?;
                said = true;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const TAKES: &str = "a span of time such as \"90m\", \"1h 30m\" or \"14d\"";
        let text = deserializer.deserialize_any(Text(TAKES))?;
        Self::parse(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &TAKES))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["90m", "1h 30m", "14d"] })
    }
}

/// Bytes, `"16 GiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl Size {
    pub(crate) const fn mib(n: u64) -> Self {
        Self(n * 1024 * 1024)
    }

    pub(crate) const fn gib(n: u64) -> Self {
        Self::mib(n * 1024)
    }
}

const SIZES: &str = "a size such as \"512 MiB\" or \"16 GiB\"";

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(Text(SIZES))?;
        let size: Result<bytesize::ByteSize, _> = text.parse();
        size.map(|size| Self(size.as_u64()))
            .map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &SIZES))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&bytesize::ByteSize(self.0).display().iec())
    }
}

impl JsonSchema for Size {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["512 MiB", "16 GiB"] })
    }
}

/// A size, or `"none"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ceiling<T>(pub(crate) Option<T>);

/// The word for no ceiling.
const NONE: &str = "none";

impl<'de> Deserialize<'de> for Ceiling<Size> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const TAKES: &str = "a size such as \"16 GiB\", or \"none\"";
        let text = deserializer.deserialize_any(Text(TAKES))?;
        if text.trim() == NONE {
            return Ok(Self(None));
        }
        let size: Result<bytesize::ByteSize, _> = text.parse();
        size.map(|size| Self(Some(Size(size.as_u64()))))
            .map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &TAKES))
    }
}

impl<'de> Deserialize<'de> for Ceiling<u32> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer
            .deserialize_any(NumberOr { word: NONE, takes: "a number of at least 1, or \"none\"" })?
        {
            None => Ok(Self(None)),
            Some(n) if n >= 1.0 && n <= f64::from(u32::MAX) && n.fract() == 0.0 => Ok(Self(Some(n as u32))),
            Some(n) => Err(D::Error::invalid_value(
                Unexpected::Float(n),
                &"a whole number of at least 1, or \"none\"",
            )),
        }
    }
}

impl<T: Serialize> Serialize for Ceiling<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => value.serialize(serializer),
            None => serializer.serialize_str(NONE),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Ceiling<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("CeilingOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = T::json_schema(generator);
        json_schema!({ "anyOf": [inner, { "const": NONE }] })
    }
}

/// US dollars, or `"unlimited"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cap(pub(crate) Option<Money>);

const UNLIMITED: &str = "unlimited";
/// More than anybody has, and far below what micro-dollars can hold.
const MOST_USD: f64 = 1e9;

/// Dollars as the core counts them.
fn money(usd: f64) -> Option<Money> {
    // In range and not a NaN: the cast is exact to the micro-dollar.
    (0.0..=MOST_USD).contains(&usd).then(|| Money((usd * 1e6).round() as i64))
}

impl<'de> Deserialize<'de> for Cap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const TAKES: &str = "US dollars such as 5 or 2.50, or \"unlimited\"";
        match deserializer.deserialize_any(NumberOr { word: UNLIMITED, takes: TAKES })? {
            None => Ok(Self(None)),
            Some(usd) => money(usd)
                .map(|money| Self(Some(money)))
                .ok_or_else(|| D::Error::invalid_value(Unexpected::Float(usd), &TAKES)),
        }
    }
}

impl Serialize for Cap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(money) => serializer.serialize_f64(money.usd()),
            None => serializer.serialize_str(UNLIMITED),
        }
    }
}

impl JsonSchema for Cap {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Cap".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "const": UNLIMITED }] })
    }
}

/// US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usd(pub(crate) Money);

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let usd = f64::deserialize(deserializer)?;
        money(usd)
            .map(Self)
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Float(usd), &"US dollars such as 5 or 2.50"))
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.usd())
    }
}

impl JsonSchema for Usd {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0 })
    }
}

/// Takes a string; anything else is told what is taken.
struct Text(&'static str);

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// Takes a number, or one word in place of it.
struct NumberOr {
    word: &'static str,
    takes: &'static str,
}

impl Visitor<'_> for NumberOr {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.takes)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Option<f64>, E> {
        if text == self.word { Ok(None) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
    }

    fn visit_f64<E>(self, n: f64) -> Result<Option<f64>, E> {
        Ok(Some(n))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Option<f64>, E> {
        // What a configuration may mean is far below 2^53.
        Ok(Some(n as f64))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Option<f64>, E> {
        Ok(Some(n as f64))
    }
}

#[cfg(test)]
mod tests;
