//! A process of the version before, as far as this code can play one: it writes the records of that version, in which
//! what it did not know is missing, and a row that its own records explain. Reading them is the codec's.

use std::sync::Arc;

use orchd_core::event::{EVENT_VERSION, Event, decode, encode};
use orchd_core::evolve::evolve;
use orchd_core::port::store::Commit;

use crate::memory::MemoryStore;

/// What version 2 did not write of a run: that its price was assumed.
const OF_A_RUN: [&str; 1] = ["assumed"];
/// Nor of a job that failed: what it had used.
const OF_A_FAILURE: [&str; 1] = ["account"];

/// Whether there is anything that version wrote in its own way.
pub(super) fn could_write(commit: &Commit) -> bool {
    !commit.events.is_empty()
}

/// The commit as that version makes it.
pub(super) fn rewritten(store: &MemoryStore, commit: Commit) -> Commit {
    let Some(mut task) =
        store.inspect(|state| state.tasks.get(&commit.task.id).map(|row| Arc::clone(&row.task)))
    else {
        return commit;
    };
    let mut commit = Commit { events: commit.events.iter().map(older).collect(), ..commit };
    for event in &commit.events {
        evolve(Arc::make_mut(&mut task), event, commit.at);
    }
    commit.task = task;
    commit
}

/// The event after it was written by the version before and read by this one.
fn older(event: &Event) -> Event {
    let stored = encode(event).expect("an event is plain data with string keys");
    let mut record: serde_json::Value = serde_json::from_str(&stored).expect("it was just written");
    match event {
        Event::RunEnded { .. } => strip(&mut record, &OF_A_RUN),
        Event::JobFailed { .. } => strip(&mut record, &OF_A_FAILURE),
        _as_it_was => {}
    }
    record["v"] = (EVENT_VERSION - 1).into();
    decode(&record.to_string()).expect("what the version before wrote is read: golden files say so")
}

fn strip(value: &mut serde_json::Value, unknown: &[&str]) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.retain(|name, _| !unknown.contains(&name.as_str()));
            fields.values_mut().for_each(|field| strip(field, unknown));
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| strip(item, unknown)),
        _plain => {}
    }
}
