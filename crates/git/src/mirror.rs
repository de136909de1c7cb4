//! The mirror: a bare repository, one per configured repository, orchd's alone and the only place with
//! credentials (spec 5.2). Opening it, following the remote's main, and its own refs. Branches are in
//! `branches.rs`, questions in `read.rs`, the landing in `land.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orchd_core::id::{Branch, RefName, Sha};
use tokio::sync::Mutex;

use crate::access::{Access, check_url};
use crate::bare;
use crate::branches::RefUpdate;
use crate::command::{Call, Git, Place};
use crate::error::GitError;
use crate::known::Known;
use crate::names::{absolute, branch_ref};
use crate::refs;
use crate::remove::blocking;

/// Every diff is by content: no attribute of the judged tree can name a driver or hide a file as binary.
const ATTRIBUTES: &str = "* !diff\n";

/// Where the mirror fetches from and pushes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// A repository of orchd's own on this machine, such as the local forge's.
    Path(PathBuf),
    /// `https://`, `ssh://`, `git@host:path`, `file://`, or a path to somebody else's repository; without credentials in it.
    Url(String),
}

/// Where orchd's own refs, such as a landing's, stand at the remote. In the mirror they are below `refs/orchd/`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RefSpace {
    /// Below `refs/orchd/`, where no clone fetches them.
    #[default]
    Orchd,
    /// Below `refs/tags/orchd/`: for a server that takes branches and tags alone.
    Tags,
}

/// Orchd's own refs in the mirror.
const OURS: &str = "refs/orchd/";
/// The same as tags.
const TAGS: &str = "refs/tags/orchd/";

impl RefSpace {
    /// What the remote calls one of the mirror's refs.
    pub(crate) fn theirs(self, name: &RefName) -> RefName {
        match (self, name.as_str().strip_prefix(OURS)) {
            (Self::Tags, Some(rest)) => RefName::new(format!("{TAGS}{rest}")),
            (Self::Orchd | Self::Tags, _) => name.clone(),
        }
    }
}

/// What a mirror is made from.
#[derive(Debug, Clone)]
pub struct MirrorConfig {
    /// The bare repository's directory.
    pub dir: PathBuf,
    /// Its remote.
    pub remote: Remote,
    /// The name of the remote's main branch.
    pub main: Branch,
    /// How it proves itself to the remote.
    pub access: Access,
    /// Where its own refs stand there.
    pub refs: RefSpace,
}

impl MirrorConfig {
    /// A mirror of `remote` whose main is called `main`, without credentials.
    pub fn new(dir: impl Into<PathBuf>, remote: Remote) -> Self {
        Self {
            dir: dir.into(),
            remote,
            main: Branch::new("main"),
            access: Access::Anonymous,
            refs: RefSpace::Orchd,
        }
    }
}

/// Main as last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainHead {
    /// The commit.
    pub sha: Sha,
    /// Its tree: the key of main's own suite result (spec 1.2).
    pub tree: Sha,
}

/// One repository's mirror. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mirror(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    git: Git,
    dir: PathBuf,
    remote: String,
    /// The remote's directory, where it is a bare repository on this machine.
    near: Option<PathBuf>,
    /// It is somebody else's, on this machine.
    foreign: bool,
    main: Branch,
    main_ref: RefName,
    access: Access,
    refs: RefSpace,
    /// Fetches into one ref lock each other out anyway; queueing here turns that failure into a wait.
    fetching: Mutex<()>,
    known: Known,
}

impl Mirror {
    /// Opens the mirror, making it first where there is none. Idempotent; fetches nothing.
    pub async fn open_or_init(git: &Git, config: MirrorConfig) -> Result<Self, GitError> {
        let dir = absolute(&config.dir)?;
        let main_ref = branch_ref(&config.main)?;
        let (near, foreign) = match &config.remote {
            Remote::Path(path) => (Some(absolute(path)?).filter(|dir| dir.join("HEAD").is_file()), false),
            Remote::Url(url) => (None, url.starts_with('/') || url.starts_with("file://")),
        };
        let remote = match config.remote {
            Remote::Path(path) => match absolute(&path)?.to_str() {
                Some(text) => text.to_owned(),
                None => {
                    let text = path.display().to_string();
                    return Err(GitError::BadName { kind: "remote path", text, why: "it is not UTF-8" });
                }
            },
            Remote::Url(url) => check_url(&url).map(|()| url)?,
        };
        let text = format!(
            "\thooksPath = /dev/null\n[remote \"origin\"]\n\turl = {}\n",
            bare::config_value(&remote)
        );
        // `hooksPath` belongs to [core]; a second section of that name is the same section to git.
        bare::open_or_init(git, &dir, format!("[core]\n{text}"), ATTRIBUTES).await?;
        let fetching = Mutex::new(());
        let (git, main, access, refs) = (git.clone(), config.main, config.access, config.refs);
        let known = Known::default();
        Ok(Self(Arc::new(Inner {
            git,
            dir,
            remote,
            near,
            foreign,
            main,
            main_ref,
            access,
            refs,
            fetching,
            known,
        })))
    }

