//! A process of the version before, as far as this code can play one: it writes the records of that version, in which
//! what it did not know is missing, and a row that its own records explain. Reading them is the codec's.

use orchd_core::event::{EVENT_VERSION, Event, decode, encode};
use orchd_core::evolve::evolve;
use orchd_core::job::Work;
use orchd_core::port::store::Commit;
use orchd_core::reason::{Reason, Wait};

use crate::memory::MemoryStore;

/// What version 1 did not write of a run: whose models, what it used of them, which session.
const OF_A_RUN: [&str; 5] = ["provider", "agent", "usage", "session", "resume"];
/// Nor of a retry: words for the next run.
const OF_A_RETRY: [&str; 1] = ["answers"];

/// Whether that version could have made this commit at all: it knew nothing of a provider's health.
pub(super) fn could_write(commit: &Commit) -> bool {
    commit.providers.is_empty() && !commit.events.is_empty() && !commit.events.iter().any(is_younger)
}

fn is_younger(event: &Event) -> bool {
    match event {
        Event::ProviderChanged { .. } => true,
        Event::Stayed { reason } => matches!(reason, Reason::Wait(Wait::Provider { .. })),
        _known => false,
    }
}

/// The commit as that version makes it.
pub(super) fn rewritten(store: &MemoryStore, commit: Commit) -> Commit {
    let Some(mut task) = store.inspect(|state| state.tasks.get(&commit.task.id).map(|row| row.task.clone()))
    else {
        return commit;
    };
    let mut commit = Commit { events: commit.events.iter().map(older).collect(), ..commit };
    for event in &commit.events {
        evolve(&mut task, event, commit.at);
    }
    commit.task = task;
    if let Some(Work::Agent { agent, resume, .. }) = commit.job.as_mut().map(|job| &mut job.spec.work) {
        *agent = None;
        *resume = None;
    }
    commit
}

/// The event after it was written by version 1 and read by this one.
fn older(event: &Event) -> Event {
    let stored = encode(event).expect("an event is plain data with string keys");
    let mut record: serde_json::Value = serde_json::from_str(&stored).expect("it was just written");
    match event {
        Event::JobQueued { .. } | Event::RunEnded { .. } => strip(&mut record, &OF_A_RUN),
        Event::Retried { .. } => strip(&mut record, &OF_A_RETRY),
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
