//! What is demanded of a target for every input: that it ends, and in memory and time in proportion to the length. A
//! demand that is broken is a panic, as a reader's own is.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::target::Target;

/// Memory that any input may cost, however short.
const MEMORY_FLOOR: u64 = 1 << 20;
/// The shortest and the longest that an input is grown to.
const SHORT: usize = 16 * 1024;
const LONG: usize = 8 * SHORT;
/// Eight times the length may take this many times as long: linear, with slack for caches and a busy machine.
const SLACK: u32 = 4 * 8;
/// Faster than this, a time says nothing.
const TELLING: Duration = Duration::from_millis(20);
/// It is measured so often before it is believed.
const TIMES: usize = 5;

/// Reads once, and demands that the memory held at once is in proportion.
pub fn read(target: &Target, bytes: &[u8]) {
    let used = allocation_counter::measure(|| (target.read)(bytes)).bytes_max;
    let may = MEMORY_FLOOR + target.memory * bytes.len() as u64;
    assert!(
        used <= may,
        "{} holds {used} bytes at once for an input of {}, more than {may}",
        target.name,
        bytes.len()
    );
}

/// Grows the input by repeating a part of it in place, and demands that time grows no faster than length.
pub fn grow(target: &Target, bytes: &[u8], part: std::ops::Range<usize>) {
    let (short, long) = (grown(bytes, part.clone(), SHORT), grown(bytes, part, LONG));
    read(target, &long);
    // The shortest of several times is the one that nobody disturbed.
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..TIMES {
        for (fastest, bytes) in fastest.iter_mut().zip([&short, &long]) {
            let begun = worked();
            (target.read)(bytes);
            *fastest = worked().saturating_sub(begun).min(*fastest);
        }
        let [short_took, long_took] = fastest;
        if long_took < TELLING || long_took < short_took * SLACK {
            return;
        }
    }
    let [short_took, long_took] = fastest;
    panic!(
        "{} takes {short_took:?} for {} bytes and {long_took:?} for {}: more than linear",
        target.name,
        short.len(),
        long.len()
    );
}

/// What this thread has worked so far: on a busy machine it waits for most of the time that passes.
fn worked() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let part = |n: i64| u64::try_from(n).unwrap_or(0);
    Duration::from_secs(part(now.tv_sec)) + Duration::from_nanos(part(now.tv_nsec))
}

/// The input with a part repeated until it has the length.
pub fn grown(bytes: &[u8], part: std::ops::Range<usize>, length: usize) -> Vec<u8> {
    let (before, rest) = bytes.split_at(part.start.min(bytes.len()));
    let (repeated, after) = rest.split_at(part.len().min(rest.len()));
    let mut grown = before.to_vec();
    while grown.len() < length && !repeated.is_empty() {
        grown.extend_from_slice(repeated);
    }
    grown.extend_from_slice(after);
    grown
}
