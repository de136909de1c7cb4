//! The clocks of the shim. A shim is a process of its own, without orchd's `Clock` port: this is the one place of
//! the crate that reads time. Nothing outside the crate may use it.

use orchd_core::time::Timestamp;
use rustix::event::{Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

/// Wall-clock time, for what people read.
pub(crate) fn wall() -> Timestamp {
    let now = clock_gettime(ClockId::Realtime);
    Timestamp(now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000))
}

/// Milliseconds since boot, suspend included: deadlines are measured on it, as no one can set it.
pub(crate) fn boot_ms() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000)
}

/// Waits `ms` milliseconds between two looks at something that cannot be waited for. Blocks its thread.
pub(crate) fn pause(ms: i64) {
    let ms = ms.max(1);
    // Woken early by a signal: the caller looks again anyway.
    let _ = poll(&mut [], Some(&Timespec { tv_sec: ms / 1000, tv_nsec: ms % 1000 * 1_000_000 }));
}
