//! Readers of what agents, people and earlier versions said: submissions, artifacts with front matter, stored records,
//! policies, the configuration and the API's bodies.

use std::path::Path;

use orchd_config::Place;
use orchd_core::event::{self, Event, RepoEvent};
use orchd_core::fact::Input;
use orchd_core::id::Sha;
use orchd_core::job::{JobResult, JobSpec};
use orchd_core::policy::Policy;
use orchd_core::provider::Health;
use orchd_core::repo::Repo;
use orchd_core::stage::Role;
use orchd_core::task::Task;
use orchd_core::verdict;
use orchd_http::dto;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) fn submission(bytes: &[u8]) {
    for role in Role::ALL {
        if let Err(bad) = verdict::submission(role, bytes) {
            // What is wrong is told to the agent.
            bounded(&bad.to_string());
        }
    }
}

pub(super) fn artifact(bytes: &[u8]) {
    for role in Role::ALL {
        if let Err(bad) = verdict::artifact(role, bytes) {
            bounded(&bad.to_string());
        }
    }
}

/// A refusal is a sentence, not the input over again.
fn bounded(said: &str) {
    assert!(said.len() < 8 * 1024, "a refusal of {} bytes", said.len());
}

/// What can be read can be written and read again as the same.
fn again<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(bytes) else { return };
    let written = serde_json::to_vec(&read).expect("what was read is plain data with string keys");
    let reread: T = serde_json::from_slice(&written).expect("what was just written is read again");
    assert_eq!(read, reread);
}

pub(super) fn record(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(read) = event::decode::<Event>(text) {
        let written = event::encode(&read).expect("an event that was read has a stored form");
        assert_eq!(event::decode::<Event>(&written).expect("the stored form of an event is read"), read);
    }
    if let Ok(read) = event::decode::<RepoEvent>(text) {
        let written = event::encode(&read).expect("an event that was read has a stored form");
        assert_eq!(event::decode::<RepoEvent>(&written).expect("the stored form of an event is read"), read);
    }
    again::<Input>(bytes);
    again::<JobResult>(bytes);
    again::<JobSpec>(bytes);
    again::<Task>(bytes);
    again::<Repo>(bytes);
    again::<Health>(bytes);
}

pub(super) fn policy(bytes: &[u8]) {
    again::<Policy>(bytes);
    if let Ok(policy) = serde_json::from_slice::<Policy>(bytes)
        && let Err(bad) = policy.pipeline.check()
    {
        bounded(&bad.to_string());
    }
}

pub(super) fn api(bytes: &[u8]) {
    again::<dto::NewTask>(bytes);
    again::<dto::Command>(bytes);
    again::<dto::RepoCommand>(bytes);
    again::<dto::Change>(bytes);
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(bad) = Sha::parse(text)
    {
        bounded(&bad.to_string());
    }
}

/// The file whole, and one variable that goes before it. A mistake is told in a place that the file has.
pub(super) fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let variable = text.lines().next().and_then(|line| line.strip_prefix('#')?.split_once('='));
    let environment = variable.map(|(name, value)| (format!("ORCHD__{name}"), value.to_owned()));
    let read = orchd_config::read(Path::new("/etc/orchd.toml"), &text, environment);
    let Err(problems) = read else { return };
    let lines = text.split('\n').count();
    for problem in problems.0 {
        if let Place::File { line, column, .. } = problem.place {
            assert!((1..=lines).contains(&line) && column >= 1, "line {line} of {lines}");
        }
    }
}
