//! The task branch in the mirror and on the remote: put where the engine's row says, described for the gates, pushed
//! over nothing but what orchd itself put there.

use orchd_core::id::{Branch, Digest, Key, RefName, RunId, Sha};
use orchd_core::job::BranchState;
use orchd_git::{Ahead, Ancestry, GitError, Mirror, PushOutcome, RefUpdate, RunHeads};

use crate::error::RunnerError;

/// Tries against another actor on one ref of the mirror.
const TRIES: u32 = 5;

/// A task's document folder, as a path in the repository.
pub(crate) fn docs_folder(key: &Key) -> String {
    format!("docs/work-items/{key}")
}

/// Makes the mirror's branch stand at `at`, wherever it stood. The engine's row is the truth: a branch elsewhere is
/// what a run or a rebase left whose result was never stored.
pub(crate) async fn put(mirror: &Mirror, branch: &Branch, at: &Sha) -> Result<(), RunnerError> {
    for _ in 0..TRIES {
        let there = mirror.branch_head(branch).await?;
        if there.as_ref() == Some(at) {
            return Ok(());
        }
        match mirror.update_branch(branch, at, there.as_ref()).await? {
            RefUpdate::Updated | RefUpdate::Unchanged => return Ok(()),
            RefUpdate::Stale { .. } => {}
        }
    }
    Err(GitError::Contended { what: branch.as_str().to_owned(), doing: "moved the task branch" }.into())
}

/// Pushes the branch to the remote, over nothing or over what orchd knows. Answers with why it is not there.
pub(crate) async fn push(
    mirror: &Mirror,
    branch: &Branch,
    head: &Sha,
) -> Result<Result<(), String>, GitError> {
    let there = mirror.remote_branch(branch).await?;
    if there.as_ref() == Some(head) {
        return Ok(Ok(()));
    }
    if let Some(other) = &there
        && !mirror.has_commit(other).await?
    {
        return Ok(Err(format!("{branch} holds {other} there, which orchd did not push")));
    }
    Ok(match mirror.push_branch(branch, head, there.as_ref()).await? {
        PushOutcome::Pushed | PushOutcome::UpToDate => Ok(()),
        PushOutcome::Stale { actual } => {
            let actual = actual.map_or_else(|| "gone".to_owned(), |sha| sha.to_string());
            Err(format!("{branch} was moved by somebody else meanwhile: {actual}"))
        }
        PushOutcome::Refused { why } => Err(format!("{branch} was refused: {why}")),
        PushOutcome::Unknown { why } => Err(format!("no answer to the push of {branch}: {why}")),
    })
}

/// The branch as the gates read it, against `main`.
pub(crate) async fn state(
    mirror: &Mirror,
    key: &Key,
    main: &Sha,
    head: &Sha,
) -> Result<BranchState, GitError> {
    let folder = docs_folder(key);
    let from_base = async {
        // Unrelated histories have no base: the head is then judged as a whole, and a landing of it is refused.
        let base = mirror.merge_base(main, head).await?.unwrap_or_else(|| main.clone());
        let ahead = mirror.ahead_outside(&base, head, &folder).await? == Ahead::Outside;
        Ok::<_, GitError>((base, ahead))
    };
    let parts = tokio::join!(from_base, mirror.patch_digest(main, head), mirror.tree_digest(head, &folder));
    let ((base, ahead), patch) = (parts.0?, parts.1?);
    let docs = parts.2?.unwrap_or_else(|| Digest::of(b""));
    Ok(BranchState { base, head: head.clone(), patch, docs, ahead })
}

/// Makes sure that the mirror has a commit of the task's, from its own refs or the remote's branch.
pub(crate) async fn need(mirror: &Mirror, branch: &Branch, sha: &Sha) -> Result<(), RunnerError> {
    if mirror.has_commit(sha).await? {
        return Ok(());
    }
    // A mirror that was made anew has nothing of the task; the remote has what was pushed.
    mirror.fetch_branch(branch).await?;
    if mirror.has_commit(sha).await? { Ok(()) } else { Err(RunnerError::NoCommit(sha.clone())) }
}

/// Behind the name of a run's salvage: its branch, where that and its partial work parted.
pub(crate) const BRANCH_SUFFIX: &str = "-branch";

/// Keeps what a run left on top of `start` under refs of its own, and names them. Partial work stands on the branch as a
/// rule, and one ref keeps both; a run that ended with its HEAD elsewhere (in a bisect, in a rebase) has two.
pub(crate) async fn keep_run(
    mirror: &Mirror,
    run: RunId,
    heads: &RunHeads,
    start: &Sha,
) -> Result<Vec<String>, GitError> {
    let own = |head: &&Sha| *head != start;
    let (partial, branch) = (heads.salvage.as_ref().filter(own), heads.head.as_ref().filter(own));
    let (newest, parted) = match (partial, branch) {
        (Some(partial), Some(branch)) if contains(mirror, partial, branch).await? => (Some(partial), None),
        (Some(partial), Some(branch)) if contains(mirror, branch, partial).await? => (Some(branch), None),
        (Some(partial), Some(branch)) => (Some(partial), Some(branch)),
        (one, other) => (one.or(other), None),
    };
    let name = RefName::salvage(run);
    let beside = RefName::new(format!("{name}{BRANCH_SUFFIX}"));
    let mut kept = Vec::new();
    for (name, sha) in [(name, newest), (beside, parted)] {
        if let Some(sha) = sha {
            mirror.set_ref(&name, sha).await?;
            kept.push(name.to_string());
        }
    }
    Ok(kept)
}

async fn contains(mirror: &Mirror, head: &Sha, other: &Sha) -> Result<bool, GitError> {
    Ok(mirror.is_ancestor(other, head).await? == Ancestry::Yes)
}
