//! The agent's clone: one per task at a stable path, so that sessions resume. Made here and then left alone:
//! once an agent has been in it, orchd runs no git there (INC-43). Its work comes back through `intake.rs`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orchd_core::id::{Branch, RefName, RunId, Sha};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW};

use crate::bare;
use crate::carry;
use crate::checkout::init_borrowing;
use crate::command::{Place, write_whole};
use crate::config::Identity;
use crate::error::GitError;
use crate::intake::salvage_branch;
use crate::mirror::Mirror;
use crate::names::{absolute, branch_ref, check_inner_path};
use crate::permission;
use crate::read::records;
use crate::refs;
use crate::remove::{self, blocking};

/// What a clone is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloneSpec {
    /// The task branch, checked out.
    pub branch: Branch,
    /// Where it stands.
    pub at: Sha,
    /// Whom the clone's commits are by, unless the agent's environment says otherwise.
    pub author: Identity,
    /// Folders that survive from the clone before (`target`, `node_modules`): the project's declared caches.
    pub caches: Vec<String>,
    /// The run that was last in the clone before, where it is known: its partial work is not to be lost either.
    pub former: Option<RunId>,
}

/// A clone ready for an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentClone {
    /// The work tree.
    pub dir: PathBuf,
    /// The task branch.
    pub branch: Branch,
    /// The commit it stands at.
    pub head: Sha,
    /// The declared caches that hold nothing tracked: no commit takes up what is in them.
    pub caches: Vec<String>,
}

impl AgentClone {
    /// Makes the clone at `dir`. What `git clone --shared` makes, without a remote: the agent has no credentials
    /// and nothing to push to; `origin/main` is there to compare with.
    ///
    /// A clone that is already there is replaced, never reset: resetting it would mean running git under
    /// whatever an agent wrote into its configuration. Its objects are shared with the mirror; the declared caches, and
    /// files that are the same in both, are moved over. Refused while its branch, or the former run's salvage branch, holds a
    /// commit that the mirror lacks (B-17): fetch the run first.
    pub async fn prepare(mirror: &Mirror, dir: &Path, spec: &CloneSpec) -> Result<Self, GitError> {
        let dir = absolute(dir)?;
        let branch = branch_ref(&spec.branch)?;
        let caches: Vec<String> =
            spec.caches.iter().map(|c| check_inner_path(c).map(str::to_owned)).collect::<Result<_, _>>()?;
        refuse_unsalvaged(mirror, &dir, &spec.branch, spec.former).await?;
        // Built beside and renamed into place: after a kill in between there is the old repository or the new clone.
        let mut draft = dir.clone().into_os_string();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        remove::tree(&draft).await?;
        init_borrowing(mirror, &draft).await?;
        fill(mirror, &draft, &dir, spec, &branch).await?;
        let exclude = draft.join(".git/info/exclude");
        let (old, new, declared) = (dir.clone(), draft.clone(), caches.clone());
        // What the checkout has there is tracked: then it is no cache, whatever was declared.
        let untracked = |cache: &String| fs::symlink_metadata(new.join(cache)).is_err();
        let loose: Vec<String> = declared.into_iter().filter(untracked).collect();
        let listed: String = loose.iter().map(|cache| format!("/{cache}/\n")).collect();
        blocking(move || {
            exclude_caches(&exclude, &listed)?;
            caches.iter().try_for_each(|cache| carry::cache(&old, &new, cache))
        })
        .await?;
        remove::tree(&dir).await?;
        let target = dir.clone();
        blocking(move || {
            fs::rename(&draft, &target).map_err(|error| permission::explain("replace", &target, error))
        })
        .await?;
        Ok(Self { dir, branch: spec.branch.clone(), head: spec.at.clone(), caches: loose })
    }

    /// Removes the clone at `dir` when its task is over. As with [`Self::prepare`], refused while it holds a commit
    /// that the mirror lacks.
    pub async fn remove(
        mirror: &Mirror,
        dir: &Path,
        branch: &Branch,
        former: Option<RunId>,
    ) -> Result<(), GitError> {
        let dir = absolute(dir)?;
        refuse_unsalvaged(mirror, &dir, branch, former).await?;
        remove::tree(&dir).await
    }
}

