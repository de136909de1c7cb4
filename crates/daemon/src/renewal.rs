//! Lease renewal on a thread and runtime of its own, so that busy work never loses a lease; but it stops when the
//! main runtime makes no progress, so that a deadlocked process does not hold leases for ever (spec 2.3).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use orchd_core::lease::LeasePolicy;
use orchd_engine::Engine;

/// Beats without progress of the main runtime after which renewal stops.
const PATIENCE: u32 = 3;

/// The renewal thread.
pub(crate) struct Renewal {
    progress: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Renewal {
    /// What the main runtime raises whenever it gets to run.
    pub(crate) fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.progress)
    }

    /// Ends the thread.
    pub(crate) fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the renewal thread panicked");
            }
        }
    }
}

/// Starts the thread.
pub(crate) fn start(engine: Arc<Engine>) -> Renewal {
    let progress = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let beat = LeasePolicy::default().renew_every().to_std();
    let (seen, ending) = (Arc::clone(&progress), Arc::clone(&stop));
    let spawned = std::thread::Builder::new()
        .name("renewal".to_owned())
        .spawn(move || run(&engine, &seen, &ending, beat));
    let thread = match spawned {
        Ok(thread) => Some(thread),
        Err(error) => {
            tracing::error!("no thread for lease renewal: {error}; leases will expire");
            None
        }
    };
    Renewal { progress, stop, thread }
}

fn run(engine: &Engine, progress: &AtomicU64, stop: &AtomicBool, beat: Duration) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
        tracing::error!("no runtime for lease renewal; leases will expire");
        return;
    };
    let held = engine.held();
    // Told-to-end must be heard soon, so the thread looks more often than a lease needs.
    let look = beat.min(Duration::from_secs(1));
    let beats = u32::try_from(beat.as_millis() / look.as_millis().max(1)).unwrap_or(1).max(1);
    let (mut last, mut still, mut stalled) = (0, 0u32, false);
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(look);
        let now = progress.load(Ordering::Relaxed);
        still = if now == last { still.saturating_add(1) } else { 0 };
        last = now;
        if still >= beats.saturating_mul(PATIENCE) {
            if !stalled {
                tracing::error!("the runtime makes no progress; leases are not renewed until it does");
            }
            stalled = true;
            continue;
        }
        stalled = false;
        if let Err(error) = runtime.block_on(held.renew(engine.boot())) {
            tracing::warn!("leases could not be renewed: {error}");
        }
    }
}
