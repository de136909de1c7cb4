//! The composition root: the only place that names concrete adapters. It opens what a data directory needs and
//! hands the engine its ports; it starts nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orchd_config::{Login, OwnRefs};
use orchd_core::id::{BootId, Branch, ProjectId, RepoId};
use orchd_core::lease::LeasePolicy;
use orchd_core::port::board::Board;
use orchd_core::port::clock::{Clock, Ids};
use orchd_core::port::forge::Forge;
use orchd_core::port::store::{Store, StoreError};
use orchd_core::port::tracker::Tracker;
use orchd_core::repo::Repo;
use orchd_engine::{Deps, Engine, Policies};
use orchd_git::{Access, Git, GitConfig, GitError, RefSpace, Remote, Secret};
use orchd_http::api::Files;
use orchd_launcher::Launcher;
use orchd_launcher::profile::Profile;
use orchd_local::{AdoptError, GitForge, GitRepo, LocalTracker};
use orchd_runners::{RepoPlace, RunnerError, UserRepo, Workshop, WorkshopConfig, executors};
use orchd_store_sqlite::{OpenError, SqliteStore};

use crate::alerts::CommandAlerts;
use crate::bounded::Bounded;
use crate::files::DataFiles;
use crate::host::{self, Floors, ThisHost};
use crate::projects::{self, Project, ProjectsError};
use crate::sources::{RandomIds, SystemClock};

/// Everything of one data directory, wired.
pub struct Wired {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The built-in board.
    pub board: Arc<dyn Board>,
    /// Run output and patches.
    pub files: Arc<dyn Files>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What executors share.
    pub workshop: Workshop,
    /// By what it is configured, see [`crate::projects::fingerprint`].
    pub configured: Arc<Mutex<String>>,
}

