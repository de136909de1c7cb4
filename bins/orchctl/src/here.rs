//! Which project the person means who says none: the one of the repository they are in.

use std::path::{Path, PathBuf};

use orchd_daemon::{Config, ConfiguredProject, read_config};

use crate::exit::Exit;
use crate::own_git::ask;

/// The same by the configuration, if there is one; who names a data directory asks for it as it is.
pub(crate) fn meant(config: Option<PathBuf>, data: Option<&Path>) -> Result<Option<String>, Exit> {
    if data.is_some() {
        return Ok(None);
    }
    let path = crate::config::path(config)?;
    if !path.exists() {
        return Ok(None);
    }
    let document = read_config(&path).map_err(|error| Exit::failed(error.to_string()))?;
    project(document.config())
}

/// The project of the repository around the working directory; outside of every repository, the only one there is.
pub(crate) fn project(config: &Config) -> Result<Option<String>, Exit> {
    let name = |project: &ConfiguredProject| project.policy.project.to_string();
    let here = repository(Path::new("."));
    let is_here =
        |project: &&ConfiguredProject| here.is_some() && project.repo.as_deref().and_then(repository) == here;
    if let Some(project) = config.projects.iter().find(is_here) {
        return Ok(Some(name(project)));
    }
    let names: Vec<String> = config.projects.iter().map(name).collect();
    let which = names.join(", ");
    match (&here, names.as_slice()) {
        (None, [only]) => Ok(Some(only.clone())),
        (None, _) => Err(Exit::failed(format!("say which project with --project: {which}"))),
        (Some(_), _) => Err(Exit::failed(format!(
            "the repository you are in is no project: `orchctl init` makes it one; or say with --project which you mean: {which}"
        ))),
    }
}

/// What all work trees of a repository share.
pub(crate) fn repository(dir: &Path) -> Option<PathBuf> {
    let common = ask(dir, &["rev-parse", "--git-common-dir"]).ok()??;
    dir.join(common).canonicalize().ok()
}
