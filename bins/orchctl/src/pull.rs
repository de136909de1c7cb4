//! `orchctl pull`: what landed comes into the person's branch, by fast-forward alone, from orchd's main or from the remote
//! that it pushes to. It is their own git that does it, with their configuration, as if they had typed it.

use std::path::{Path, PathBuf};

use orchd_daemon::read_config;

use crate::exit::Exit;
use crate::own_git::{ask, git, quoted};
use crate::render::Out;

/// What orchd writes into a repository.
pub(crate) const LANDED: &str = "refs/remotes/orchd/main";

pub(crate) fn run(out: &Out, dir: Option<PathBuf>, config: Option<PathBuf>) -> Result<(), Exit> {
    let dir = dir.unwrap_or_else(|| PathBuf::from("."));
    let dir = dir.canonicalize().map_err(|error| Exit::failed(format!("{}: {error}", dir.display())))?;
    match remote(config, &dir)? {
        Some((url, main)) => from_remote(&dir, &url, &main),
        None => from_orchd(out, &dir),
    }
}

/// Where orchd pushes this repository's main to, and what it is called there; none where it keeps main itself.
fn remote(config: Option<PathBuf>, dir: &Path) -> Result<Option<(String, String)>, Exit> {
    let Some(path) = crate::config::path(config).ok().filter(|path| path.exists()) else { return Ok(None) };
    let document = match read_config(&path) {
        Ok(document) => document,
        // What is in the repository already can be taken whatever the configuration says.
        Err(_) if ask(dir, &["rev-parse", "--verify", "--quiet", LANDED])?.is_some() => return Ok(None),
        Err(error) => return Err(Exit::failed(error.to_string())),
    };
    let here = crate::here::repository(dir);
    let is_here = |repo: &PathBuf| here.is_some() && crate::here::repository(repo) == here;
    let mut projects = document.config().projects.iter();
    let found = projects.find(|project| project.repo.as_ref().is_some_and(is_here));
    Ok(found.and_then(|project| {
        let main = project.main.as_ref().map_or_else(|| "main".to_owned(), ToString::to_string);
        Some((project.remote.as_ref()?.url.clone(), main))
    }))
}

fn from_remote(dir: &Path, url: &str, main: &str) -> Result<(), Exit> {
    takes(dir)?;
    if does(dir, &["pull", "--ff-only", url, main])? {
        return Ok(());
    }
    let todo = format!("put commits of your own on top with `git pull --rebase {url} {main}`");
    Err(Exit::failed(format!("git did not bring {main} of {url} into your branch, as it says above; {todo}")))
}

fn from_orchd(out: &Out, dir: &Path) -> Result<(), Exit> {
    let at = dir.display();
    let landed = ask(dir, &["rev-parse", "--verify", "--quiet", LANDED])?
        .ok_or_else(|| Exit::failed(format!("nothing has landed in {at} yet")))?;
    let head = ask(dir, &["rev-parse", "--verify", "--quiet", "HEAD"])?.unwrap_or_default();
    if head == landed {
        out.line("Nothing new has landed.");
        return Ok(());
    }
    takes(dir)?;
    if does(dir, &["merge", "--ff-only", "orchd/main"])? {
        return Ok(());
    }
    if ask(dir, &["merge-base", "--is-ancestor", "HEAD", LANDED])?.is_some() {
        let todo = "mend that, then `orchctl pull` again";
        return Err(Exit::failed(format!(
            "git did not bring orchd/main into your branch, as it says above; {todo}"
        )));
    }
    let todo =
        "go to the branch that orchd follows, or put your own commits on top with `git rebase orchd/main`";
    Err(Exit::failed(format!("it is no fast-forward from here, and nothing was changed: {todo}")))
}

/// Whether git did it.
fn does(dir: &Path, args: &[&str]) -> Result<bool, Exit> {
    let status = git(dir).args(args).status();
    let status = status.map_err(|error| Exit::failed(format!("git can not be started: {error}")))?;
    Ok(status.success())
}

/// Whether there is a branch that a merge would move. Without one git would move HEAD alone, in the middle of a rebase too.
fn takes(dir: &Path) -> Result<(), Exit> {
    let at = dir.display();
    let branch = ask(dir, &["symbolic-ref", "--quiet", "HEAD"])?;
    let bare = ask(dir, &["rev-parse", "--is-bare-repository"])?.is_some_and(|answer| answer == "true");
    let Some(branch) = branch else {
        return Err(Exit::failed(if is_rebased(dir)? {
            let todo = "end it with `git rebase --continue` or `--abort`, then `orchctl pull` again";
            format!("a rebase is under way in {at}, and nothing was changed; {todo}")
        } else {
            let todo = "go to yours with `git switch`, then `orchctl pull` again";
            format!("no branch is checked out in {at}, and nothing was changed; {todo}")
        }));
    };
    if bare {
        let todo = format!("git -C {} fetch . {LANDED}:{branch}", quoted(dir));
        return Err(Exit::failed(format!(
            "{at} is bare, with no work tree to merge in; move its branch with: {todo}"
        )));
    }
    Ok(())
}

fn is_rebased(dir: &Path) -> Result<bool, Exit> {
    for name in ["rebase-merge", "rebase-apply"] {
        let path = ask(dir, &["rev-parse", "--git-path", name])?;
        if path.is_some_and(|path| dir.join(path).exists()) {
            return Ok(true);
        }
    }
    Ok(false)
}
