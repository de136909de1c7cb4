//! `orchctl pull`: what landed comes into the person's branch, by fast-forward alone. It is their own git that does it,
//! with their configuration, as if they had typed it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::exit::Exit;
use crate::render::Out;

/// What orchd writes into a repository.
const LANDED: &str = "refs/remotes/orchd/main";

pub(crate) fn run(out: &Out, dir: Option<PathBuf>) -> Result<(), Exit> {
    let dir = dir.unwrap_or_else(|| PathBuf::from("."));
    let landed = ask(&dir, &["rev-parse", "--verify", "--quiet", LANDED])?.ok_or_else(|| {
        Exit::failed(format!("nothing has landed for the repository of {} yet", dir.display()))
    })?;
    let head = ask(&dir, &["rev-parse", "HEAD"])?.unwrap_or_default();
    if head == landed {
        out.line("Nothing new has landed.");
        return Ok(());
    }
    let status = git(&dir, &["merge", "--ff-only", "orchd/main"])
        .status()
        .map_err(|error| Exit::failed(format!("git can not be started: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let todo =
        "go to the branch that orchd follows, or put your own commits on top with `git rebase orchd/main`";
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
