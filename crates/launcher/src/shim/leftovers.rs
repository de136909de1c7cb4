//! What a run left uncommitted: onto the task branch if the run earned it, else under the salvage branch, so that
//! nothing is lost and nothing unearned moves a branch. Works on an index of its own; hooks never run.

use std::path::Path;

use orchd_core::id::{Branch, Sha};

use super::git::{Git, GitError, sha};
use super::git_dir::GitDir;
use super::{Surroundings, note};
use crate::ended::{Ended, ExitClass, class};
use crate::result::{LeftoverOutcome, SubmissionState};
use crate::run_dir::RunDir;
use crate::spec::{CommitOn, Leftovers, RunSpec};

const MESSAGE: &str = "leftovers.msg";

/// Where the leftovers may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Earned {
    /// The task branch.
    Branch,
    /// Only the salvage branch, and why.
    Salvage(String),
}

/// Pure: the rule of spec 5.2.4.
pub(super) fn judge(
    spec: &RunSpec,
    wanted: &Leftovers,
    ended: &Ended,
    submission: &SubmissionState,
) -> Earned {
    match wanted.when {
        CommitOn::Never => return Earned::Salvage("changes of this role are not kept".to_owned()),
        CommitOn::Success => {}
    }
    match class(ended) {
        ExitClass::Success => {}
        ExitClass::Work { .. } | ExitClass::Infra { .. } => {
            return Earned::Salvage(format!("the run {}", saying(ended)));
        }
    }
    match submission {
        SubmissionState::Present { .. } => Earned::Branch,
        SubmissionState::None if spec.submission_required => {
            Earned::Salvage("nothing was submitted".to_owned())
        }
        SubmissionState::None => Earned::Branch,
        SubmissionState::Broken { why } => Earned::Salvage(format!("the submission is broken: {why}")),
    }
}

fn saying(ended: &Ended) -> String {
    match ended {
        Ended::Exited { .. } => format!("ended with {ended}"),
        Ended::Signalled { .. }
        | Ended::DeadlineExceeded
        | Ended::Stalled
        | Ended::Stopped { .. }
        | Ended::OutputCeiling
        | Ended::MemoryCeiling { .. }
        | Ended::ProcessCeiling { .. }
        | Ended::DiskCeiling { .. }
        | Ended::SpawnFailed { .. } => ended.to_string(),
    }
}

/// Does it. A refusal of git is part of the result, not an error: the run's end is told in any case.
pub(super) fn settle(wanted: &Leftovers, earned: &Earned, around: &Surroundings<'_>) -> LeftoverOutcome {
    let dir = around.dir;
    let untouched = around.spec.untouched.as_ref();
    if wanted.start.is_some() && untouched.is_some_and(|mark| mark.holds(&wanted.clone)) {
        return LeftoverOutcome::Clean { head: wanted.start.clone(), untouched: true };
    }
    let done = Git::new(wanted, *around).and_then(|git| Settling { git, wanted, dir }.run(earned));
    done.unwrap_or_else(|error| {
        note(&format!("leftovers were not committed: {error}"));
        LeftoverOutcome::Failed { error: error.to_string() }
    })
}

struct Settling<'a> {
    git: Git<'a>,
    wanted: &'a Leftovers,
    dir: &'a RunDir,
}

