//! What all executors share: the folders below the data directory, the mirror of each repository (opened once), the
//! launcher, the clock. Holds no state about tasks but the lock of each task's clone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use orchd_core::id::{Branch, RepoId, RunId, Sha, TaskId};
use orchd_core::port::clock::Clock;
use orchd_core::port::executor::{About, RunContext};
use orchd_core::task::Task;
use orchd_git::{
    Access, CloneSpec, ForgeRepo, Git, ImportOutcome, Mirror, MirrorConfig, RefSpace, Remote, remove_tree,
};
use orchd_launcher::env::{BASE_ALLOW, scrubbed_env};
use orchd_launcher::{Launcher, Untouched};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::{RunnerError, chain};

/// Between a task and a run in the name of a clone that was moved aside.
pub(crate) const SET_ASIDE: &str = ".aside-";

/// Everything a workshop is made from.
pub struct WorkshopConfig {
    /// The data directory: `mirrors/<repo>.git`, `clones/<task>`, `state/<task>`, `checkouts/<run>`, `runs/<run>`, `home/` lie below it.
    pub data: PathBuf,
    /// git, as orchd runs it.
    pub git: Git,
    /// Starts runs under their shim.
    pub launcher: Launcher,
    /// The time written into reports.
    pub clock: Arc<dyn Clock>,
    /// Where each repository is.
    pub repos: BTreeMap<RepoId, RepoPlace>,
    /// The executable whose `submit` files a verdict.
    pub submit: PathBuf,
    /// The variables of orchd's own process; runs see those of the allowlist.
    pub env: Vec<(String, String)>,
}

/// Where a repository is.
#[derive(Debug, Clone)]
pub struct RepoPlace {
    /// The forge's repository: a path or a URL.
    pub remote: Remote,
    /// What its main is called.
    pub main: Branch,
    /// How the mirror proves itself there.
    pub access: Access,
    /// Where orchd's own refs stand there.
    pub refs: RefSpace,
    /// The repository of the person this forge follows, for a local forge.
    pub user: Option<UserRepo>,
}

/// The person's repository beside a local forge (spec 4.6).
#[derive(Debug, Clone)]
pub struct UserRepo {
    /// Its directory.
    pub dir: PathBuf,
    /// The branch that is main there.
    pub branch: Branch,
    /// The forge that follows it.
    pub forge: ForgeRepo,
}

/// The shared context of all executors. Cheap to clone.
#[derive(Clone)]
pub struct Workshop(Arc<Inner>);

struct Inner {
    config: WorkshopConfig,
    mirrors: Mutex<BTreeMap<RepoId, Mirror>>,
    clones: std::sync::Mutex<BTreeMap<TaskId, Arc<Mutex<()>>>>,
    fresh: std::sync::Mutex<BTreeMap<TaskId, FreshClone>>,
    over: std::sync::Mutex<BTreeMap<TaskId, RunId>>,
}

/// A clone as it was made, with nothing in it that is not of its commit. Known to this process alone: what an earlier
/// one made is made anew.
#[derive(Clone)]
pub(crate) struct FreshClone {
    /// What it was made for.
    pub(crate) made_for: CloneSpec,
    /// Main, as named in it.
    pub(crate) main: Sha,
    /// Holds while nobody has touched it.
    pub(crate) mark: Untouched,
}

impl Workshop {
    /// Opens nothing yet; folders and mirrors are made when they are first needed.
    pub fn new(mut config: WorkshopConfig) -> Self {
        // A sandbox names this directory to hide it, and paths in it to show them: links would blur which is inner.
        if let Ok(real) = config.data.canonicalize() {
            config.data = real;
        }
        Self(Arc::new(Inner {
            config,
            mirrors: Mutex::default(),
            clones: std::sync::Mutex::default(),
            fresh: std::sync::Mutex::default(),
            over: std::sync::Mutex::default(),
        }))
    }

