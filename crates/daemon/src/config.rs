//! The configuration file at its place: found, read with the environment, checked against what profiles there are, and
//! made the projects of its data directory. What a key means is `orchd-config`'s.

use std::path::{Path, PathBuf};

use orchd_config::{Config, Document, Problem, Problems};
use orchd_launcher::profile::Profile;

use crate::projects::{self, Project, ProjectsError};
use crate::prompts;
use crate::wire::environment;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file.
    #[error("{path}: {source}; name the configuration with --config FILE")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What it says.
    #[error("{0}")]
    Problems(Problems),
    /// The data directory.
    #[error("the data directory {path} can not be made: {source}; see `data` in the configuration")]
    Data {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What is kept there of the projects.
    #[error(transparent)]
    Projects(#[from] ProjectsError),
}

/// Where the configuration is looked for where nobody names it: `$XDG_CONFIG_HOME/orchd/orchd.toml`, else
/// `~/.config/orchd/orchd.toml`. `None` without a home.
pub fn default_config() -> Option<PathBuf> {
    let environment = environment();
    let variable = |name: &str| {
        let found = environment.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| PathBuf::from(value))
    };
    let base = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
    base.map(|base| base.join("orchd/orchd.toml"))
}

/// Reads the file at `path`, with this process's environment, and answers with everything that is wrong.
pub fn read_config(path: &Path) -> Result<Document, ConfigError> {
    let (path, text) = text_of(path)?;
    read_text(&path, &text)
}

/// The data directory alone: whoever talks to a server that is at work needs no more, and is not to be kept from it by a
/// prompt that is just being written.
pub fn data_of_config(path: &Path) -> Result<PathBuf, ConfigError> {
    let (path, text) = text_of(path)?;
    let document = orchd_config::read(&path, &text, environment()).map_err(ConfigError::Problems)?;
    Ok(document.config().data.clone())
}

fn text_of(path: &Path) -> Result<(PathBuf, String), ConfigError> {
    let failed = |source| ConfigError::File { path: path.to_owned(), source };
    let path = std::path::absolute(path).map_err(failed)?;
    let text = std::fs::read_to_string(&path).map_err(failed)?;
    Ok((path, text))
}

/// The data directory of a configuration that is still to be written, or everything that would be wrong with it.
pub fn check_config(path: &Path, text: &str) -> Result<PathBuf, ConfigError> {
    let path =
        std::path::absolute(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
    Ok(read_text(&path, text)?.config().data.clone())
}

fn read_text(path: &Path, text: &str) -> Result<Document, ConfigError> {
    let document = orchd_config::read(path, text, environment()).map_err(ConfigError::Problems)?;
    let mut wrong = bad_agents(&document);
    wrong.extend(bad_remotes(&document));
    match document.with_prompts(prompts::read) {
        Ok(document) if wrong.is_empty() => return Ok(document),
        Ok(_) => {}
        Err(Problems(more)) => wrong.extend(more),
    }
    Err(ConfigError::Problems(Problems(wrong)))
}

/// What profiles refuse, each once, however many roles it is for.
fn bad_agents(document: &Document) -> Vec<Problem> {
    let mut wrong: Vec<Problem> = Vec::new();
    for project in &document.config().projects {
        for (role, agent) in &project.policy.agents {
            if let Err(bad) = Profile::new(orchd_runners::setup(agent)) {
                let key = document.key_of_agent(&project.policy.project, *role);
                let problem =
                    Problem { place: document.place(&key), key, reason: bad.to_string(), suggestion: None };
                if !wrong.contains(&problem) {
                    wrong.push(problem);
                }
            }
        }
    }
    wrong
}

/// What git refuses as the place of a remote.
fn bad_remotes(document: &Document) -> Vec<Problem> {
    let bad = |project: &orchd_config::Project| {
        let error = orchd_git::check_url(&project.remote.as_ref()?.url).err()?;
        let key = format!("project.{}.remote.url", project.policy.project);
        Some(Problem { place: document.place(&key), key, reason: error.to_string(), suggestion: None })
    };
    document.config().projects.iter().filter_map(bad).collect()
}

/// Makes the data directory what the configuration says, for the next start: its projects, each with the branch that an
/// earlier start found to be main.
pub fn take_over(config: &Config) -> Result<Vec<Project>, ConfigError> {
    let data = &config.data;
    std::fs::create_dir_all(data).map_err(|source| ConfigError::Data { path: data.clone(), source })?;
    let projects = projects_of(config)?;
    projects::save(data, &projects)?;
    Ok(projects)
}

/// The projects as the next start has them.
pub(crate) fn projects_of(config: &Config) -> Result<Vec<Project>, ProjectsError> {
    let data = &config.data;
    let before = match projects::load(data) {
        Ok(before) => before,
        Err(ProjectsError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    config.projects.iter().map(|project| of(project, &before)).collect()
}

/// What a configuration says, to be compared with what a server works by.
pub fn fingerprint_of(config: &Config) -> Result<String, ConfigError> {
    Ok(projects::fingerprint(&projects_of(config)?))
}

fn of(project: &orchd_config::Project, before: &[Project]) -> Result<Project, ProjectsError> {
    let (repo, remote) = (project.repo.clone(), project.remote.clone());
    let same = |known: &&Project| {
        known.policy.repo == project.policy.repo && known.user_repo == repo && known.remote == remote
    };
    let place = |remote: &Option<orchd_config::Remote>| {
        remote.as_ref().map_or("in orchd's own main".to_owned(), |remote| format!("at {}", remote.url))
    };
    let known = before.iter().find(|known| known.policy.repo == project.policy.repo);
    if let Some(known) = known.filter(|known| place(&known.remote) != place(&remote)) {
        let (before, after) = (place(&known.remote), place(&remote));
        return Err(ProjectsError::Moved { project: project.policy.project.to_string(), before, after });
    }
    let found = before.iter().find(same).and_then(|known| known.user_branch.clone());
    Ok(Project {
        policy: project.policy.clone(),
        user_repo: repo,
        user_branch: project.main.clone().or(found),
        remote,
        main: project.main.clone(),
    })
}
