//! The local forge's bare repository: the one whose main orchd lands on when no forge is configured (spec 4.6).
//! It guards itself by an `update` hook, follows the user's main by fast-forward only, and writes one single
//! ref into the user's repository. Not the mirror: that is another directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use orchd_core::id::{Branch, RefName, Sha};

use crate::bare;
use crate::branches::RefUpdate;
use crate::command::{Git, Place, write_whole};
use crate::error::GitError;
use crate::mirror::FETCH;
use crate::names::{absolute, branch_ref};
use crate::permission;
use crate::remove::blocking;

/// Refuses what no landing does. Named in the repository's own configuration, because the pushing side's
/// global configuration travels with a local push and goes before git's default, but not before that.
/// `receive.deny*` would not do: it would refuse the rebased task branch and STOP's deletion too.
const UPDATE_HOOK: &str = "\
#!/bin/sh
# Written by orchd at every start. main and refs/orchd/merge/* only move forward and never go away.
ref=$1 old=$2 new=$3
case \"$ref\" in
refs/heads/main | refs/orchd/merge/*) ;;
*) exit 0 ;;
esac
case \"$old\" in
*[!0]*) ;;
*) exit 0 ;;
esac
case \"$new\" in
*[!0]*) ;;
*)
\techo \"orchd: $ref cannot be deleted\" >&2
\texit 1
\t;;
esac
if ! git merge-base --is-ancestor \"$old\" \"$new\"; then
\techo \"orchd: $ref only moves forward; $new does not contain $old\" >&2
\texit 1
fi
";

/// The local forge's repository. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ForgeRepo {
    git: Git,
    dir: PathBuf,
}

/// What became of the user's main.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The forge's main contains the user's already.
    UpToDate,
    /// The forge's main moved forward to the user's.
    Advanced {
        /// From there; none if it was the first.
        from: Option<Sha>,
        /// To there.
        to: Sha,
    },
    /// Each has commits that the other lacks: a person must merge.
    Diverged {
        /// The forge's main.
        ours: Sha,
        /// The user's.
        theirs: Sha,
    },
    /// The user's branch does not exist (an empty repository).
    NoBranch,
}

impl ForgeRepo {
    /// Opens the repository, making it first where there is none, and puts its guard in place.
    pub async fn init(git: &Git, dir: &Path) -> Result<Self, GitError> {
        let dir = absolute(dir)?;
        // Relative to the repository: an absolute path would switch the guard off silently when the data
        // directory is moved.
        let config = "[core]\n\thooksPath = hooks\n\tlogAllRefUpdates = always\n".to_owned();
        bare::open_or_init(git, &dir, config, "").await?;
        let hook = dir.join("hooks/update");
        blocking(move || install(&hook)).await?;
        Ok(Self { git: git.clone(), dir })
    }

    /// As [`Self::init`], then a first import of the user's branch.
    pub async fn init_from(
        git: &Git,
        dir: &Path,
        user_repo: &Path,
        user_branch: &Branch,
    ) -> Result<(Self, ImportOutcome), GitError> {
        let forge = Self::init(git, dir).await?;
        let outcome = forge.import_fast_forward(user_repo, user_branch).await?;
        Ok((forge, outcome))
    }

    /// Removes locks that a killed git left behind. Only at start, by the owner of the data directory.
    pub async fn clear_stale_locks(&self) -> Result<(), GitError> {
        bare::clear_locks(&self.dir).await
    }

    /// The bare repository's directory: what a mirror names as its remote.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where main stands; none in an empty repository.
    pub async fn main(&self) -> Result<Option<Sha>, GitError> {
        bare::resolve(&self.git, &self.dir, &main_ref()).await
    }

    /// Refuses a user's repository that nothing can be landed on, and only looks: one that git can not read, one whose
    /// history is not there, and one whose objects have names that orchd does not know.
    pub async fn check_user(git: &Git, user_repo: &Path) -> Result<(), GitError> {
        let user = absolute(user_repo)?;
        let call = git.call("look at the user's repository", Place::Foreign(&user));
        let call = call.args(["rev-parse", "--is-shallow-repository", "--show-object-format"]);
        let answer = match call.text().await {
            Err(GitError::Failed { stderr, .. }) if stderr.contains("not a git repository") => {
                return Err(GitError::NoRepository { path: user, why: stderr });
            }
            answer => answer?,
        };
        match answer.split_once('\n') {
            Some(("true", _)) => Err(GitError::Shallow { path: user }),
            Some((_, format)) if format != "sha1" => {
                Err(GitError::OtherNames { path: user, format: format.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a partial clone that lacks an object of the branch: git would fetch it from where the clone is of, but for
    /// nobody who fetches from the clone. Looks at every object there is of one; any other repository is whole.
    pub async fn check_whole(git: &Git, user_repo: &Path, branch: &Branch) -> Result<(), GitError> {
        let (user, name) = (absolute(user_repo)?, branch_ref(branch)?);
        let call = git.call("look for a partial clone", Place::Foreign(&user));
        // Exits 1 where no remote is one.
        let partial = call.args(["config", "--get-regexp", r"^remote\..*\.promisor$"]).output().await?;
        if partial.code != Some(0) {
            return Ok(());
        }
        let mut lacks = false;
        let mut look = |bytes: &[u8]| lacks |= bytes.contains(&b'?');
        let list = git.call("look for objects that are elsewhere", Place::Foreign(&user)).network();
        let list =
            list.args(["rev-list", "--objects", "--no-object-names", "--missing=print", name.as_str()]);
        list.stream(&mut look).await?;
        if lacks { Err(GitError::Partial { path: user }) } else { Ok(()) }
    }

    /// The branch that is checked out in the user's repository; none if its HEAD is detached.
    pub async fn current_branch(git: &Git, user_repo: &Path) -> Result<Option<Branch>, GitError> {
        let doing = "read the current branch";
        let call = git.call(doing, Place::Foreign(user_repo)).args(["symbolic-ref", "-q", "--short", "HEAD"]);
        let output = call.output().await?;
        match output.code {
            Some(0) => Ok(Some(Branch::new(String::from_utf8_lossy(&output.stdout).trim()))),
            Some(1) => Ok(None),
            code => Err(GitError::Failed { doing, code, stderr: output.stderr }),
        }
    }

    /// One of the user's own remotes, only looked at: its address, and the branch that is main there as far as the user's
    /// repository knows.
    pub async fn remote_of(
        git: &Git,
        user_repo: &Path,
        name: &str,
    ) -> Result<Option<(String, Option<Branch>)>, GitError> {
        let user = absolute(user_repo)?;
        let ask = |doing, args: [&str; 3]| git.call(doing, Place::Foreign(&user)).args(args).output();
        let url = ask("read a remote's address", ["remote", "get-url", name]).await?;
        if url.code != Some(0) {
            return Ok(None);
        }
        let head = format!("refs/remotes/{name}/HEAD");
        let main = ask("read a remote's main", ["symbolic-ref", "-q", &head]).await?;
        let main = String::from_utf8_lossy(&main.stdout).trim().to_owned();
        let main = main.strip_prefix(&format!("refs/remotes/{name}/")).map(Branch::new);
        Ok(Some((String::from_utf8_lossy(&url.stdout).trim().to_owned(), main)))
    }

    /// Fetches the user's branch and moves the forge's main forward to it if that is a fast-forward. Compare and
    /// swap; the caller holds the merge lane.
    pub async fn import_fast_forward(
        &self,
        user_repo: &Path,
        user_branch: &Branch,
    ) -> Result<ImportOutcome, GitError> {
        let user = absolute(user_repo)?;
        if !Self::has_branch(&self.git, &user, user_branch).await? {
            return Ok(ImportOutcome::NoBranch);
        }
        let git_dir = user_git_dir(&self.git, &user).await?;
        let Some(theirs) = self.fetch_user(&git_dir, &branch_ref(user_branch)?).await? else {
            return Ok(ImportOutcome::NoBranch);
        };
        // A landing may move main between the look and the swap; each round judges the main it saw.
        for _ in 0..3 {
            let ours = self.main().await?;
            if let Some(ours) = &ours {
                if self.contains(ours, &theirs).await? {
                    return Ok(ImportOutcome::UpToDate);
                }
                if !self.contains(&theirs, ours).await? {
                    return Ok(ImportOutcome::Diverged { ours: ours.clone(), theirs });
                }
            }
            match bare::swap(&self.git, &self.dir, &main_ref(), &theirs, ours.as_ref()).await? {
                RefUpdate::Updated => return Ok(ImportOutcome::Advanced { from: ours, to: theirs }),
                RefUpdate::Unchanged => return Ok(ImportOutcome::UpToDate),
                RefUpdate::Stale { .. } => {}
            }
        }
        Err(GitError::Contended { what: "the forge's main".to_owned(), doing: "imported the user's" })
    }

    /// Whether a branch of the user's repository, which is only looked at, has a commit. A shallow repository is an
    /// error: nothing can be landed on a history that is not there.
    pub async fn has_branch(git: &Git, user_repo: &Path, branch: &Branch) -> Result<bool, GitError> {
        let (user, name) = (absolute(user_repo)?, branch_ref(branch)?);
        Self::check_user(git, &user).await?;
        let list = git.call("list the user's branch", Place::Foreign(&user));
        let sha = list.args(["for-each-ref", "--format=%(objectname)", "--", name.as_str()]).text().await?;
        Ok(!sha.is_empty())
    }

    async fn fetch_user(&self, git_dir: &Path, theirs: &RefName) -> Result<Option<Sha>, GitError> {
        let ours = RefName::new("refs/orchd/import/main");
        let call = self.git.call("fetch the user's branch", Place::Bare(&self.dir)).network().args(FETCH);
        call.arg("--").arg(git_dir).arg(format!("+{theirs}:{ours}")).done().await?;
        bare::resolve(&self.git, &self.dir, &ours).await
    }

    /// Shows the user what landed: writes `refs/remotes/orchd/main` into their repository, and nothing else.
    pub async fn write_user_ref(&self, user_repo: &Path, sha: &Sha) -> Result<(), GitError> {
        let user = absolute(user_repo)?;
        let call =
            self.git.call("show the landing in the user's repository", Place::Foreign(&user)).network();
        // Version 2 may ask for an object by name; the user's configuration may prefer another.
        let call = call.args(["-c", "protocol.version=2"]);
        // As an object name and not as main: what is shown is what was proven, wherever main is by now.
        let call = call.args(FETCH).args(["--refmap=", "--no-prune", "--"]).arg(&self.dir);
        call.arg(format!("+{sha}:refs/remotes/orchd/main")).done().await
    }

    async fn contains(&self, descendant: &Sha, ancestor: &Sha) -> Result<bool, GitError> {
        let doing = "compare the user's main";
        let call = self.git.call(doing, Place::Bare(&self.dir));
        let output = call
            .args(["merge-base", "--is-ancestor", ancestor.as_str(), descendant.as_str()])
            .output()
            .await?;
        match output.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            code => Err(GitError::Failed { doing, code, stderr: output.stderr }),
        }
    }
}

/// The user's repository itself, from any directory in it or in a linked worktree.
async fn user_git_dir(git: &Git, user: &Path) -> Result<PathBuf, GitError> {
    use std::os::unix::ffi::OsStringExt;
    let call = git.call("find the user's repository", Place::Foreign(user));
    let mut bytes = call.args(["rev-parse", "--path-format=absolute", "--git-common-dir"]).bytes().await?;
    // Exactly one newline is git's; a path may end in another.
    bytes.pop();
    Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

fn main_ref() -> RefName {
    RefName::new("refs/heads/main")
}

fn install(hook: &Path) -> Result<(), GitError> {
    let dir = hook.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir).map_err(|error| permission::explain("make", dir, error))?;
    write_whole(hook, UPDATE_HOOK.as_bytes())?;
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(hook, mode).map_err(|error| permission::explain("make executable", hook, error))?;
    // git skips a hook that it may not execute without a word that a program would notice.
    let inert = |_| GitError::HookInert { path: hook.to_owned() };
    rustix::fs::access(hook, rustix::fs::Access::EXEC_OK).map_err(inert)
}
