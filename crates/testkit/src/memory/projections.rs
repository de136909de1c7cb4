//! Projections: which surfaces are behind their row, what they show, and when a failed one is tried again.

use std::sync::Arc;

use orchd_core::id::TaskId;
use orchd_core::port::store::{Dirty, StoreResult, Surface};
use orchd_core::time::Timestamp;

use super::state::{Projection, State, inconsistent};

/// By the task's sequence number, then the surface.
pub(super) fn dirty(state: &State, now: Timestamp, limit: u32) -> Vec<Dirty> {
    let mut found: Vec<(u64, Dirty)> = Vec::new();
    for ((task, surface), p) in &state.projections {
        let behind = p.wanted > p.shown_version && p.retry_at.is_none_or(|at| at <= now);
        if let Some(row) = state.tasks.get(task).filter(|_| behind) {
            let (version, shown) = (row.version, p.shown.clone());
            found.push((
                row.task.seq,
                Dirty { task: Arc::clone(&row.task), surface: *surface, version, shown },
            ));
        }
    }
    found.sort_by_key(|(seq, dirty)| (*seq, dirty.surface));
    found.into_iter().take(limit as usize).map(|(_, dirty)| dirty).collect()
}

fn known(state: &mut State, task: TaskId, surface: Surface) -> StoreResult<&mut Projection> {
    let row = format!("{task}/{}", surface.name());
    state
        .projections
        .get_mut(&(task, surface))
        .ok_or_else(|| inconsistent("projections", row, "nothing was ever to be shown there"))
}

pub(super) fn ack(
    state: &mut State,
    task: TaskId,
    surface: Surface,
    version: u64,
    shown: &str,
) -> StoreResult<()> {
    let projection = known(state, task, surface)?;
    if version >= projection.shown_version {
        projection.shown_version = version;
        projection.shown = Some(shown.to_owned());
        projection.error = None;
        projection.retry_at = None;
    }
    Ok(())
}

pub(super) fn defer(
    state: &mut State,
    task: TaskId,
    surface: Surface,
    error: &str,
    retry_at: Timestamp,
) -> StoreResult<()> {
    let projection = known(state, task, surface)?;
    projection.error = Some(error.to_owned());
    projection.retry_at = Some(retry_at);
    Ok(())
}
