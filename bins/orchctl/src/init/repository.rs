//! The repository that `init` is asked for: where its top is, whether the person's own git works in it, whether orchd may
//! write its one ref, and what of it an agent will not find. Only looks.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::exit::Exit;
use crate::own_git::{git, quoted};

/// The top of the work tree that `dir` lies in.
pub(super) fn top(dir: &Path) -> Result<PathBuf, Exit> {
    let failed = |error: std::io::Error| Exit::failed(format!("{}: {error}", dir.display()));
    let dir = dir.canonicalize().map_err(failed)?;
    let is_bare =
        |at: &Path| at.join("HEAD").is_file() && at.join("objects").is_dir() && at.join("refs").is_dir();
    if let Some(top) = dir.ancestors().find(|at| at.join(".git").exists() || is_bare(at)) {
        return Ok(top.to_owned());
    }
    let todo = "go into one, or make it one with `git init` and a first commit";
    Err(Exit::failed(format!("{} is in no git repository; {todo}", dir.display())))
}

/// Refuses a repository that the person's git does not trust, and one that can not be written: what landed could be
/// neither shown in it nor brought into it, and files of another's in it would be in its owner's way.
pub(super) fn check(top: &Path) -> Result<(), Exit> {
    // Its words are read.
    let asked = git(top)
        .env("LC_ALL", "C")
        .args(["rev-parse", "--path-format=absolute", "--git-common-dir"])
        .output();
    let output = asked.map_err(|error| Exit::failed(format!("git can not be started: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("dubious ownership") || said.contains("unsafe repository") {
            return Err(Exit::failed(distrusted(top)));
        }
        // orchd's own look says what else is wrong.
        return Ok(());
    }
    let mut common = output.stdout;
    // Exactly one newline is git's.
    common.pop();
    let common = PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(common));
    for place in [common.join("objects"), common.join("refs")] {
        if let Err(error) = access(&place, Access::WRITE_OK | Access::EXEC_OK) {
            let (top, why) = (top.display(), std::io::Error::from(error));
            let todo = "make it writable, or work in a clone of it";
            return Err(Exit::failed(format!(
                "{top} can not be written ({why}), and orchd shows what landed as a ref in it; {todo}"
            )));
        }
    }
    Ok(())
}

fn distrusted(top: &Path) -> String {
    let trust = format!("git config --global --add safe.directory {}", quoted(top));
    format!(
        "{} belongs to another user, and your git refuses to work in it; work as its owner, or say that you trust it: {trust}",
        top.display()
    )
}

/// What agents and tests do not find in a clone.
pub(super) fn notes(top: &Path) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if top.join(".gitmodules").is_file() {
        notes.push("it has submodules; agents and tests find their folders empty");
    }
    if std::fs::read_to_string(top.join(".gitattributes")).is_ok_and(|text| text.contains("filter=lfs")) {
        notes.push("it has files in Git LFS; agents and tests find their pointers, not what they point to");
    }
    notes
}