    /// The mirror of a repository: opened, made if absent, and from then on the same one.
    pub async fn mirror(&self, repo: &RepoId) -> Result<Mirror, RunnerError> {
        let place = self.place(repo)?.clone();
        let mut mirrors = self.0.mirrors.lock().await;
        if let Some(mirror) = mirrors.get(repo) {
            return Ok(mirror.clone());
        }
        let dir = self.0.config.data.join("mirrors").join(format!("{repo}.git"));
        let RepoPlace { remote, main, access, refs, user: _ } = place;
        let config = MirrorConfig { dir, remote, main, access, refs };
        let mirror = Mirror::open_or_init(&self.0.config.git, config).await?;
        mirrors.insert(repo.clone(), mirror.clone());
        Ok(mirror)
    }

    /// Where a repository is.
    pub fn place(&self, repo: &RepoId) -> Result<&RepoPlace, RunnerError> {
        self.0.config.repos.get(repo).ok_or_else(|| RunnerError::UnknownRepo(repo.clone()))
    }

    /// The directory of a run.
    pub fn run_dir(&self, run: RunId) -> PathBuf {
        self.runs_dir().join(run.to_string())
    }

    /// The directories of all runs.
    pub fn runs_dir(&self) -> PathBuf {
        self.0.config.data.join("runs")
    }

    /// The data directory.
    pub(crate) fn data(&self) -> &Path {
        &self.0.config.data
    }

    /// A variable of orchd's own process.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.0.config.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// Every repository.
    pub fn repos(&self) -> impl Iterator<Item = &RepoId> {
        self.0.config.repos.keys()
    }

    /// The clone of a task's agents: a stable path, so that sessions resume.
    pub fn clone_dir(&self, task: TaskId) -> PathBuf {
        self.clones_dir().join(task.to_string())
    }

    /// What programs keep from run to run of a task, where they have a place of their own.
    pub fn state_dir(&self, task: TaskId) -> PathBuf {
        self.states_dir().join(task.to_string())
    }

    /// The same of all tasks.
    pub(crate) fn states_dir(&self) -> PathBuf {
        self.0.config.data.join("state")
    }

    /// Where `run` moves the task's clone if nothing can be taken from it.
    pub(crate) fn set_aside_dir(&self, task: TaskId, run: RunId) -> PathBuf {
        self.clones_dir().join(format!("{task}{SET_ASIDE}{run}"))
    }

    /// The clones of all tasks.
    pub(crate) fn clones_dir(&self) -> PathBuf {
        self.0.config.data.join("clones")
    }

    /// The gate checkouts of all runs.
    pub(crate) fn checkouts_dir(&self) -> PathBuf {
        self.0.config.data.join("checkouts")
    }

    /// The gate checkouts of a run.
    pub fn checkouts(&self, run: RunId) -> PathBuf {
        self.checkouts_dir().join(run.to_string())
    }

    pub(crate) fn launcher(&self) -> &Launcher {
        &self.0.config.launcher
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.0.config.clock.as_ref()
    }

    pub(crate) fn submit(&self) -> &Path {
        &self.0.config.submit
    }

    pub(crate) fn git(&self) -> &Git {
        &self.0.config.git
    }

    /// The environment of a run: what every program may see, what this one may see besides, and `extra` on top.
    pub(crate) fn environment(
        &self,
        allow: &[&str],
        extra: impl IntoIterator<Item = (String, String)>,
    ) -> BTreeMap<String, String> {
        scrubbed_env(self.0.config.env.iter().cloned(), &[BASE_ALLOW, allow].concat(), extra)
    }

    /// One at a time in a task's clone. A former run's executor lets go once that run has ended and was taken in.
    pub(crate) async fn enter_clone(&self, task: TaskId) -> OwnedMutexGuard<()> {
        let lock = {
            // A poisoned map of locks is still a map of locks: no invariant spans its entries.
            let mut clones = self.0.clones.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            clones.retain(|other, lock| *other == task || Arc::strong_count(lock) > 1);
            clones.entry(task).or_default().clone()
        };
        lock.lock_owned().await
    }

