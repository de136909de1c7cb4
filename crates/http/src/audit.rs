//! The invariants, asked of the store that the server works on; for `orchctl doctor`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use orchd_core::port::store::StoreError;
use orchd_engine::EngineError;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::api::{App, Problem};
use crate::dto;

/// `GET /invariants`: those that are broken.
pub(crate) async fn invariants(State(app): State<Arc<App>>) -> Result<Json<Vec<dto::Violation>>, Problem> {
    let (engine, handle) = (Arc::clone(&app.engine), Handle::current());
    // A large store takes seconds to be read and judged: not on a thread that the loops need.
    let asked = spawn_blocking(move || handle.block_on(engine.audit())).await;
    match asked {
        Ok(Ok(found)) => Ok(Json(found.into_iter().map(dto::Violation::from).collect())),
        // Which row it is, is what was asked.
        Ok(Err(EngineError::Store(error @ StoreError::Inconsistent { .. }))) => {
            Err(Problem::new(StatusCode::CONFLICT, "row-unreadable", error.to_string()))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(error) => {
            tracing::error!("the audit ended without an answer: {error}");
            let message = "the audit ended without an answer; the log says why".to_owned();
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "audit-broke", message))
        }
    }
}
