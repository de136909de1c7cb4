//! A gate checkout: a work tree detached at one commit, for runners and for the rebase. Its own repository that
//! borrows the mirror's objects, so nothing done in it can touch the mirror's refs; no remote, no ignored files.

use std::fs;
use std::path::{Path, PathBuf};

use orchd_core::id::Sha;

use crate::bare;
use crate::command::{Call, Git, Place, write_whole};
use crate::error::GitError;
use crate::intake::borrow_objects;
use crate::mirror::Mirror;
use crate::names::absolute;
use crate::remove::{self, blocking};

/// What `git init` writes into a repository with a work tree.
const CONFIG: &str = "\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
";

/// A detached work tree. Not removed on drop: a runner may outlive the process that made it.
#[derive(Debug)]
pub struct GateCheckout {
    git: Git,
    dir: PathBuf,
    sha: Sha,
}

impl GateCheckout {
    /// Makes a checkout of `sha` at `dir`, replacing whatever is there.
    pub async fn create(mirror: &Mirror, sha: &Sha, dir: &Path) -> Result<Self, GitError> {
        Self::with_attributes(mirror, sha, dir, "").await
    }

    /// As [`Self::create`], with attributes that hold for this checkout only.
    pub(crate) async fn with_attributes(
        mirror: &Mirror,
        sha: &Sha,
        dir: &Path,
        attributes: &str,
    ) -> Result<Self, GitError> {
        let dir = absolute(dir)?;
        remove::tree(&dir).await?;
        init_borrowing(mirror, &dir).await?;
        if !attributes.is_empty() {
            let (info, text) = (dir.join(".git/info"), attributes.to_owned());
            let write = move || {
                fs::create_dir_all(&info).map_err(GitError::io("make", &info))?;
                write_whole(&info.join("attributes"), text.as_bytes())
            };
            blocking(write).await?;
        }
        let checkout = Self { git: mirror.git().clone(), dir, sha: sha.clone() };
        checkout
            .call("check out a commit")
            .args(["checkout", "-q", "--force", "--detach", sha.as_str(), "--"])
            .done()
            .await?;
        Ok(checkout)
    }

    /// The work tree.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The commit it was made at.
    pub fn sha(&self) -> &Sha {
        &self.sha
    }

    /// Removes it. Absent is fine.
    pub async fn remove(self) -> Result<(), GitError> {
        remove::tree(&self.dir).await
    }

    pub(crate) fn call(&self, doing: &'static str) -> Call<'_> {
        self.git.call(doing, Place::Work(&self.dir))
    }
}

/// What `git clone --shared --no-checkout` makes, without a remote and from no template.
pub(crate) async fn init_borrowing(mirror: &Mirror, dir: &Path) -> Result<(), GitError> {
    let git_dir = dir.join(".git");
    let at = git_dir.clone();
    // HEAD names a branch that will never exist: main is not the agent's to commit on by accident.
    blocking(move || {
        bare::skeleton(&at, "refs/heads/orchd-unborn")?;
        write_whole(&at.join("config"), CONFIG.as_bytes())
    })
    .await?;
    borrow_objects(&git_dir.join("objects"), &mirror.dir().join("objects")).await
}
