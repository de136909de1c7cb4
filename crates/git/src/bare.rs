//! What the mirror and the local forge have in common: a bare repository whose configuration file is written
//! whole by orchd, ref updates by compare-and-swap, and the removal of locks that a killed git left.

use std::fs;
use std::path::{Path, PathBuf};

use orchd_core::id::{RefName, Sha};

use crate::branches::RefUpdate;
use crate::command::{Git, Place, write_whole};
use crate::error::GitError;
use crate::names::check_ref;
use crate::permission;
use crate::refs;
use crate::remove::blocking;

/// The start of every configuration: refs and objects reach the disk before git says yes, as in the store.
const COMMON: &str = "\
# Written by orchd at every start; changes are lost.
[core]
\trepositoryformatversion = 0
\tbare = true
\tfsmonitor = false
\tfsync = committed,reference
[gc]
\tauto = 0
[receive]
\tautogc = false
";

/// Makes a bare repository at `dir`, or brings an existing one's configuration to `config`.
pub(crate) async fn open_or_init(
    git: &Git,
    dir: &Path,
    config: String,
    attributes: &str,
) -> Result<(), GitError> {
    let at = dir.to_owned();
    let make = move || fs::create_dir_all(&at).map_err(|error| permission::explain("make", &at, error));
    blocking(make).await?;
    if !dir.join("HEAD").is_file() || !dir.join("objects").is_dir() {
        let init = git.call("make a bare repository", Place::Nowhere);
        init.args(["init", "-q", "--bare", "--template=", "--initial-branch=main", "--"])
            .arg(dir)
            .done()
            .await?;
    }
    let (dir, attributes) = (dir.to_owned(), attributes.to_owned());
    blocking(move || {
        let info = dir.join("info");
        fs::create_dir_all(&info).map_err(|error| permission::explain("make", &info, error))?;
        write_whole(&info.join("attributes"), attributes.as_bytes())?;
        write_whole(&dir.join("config"), format!("{COMMON}{config}").as_bytes())
    })
    .await
}

/// What makes a directory a repository, but for its configuration: folders and HEAD, on the branch `head`. Written
/// here for those that live as long as a run; a process for each would be most of what they cost.
pub(crate) fn skeleton(dir: &Path, head: &str) -> Result<(), GitError> {
    for part in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        let path = dir.join(part);
        fs::create_dir_all(&path).map_err(|error| permission::explain("make", &path, error))?;
    }
    write_whole(&dir.join("HEAD"), format!("ref: {head}\n").as_bytes())
}

/// A value for a git configuration file: quoted, so that any path or URL survives.
pub(crate) fn config_value(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// The commit that `name` points to.
pub(crate) async fn resolve(git: &Git, dir: &Path, name: &RefName) -> Result<Option<Sha>, GitError> {
    check_ref(name)?;
    let (at, of) = (dir.to_owned(), name.clone());
    if let Ok(found) = blocking(move || refs::in_bare(&at, &of)).await {
        return Ok(found);
    }
    let call = git.call("resolve a ref", Place::Bare(dir));
    // for-each-ref and not rev-parse: absent is an empty answer, and a failure is a failure.
    let text = call
        .args(["for-each-ref", "--format=%(refname) %(objectname)", "--"])
        .arg(name.as_str())
        .text()
        .await?;
    let found = text.lines().find_map(|line| line.strip_prefix(name.as_str())?.strip_prefix(' '));
    let doing = "resolve a ref";
    found
        .map(|sha| Sha::parse(sha).map_err(|e| GitError::Unreadable { doing, why: e.to_string() }))
        .transpose()
}

/// Moves `name` to `new` only if it stands at `expected` (`None`: does not exist).
pub(crate) async fn swap(
    git: &Git,
    dir: &Path,
    name: &RefName,
    new: &Sha,
    expected: Option<&Sha>,
) -> Result<RefUpdate, GitError> {
    check_ref(name)?;
    let old = expected.map_or("", Sha::as_str);
    let update = git.call("move a ref", Place::Bare(dir));
    let update = update.args(["update-ref", "--no-deref", name.as_str(), new.as_str(), old]);
    let Err(error) = update.done().await else { return Ok(RefUpdate::Updated) };
    let actual = resolve(git, dir, name).await?;
    if actual.as_ref() == expected {
        // Nobody else moved it: the object is missing, the disk is full, a lock was left behind.
        return Err(error);
    }
    Ok(if actual.as_ref() == Some(new) { RefUpdate::Unchanged } else { RefUpdate::Stale { actual } })
}

/// Points `name` at `sha`, wherever it stood.
pub(crate) async fn set(git: &Git, dir: &Path, name: &RefName, sha: &Sha) -> Result<(), GitError> {
    check_ref(name)?;
    let call = git.call("set a ref", Place::Bare(dir));
    call.args(["update-ref", "--no-deref", name.as_str(), sha.as_str()]).done().await
}

/// Removes `name`; absent is fine.
pub(crate) async fn unset(git: &Git, dir: &Path, name: &RefName) -> Result<(), GitError> {
    if resolve(git, dir, name).await?.is_none() {
        return Ok(());
    }
    git.call("delete a ref", Place::Bare(dir))
        .args(["update-ref", "--no-deref", "-d", name.as_str()])
        .done()
        .await
}

/// Removes lock files that a git killed by power loss or SIGKILL left; every later write would fail on them.
/// Only for the owner of the data directory at its start, when no git of its own runs yet.
pub(crate) async fn clear_locks(dir: &Path) -> Result<(), GitError> {
    let dir = dir.to_owned();
    blocking(move || {
        let mut open: Vec<PathBuf> = vec![dir.join("refs")];
        let mut locks: Vec<PathBuf> = ["HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock"]
            .map(|name| dir.join(name))
            .into();
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => open.push(entry.path()),
                    Ok(_) if entry.path().extension().is_some_and(|e| e == "lock") => {
                        locks.push(entry.path())
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
        for lock in locks.into_iter().filter(|lock| lock.exists()) {
            fs::remove_file(&lock)
                .map_err(|error| permission::explain("remove the stale lock", &lock, error))?;
        }
        Ok(())
    })
    .await
}
