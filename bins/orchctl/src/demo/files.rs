//! The demonstration's project: a small real program with tests that really run. Written into a fresh directory with a
//! first commit whose SHA is the same on every machine. What is done to it afterwards is `story.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::error::DemoError;
use super::git::{Git, Who};

/// One file of the project.
struct File {
    path: &'static str,
    text: &'static str,
    mode: u32,
}

const FILES: &[File] = &[
    File { path: "README.md", text: include_str!("project/README.md"), mode: 0o644 },
    File { path: "tally", text: include_str!("project/tally"), mode: 0o755 },
    File { path: "tests/run.sh", text: include_str!("project/tests/run.sh"), mode: 0o755 },
    File { path: "tests/count.test", text: include_str!("project/tests/count.test"), mode: 0o644 },
    File { path: "tests/options.test", text: include_str!("project/tests/options.test"), mode: 0o644 },
];

/// The author of the first commit; its date is fixed, so that its SHA is.
const OWNER: Who =
    Who { name: "Demo Owner", email: "owner@example.invalid", date: Some("2026-01-01T12:00:00+00:00") };

/// Makes the project at `dir` unless it is there. Built beside and renamed into place: a kill in between leaves
/// nothing that looks like a project. Returns its first commit.
pub(super) fn prepare(dir: &Path) -> Result<String, DemoError> {
    if !dir.join(".git").is_dir() {
        let draft = dir.with_extension("new");
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(|e| DemoError::file("remove", &draft, e))?;
        }
        fill(&draft)?;
        fs::rename(&draft, dir).map_err(|e| DemoError::file("put in place", dir, e))?;
    }
    let roots = owner(dir).ask(&["rev-list", "--max-parents=0", "refs/heads/main"])?;
    Ok(roots.lines().last().unwrap_or_default().to_owned())
}

/// Git in the project, in its owner's name.
pub(super) fn owner(dir: &Path) -> Git {
    Git::at(dir, OWNER)
}

fn fill(dir: &Path) -> Result<(), DemoError> {
    for file in FILES {
        let path = dir.join(file.path);
        let parent = path.parent().unwrap_or(dir);
        fs::create_dir_all(parent).map_err(|e| DemoError::file("make", parent, e))?;
        fs::write(&path, file.text).map_err(|e| DemoError::file("write", &path, e))?;
        let mode = fs::Permissions::from_mode(file.mode);
        fs::set_permissions(&path, mode).map_err(|e| DemoError::file("set the mode of", &path, e))?;
    }
    let git = owner(dir);
    git.ask(&["init", "-q", "--initial-branch=main", "."])?;
    git.ask(&["add", "--all"])?;
    git.ask(&["commit", "-q", "-m", "tally: count words"])?;
    Ok(())
}

#[cfg(test)]
mod tests;
