//! Branch and ref names and repository paths, checked before they meet a command line or a file path. The
//! rules are those of `git check-ref-format`; a name is refused, never repaired.

use std::path::{Path, PathBuf};

use orchd_core::id::{Branch, RefName};

use crate::error::GitError;

/// The full ref of a branch.
pub(crate) fn branch_ref(branch: &Branch) -> Result<RefName, GitError> {
    match flaw(branch.as_str()) {
        None => Ok(RefName::new(format!("refs/heads/{branch}"))),
        Some(why) => Err(GitError::BadName { kind: "branch", text: branch.as_str().to_owned(), why }),
    }
}

/// A ref name that may stand in a refspec.
pub(crate) fn check_ref(name: &RefName) -> Result<(), GitError> {
    let why = match name.as_str().strip_prefix("refs/") {
        None => Some("it does not start with refs/"),
        Some(rest) => flaw(rest),
    };
    match why {
        None => Ok(()),
        Some(why) => Err(GitError::BadName { kind: "ref", text: name.as_str().to_owned(), why }),
    }
}

fn flaw(name: &str) -> Option<&'static str> {
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    if name.is_empty() {
        Some("it is empty")
    } else if name.contains(forbidden) {
        Some("it holds a space, a control character or one of ~ ^ : ? * [ \\")
    } else if name.contains("..") || name.contains("@{") || name == "@" {
        Some("it holds .. or @{")
    } else if name.starts_with('-') {
        Some("it starts with a dash")
    } else if name.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"))
    {
        Some("a part of it is empty, starts with a dot or ends with .lock")
    } else if name.ends_with('.') {
        Some("it ends with a dot")
    } else {
        None
    }
}

/// A path inside a tree: relative, without `.` and `..`, never into `.git`.
pub(crate) fn check_inner_path(path: &str) -> Result<&str, GitError> {
    let odd = |part: &str| matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git");
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    if trimmed.contains('\0') || trimmed.split('/').any(odd) {
        let why = "it must be relative, without empty parts, . and .., and outside .git";
        return Err(GitError::BadName { kind: "path in a repository", text: path.to_owned(), why });
    }
    Ok(trimmed)
}

/// The path made absolute without touching the disk, since git is run from elsewhere.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, GitError> {
    std::path::absolute(path).map_err(GitError::io("make absolute", path))
}

#[cfg(test)]
mod tests;
