//! The world as a store's inventory has it. For whoever has a store and no simulation: tests with real processes,
//! `orchctl doctor`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{InputFile, RepoFile, TaskFile, Truth, World};
use crate::id::ProjectId;
use crate::policy::Policy;
use crate::port::store::{InputRow, Inventory, RepoRecord, TaskRecord};
use crate::time::Timestamp;

impl<'a> World<'a> {
    /// The world to be asked. `now` is read after the inventory was taken: what the store wrote before is then not
    /// ahead of its time.
    pub fn of(
        inventory: &'a Inventory,
        policies: &'a BTreeMap<ProjectId, Arc<Policy>>,
        truth: Option<&'a Truth>,
        now: Timestamp,
    ) -> Self {
        Self {
            tasks: inventory.tasks.iter().map(task).collect(),
            repos: inventory.repos.iter().map(repo).collect(),
            jobs: inventory.jobs.iter().collect(),
            ledger: inventory.ledger.iter().collect(),
            inputs: Some(inventory.inputs.iter().map(input).collect()),
            known_inputs: inventory.inputs.len(),
            providers: inventory.providers.iter().collect(),
            provider_events: &inventory.provider_events,
            dependencies: inventory.dependencies.iter().map(|(task, on)| (*task, on)).collect(),
            drained: inventory.drained,
            policies,
            truth,
            now,
        }
    }
}

fn task(TaskRecord { task, version, queue, events }: &TaskRecord) -> TaskFile<'_> {
    TaskFile { task, version: *version, events, queue: Some(*queue) }
}

fn repo(RepoRecord { repo, epoch, events }: &RepoRecord) -> RepoFile<'_> {
    RepoFile { repo, epoch: *epoch, events }
}

fn input(InputRow { id, to, input, at, disposition }: &InputRow) -> InputFile<'_> {
    InputFile { id: *id, to, input, at: *at, disposition: disposition.as_ref() }
}