async fn fill(
    mirror: &Mirror,
    dir: &Path,
    old: &Path,
    spec: &CloneSpec,
    branch: &RefName,
) -> Result<(), GitError> {
    let mut stands = vec![(branch.clone(), spec.at.clone())];
    if let Some(main) = mirror.main().await? {
        stands.push((mirror.tracking(mirror.main_branch())?, main.sha));
    }
    let (git_dir, author, on) = (dir.join(".git"), of_author(&spec.author), branch.clone());
    blocking(move || {
        let config = git_dir.join("config");
        let append = || fs::OpenOptions::new().append(true).open(&config)?.write_all(author.as_bytes());
        append().map_err(|error| permission::explain("write", &config, error))?;
        stands.iter().try_for_each(|(name, at)| refs::establish(&git_dir, name, at))?;
        write_whole(&git_dir.join("HEAD"), format!("ref: {on}\n").as_bytes())
    })
    .await?;
    let call = |doing| mirror.git().call(doing, Place::Work(dir));
    let index = call("list the task branch").args(["read-tree", "HEAD"]).done();
    let (indexed, tree) = tokio::join!(index, mirror.all_files(&spec.at));
    let (tree, from, to) = (tree?, old.to_owned(), dir.to_owned());
    let attributed = records(&tree).any(|entry| entry.ends_with(b".gitattributes"));
    indexed?;
    blocking(move || carry::files(&from, &to, &tree)).await?;
    // Exits 1 where a file is not the commit's: it is checked out next.
    call("compare the files").args(["update-index", "-q", "--refresh"]).output().await?;
    call("check out the task branch").args(["checkout-index", "-q", "-f", "-a", "-u"]).done().await?;
    if attributed { outdate(mirror, dir).await } else { Ok(()) }
}

/// git's index tells times in seconds.
const INDEX_TICK: Duration = Duration::from_millis(1_100);

/// A file whose line ends the project's attributes would change on the way into a commit is changed by nobody, and must
/// not get into a commit with what is. git believes the index of a file that is older than it, and reads one that is
/// not: the index is made the younger one.
async fn outdate(mirror: &Mirror, dir: &Path) -> Result<(), GitError> {
    let look = mirror.git().call("compare the files", Place::Work(dir));
    if look.args(["diff-files", "--quiet"]).output().await?.code != Some(1) {
        return Ok(());
    }
    tokio::time::sleep(INDEX_TICK).await;
    let index = dir.join(".git/index");
    blocking(move || {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        let touched = rustix::fs::utimensat(CWD, &index, &times, AtFlags::empty());
        touched.map_err(|error| permission::explain("write", &index, error.into()))
    })
    .await
}

/// The last section of a clone's configuration.
fn of_author(author: &Identity) -> String {
    let (name, email) = (bare::config_value(&author.name), bare::config_value(&author.email));
    format!("[user]\n\tname = {name}\n\temail = {email}\n")
}

async fn refuse_unsalvaged(
    mirror: &Mirror,
    dir: &Path,
    branch: &Branch,
    former: Option<RunId>,
) -> Result<(), GitError> {
    for branch in [Some(branch.clone()), former.map(salvage_branch)].into_iter().flatten() {
        let (clone, name) = (dir.to_owned(), branch_ref(&branch)?);
        match blocking(move || refs::in_clone(&clone, &name)).await {
            Ok(Some(head)) if !mirror.has_commit(&head).await? => {
                return Err(GitError::Unsalvaged { path: dir.to_owned(), head });
            }
            // A clone that cannot be read as one holds no branch to lose.
            Ok(_) | Err(GitError::CloneUnusable { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What is in a cache is nobody's work: no commit takes it up, whatever the project ignores by itself.
fn exclude_caches(file: &Path, listed: &str) -> Result<(), GitError> {
    if listed.is_empty() {
        return Ok(());
    }
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).map_err(|error| permission::explain("make", parent, error))?;
    }
    fs::write(file, listed).map_err(|error| permission::explain("write", file, error))
}
