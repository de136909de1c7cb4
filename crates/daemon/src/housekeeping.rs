//! Housekeeping: at start and then each hour, what finished runs left is removed once it is older than policy keeps it.
//! What is removed is said; a failure is said too, and tried again at the next round.

use std::collections::BTreeSet;
use std::time::Duration;

use orchd_core::port::clock::Clock;
use orchd_core::port::store::{JobState, StoreResult};
use orchd_core::time::Span;
use orchd_engine::Engine;
use orchd_runners::{Workshop, prune};
use tokio::time::interval;

/// How often.
const EVERY: Duration = Duration::from_secs(3600);

/// For how long what finished runs left is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Directories of runs: prompt, output, result.
    pub runs: Span,
    /// Refs that hold the work of runs which did not count.
    pub salvage: Span,
}

impl Default for Keep {
    fn default() -> Self {
        Self { runs: Span::hours(24 * 14), salvage: Span::hours(24 * 90) }
    }
}

/// Keeps house until it is dropped.
pub(crate) async fn keep_house(engine: &Engine, shop: &Workshop, clock: &dyn Clock, keep: Keep) {
    let mut every = interval(EVERY);
    loop {
        every.tick().await;
        let busy = match busy(engine).await {
            Ok(busy) => busy,
            Err(error) => {
                tracing::warn!(
                    "no housekeeping this time, the store did not say which runs are held: {error}"
                );
                continue;
            }
        };
        match prune(shop, &busy, clock.now(), keep.runs, keep.salvage).await {
            Ok(pruned) if pruned == orchd_runners::Pruned::default() => {}
            Ok(pruned) => {
                tracing::info!(
                    runs = pruned.runs,
                    refs = pruned.refs,
                    "what was kept long enough was removed"
                );
            }
            Err(error) => tracing::warn!("housekeeping was cut short, and goes on next time: {error}"),
        }
    }
}

/// Runs that jobs hold.
async fn busy(engine: &Engine) -> StoreResult<BTreeSet<orchd_core::id::RunId>> {
    let rows = engine.store().jobs(None, u32::MAX).await?;
    Ok(rows.iter().filter(|row| row.state == JobState::Running).filter_map(|row| row.run).collect())
}
