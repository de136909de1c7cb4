//! Writes the golden files of events that have none yet. One that exists is what an older version wrote, and is
//! never rewritten: a stored form that changes needs a new version and a reader for the old one.

#[path = "../tests/it/samples.rs"]
mod samples;

use std::io::Write as _;
use std::path::PathBuf;

use orchd_core::event::{EVENT_VERSION, encode};
use serde::Serialize;

fn main() -> std::io::Result<()> {
    for event in samples::events() {
        write("event", samples::event_name(&event), &event)?;
    }
    for event in samples::repo_events() {
        write("repo-event", samples::repo_event_name(&event), &event)?;
    }
    for event in samples::provider_events() {
        write("provider-event", samples::provider_event_name(&event), &event)?;
    }
    Ok(())
}

fn write<E: Serialize>(prefix: &str, name: &str, event: &E) -> std::io::Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v{EVENT_VERSION}"));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{prefix}-{name}.json"));
    let stored = encode(event).map_err(std::io::Error::other)?;
    match std::fs::File::create_new(&path) {
        Ok(mut file) => {
            writeln!(file, "{stored}")?;
            println!("written: {}", path.display());
            Ok(())
        }
        Err(known) if known.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(other) => Err(other),
    }
}
