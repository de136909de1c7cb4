//! Time that has passed on the wall and on the processors, the load of the machine, and medians.

use std::ops::{AddAssign, Sub};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment of the measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    wall: Duration,
    cpu: Duration,
}

/// What something took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Took {
    /// On the wall.
    pub(crate) wall: Duration,
    /// On the processors, over all threads of this process.
    pub(crate) cpu: Duration,
}

fn read(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { wall: read(ClockId::Monotonic), cpu: read(ClockId::ProcessCPUTime) }
    }
}

impl Sub for Moment {
    type Output = Took;
    fn sub(self, earlier: Self) -> Took {
        Took { wall: self.wall.saturating_sub(earlier.wall), cpu: self.cpu.saturating_sub(earlier.cpu) }
    }
}

impl AddAssign for Took {
    fn add_assign(&mut self, more: Self) {
        self.wall += more.wall;
        self.cpu += more.cpu;
    }
}

/// The median; 0 of nothing.
pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    let half = of.len() / 2;
    match (of.get(half), of.len() % 2) {
        (None, _) => 0.0,
        (Some(middle), 1) => *middle,
        (Some(upper), _) => of[half - 1].midpoint(*upper),
    }
}

/// The machine's load over 1, 5 and 15 minutes, where the system tells it.
pub(crate) fn load() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let words: Vec<&str> = told.split_whitespace().take(3).collect();
    if words.is_empty() { "not known".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests;
