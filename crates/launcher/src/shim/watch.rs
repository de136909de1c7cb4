//! Waiting for the end of the main process while its limits are kept: deadline, request to stop, outputs, ceilings,
//! stall. Says which of them ended the run; ending it is `tree`'s. Spans are measured on the clock no one can set.

use std::collections::BTreeMap;
use std::os::fd::AsFd as _;

use orchd_core::time::Span;
use rustix::param::clock_ticks_per_second;
use rustix::process::{PidfdFlags, pidfd_open};

use super::Surroundings;
use super::ceiling::Ceilings;
use super::outputs::Outputs;
use super::tree::Tree;
use crate::clock;
use crate::ended::Ended;

/// The request to stop and the sizes of the outputs are looked at this often.
const LOOK_MS: i64 = 250;
/// The stall watchdog takes this many samples in its span, but not more often than once per look.
const STALL_SAMPLES: i64 = 20;
/// Two looks are further apart than this, and than two samples should be, where the whole host stood still.
const GAP_MS: i64 = 2_000;

pub(super) fn watch(
    tree: &mut Tree<'_>,
    ceilings: &mut Ceilings,
    outputs: &mut Outputs,
    around: &Surroundings<'_>,
) -> Ended {
    let Surroundings { spec, dir, bell, .. } = *around;
    // Without a pidfd (a very old kernel) the end is seen at the next look.
    let pidfd = pidfd_open(tree.main(), PidfdFlags::empty()).ok();
    let deadline = clock::boot_ms().saturating_add(spec.deadline.0);
    let mut stall = spec.stall.map(Stall::new);
    loop {
        if let Some(ended) = tree.reap() {
            let ended = ended.clone();
            // What is still there may be why it ended: a program that cannot fork any more says so in its own way.
            return ceilings.broken_at_last(tree).unwrap_or(ended);
        }
        if let Some(why) = dir.stop_requested() {
            return Ended::Stopped { why };
        }
        if bell.rang() {
            return Ended::Stopped { why: "the shim was told to end (SIGTERM)".to_owned() };
        }
        around.keep_signed();
        let now = clock::boot_ms();
        if now >= deadline {
            return Ended::DeadlineExceeded;
        }
        let written = outputs.look(spec);
        if written.is_too_much {
            return Ended::OutputCeiling;
        }
        if let Some(ended) = ceilings.broken(tree, now) {
            return ended;
        }
        if stall.as_mut().is_some_and(|stall| stall.has_come(now, tree, written.totals)) {
            return Ended::Stalled;
        }
        bell.wait(LOOK_MS.min(deadline - now), pidfd.as_ref().map(|fd| fd.as_fd()));
    }
}

/// No output, no process that came or went, and less than one percent of one CPU: nothing happens. An idle event loop
/// stays below that, a model that is being waited for does too, which is why the span is long.
struct Stall {
    span: i64,
    every: i64,
    /// Clock ticks per sample that count as work.
    ticks: u64,
    looked: Option<i64>,
    sampled: Option<i64>,
    quiet_since: i64,
    written: [u64; 2],
    cpu: BTreeMap<(i32, u64), u64>,
}

impl Stall {
    fn new(span: Span) -> Self {
        let every = (span.0 / STALL_SAMPLES).max(LOOK_MS);
        let per_sample = clock_ticks_per_second().saturating_mul(every.unsigned_abs()) / 100_000;
        Self {
            span: span.0,
            every,
            ticks: per_sample.max(1),
            looked: None,
            sampled: None,
            quiet_since: 0,
            written: [0, 0],
            cpu: BTreeMap::new(),
        }
    }

    fn has_come(&mut self, now: i64, tree: &Tree<'_>, written: [u64; 2]) -> bool {
        self.wakes(now);
        if !self.is_due(now) {
            return false;
        }
        self.sample(now, tree.cpu(), written)
    }

    /// Where nobody looked for long (the host was suspended, the machine stopped) nothing could happen: that is no
    /// silence of the run, which gets its whole span again.
    fn wakes(&mut self, now: i64) {
        if self.looked.is_some_and(|looked| now - looked > self.every.max(GAP_MS)) {
            self.quiet_since = now;
        }
        self.looked = Some(now);
    }

    fn is_due(&mut self, now: i64) -> bool {
        match self.sampled {
            Some(sampled) => now - sampled >= self.every,
            None => {
                self.quiet_since = now;
                true
            }
        }
    }

    fn sample(&mut self, now: i64, cpu: BTreeMap<(i32, u64), u64>, written: [u64; 2]) -> bool {
        self.sampled = Some(now);
        let same_processes = cpu.keys().eq(self.cpu.keys());
        let total = |cpu: &BTreeMap<_, u64>| cpu.values().sum::<u64>();
        let worked = total(&cpu).abs_diff(total(&self.cpu)) >= self.ticks;
        if !same_processes || worked || written != self.written {
            self.quiet_since = now;
        }
        (self.written, self.cpu) = (written, cpu);
        now - self.quiet_since >= self.span
    }
}

#[cfg(test)]
mod tests;
