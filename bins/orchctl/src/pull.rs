//! `orchctl pull`: what landed comes into the person's branch, by fast-forward alone, from orchd's main or from the remote
//! that it pushes to. It is their own git that does it, with their configuration, as if they had typed it.

use std::path::{Path, PathBuf};
use std::process::Command;

use orchd_daemon::read_config;

use crate::exit::Exit;
use crate::render::Out;

/// What orchd writes into a repository.
const LANDED: &str = "refs/remotes/orchd/main";

pub(crate) fn run(out: &Out, dir: Option<PathBuf>, config: Option<PathBuf>) -> Result<(), Exit> {
    let dir = dir.unwrap_or_else(|| PathBuf::from("."));
    if let Some((url, main)) = remote(config, &dir) {
        return forward(&dir, &["pull", "--ff-only", &url, &main], "git pull --rebase");
    }
    let landed = ask(&dir, &["rev-parse", "--verify", "--quiet", LANDED])?.ok_or_else(|| {
        Exit::failed(format!("nothing has landed for the repository of {} yet", dir.display()))
    })?;
    let head = ask(&dir, &["rev-parse", "HEAD"])?.unwrap_or_default();
    if head == landed {
        out.line("Nothing new has landed.");
        return Ok(());
    }
    forward(&dir, &["merge", "--ff-only", "orchd/main"], "git rebase orchd/main")
}

/// Where orchd pushes this repository's main to, and what it is called there; none where it keeps main itself.
fn remote(config: Option<PathBuf>, dir: &Path) -> Option<(String, String)> {
    let document = read_config(&crate::config::path(config).ok()?).ok()?;
    let dir = dir.canonicalize().ok()?;
    let is_here = |repo: &PathBuf| repo.canonicalize().is_ok_and(|repo| dir.starts_with(repo));
    let mut projects = document.config().projects.iter();
    let project = projects.find(|project| project.repo.as_ref().is_some_and(is_here))?;
    let main = project.main.as_ref().map_or_else(|| "main".to_owned(), ToString::to_string);
    Some((project.remote.as_ref()?.url.clone(), main))
}

/// Moves the person's branch; `instead` is what they can do where it has commits of its own.
fn forward(dir: &Path, args: &[&str], instead: &str) -> Result<(), Exit> {
    let status =
        git(dir, args).status().map_err(|error| Exit::failed(format!("git can not be started: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let todo =
        format!("go to the branch that orchd follows, or put your own commits on top with `{instead}`");
    Err(Exit::failed(format!("it is no fast-forward from here, and nothing was changed: {todo}")))
}

fn git(dir: &Path, args: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(dir).args(args);
    git
}

/// The answer's text; `None`: git says no.
fn ask(dir: &Path, args: &[&str]) -> Result<Option<String>, Exit> {
    let output =
        git(dir, args).output().map_err(|error| Exit::failed(format!("git can not be started: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(output.status.success().then_some(text))
}