    /// Remembers how a task's clone was made; `None`: it is not known any more.
    pub(crate) fn note_fresh(&self, task: TaskId, fresh: Option<FreshClone>) {
        // A poisoned map is still a map: no invariant spans its entries.
        let mut all = self.0.fresh.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match fresh {
            Some(fresh) => drop(all.insert(task, fresh)),
            None => drop(all.remove(&task)),
        }
    }

    fn known_fresh(&self, task: TaskId) -> Option<FreshClone> {
        let all = self.0.fresh.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.get(&task).cloned()
    }

    /// The mark of a task's clone as it was made; says nothing of what it is like now.
    pub(crate) fn mark_of(&self, task: TaskId) -> Option<Untouched> {
        self.known_fresh(task).map(|fresh| fresh.mark)
    }

    /// How a task's clone was made, if nobody has touched it since. Only by who has entered it.
    pub(crate) async fn fresh_clone(&self, task: TaskId) -> Option<FreshClone> {
        let (fresh, clone) = (self.known_fresh(task)?, self.clone_dir(task));
        let mark = fresh.mark.clone();
        let holds = tokio::task::spawn_blocking(move || mark.holds(&clone)).await;
        matches!(holds, Ok(true)).then_some(fresh)
    }

    /// Remembers that nothing of the run that was last in a task's clone lives any more, as this process has seen.
    pub(crate) fn note_over(&self, task: TaskId, run: RunId) {
        self.0.over.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(task, run);
    }

    /// The run that was last in a task's clone, if this process has seen that nothing of it lives any more.
    pub(crate) fn over(&self, task: TaskId) -> Option<RunId> {
        self.0.over.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&task).copied()
    }

    /// Another run enters the task's clone, or the clone is gone.
    pub(crate) fn forget_over(&self, task: TaskId) {
        self.0.over.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&task);
    }

    /// Brings the local forge's main forward to the person's. Answers with what to do if they have diverged.
    pub(crate) async fn import(&self, repo: &RepoId) -> Result<Option<String>, RunnerError> {
        let Some(user) = &self.place(repo)?.user else { return Ok(None) };
        match user.forge.import_fast_forward(&user.dir, &user.branch).await? {
            ImportOutcome::UpToDate | ImportOutcome::Advanced { .. } | ImportOutcome::NoBranch => Ok(None),
            ImportOutcome::Diverged { ours, theirs } => {
                self.show_user(repo, &ours).await;
                let dir = user.dir.display();
                Ok(Some(format!(
                    "{} of {dir} is at {} and orchd's main at {}: each has commits that the other lacks. \
                     Merge them with: git -C '{dir}' merge orchd/main (or rebase yours on top of it); it goes on by itself then",
                    user.branch,
                    theirs.short(),
                    ours.short()
                )))
            }
        }
    }

    /// Writes `refs/remotes/orchd/main` into the person's repository. A courtesy: its failure fails nothing.
    pub(crate) async fn show_user(&self, repo: &RepoId, main: &Sha) {
        let Ok(RepoPlace { user: Some(user), .. }) = self.place(repo) else { return };
        if let Err(error) = user.forge.write_user_ref(&user.dir, main).await {
            tracing::warn!(%repo, "orchd/main was not written into {}: {}", user.dir.display(), chain(&error));
        }
    }

    /// Removes a folder that others wrote into. What refuses is left for the next look, and said.
    pub(crate) async fn discard(&self, dir: &Path) {
        // Mostly there is none, and another thread need not be woken to find that out.
        if matches!(dir.symlink_metadata(), Err(error) if error.kind() == std::io::ErrorKind::NotFound) {
            return;
        }
        if let Err(error) = remove_tree(dir).await {
            tracing::warn!("{} was not removed: {}", dir.display(), chain(&error));
        }
    }
}

/// The task a job is about.
pub(crate) fn task_of(context: &RunContext) -> Result<&Task, RunnerError> {
    match &context.about {
        About::Task(task) => Ok(task),
        About::Repo => Err(RunnerError::Misrouted(context.claimed.kind)),
    }
}
