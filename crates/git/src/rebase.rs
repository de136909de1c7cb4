//! The landing's rebase (spec 3.5): a task branch replayed onto main in a gate checkout. Pushes nothing and moves
//! no ref; the new head's objects are in the mirror when it returns.

use std::path::Path;

use orchd_core::id::{Digest, Sha};

use crate::checkout::GateCheckout;
use crate::error::GitError;
use crate::mirror::{FETCH, Mirror};
use crate::read::{Ancestry, Capped, capped, records};
use crate::union::{self, VanishedEntry};

/// Conflict text kept for the next agent's prompt.
const HUNKS_CAP: usize = 64 * 1024;

/// Files are as the commits have them: a file whose line ends the project's attributes would change on the way into a
/// commit is seen by git as somebody's change, and in its way.
const AS_STORED: &str = "* -text -ident -working-tree-encoding -filter\n";

/// What to rebase.
#[derive(Debug, Clone)]
pub struct RebaseRequest<'a> {
    /// The task branch's head.
    pub head: &'a Sha,
    /// The main to put it on.
    pub onto: &'a Sha,
    /// Where the gate checkout may be made; replaced, and removed at the end.
    pub dir: &'a Path,
    /// Patterns of files merged with `merge=union`.
    pub union: &'a [String],
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RebaseOutcome {
    /// Main is in the head's history already: nothing to rebase.
    UpToDate,
    /// The head is in main's history already: nothing to land.
    AlreadyIn,
    /// Replayed.
    Rebased {
        /// The new head.
        head: Sha,
        /// The subject `patch` before.
        patch_before: Digest,
        /// The subject `patch` after; another one means that another patch would land than was reviewed.
        patch_after: Digest,
    },
    /// Both sides changed the same place.
    Conflict {
        /// The files, sorted.
        files: Vec<String>,
        /// The conflicting hunks.
        hunks: Capped,
    },
    /// A union merge lost entries (INC-33).
    Vanished {
        /// Which.
        entries: Vec<VanishedEntry>,
    },
}

/// Rebases `request.head` onto `request.onto`. The same request gives the same new head, so a repeat after a
/// crash finds the CI results of the first.
pub async fn rebase(mirror: &Mirror, request: RebaseRequest<'_>) -> Result<RebaseOutcome, GitError> {
    let RebaseRequest { head, onto, dir, union } = request;
    if mirror.is_ancestor(onto, head).await? == Ancestry::Yes {
        return Ok(RebaseOutcome::UpToDate);
    }
    if mirror.is_ancestor(head, onto).await? == Ancestry::Yes {
        return Ok(RebaseOutcome::AlreadyIn);
    }
    let attributes = format!("{AS_STORED}{}", union::attributes(union)?);
    let checkout = GateCheckout::with_attributes(mirror, head, dir, &attributes).await?;
    let outcome = replay(mirror, &checkout, head, onto).await;
    // The outcome is worth more than the removal of its scaffold, which the next rebase there repeats.
    let removed = checkout.remove().await;
    let outcome = outcome?;
    removed?;
    Ok(outcome)
}

async fn replay(
    mirror: &Mirror,
    checkout: &GateCheckout,
    head: &Sha,
    onto: &Sha,
) -> Result<RebaseOutcome, GitError> {
    let doing = "rebase onto main";
    let Some(base) = mirror.merge_base(onto, head).await? else {
        let why = "main and the branch have no common history".to_owned();
        return Ok(RebaseOutcome::Conflict {
            files: Vec::new(),
            hunks: Capped { text: why, truncated: false },
        });
    };
    let call = checkout.call(doing).args(["rebase", "--merge", "--no-autostash", "--no-stat", "--no-verify"]);
    // The committer date of a replayed commit is its author's, so that the new head does not depend on the clock.
    let call = call.args(["--no-autosquash", "--committer-date-is-author-date", onto.as_str()]);
    let output = call.output().await?;
    if output.code != Some(0) {
        let files = unmerged(checkout).await?;
        if files.is_empty() {
            return Err(GitError::Failed { doing, code: output.code, stderr: output.stderr });
        }
        let diff = checkout.call("show the conflict").args(["diff", "--no-ext-diff", "--no-textconv"]);
        let diff = diff.cap(HUNKS_CAP).output().await?;
        return Ok(RebaseOutcome::Conflict { files, hunks: capped(&diff.stdout, diff.truncated) });
    }
    let rebased =
        checkout.call("read the new head").args(["rev-parse", "--verify", "HEAD^{commit}"]).sha().await?;
    let entries = union::vanished(checkout, &base, [head, onto], &rebased).await?;
    if !entries.is_empty() {
        return Ok(RebaseOutcome::Vanished { entries });
    }
    // From a checkout of orchd's own, in which nothing but git has run: no quarantine needed.
    let fetch = mirror.call("take the new head").args(FETCH).arg("--").arg(checkout.dir().join(".git"));
    fetch.arg("HEAD").done().await?;
    let patch_before = mirror.patch_digest(onto, head).await?;
    let patch_after = mirror.patch_digest(onto, &rebased).await?;
    Ok(RebaseOutcome::Rebased { head: rebased, patch_before, patch_after })
}

async fn unmerged(checkout: &GateCheckout) -> Result<Vec<String>, GitError> {
    let call = checkout.call("list the conflicts").args(["diff", "--name-only", "--diff-filter=U", "-z"]);
    let bytes = call.bytes().await?;
    let mut files: Vec<String> =
        records(&bytes).map(|file| String::from_utf8_lossy(file).into_owned()).collect();
    files.dedup();
    Ok(files)
}