/// Why a data directory can not be opened.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Its projects.
    #[error(transparent)]
    Projects(#[from] ProjectsError),
    /// Its store.
    #[error("{}", chain(.0))]
    Store(#[from] OpenError),
    /// Its store, once open.
    #[error(transparent)]
    Rows(#[from] StoreError),
    /// Its repositories.
    #[error("{}", chain(.0))]
    Git(#[from] GitError),
    /// A user's repository that can not be followed.
    #[error("{}", chain(.0))]
    Adopt(#[from] AdoptError),
    /// What executors share.
    #[error("{}", chain(.0))]
    Runners(#[from] RunnerError),
    /// The password of a remote.
    #[error(
        "project {project}: the remote's password is not to be had: {why}; see `remote.password` in the configuration"
    )]
    Secret {
        /// Of which project.
        project: ProjectId,
        /// What is wrong with it.
        why: String,
    },
    /// The directory itself.
    #[error("{path}: {source}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// An error with what caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Opens a data directory and wires its engine. Takes the store's lock: a second owner is refused. `notify` is the command
/// that tells people what needs them.
pub async fn wire(
    data: &Path,
    exe: &Path,
    workers: u32,
    floors: Floors,
    notify: Option<String>,
) -> Result<Wired, WireError> {
    let data = absolute(data)?;
    private(&data)?;
    host::keep_apart(&data);
    let mut projects = projects::load(&data)?;
    projects::check_prompts(&projects)?;
    let configured = Arc::new(Mutex::new(projects::fingerprint(&projects)));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds);
    let store = Arc::new(open_store(&data, &clock).await?);
    let board: Arc<dyn Board> = store.clone();
    let git = git(&data.join("home"))?;
    // Who only looks, or says a word, needs no remote.
    let places = repositories(&data, &git, &mut projects, workers > 0).await?;
    let workshop = Workshop::new(WorkshopConfig {
        data: data.clone(),
        git: git.clone(),
        launcher: Launcher::new(this_program(), vec!["shim".to_owned()]),
        clock: Arc::clone(&clock),
        repos: places.clone(),
        submit: exe.to_owned(),
        env: environment(),
    });
    let tracker: Arc<dyn Tracker> = Arc::new(LocalTracker::new(Arc::clone(&board)));
    let repos = git_repos(&workshop, &places).await?;
    let forge = Arc::new(GitForge::new(Arc::clone(&board), repos));
    let forge: Arc<dyn Forge> = Arc::new(Bounded(forge));
    let store: Arc<dyn Store> = store;
    for project in &projects {
        let repo = Repo::new(project.policy.repo.clone(), project.policy.project.clone());
        store.ensure_repo(&repo).await?;
    }
    let deps = Deps {
        store,
        clock: Arc::clone(&clock),
        tracker,
        forge,
        alerts: Arc::new(CommandAlerts::new(notify, data.clone())),
        executors: executors(workshop.clone()),
        policies: policies_of(projects.clone()),
        boot: BootId(ids.next()),
        ids,
        leases: LeasePolicy::default(),
        max_running: (workers > 0).then_some(workers),
        host: Arc::new(ThisHost { data: data.clone(), floors }),
    };
    let files = Arc::new(DataFiles { workshop: Arc::new(workshop.clone()) });
    Ok(Wired { engine: Arc::new(Engine::new(deps)), board, files, clock, workshop, configured })
}

/// This program as it runs, whatever lies at its path by now: a shim is of the same version as who starts it. By pid
/// and not by `self`, as another program may stand between the two.
fn this_program() -> PathBuf {
    PathBuf::from(format!("/proc/{}/exe", std::process::id()))
}

/// The policies of projects as the engine decides by them. Who fails together waits together: a role that names no
/// provider has its profile's.
pub(crate) fn policies_of(projects: Vec<Project>) -> Policies {
    let named = |mut project: Project| {
        for agent in project.policy.agents.values_mut() {
            // An unknown profile is told where the role is to be played.
            if let Ok((profile, _)) = Profile::lenient(orchd_runners::setup(agent)) {
                agent.provider.get_or_insert_with(|| profile.provider().to_owned());
            }
        }
        (project.policy.project.clone(), Arc::new(project.policy))
    };
    projects.into_iter().map(named).collect()
}

/// An owner that was just killed takes a moment to be gone, and its lock with it.
const OWNER_GONE: Duration = Duration::from_secs(3);

async fn open_store(data: &Path, clock: &Arc<dyn Clock>) -> Result<SqliteStore, OpenError> {
    patiently(|| SqliteStore::open(store_file(data), Arc::clone(clock))).await
}

/// The store, to be looked at as it is.
pub(crate) async fn look_at_store(data: &Path, clock: &Arc<dyn Clock>) -> Result<SqliteStore, OpenError> {
    patiently(|| SqliteStore::open_to_look(store_file(data), Arc::clone(clock))).await
}

fn store_file(data: &Path) -> PathBuf {
    data.join("orchd.db")
}

async fn patiently(open: impl Fn() -> Result<SqliteStore, OpenError>) -> Result<SqliteStore, OpenError> {
    let pause = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    loop {
        match open() {
            Err(OpenError::Owned { .. }) if waited < OWNER_GONE => {
                tokio::time::sleep(pause).await;
                waited += pause;
            }
            opened => return opened,
        }
    }
}

fn absolute(data: &Path) -> Result<PathBuf, WireError> {
    std::path::absolute(data).map_err(|source| WireError::Directory { path: data.to_owned(), source })
}

/// The directory holds the store, the socket and what agents wrote: nobody else's business.
fn private(data: &Path) -> Result<(), WireError> {
    let failed = |source| WireError::Directory { path: data.to_owned(), source };
    std::fs::metadata(data).map_err(failed)?;
    std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700)).map_err(failed)
}

/// What git needs of this process's environment to reach a remote: the agent that holds ssh's keys, proxies, roots of trust.
const TO_A_REMOTE: [&str; 10] = [
    "SSH_AUTH_SOCK",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// orchd's git, with a home of its own.
pub(crate) fn git(home: &Path) -> Result<Git, GitError> {
    let mut config = GitConfig::new(home);
    if let Some(path) = variable("PATH") {
        config.search_path = path;
    }
    let passed = |name: &str| Some((name.to_owned(), variable(name)?.into_string().ok()?));
    config.extra_env = TO_A_REMOTE.into_iter().filter_map(passed).collect();
    Git::new(config)
}

fn variable(name: &str) -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "the environment is read once, at the composition root")]
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// This process's environment, of which runs see the allowlist.
pub(crate) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

