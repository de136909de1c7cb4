//! The projects of a data directory, as typed policies in `projects.json`: what the configuration, or `demo`, said last, and
//! what the first start found. Internal to orchd.

use std::path::{Path, PathBuf};

use orchd_config::Remote;
use orchd_core::id::{Branch, Digest};
use orchd_core::policy::Policy;
use orchd_core::stage::Role;
use serde::{Deserialize, Serialize};

use crate::prompts;

/// One project: either a user's repository or a remote is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Its policy.
    pub policy: Policy,
    /// The user's repository that the local forge is a clone of, and that hears of landings.
    pub user_repo: Option<PathBuf>,
    /// The branch that is main there; found at the first start and kept.
    #[serde(default)]
    pub user_branch: Option<Branch>,
    /// Where main is, if not in orchd's data.
    #[serde(default)]
    pub remote: Option<Remote>,
    /// The branch that is main, where that was said.
    #[serde(default)]
    pub main: Option<Branch>,
}

/// What projects are configured as, in one word: what a server works by, and what a configuration says, are compared by it.
/// What a start finds by itself is no part of it.
pub(crate) fn fingerprint(projects: &[Project]) -> String {
    let said: Vec<_> = projects.iter().map(|p| (&p.policy, &p.user_repo, &p.remote, &p.main)).collect();
    // A policy is always JSON; were it not, the two would differ, which is said.
    let text = serde_json::to_vec(&said).unwrap_or_default();
    Digest::of(&text).as_str().to_owned()
}

/// Why the projects can not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProjectsError {
    /// The file.
    #[error("{path}: {source}; `orchctl init` sets up a project")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file, to be written.
    #[error("{path} can not be written: {source}")]
    Unwritten {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its content.
    #[error("{path} can not be read: {source}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What the reader said.
        source: serde_json::Error,
    },
    /// One that would land elsewhere than it did.
    #[error(
        "project {project} lands {before}, and is to land {after}: its tasks and what landed are there. Take what landed \
         (`orchctl pull`), then give what lands {after} another name, [project.NAME], or a data directory of its own"
    )]
    Moved {
        /// Which.
        project: String,
        /// Where.
        before: String,
        /// Where.
        after: String,
    },
    /// A pipeline that must not start.
    #[error("project {project}: {source}")]
    Pipeline {
        /// Which.
        project: String,
        /// The rule.
        source: orchd_core::pipeline::BadPipeline,
    },
    /// A prompt of its own that this version does not take.
    #[error("project {project}: {role}: {why}")]
    Prompt {
        /// Which.
        project: String,
        /// Whose.
        role: Role,
        /// What is wrong, and what to do.
        why: String,
    },
}

fn file(data: &Path) -> PathBuf {
    data.join("projects.json")
}

/// Reads and checks the projects of a data directory.
pub fn load(data: &Path) -> Result<Vec<Project>, ProjectsError> {
    let path = file(data);
    let bytes = std::fs::read(&path).map_err(|source| ProjectsError::File { path: path.clone(), source })?;
    let projects: Vec<Project> =
        serde_json::from_slice(&bytes).map_err(|source| ProjectsError::Content { path, source })?;
    for project in &projects {
        let name = || project.policy.project.to_string();
        project
            .policy
            .pipeline
            .check()
            .map_err(|source| ProjectsError::Pipeline { project: name(), source })?;
    }
    Ok(projects)
}

/// Refuses prompts that have drifted from what their roles may submit: before a start, and not where the projects are only
/// looked at, as that is how they are mended.
pub(crate) fn check_prompts(projects: &[Project]) -> Result<(), ProjectsError> {
    for Project { policy, .. } in projects {
        if let Some((role, why)) = prompts::drifted(policy).into_iter().next() {
            return Err(ProjectsError::Prompt { project: policy.project.to_string(), role, why });
        }
    }
    Ok(())
}

/// Writes the projects of a data directory.
pub fn save(data: &Path, projects: &[Project]) -> Result<(), ProjectsError> {
    let path = file(data);
    let content = |source| ProjectsError::Content { path: path.clone(), source };
    let text = serde_json::to_vec_pretty(projects).map_err(content)?;
    let temporary = path.with_extension("json.tmp");
    let failed = |source| ProjectsError::Unwritten { path: path.clone(), source };
    std::fs::write(&temporary, text).map_err(failed)?;
    std::fs::rename(&temporary, &path).map_err(failed)
}
