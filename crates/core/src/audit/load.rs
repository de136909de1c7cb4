//! The world as a store's own answers tell it: everything but inputs and due times, which no store lists. For whoever
//! has a store and no simulation: tests with real processes, `orchctl doctor`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{RepoFile, TaskFile, Truth, World};
use crate::event::{Event, RepoEvent};
use crate::id::{Key, ProjectId, TaskId};
use crate::policy::Policy;
use crate::port::store::{JobRow, LedgerRow, Logged, Store, StoreResult};
use crate::provider::Health;
use crate::repo::Repo;
use crate::task::Task;
use crate::time::Timestamp;

/// All rows that a store lists. Read one after the other: nobody may write meanwhile.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Each task with its version and its events.
    pub tasks: Vec<(Task, u64, Vec<Logged<Event>>)>,
    /// Each repository with its epoch and its events.
    pub repos: Vec<(Repo, u64, Vec<Logged<RepoEvent>>)>,
    /// All jobs.
    pub jobs: Vec<JobRow>,
    /// The effect ledger.
    pub ledger: Vec<LedgerRow>,
    /// Providers that have a row.
    pub providers: Vec<Health>,
    /// Who waits for which issue.
    pub dependencies: Vec<(TaskId, Key)>,
    /// Admission is stopped.
    pub drained: bool,
}

impl Rows {
    /// Reads them.
    pub async fn load(store: &dyn Store) -> StoreResult<Self> {
        let mut tasks = Vec::new();
        for (task, version) in store.tasks().await? {
            let events = store.task_events(task.id, 0, u32::MAX).await?;
            tasks.push((task, version, events));
        }
        let mut repos = Vec::new();
        for (repo, epoch) in store.repos().await? {
            let events = store.repo_events(&repo.id, 0, u32::MAX).await?;
            repos.push((repo, epoch, events));
        }
        Ok(Self {
            tasks,
            repos,
            jobs: store.jobs(None, u32::MAX).await?,
            ledger: store.ledger(None).await?,
            providers: store.providers().await?.into_iter().map(|(health, _)| health).collect(),
            dependencies: store.dependencies().await?.into_iter().map(|(task, on, _)| (task, on)).collect(),
            drained: store.drained().await?,
        })
    }

    /// The world to be asked.
    pub fn world<'a>(
        &'a self,
        policies: &'a BTreeMap<ProjectId, Arc<Policy>>,
        truth: Option<&'a Truth>,
        now: Timestamp,
    ) -> World<'a> {
        let task = |(task, version, events): &'a (Task, u64, Vec<_>)| TaskFile {
            task,
            version: *version,
            events,
            queue: None,
        };
        let repo = |(repo, epoch, events): &'a (Repo, u64, Vec<_>)| RepoFile { repo, epoch: *epoch, events };
        World {
            tasks: self.tasks.iter().map(task).collect(),
            repos: self.repos.iter().map(repo).collect(),
            jobs: self.jobs.iter().collect(),
            ledger: self.ledger.iter().collect(),
            inputs: None,
            known_inputs: 0,
            providers: self.providers.iter().collect(),
            dependencies: self.dependencies.iter().map(|(task, on)| (*task, on)).collect(),
            drained: self.drained,
            policies,
            truth,
            now,
        }
    }
}
