//! The person's own git, as if they had typed it: their environment, their configuration, their trust. Not what orchd
//! works with, which has a configuration of its own.

use std::path::Path;
use std::process::Command;

use crate::exit::Exit;

pub(crate) fn git(dir: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(dir);
    git
}

/// The answer's text; `None`: git says no. What git can not answer is told in its words.
pub(crate) fn ask(dir: &Path, args: &[&str]) -> Result<Option<String>, Exit> {
    let output = git(dir)
        .args(args)
        .output()
        .map_err(|error| Exit::failed(format!("git can not be started: {error}")))?;
    match output.status.code() {
        Some(0) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())),
        Some(1) => Ok(None),
        _ => Err(Exit::failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// A path as one word of a shell.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
