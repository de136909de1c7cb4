//! The end of the demonstration: what the engine says is held against what git says, and put into the project where
//! people look. Nothing here trusts a status.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use orchd_http::dto::Task;

use super::error::DemoError;
use super::files;
use super::git::Git;
use super::place::Place;
use crate::env::search_path;

/// How deep below the data directory a repository may lie.
const DEPTH: usize = 5;
/// Keeps the commit that the tests sent back, for whoever wants to see it.
const RED: &str = "refs/demo/red";

/// What git says of the end.
#[derive(Debug)]
pub(super) struct Proven {
    /// Main.
    pub(super) main: String,
    /// Main's commits since the base, newest first.
    pub(super) commits: String,
    /// The last line of the project's tests at main.
    pub(super) tests: String,
}

/// Fetches what landed and what was red into the project, and proves what is claimed of it.
pub(super) fn prove(place: &Place, tasks: &[Task], red: Option<&str>) -> Result<Proven, DemoError> {
    let git = files::owner(&place.project);
    let stores = repositories(&place.data);
    let landed = tasks.iter().flat_map(|task| &task.landed);
    let claimed = tasks.iter().filter_map(|task| task.proven_in.as_ref());
    for sha in landed.clone().chain(claimed.clone()) {
        bring(&git, &stores, sha, &format!("refs/demo/seen/{sha}"), place)?;
    }
    if let Some(red) = red {
        bring(&git, &stores, red, RED, place)?;
    }
    // The last main that was seen has everything in it.
    let mut main = place.base.clone();
    for sha in claimed {
        if is_ancestor(&git, &main, sha)? {
            main.clone_from(sha);
        }
    }
    let not_proven = |why: String| Err(DemoError::NotProven { why, data: place.data.clone() });
    for sha in landed {
        if !is_ancestor(&git, sha, &main)? {
            return not_proven(format!("{sha} is said to have landed and is not in {main}"));
        }
    }
    git.ask(&["update-ref", "refs/remotes/orchd/main", &main])?;
    let tests = take_over(&git, &place.project, &main);
    let range = format!("{}..{main}", place.base);
    let commits = git.ask(&["log", "--format=%h %s (%an)", &range])?;
    Ok(Proven { main, commits, tests })
}

/// Brings the project's own main forward, as its owner would, and runs the tests there. Both are shown and decide nothing.
fn take_over(git: &Git, project: &Path, main: &str) -> String {
    if let Err(error) = git.ask(&["merge", "-q", "--ff-only", main]) {
        return format!("not run, as the project could not be brought forward: {error}");
    }
    let mut command = Command::new("/bin/sh");
    command.args(["tests/run.sh"]).current_dir(project).env_clear().env("PATH", search_path());
    match command.stdin(Stdio::null()).output() {
        Ok(output) => {
            String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or("no output").to_owned()
        }
        Err(error) => format!("could not be run: {error}"),
    }
}

/// Whether `descendant` has `ancestor` in its history.
fn is_ancestor(git: &Git, ancestor: &str, descendant: &str) -> Result<bool, DemoError> {
    Ok(git.says_yes(&["merge-base", "--is-ancestor", ancestor, descendant])?)
}

/// Fetches a commit by its name from whichever repository of the engine has it.
fn bring(git: &Git, stores: &[PathBuf], sha: &str, name: &str, place: &Place) -> Result<(), DemoError> {
    let object = format!("{sha}^{{commit}}");
    if git.says_yes(&["cat-file", "-e", &object])? {
        git.ask(&["update-ref", name, sha])?;
        return Ok(());
    }
    for store in stores {
        let store = store.to_string_lossy();
        let has = git.says_yes(&["--git-dir", &store, "cat-file", "-e", &object])?;
        if has && git.says_yes(&["fetch", "-q", "--no-tags", &store, &format!("+{sha}:{name}")])? {
            return Ok(());
        }
    }
    Err(DemoError::NotProven { why: format!("no repository has {sha}"), data: place.data.clone() })
}

/// The bare repositories below a directory.
fn repositories(data: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![(data.to_owned(), 0)];
    while let Some((dir, depth)) = open.pop() {
        if dir.join("objects").is_dir() && dir.join("HEAD").is_file() {
            found.push(dir);
            continue;
        }
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            if depth < DEPTH && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push((entry.path(), depth + 1));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests;
