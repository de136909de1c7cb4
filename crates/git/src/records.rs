//! Writes files as a commit on a ref of orchd's own, without a work tree: how a task's reports are mirrored to
//! `refs/orchd/records/<task>` (INC-41: they never become commits of the task branch).

use orchd_core::id::{RefName, Sha};

use crate::branches::RefUpdate;
use crate::error::GitError;
use crate::mirror::Mirror;
use crate::names::check_inner_path;
use crate::push::{PushAnswer, RefChange, push};
use crate::remove;

/// What became of a ref of records at the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordOutcome {
    /// The remote has it now.
    Published,
    /// The remote would not take it.
    Refused {
        /// The remote's words.
        why: String,
    },
    /// No answer; a repeat is harmless.
    Unknown {
        /// What broke.
        why: String,
    },
}

impl Mirror {
    /// Makes `name` a commit with exactly these files, on top of the one before. The same files again change
    /// nothing. Refused for branches.
    pub async fn commit_tree_ref(
        &self,
        name: &RefName,
        files: &[(String, Vec<u8>)],
        message: &str,
    ) -> Result<Sha, GitError> {
        if !name.as_str().starts_with("refs/orchd/") {
            let why = "records are written below refs/orchd/ only";
            return Err(GitError::BadName { kind: "ref for records", text: name.as_str().to_owned(), why });
        }
        let tree = self.write_tree(files).await?;
        let before = self.resolve(name).await?;
        if let Some(before) = &before
            && self.tree_of(before).await? == tree
        {
            return Ok(before.clone());
        }
        let call = self.call("write a commit").args(["commit-tree", tree.as_str()]);
        let call = match &before {
            Some(parent) => call.args(["-p", parent.as_str()]),
            None => call,
        };
        let commit = call.stdin(message).sha().await?;
        match self.swap_ref(name, &commit, before.as_ref()).await? {
            RefUpdate::Updated | RefUpdate::Unchanged => Ok(commit),
            RefUpdate::Stale { .. } => {
                Err(GitError::Contended { what: name.to_string(), doing: "wrote records" })
            }
        }
    }

    /// Pushes a ref below `refs/orchd/records/` to the remote, over whatever stands there: the store is the truth.
    pub async fn publish_records(&self, name: &RefName) -> Result<RecordOutcome, GitError> {
        if !name.as_str().starts_with("refs/orchd/records/") {
            let why = "only records are published over what stands there";
            return Err(GitError::BadName { kind: "ref for records", text: name.as_str().to_owned(), why });
        }
        let Some(sha) = self.resolve(name).await? else {
            return Ok(RecordOutcome::Refused { why: format!("{name} does not exist") });
        };
        let there = self.ls_remote(&[name]).await?;
        let expected = there.first().map_or(String::new(), |(_, sha)| sha.as_str().to_owned());
        let change = RefChange { name: name.clone(), expected, source: sha.as_str().to_owned() };
        Ok(match push(self, "publish records", &[change]).await? {
            PushAnswer::Accepted(_) => RecordOutcome::Published,
            PushAnswer::Rejected { why, .. } => RecordOutcome::Refused { why },
            PushAnswer::NoAnswer { why } => RecordOutcome::Unknown { why },
        })
    }

    async fn write_tree(&self, files: &[(String, Vec<u8>)]) -> Result<Sha, GitError> {
        let mut listing = Vec::new();
        for (path, content) in files {
            let path = check_inner_path(path)?;
            let blob = self
                .call("write a file")
                .args(["hash-object", "-w", "--stdin"])
                .stdin(content.clone())
                .sha()
                .await?;
            listing.extend_from_slice(format!("100644 {blob}\t{path}\0").as_bytes());
        }
        // Its own index, named after what it will hold: two writers never share one.
        let name = orchd_core::id::Digest::of(&listing);
        let index = self.dir().join(format!("orchd-index-{name}"));
        let call = |doing| self.call(doing).env("GIT_INDEX_FILE", &index);
        remove::tree(&index).await?;
        call("list the records").args(["update-index", "-z", "--index-info"]).stdin(listing).done().await?;
        let tree = call("write the records' tree").arg("write-tree").sha().await;
        remove::tree(&index).await?;
        tree
    }
}
