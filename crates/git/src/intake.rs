//! Taking an agent's work into the mirror without running git in the agent's clone (INC-43).
//!
//! `git fetch <clone>` would start `git upload-pack` inside the clone, under its configuration, alternates and
//! links. So the clone is read as *data*: its ref files are read (`refs.rs`), its object files are copied into a
//! quarantine repository of orchd's own, which borrows from the mirror and from nothing else, and the mirror
//! fetches from that with every object hashed and checked. Nothing the agent can write names a program, a
//! path or a remote to any git that orchd runs. Only for a clone whose processes have ended.

use std::fs;
use std::path::{Path, PathBuf};

use orchd_core::id::{Branch, RefName, RunId, Sha};
use orchd_core::mutant::{self, Mutant};

use crate::bare;
use crate::command::{Place, write_whole};
use crate::error::GitError;
use crate::mirror::{FETCH, Mirror};
use crate::names::{absolute, branch_ref};
use crate::permission;
use crate::refs::{self, Kind, plain};
use crate::remove::{self, blocking};

/// New objects of one run; a shared clone holds no others.
const MAX_OBJECT_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// The quarantine has no refs of its own: its commits are asked for by name.
const QUARANTINE: &str = "[uploadpack]\n\tallowAnySHA1InWant = true\n";

/// What a run left, now in the mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunHeads {
    /// The task branch's head, at `refs/orchd/run/<run>`; none if the clone has no such branch.
    pub head: Option<Sha>,
    /// Partial work, at `refs/orchd/salvage/<run>`; none if the run left none.
    pub salvage: Option<Sha>,
}

/// The branch on which a run's partial work is committed inside the agent's clone.
pub fn salvage_branch(run: RunId) -> Branch {
    Branch::new(format!("orchd-salvage/{run}"))
}

impl Mirror {
    /// Takes `branch` and the run's salvage branch from an agent's clone into the mirror's refs of this run.
    /// Idempotent; a repeat takes what stands there now.
    pub async fn fetch_run(
        &self,
        clone_dir: &Path,
        branch: &Branch,
        run: RunId,
    ) -> Result<RunHeads, GitError> {
        let clone = absolute(clone_dir)?;
        let wanted = [
            (branch_ref(branch)?, RefName::run(run)),
            (branch_ref(&salvage_branch(run))?, RefName::salvage(run)),
        ];
        if mutant::on(Mutant::Inc43) {
            self.git()
                .call("look at a clone", Place::Work(&clone))
                .args(["status", "--short"])
                .done()
                .await?;
        }
        let quarantine = self.dir().join("orchd-intake").join(run.to_string());
        remove::tree(&quarantine).await?;
        let heads = self.take_all(clone, &quarantine, wanted).await;
        let removed = remove::tree(&quarantine).await;
        let heads = heads?;
        removed?;
        Ok(heads)
    }

    /// `wanted`: the clone's ref and the mirror's, first of the task branch, then of the salvage branch.
    async fn take_all(
        &self,
        clone: PathBuf,
        quarantine: &Path,
        wanted: [(RefName, RefName); 2],
    ) -> Result<RunHeads, GitError> {
        self.make_quarantine(quarantine).await?;
        let names = wanted.clone().map(|(theirs, _)| theirs);
        let into = quarantine.join("objects");
        let named = clone.clone();
        let heads = blocking(move || {
            let heads =
                names.iter().map(|name| refs::in_clone(&clone, name)).collect::<Result<Vec<_>, _>>()?;
            if heads.iter().any(Option::is_some) {
                copy_objects(&clone, &into)?;
            }
            Ok(heads)
        })
        .await?;
        for (head, (_, ours)) in heads.iter().zip(&wanted) {
            if let Some(sha) = head {
                self.take(&named, quarantine, sha, ours).await?;
                // git looked through all of it.
                self.has_now(sha);
            }
        }
        let mut heads = heads.into_iter();
        Ok(RunHeads { head: heads.next().flatten(), salvage: heads.next().flatten() })
    }

    async fn make_quarantine(&self, dir: &Path) -> Result<(), GitError> {
        let at = dir.to_owned();
        blocking(move || bare::skeleton(&at, "refs/heads/intake")).await?;
        bare::open_or_init(self.git(), dir, QUARANTINE.to_owned(), "").await?;
        borrow_objects(&dir.join("objects"), &self.dir().join("objects")).await
    }

