//! A run as a session that anybody allowed may watch (spec 5.3): server-sent events, first what was, then what comes.
//! Each carries `RUN:OFFSET`; a client that lost its connection says the last one in `Last-Event-ID` and misses nothing.
//! What is said comes from the daemon's `Files`; nothing is read or judged here.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt as _};
use serde::Deserialize;

use crate::api::{App, Problem, latest_run};

/// What a watcher hears, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// Something happened in the session; its JSON form has its name under `event`.
    Event {
        /// What.
        event: serde_json::Value,
        /// Where the output goes on after it; none where more of the same piece follows.
        next: Option<u64>,
    },
    /// Everything that was there when the watcher came has been said; from here on it is live.
    CaughtUp,
    /// The run is over and everything has been said.
    Over {
        /// How it ended.
        ended: String,
    },
}

/// What a watcher hears.
pub type Hearing = Pin<Box<dyn Stream<Item = Heard> + Send>>;

#[derive(Deserialize)]
pub(crate) struct Which {
    run: Option<String>,
}

/// `GET /tasks/{key}/session`: the latest run of the task, or the named one.
pub(crate) async fn session(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(place);
    let run = match (which.run, &last) {
        (Some(run), _) => run,
        (None, Some((run, _))) => run.clone(),
        (None, None) => latest_run(&app, &key, None).await?.ok_or_else(|| {
            let why = format!("{key} has had no run yet; `orchctl task events {key}` says what it waits for");
            Problem::new(StatusCode::NOT_FOUND, "no-run", why)
        })?,
    };
    let from = last.filter(|(of, _)| *of == run).map_or(0, |(_, offset)| offset);
    let hearing = app.files.session(&run, from).await;
    let hearing = hearing.map_err(|why| Problem::new(StatusCode::NOT_FOUND, "log-not-found", why))?;
    let said = hearing.map(move |heard| Ok(event(&run, heard)));
    // Comments in between keep proxies from thinking that nobody is there.
    Ok(Sse::new(said).keep_alive(KeepAlive::default()))
}

/// `RUN:OFFSET`.
fn place(id: &str) -> Option<(String, u64)> {
    let (run, offset) = id.rsplit_once(':')?;
    Some((run.to_owned(), offset.parse().ok()?))
}

fn event(run: &str, heard: Heard) -> Event {
    let named = |name: &str, data: &serde_json::Value| Event::default().event(name).data(data.to_string());
    match heard {
        Heard::Event { event, next } => {
            let name = event.get("event").and_then(serde_json::Value::as_str).unwrap_or("text").to_owned();
            let said = named(&name, &event);
            match next {
                Some(next) => said.id(format!("{run}:{next}")),
                None => said,
            }
        }
        Heard::CaughtUp => named("caught-up", &serde_json::json!({ "run": run })),
        Heard::Over { ended } => named("over", &serde_json::json!({ "run": run, "ended": ended })),
    }
}
