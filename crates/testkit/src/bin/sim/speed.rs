//! How fast seeds run, measured beside a fixed piece of work of the same kind, so that a slow or busy machine is
//! not taken for a slow simulator. What counts is a thread's own processor time. Nothing here touches a seed.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use orchd_testkit::Rng;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Runs of seeds in the time that one unit of the fixed work takes, in thousandths, as it was when it was last
/// renewed: `cargo xtask sim --seeds 4000`, the number of its line `per unit`.
const REFERENCE: u64 = 2000;
/// With fewer runs the ratio is an accident.
const ENOUGH: u64 = 500;

/// What was measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Speed {
    runs: u64,
    running: Duration,
    units: u64,
    calibrating: Duration,
}

impl Speed {
    /// Measures some runs of seeds, and one unit of the fixed work right after them on the same thread.
    pub(crate) fn measured<T>(runs: impl FnOnce() -> (u64, T)) -> (Self, T) {
        let start = processor_time();
        let (runs, answer) = runs();
        let between = processor_time();
        black_box(unit());
        let end = processor_time();
        let speed = Self { runs, running: between - start, units: 1, calibrating: end - between };
        (speed, answer)
    }

    /// Adds what was measured elsewhere.
    pub(crate) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.running += other.running;
        self.units += other.units;
        self.calibrating += other.calibrating;
    }

    /// Runs per second of one core.
    pub(crate) fn per_core(self) -> u64 {
        per(self.runs.saturating_mul(1_000_000), self.running)
    }

    /// Thousandths of a run per unit of the fixed work.
    pub(crate) fn per_unit(self) -> u64 {
        let unit = per(self.units.saturating_mul(1_000_000), self.calibrating);
        self.per_core().saturating_mul(1000).checked_div(unit).unwrap_or(0)
    }

    /// Whether it is at least half as fast as it once was; so many runs are needed to tell.
    pub(crate) fn holds(self) -> bool {
        self.runs < ENOUGH || self.per_unit() >= REFERENCE / 2
    }

    /// The reference.
    pub(crate) const fn reference() -> u64 {
        REFERENCE
    }
}

/// Millionths of something per second.
fn per(millionths: u64, time: Duration) -> u64 {
    let per_second = u128::from(millionths).checked_div(time.as_micros()).unwrap_or(0);
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

/// What this thread has used of the processor.
pub(crate) fn processor_time() -> Duration {
    time(ClockId::ThreadCPUTime)
}

/// Time that passes for people.
pub(crate) fn passing_time() -> Duration {
    time(ClockId::Monotonic)
}

fn time(clock: ClockId) -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
    // Neither clock starts before zero.
    Duration::new(u64::try_from(tv_sec).unwrap_or(0), u32::try_from(tv_nsec).unwrap_or(0))
}

/// The fixed work: rows in a map that are changed, copied as a whole and hashed, as a simulator does. It is frozen:
/// whoever changes it makes the reference worthless.
fn unit() -> u64 {
    let mut rng = Rng::new(1);
    let mut rows: BTreeMap<u64, (String, Vec<u64>)> = BTreeMap::new();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for round in 0..400 {
        for _ in 0..16 {
            let (text, words) = rows.entry(rng.below(64)).or_default();
            *text = format!("row of round {round}");
            words.push(rng.next());
            words.truncate(24);
        }
        for (id, (text, words)) in rows.clone() {
            let bytes = text.into_bytes().into_iter().chain(words.into_iter().flat_map(u64::to_le_bytes));
            for byte in id.to_le_bytes().into_iter().chain(bytes) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    hash
}