    /// Removes locks that a killed git left behind. Only at start, by the owner of the data directory.
    pub async fn clear_stale_locks(&self) -> Result<(), GitError> {
        bare::clear_locks(self.dir()).await
    }

    /// The bare repository's directory.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// The git it runs.
    pub fn git(&self) -> &Git {
        &self.0.git
    }

    /// The remote's name for main.
    pub fn main_branch(&self) -> &Branch {
        &self.0.main
    }

    /// The remote, for people; never holds credentials.
    pub fn remote(&self) -> &str {
        &self.0.remote
    }

    /// What is to receive a push there, where that is not the remote's to say.
    pub(crate) fn receiver(&self) -> Option<String> {
        self.0.foreign.then(|| self.0.git.receiver())
    }

    pub(crate) fn answers(&self) -> &Known {
        &self.0.known
    }

    pub(crate) fn main_ref(&self) -> &RefName {
        &self.0.main_ref
    }

    /// A call in the mirror.
    pub(crate) fn call(&self, doing: &'static str) -> Call<'_> {
        self.0.git.call(doing, Place::Bare(&self.0.dir))
    }

    /// A call in the mirror that talks to the remote, with its credentials.
    pub(crate) fn remote_call(&self, doing: &'static str) -> Call<'_> {
        let variables = self.0.access.environment(&self.0.remote);
        variables.into_iter().fold(self.call(doing).network(), |call, (name, value)| call.env(name, value))
    }

    /// Fetches the remote's main and says where it stands.
    pub async fn fetch_main(&self) -> Result<MainHead, GitError> {
        let tracking = self.tracking(self.main_branch())?;
        let Some(sha) = self.fetch_ref("fetch main", self.main_ref(), &tracking).await? else {
            let (remote, main) = (self.0.remote.clone(), self.0.main.as_str().to_owned());
            return Err(GitError::NoMain { remote, main });
        };
        let tree = self.tree_of(&sha).await?;
        Ok(MainHead { sha, tree })
    }

    /// Main as last fetched; none before the first fetch.
    pub async fn main(&self) -> Result<Option<MainHead>, GitError> {
        let tracking = self.tracking(self.main_branch())?;
        let Some(sha) = self.resolve(&tracking).await? else { return Ok(None) };
        let tree = self.tree_of(&sha).await?;
        Ok(Some(MainHead { sha, tree }))
    }

    pub(crate) fn tracking(&self, branch: &Branch) -> Result<RefName, GitError> {
        branch_ref(branch)?;
        Ok(RefName::new(format!("refs/remotes/origin/{branch}")))
    }

    /// What the remote calls one of the mirror's refs.
    pub(crate) fn theirs(&self, name: &RefName) -> RefName {
        self.0.refs.theirs(name)
    }

    /// Brings the remote's branch `theirs` to `ours`, forced: a rewritten main must be seen, not hidden. None if the
    /// remote has no such ref.
    pub(crate) async fn fetch_ref(
        &self,
        doing: &'static str,
        theirs: &RefName,
        ours: &RefName,
    ) -> Result<Option<Sha>, GitError> {
        let _turn = self.0.fetching.lock().await;
        if let Some(there) = self.is_up_to_date(theirs, ours).await {
            return Ok(Some(there));
        }
        let mut attempt = 0;
        loop {
            let call = self.remote_call(doing).args(FETCH).args(["origin", &format!("+{theirs}:{ours}")]);
            let Err(error) = call.done().await else { return self.resolve(ours).await };
            if self.ls_remote(&[theirs]).await?.is_empty() {
                return Ok(None);
            }
            // Another process with this mirror holds the ref's lock, or the remote was being written.
            attempt += 1;
            if attempt == 5 || !is_lock(&error) {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(100 * attempt)).await;
        }
    }

    /// Where these refs stand at the remote now; absent ones are left out.
    pub(crate) async fn ls_remote(&self, refs: &[&RefName]) -> Result<Vec<(RefName, Sha)>, GitError> {
        if let Some(found) = self.near(refs).await {
            return Ok(found);
        }
        let doing = "list the remote's refs";
        let call = self.remote_call(doing).args(["ls-remote", "--refs", "origin"]);
        let names: Vec<(RefName, &RefName)> = refs.iter().map(|name| (self.theirs(name), *name)).collect();
        let text = call.args(names.iter().map(|(theirs, _)| theirs.as_str())).text().await?;
        let mut found = Vec::new();
        for line in text.lines() {
            let Some((sha, name)) = line.split_once('\t') else { continue };
            // git matches by the tail: refs/heads/x/refs/heads/main is listed too.
            if let Some((_, ours)) = names.iter().find(|(theirs, _)| theirs.as_str() == name) {
                let sha = Sha::parse(sha).map_err(|e| GitError::Unreadable { doing, why: e.to_string() })?;
                found.push(((*ours).clone(), sha));
            }
        }
        Ok(found)
    }

    /// Where the remote's `theirs` stands, if that is read from files and `ours` stands there too.
    async fn is_up_to_date(&self, theirs: &RefName, ours: &RefName) -> Option<Sha> {
        let (remote, mirror) = (self.0.near.clone()?, self.0.dir.clone());
        let (theirs, ours) = (theirs.clone(), ours.clone());
        let read = move || {
            let there = refs::in_bare(&remote, &theirs).ok()??;
            (refs::in_bare(&mirror, &ours).ok()?? == there).then_some(there)
        };
        blocking(read).await
    }

    /// Where these refs stand at a remote on this machine, read from its files; `None` where git must be asked.
    async fn near(&self, refs: &[&RefName]) -> Option<Vec<(RefName, Sha)>> {
        let dir = self.0.near.clone()?;
        let names: Vec<(RefName, RefName)> =
            refs.iter().map(|name| ((*name).clone(), self.theirs(name))).collect();
        let read = move || {
            if !dir.join("HEAD").is_file() {
                let why = "there is no repository".to_owned();
                return Err(GitError::CloneUnusable { path: dir, why });
            }
            let stands =
                |(ours, theirs): (RefName, RefName)| Ok(refs::in_bare(&dir, &theirs)?.map(|sha| (ours, sha)));
            names.into_iter().map(stands).collect::<Result<Vec<_>, GitError>>()
        };
        Some(blocking(read).await.ok()?.into_iter().flatten().collect())
    }

    /// The commit that one of the mirror's refs points to.
    pub async fn resolve(&self, name: &RefName) -> Result<Option<Sha>, GitError> {
        bare::resolve(self.git(), self.dir(), name).await
    }

    /// Points one of the mirror's own refs at a commit.
    pub async fn set_ref(&self, name: &RefName, sha: &Sha) -> Result<(), GitError> {
        bare::set(self.git(), self.dir(), name, sha).await
    }

    /// Moves one of the mirror's own refs, only from where it is believed to stand.
    pub async fn swap_ref(
        &self,
        name: &RefName,
        new: &Sha,
        expected: Option<&Sha>,
    ) -> Result<RefUpdate, GitError> {
        bare::swap(self.git(), self.dir(), name, new, expected).await
    }

    /// The names below `prefix`, which ends with a slash.
    pub async fn refs_below(&self, prefix: &str) -> Result<Vec<RefName>, GitError> {
        let call = self.call("list refs").args(["for-each-ref", "--format=%(refname)", "--"]);
        let text = call.arg(prefix.trim_end_matches('/')).text().await?;
        Ok(text.lines().filter(|name| name.starts_with(prefix)).map(RefName::new).collect())
    }

    /// Removes one of the mirror's own refs; absent is fine.
    pub async fn delete_ref(&self, name: &RefName) -> Result<(), GitError> {
        bare::unset(self.git(), self.dir(), name).await
    }
}

/// A fetch that does exactly what its refspec says.
pub(crate) const FETCH: &[&str] = &[
    "fetch",
    "-q",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
];

pub(crate) fn is_lock(error: &GitError) -> bool {
    matches!(error, GitError::Failed { stderr, .. } if stderr.contains("lock"))
}
