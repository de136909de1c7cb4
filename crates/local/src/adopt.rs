//! Making the local forge's bare repository from a person's, and opening it again at start. Nothing is written into
//! the person's repository.

use std::path::{Path, PathBuf};

use orchd_core::id::Branch;
use orchd_git::{ForgeRepo, Git, GitError, ImportOutcome};

/// Names under which a main branch is looked for, in order.
const MAINS: [&str; 2] = ["main", "master"];

/// A person's repository, followed by a forge.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// The forge; its main is called `main`.
    pub forge: ForgeRepo,
    /// The person's branch that it follows.
    pub branch: Branch,
    /// What the import did.
    pub imported: ImportOutcome,
}

/// Why a repository was not adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// git could not.
    #[error(transparent)]
    Git(#[from] GitError),
    /// There is no such branch.
    #[error("{} has no commit on {wanted}; commit there first, or name the branch that is its main with --main", repo.display())]
    NoBranch {
        /// The person's repository.
        repo: PathBuf,
        /// What was looked for.
        wanted: String,
    },
}

/// Makes (or opens) the forge at `forge_dir` and imports the person's main: the branch given, else `main`, `master`, or
/// what is checked out. May be repeated; a main that diverged is told in `imported` and changes nothing.
pub async fn adopt(
    git: &Git,
    forge_dir: &Path,
    user_repo: &Path,
    branch: Option<&Branch>,
) -> Result<Adopted, AdoptError> {
    let branch = main_of(git, user_repo, branch).await?;
    let forge = ForgeRepo::init(git, forge_dir).await?;
    match forge.import_fast_forward(user_repo, &branch).await? {
        ImportOutcome::NoBranch => Err(no_branch(user_repo, &[branch])),
        imported @ (ImportOutcome::UpToDate
        | ImportOutcome::Advanced { .. }
        | ImportOutcome::Diverged { .. }) => Ok(Adopted { forge, branch, imported }),
    }
}

/// The person's branch that would be followed; looks and changes nothing.
pub async fn main_of(git: &Git, user_repo: &Path, branch: Option<&Branch>) -> Result<Branch, AdoptError> {
    let mut candidates: Vec<Branch> = match branch {
        Some(branch) => vec![branch.clone()],
        None => MAINS.map(Branch::new).into(),
    };
    ForgeRepo::check_user(git, user_repo).await?;
    if branch.is_none() {
        let current = ForgeRepo::current_branch(git, user_repo).await?;
        candidates.extend(current.filter(|current| !MAINS.contains(&current.as_str())));
    }
    for branch in &candidates {
        if ForgeRepo::has_branch(git, user_repo, branch).await? {
            ForgeRepo::check_whole(git, user_repo, branch).await?;
            return Ok(branch.clone());
        }
    }
    Err(no_branch(user_repo, &candidates))
}

fn no_branch(repo: &Path, wanted: &[Branch]) -> AdoptError {
    let wanted: Vec<&str> = wanted.iter().map(Branch::as_str).collect();
    AdoptError::NoBranch { repo: repo.to_owned(), wanted: wanted.join(" or ") }
}

/// Opens a forge at start-up, by the owner of the data directory: its guard is put back in place, and locks that a
/// killed git left are removed.
pub async fn open(git: &Git, forge_dir: &Path) -> Result<ForgeRepo, GitError> {
    let forge = ForgeRepo::init(git, forge_dir).await?;
    forge.clear_stale_locks().await?;
    Ok(forge)
}
