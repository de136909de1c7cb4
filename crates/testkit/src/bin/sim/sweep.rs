//! The crash sweep over workloads, on all cores.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Instant;

use orchd_testkit::world::{Swept, sweep};

/// Sweeps workloads and says what it saw.
#[expect(
    clippy::disallowed_methods,
    reason = "the speed of the sweep is a figure of this program; no run reads it"
)]
pub(crate) fn all(workloads: Range<u64>, pairs: u32, threads: NonZeroUsize) -> ExitCode {
    let began = Instant::now();
    let (mut points, mut runs, mut broken) = (0, 0, 0);
    let many = workloads.end - workloads.start;
    let next = AtomicU64::new(workloads.start);
    let (to, from) = channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            let (next, end, to) = (&next, workloads.end, to.clone());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || to.send((seed, sweep(seed, pairs))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(to);
        for (seed, swept) in &from {
            points += u64::from(swept.points);
            runs += swept.runs;
            broken += swept.broken.len();
            tell(seed, &swept);
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    println!("workloads   {many} ({points} commit points)");
    println!("runs        {runs} ({:.0} per second on {threads} threads)", runs as f64 / seconds.max(0.001));
    println!("violations  {broken}");
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(seed: u64, swept: &Swept) {
    for (crashes, violations) in swept.broken.iter().take(3) {
        let sentence = violations.first().map_or_else(String::new, ToString::to_string);
        println!("workload {seed} with crashes at {crashes:?}:\n  {sentence}");
    }
}