    /// A refusal is the clone's fault where its objects are, and the host's otherwise.
    async fn take(&self, clone: &Path, quarantine: &Path, sha: &Sha, ours: &RefName) -> Result<(), GitError> {
        match self.fetch_from(quarantine, sha, ours).await {
            Err(GitError::Failed { .. }) if !self.is_sound(quarantine, sha).await? => {
                let why = format!("objects of its commit {sha} are missing or damaged");
                Err(GitError::CloneUnusable { path: clone.to_owned(), why })
            }
            taken => taken,
        }
    }

    /// Whether everything new that the commit needs is there and in order, by reading alone: a full disk is no answer.
    async fn is_sound(&self, quarantine: &Path, sha: &Sha) -> Result<bool, GitError> {
        let call = self.git().call("check a run's commits", Place::Bare(quarantine));
        let check = ["fsck", "--strict", "--no-full", "--no-dangling", "--no-progress", sha.as_str()];
        Ok(call.args(check).output().await?.code == Some(0))
    }

    async fn fetch_from(&self, quarantine: &Path, sha: &Sha, ours: &RefName) -> Result<(), GitError> {
        let fetch = self.call("take a run's commits").args(["-c", "fetch.fsckObjects=true"]).args(FETCH);
        fetch.arg("--").arg(quarantine).arg(format!("+{sha}:{ours}")).done().await
    }
}

/// Lets the repository with `objects` read another's objects without copying, as `git clone --shared` does.
/// Written here because git itself writes the path unquoted, and a path may hold a newline.
pub(crate) async fn borrow_objects(objects: &Path, lender: &Path) -> Result<(), GitError> {
    let (file, line) = (objects.join("info/alternates"), format!("{}\n", c_quoted(lender)));
    blocking(move || write_whole(&file, line.as_bytes())).await
}

fn c_quoted(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut quoted = String::from("\"");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            0x20..=0x7e => quoted.push(char::from(*byte)),
            other => quoted.push_str(&format!("\\{other:03o}")),
        }
    }
    quoted + "\""
}

/// Copies loose objects and packs, regular files under names of git's only: no links, no `info`, no hooks.
fn copy_objects(clone: &Path, into: &Path) -> Result<(), GitError> {
    let from = clone.join(".git/objects");
    if !plain(&from, Kind::Directory)? {
        let why = "its .git/objects is not a directory".to_owned();
        return Err(GitError::CloneUnusable { path: clone.to_owned(), why });
    }
    let mut copied = 0;
    for (name, dir) in entries(&from, Kind::Directory)? {
        let wanted: fn(&str) -> bool = match name.as_str() {
            "pack" => is_pack_name,
            fanout if fanout.len() == 2 && is_hex(fanout) => is_loose_name,
            _ => continue,
        };
        let target = into.join(&name);
        fs::create_dir_all(&target).map_err(|error| permission::explain("make", &target, error))?;
        for (file, path) in entries(&dir, Kind::File)?.into_iter().filter(|(file, _)| wanted(file)) {
            copied += fs::copy(&path, target.join(file))
                .map_err(|error| permission::explain("copy", &path, error))?;
            if copied > MAX_OBJECT_BYTES {
                let why = format!("it holds more than {MAX_OBJECT_BYTES} bytes of new objects");
                return Err(GitError::CloneUnusable { path: clone.to_owned(), why });
            }
        }
    }
    Ok(())
}

fn entries(dir: &Path, kind: Kind) -> Result<Vec<(String, PathBuf)>, GitError> {
    let explain = |error| permission::explain("list", dir, error);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(explain)? {
        let path = entry.map_err(explain)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if plain(&path, kind)? {
            found.push((name, path));
        }
    }
    Ok(found)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_loose_name(name: &str) -> bool {
    matches!(name.len(), 38 | 62) && is_hex(name)
}

fn is_pack_name(name: &str) -> bool {
    let stem = name.strip_suffix(".pack").or_else(|| name.strip_suffix(".idx"));
    stem.and_then(|stem| stem.strip_prefix("pack-")).is_some_and(is_hex)
}