impl Settling<'_> {
    fn run(mut self, earned: &Earned) -> Result<LeftoverOutcome, GitError> {
        let git_dir = self.git.dir()?;
        let stands = Stands::ask(&self.git, &full(&self.wanted.branch))?;
        // Another one would mean that git works elsewhere than here.
        if Path::new(&stands.repository) != git_dir.path() {
            let said = format!("its repository is {}, not its own .git", stands.repository);
            return Err(GitError::Refused { command: "rev-parse".to_owned(), said });
        }
        let outcome = self.with_index(earned, &git_dir, stands);
        git_dir.remove_own();
        outcome
    }

    fn with_index(
        &mut self,
        earned: &Earned,
        git_dir: &GitDir,
        stands: Stands,
    ) -> Result<LeftoverOutcome, GitError> {
        let misplaced = self.misplaced(git_dir, &stands);
        let Stands { at, tree: base, head, .. } = stands;
        let tree = self.snapshot(git_dir, at.as_ref())?;
        let dirty = tree != base;
        let why = match (earned, misplaced) {
            (Earned::Branch, None) if !dirty => return Ok(LeftoverOutcome::Clean { head, untouched: false }),
            (Earned::Branch, None) => return self.onto_branch(&tree, head.as_ref(), git_dir),
            (Earned::Branch, Some(why)) => {
                if !dirty && at == head {
                    return Ok(LeftoverOutcome::Clean { head, untouched: false });
                }
                why
            }
            (Earned::Salvage(why), _) => {
                // Without a known start every commit may be the run's own.
                if !dirty && (at.is_none() || at == self.wanted.start) {
                    return Ok(LeftoverOutcome::Clean { head, untouched: false });
                }
                why.clone()
            }
        };
        let salvage = match (dirty, at) {
            (false, Some(at)) => at,
            (true, at) => self.commit(&tree, at.as_ref())?,
            (false, None) => return Ok(LeftoverOutcome::Clean { head, untouched: false }),
        };
        self.git.ask(&["update-ref", &full(&self.wanted.salvage), salvage.as_str()])?;
        Ok(LeftoverOutcome::Salvaged { head, salvage, why })
    }

    /// The tree of everything in the work tree that is not ignored.
    fn snapshot(&mut self, git_dir: &GitDir, at: Option<&Sha>) -> Result<String, GitError> {
        // One that is missing or torn is rebuilt.
        let copied = git_dir.copy_index().is_ok();
        self.git.index = Some(git_dir.own_index());
        let added = copied.then(|| self.git.ask(&["add", "--all"]));
        if !matches!(added, Some(Ok(_))) {
            git_dir.remove_own();
            if let Some(at) = at {
                self.git.ask(&["read-tree", at.as_str()])?;
            }
            self.git.ask(&["add", "--all"])?;
        }
        self.git.ask(&["write-tree"])
    }

    /// Why the work tree's state does not belong on the task branch even after a success.
    fn misplaced(&self, git_dir: &GitDir, stands: &Stands) -> Option<String> {
        if stands.on.as_deref() != Some(full(&self.wanted.branch).as_str()) {
            let on = stands.on.as_deref().unwrap_or("no branch");
            return Some(format!("the run left its clone on {on}, not on {}", self.wanted.branch));
        }
        [("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert")]
            .into_iter()
            .find(|(name, _)| git_dir.has(name))
            .map(|(_, what)| format!("the run left a {what} half done"))
    }

    fn onto_branch(
        &self,
        tree: &str,
        head: Option<&Sha>,
        git_dir: &GitDir,
    ) -> Result<LeftoverOutcome, GitError> {
        let commit = self.commit(tree, head)?;
        let zeros = "0".repeat(commit.as_str().len());
        let old = head.map_or(zeros.as_str(), Sha::as_str);
        self.git.ask(&["update-ref", &full(&self.wanted.branch), commit.as_str(), old])?;
        // Our index is what the clone's must be now.
        if let Err(error) = git_dir.install_own() {
            note(&format!("the clone's index was not brought up to its new head: {error}"));
        }
        Ok(LeftoverOutcome::Committed { head: commit })
    }

    fn commit(&self, tree: &str, parent: Option<&Sha>) -> Result<Sha, GitError> {
        let failed = |source| GitError::Io { command: "commit-tree".to_owned(), source };
        self.dir.write(MESSAGE, self.wanted.message.as_bytes()).map_err(failed)?;
        let mut args = vec!["commit-tree", tree];
        if let Some(parent) = parent {
            args.extend(["-p", parent.as_str()]);
        }
        sha(&self.git.tell(&args, Some(MESSAGE))?)
    }
}

/// Where the clone stands.
struct Stands {
    /// The repository git works on there.
    repository: String,
    /// The commit of HEAD, if it has one.
    at: Option<Sha>,
    /// Its tree, or the empty one.
    tree: String,
    /// The task branch's head, if it exists.
    head: Option<Sha>,
    /// The branch HEAD is on, if it is on one.
    on: Option<String>,
}

impl Stands {
    fn ask(git: &Git<'_>, branch: &str) -> Result<Self, GitError> {
        match Self::at_once(git, branch)? {
            Some(stands) => Ok(stands),
            None => Self::one_by_one(git, branch),
        }
    }

    /// In one question, where there is an answer to every part of it.
    fn at_once(git: &Git<'_>, branch: &str) -> Result<Option<Self>, GitError> {
        let (commit, tree, head) = ("HEAD^{commit}", "HEAD^{tree}", format!("{branch}^{{commit}}"));
        let asked = ["rev-parse", "--absolute-git-dir", commit, tree, &head, "--symbolic-full-name", "HEAD"];
        let Some(answer) = git.try_ask(&asked)? else { return Ok(None) };
        // From the end: only the first line, a path, may have line ends in it.
        let mut lines = answer.rsplitn(5, '\n');
        let (on, head, tree, at, repository) =
            (lines.next(), lines.next(), lines.next(), lines.next(), lines.next());
        let (Some(on), Some(head), Some(tree), Some(at), Some(repository)) = (on, head, tree, at, repository)
        else {
            return Ok(None);
        };
        Ok(Some(Self {
            repository: repository.to_owned(),
            at: Some(sha(at)?),
            tree: tree.to_owned(),
            head: Some(sha(head)?),
            on: (on != "HEAD").then(|| on.to_owned()),
        }))
    }

    fn one_by_one(git: &Git<'_>, branch: &str) -> Result<Self, GitError> {
        let repository = git.ask(&["rev-parse", "--absolute-git-dir"])?;
        let at = git.commit_of("HEAD")?;
        let tree = match &at {
            Some(at) => git.ask(&["rev-parse", "--verify", &format!("{at}^{{tree}}")])?,
            None => git.ask(&["hash-object", "-t", "tree", "/dev/null"])?,
        };
        let head = git.commit_of(branch)?;
        let on = git.try_ask(&["symbolic-ref", "--quiet", "HEAD"])?;
        Ok(Self { repository, at, tree, head, on })
    }
}

fn full(branch: &Branch) -> String {
    format!("refs/heads/{branch}")
}

#[cfg(test)]
mod tests;
