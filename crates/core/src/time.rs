//! Moments and spans as plain numbers. Time enters as an argument everywhere; nothing here reads a clock.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A span in milliseconds; negative spans do not occur and are treated as zero where it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Span {
    /// `n` milliseconds.
    pub const fn millis(n: i64) -> Self {
        Self(n)
    }
    /// `n` seconds.
    pub const fn secs(n: i64) -> Self {
        Self(n * 1000)
    }
    /// `n` minutes.
    pub const fn mins(n: i64) -> Self {
        Self(n * 60_000)
    }
    /// `n` hours.
    pub const fn hours(n: i64) -> Self {
        Self(n * 3_600_000)
    }
    /// As the standard library's type; a negative span is zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Timestamp {
    /// The start of this moment's UTC day: the boundary of money per day.
    pub fn day_start(self) -> Self {
        Self(self.0 - self.0.rem_euclid(Span::hours(24).0))
    }
}

impl fmt::Display for Span {
    /// For people: `340 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min`, `3 d 4 h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.max(0);
        let (secs, mins, hours, days) = (ms / 1000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
        match ms {
            0..1_000 => write!(f, "{ms} ms"),
            1_000..60_000 => write!(f, "{}.{} s", secs, ms % 1000 / 100),
            60_000..3_600_000 => write!(f, "{mins} min {:02} s", secs % 60),
            3_600_000..86_400_000 => write!(f, "{hours} h {:02} min", mins % 60),
            _ => write!(f, "{days} d {} h", hours % 24),
        }
    }
}
