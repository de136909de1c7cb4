//! A permission problem, diagnosed by name (INC-36): whose file it is, which path, and the command that mends
//! it. Looks at the disk only after something was refused.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use orchd_core::mutant::{self, Mutant};

use crate::error::GitError;

/// Entries looked at before giving up on finding the culprit.
const LOOK_LIMIT: usize = 100_000;

/// The error for `source` on `path`: by name if it is about permission.
pub(crate) fn explain(doing: &'static str, path: &Path, source: io::Error) -> GitError {
    if source.kind() != io::ErrorKind::PermissionDenied || mutant::on(Mutant::Inc36) {
        return GitError::io(doing, path)(source);
    }
    diagnose(path).unwrap_or_else(|| GitError::io(doing, path)(source))
}

/// Finds what refuses: on the way down to `root`, or anywhere beneath it.
pub(crate) fn diagnose(root: &Path) -> Option<GitError> {
    let me = rustix::process::geteuid().as_raw();
    let culprit = nearest_existing(root).into_iter().chain(beneath(root)).find(|(_, meta)| refuses(meta, me));
    let (path, meta) = culprit?;
    let (owner, mode) = (meta.uid(), meta.mode() & 0o7777);
    let remedy = if owner == me {
        format!("chmod -R u+rwX {}", shell_quote(&path))
    } else {
        format!("sudo chown -R {me} {}", shell_quote(if path.starts_with(root) { root } else { &path }))
    };
    Some(GitError::Permission { path, owner: owner_name(owner), mode, remedy })
}

fn refuses(meta: &fs::Metadata, me: u32) -> bool {
    let need = if meta.is_dir() { 0o700 } else { 0o400 };
    !meta.is_symlink() && (meta.uid() != me || meta.mode() & need != need)
}

fn nearest_existing(root: &Path) -> Option<(PathBuf, fs::Metadata)> {
    root.ancestors().find_map(|path| Some((path.to_owned(), fs::symlink_metadata(path).ok()?)))
}

/// Everything under `root`, without following links; what cannot be listed is skipped (its directory is named).
fn beneath(root: &Path) -> impl Iterator<Item = (PathBuf, fs::Metadata)> {
    let mut open = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(meta) = fs::symlink_metadata(entry.path()) else { continue };
            if meta.is_dir() {
                open.push(entry.path());
            }
            found.push((entry.path(), meta));
        }
        if found.len() > LOOK_LIMIT {
            break;
        }
    }
    found.into_iter()
}

fn owner_name(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    });
    name.map_or_else(|| format!("uid {uid}"), |name| format!("{name}, uid {uid}"))
}

/// A path as one word of a POSIX shell.
pub(crate) fn shell_quote(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
