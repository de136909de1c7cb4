//! The invariants, asked of a data directory that nobody serves: its rows, its board, and what git says is in main. What
//! is asked about is only looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use orchd_core::audit::{self, Truth, Violation, World};
use orchd_core::id::{RepoId, Sha};
use orchd_core::port::board::Board as _;
use orchd_core::port::clock::Clock;
use orchd_core::port::store::{Inventory, Store as _};

use crate::projects;
use crate::sources::SystemClock;
use crate::wire::{WireError, look_at_store, policies_of};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// What holds between any two commits.
    Always,
    /// That, and what holds once everything has come to rest.
    AtRest,
}

/// Asks every invariant that the rows can answer. `in_main` are the commits in each repository's main, where git was
/// asked. Takes the store's lock: a directory that is served is refused, and so is one of another version.
pub async fn audit(
    data: &Path,
    in_main: Option<BTreeMap<RepoId, BTreeSet<Sha>>>,
    asked: Asked,
) -> Result<(Vec<Violation>, Inventory), WireError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = look_at_store(data, &clock).await?;
    let projects = projects::load(data)?;
    let inventory = store.inventory().await?;
    let now = clock.now();
    let mut boards = BTreeMap::new();
    for project in &projects {
        let id = &project.policy.project;
        for issue in store.issues(id).await? {
            boards.insert((id.clone(), issue.key), (issue.status, issue.line));
        }
    }
    // A server that starts meanwhile need not wait for the questions.
    drop(store);
    let policies = policies_of(projects);
    let truth = in_main.map(|main| Truth { main, boards: Some(boards), ..Truth::default() });
    let world = World::of(&inventory, &policies, truth.as_ref(), now);
    let mut found = audit::audit(&world);
    if asked == Asked::AtRest {
        found.extend(audit::at_rest(&world));
    }
    drop(world);
    Ok((found, inventory))
}