type Places = BTreeMap<RepoId, RepoPlace>;

/// Each project's remote, or its local forge: made from the user's repository at the first start, which is remembered.
async fn repositories(
    data: &Path,
    git: &Git,
    projects: &mut [Project],
    works: bool,
) -> Result<Places, WireError> {
    let mut places = Places::new();
    let mut found = false;
    for project in projects.iter_mut() {
        let repo = &project.policy.repo;
        if let Some(remote) = &project.remote {
            let login = if works { remote.login.clone() } else { Login::Own };
            let remote = orchd_config::Remote { login, ..remote.clone() };
            let place = remote_place(&project.policy.project, &remote, project.user_branch.as_ref())?;
            places.insert(repo.clone(), place);
            continue;
        }
        let dir = data.join("forges").join(format!("{repo}.git"));
        let user = match (&project.user_repo, &project.user_branch) {
            // What came since is imported before each admission and landing; a start need not wait for it.
            (Some(user), Some(branch)) => {
                let forge = orchd_local::open(git, &dir).await?;
                Some(UserRepo { dir: user.clone(), branch: branch.clone(), forge })
            }
            (Some(user), None) => {
                let followed = follow(git, &dir, user).await?;
                project.user_branch = Some(followed.branch.clone());
                found = true;
                Some(followed)
            }
            (None, _) => {
                orchd_local::open(git, &dir).await?;
                None
            }
        };
        let place = RepoPlace {
            remote: Remote::Path(dir),
            main: Branch::new("main"),
            access: Access::Anonymous,
            refs: RefSpace::Orchd,
            user,
        };
        places.insert(repo.clone(), place);
    }
    if found {
        projects::save(data, projects)?;
    }
    Ok(places)
}

/// The forge that follows a user's repository.
async fn follow(git: &Git, dir: &Path, user: &Path) -> Result<UserRepo, WireError> {
    let adopted = orchd_local::adopt(git, dir, user, None).await?;
    adopted.forge.clear_stale_locks().await?;
    Ok(UserRepo { dir: user.to_owned(), branch: adopted.branch, forge: adopted.forge })
}

/// A remote as the executors go there. Nobody asks it anything yet: a start needs no network.
pub(crate) fn remote_place(
    project: &ProjectId,
    remote: &orchd_config::Remote,
    main: Option<&Branch>,
) -> Result<RepoPlace, WireError> {
    let access = match &remote.login {
        Login::Ssh(command) => Access::Ssh { command: command.clone() },
        Login::Own => Access::Anonymous,
        Login::Password(username, at) => {
            let secret = secret(at).map_err(|why| WireError::Secret { project: project.clone(), why })?;
            Access::Password { username: username.clone(), secret }
        }
    };
    let refs = match remote.refs {
        OwnRefs::Orchd => RefSpace::Orchd,
        OwnRefs::Tags => RefSpace::Tags,
    };
    let main = main.cloned().unwrap_or_else(|| Branch::new("main"));
    Ok(RepoPlace { remote: Remote::Url(remote.url.clone()), main, access, refs, user: None })
}

/// A secret from where the configuration says that it is.
fn secret(at: &orchd_config::Secret) -> Result<Secret, String> {
    let text = match at {
        orchd_config::Secret::File(path) => std::fs::read_to_string(path)
            .map_err(|error| format!("the file {} can not be read: {error}", path.display()))?,
        orchd_config::Secret::Env(name) => variable(name)
            .and_then(|value| value.into_string().ok())
            .ok_or_else(|| format!("the variable {name} is not set, or not text"))?,
    };
    // Editors end a file with a line's end, and no token does.
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(Secret::new(text)) }
}

/// The same repositories as the executors', for the forge's own surfaces.
async fn git_repos(workshop: &Workshop, places: &Places) -> Result<BTreeMap<RepoId, GitRepo>, WireError> {
    let mut repos = BTreeMap::new();
    for (repo, place) in places {
        let mirror = workshop.mirror(repo).await?;
        mirror.clear_stale_locks().await?;
        // A remote elsewhere has no pull requests of ours.
        let pulls = matches!(place.remote, Remote::Path(_));
        repos.insert(repo.clone(), GitRepo { mirror, pulls });
    }
    Ok(repos)
}
