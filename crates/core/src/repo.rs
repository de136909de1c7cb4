//! The repository's row: who occupies it, who lands, whether it is frozen, what is known of main. Changed
//! only by `evolve_repo`, compared by its epoch.

use serde::{Deserialize, Serialize};

use crate::id::{Actor, ProjectId, RepoId, Sha, TaskId};
use crate::job::{JobRef, SuiteOutcome};
use crate::time::Timestamp;

/// One code repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repo {
    /// Identity.
    pub id: RepoId,
    /// Its project.
    pub project: ProjectId,
    /// Who has been let in and has not given way.
    pub occupants: Vec<TaskId>,
    /// Who holds the merge lane.
    pub landing_task: Option<TaskId>,
    /// Who waits for it, first come first served.
    pub lane_queue: Vec<TaskId>,
    /// Who holds the deploy lane of an environment.
    pub deploying: Vec<(String, TaskId)>,
    /// Frozen, and why.
    pub frozen: Option<Freeze>,
    /// Tasks a person named to work in a frozen repository.
    pub repair: Vec<TaskId>,
    /// Main as last fetched.
    pub main: Option<MainSeen>,
    /// What the suite said about trees of main, newest last, bounded.
    pub suites: Vec<TreeResult>,
    /// The look at main that is queued or runs.
    pub main_job: Option<JobRef>,
    /// Looks at main that failed in a row, and the last one's reason.
    pub main_failures: u32,
    /// Why the last one failed.
    pub main_failure: Option<String>,
    /// Text that must stay present in main.
    pub markers: Vec<Marker>,
}

/// A freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Why.
    pub why: String,
    /// The task that must end it, if one is the cause.
    pub cause: Option<TaskId>,
    /// Who froze it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Ends by itself when main can be imported again.
    pub diverged: bool,
}

/// Main as last fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MainSeen {
    /// Its commit.
    pub sha: Sha,
    /// Its tree.
    pub tree: Sha,
    /// When the look was asked for.
    pub at: Timestamp,
}

/// What the suite said about one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeResult {
    /// The tree.
    pub tree: Sha,
    /// The result; never `Infra`.
    pub outcome: SuiteOutcome,
}

/// Text that must stay present in main (spec 3.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The task that declared it.
    pub task: TaskId,
    /// The file.
    pub path: String,
    /// The text.
    pub text: String,
}

/// Tree results kept per repository.
pub const SUITES_KEPT: usize = 64;

impl Repo {
    /// A repository nobody has worked in yet.
    pub fn new(id: RepoId, project: ProjectId) -> Self {
        Self {
            id,
            project,
            occupants: Vec::new(),
            landing_task: None,
            lane_queue: Vec::new(),
            deploying: Vec::new(),
            frozen: None,
            repair: Vec::new(),
            main: None,
            suites: Vec::new(),
            main_job: None,
            main_failures: 0,
            main_failure: None,
            markers: Vec::new(),
        }
    }

    /// What the suite said about a tree, if it is known.
    pub fn suite_of(&self, tree: &Sha) -> Option<&SuiteOutcome> {
        self.suites.iter().rev().find(|r| r.tree == *tree).map(|r| &r.outcome)
    }

    /// Whether the task occupies the repository.
    pub fn occupied_by(&self, task: TaskId) -> bool {
        self.occupants.contains(&task)
    }

    /// The freeze, unless it does not bind this task: its cause, or one a person named for the repair.
    pub fn frozen_for(&self, task: TaskId) -> Option<&Freeze> {
        self.frozen.as_ref().filter(|f| f.cause != Some(task) && !self.repair.contains(&task))
    }
}
