//! The one place that starts git: argument list, an environment made from nothing, a deadline, bounded output.
//! The user's, the system's and an agent's git configuration have no say. Knows no git command by name.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orchd_core::id::Sha;
use tokio::process::Command;

use crate::config::{GLOBAL_CONFIG, GitConfig, Identity, RECEIVER_CONFIG};
use crate::error::GitError;
use crate::names::absolute;
use crate::permission;
use crate::process::{self, Ended, Sink};

/// Output kept where the caller names no bound; lists of files and refs are far below it.
const DEFAULT_CAP: usize = 64 * 1024 * 1024;

/// The git program with its environment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Git {
    config: Arc<GitConfig>,
}

impl Git {
    /// Makes the home directory and the global configuration in it.
    pub fn new(mut config: GitConfig) -> Result<Self, GitError> {
        config.home = absolute(&config.home)?;
        for (name, _) in &config.extra_env {
            if name.starts_with("GIT_") || name == "HOME" || name == "PATH" {
                let why = "orchd sets this one itself";
                return Err(GitError::BadName { kind: "variable for git", text: name.clone(), why });
            }
        }
        config.program = found(config.program, &config.search_path);
        let git = Self { config: Arc::new(config) };
        let home = &git.config.home;
        fs::create_dir_all(home).map_err(|error| permission::explain("make", home, error))?;
        write_whole(&git.global_config(), GLOBAL_CONFIG.as_bytes())?;
        write_whole(&git.receiver_config(), RECEIVER_CONFIG.as_bytes())?;
        Ok(git)
    }

    /// The committer of what orchd itself writes.
    pub fn identity(&self) -> &Identity {
        &self.config.identity
    }

    /// git's own version text.
    pub async fn version(&self) -> Result<String, GitError> {
        self.call("tell its version", Place::Nowhere).arg("version").text().await
    }

    fn global_config(&self) -> PathBuf {
        self.config.home.join("gitconfig")
    }

    fn receiver_config(&self) -> PathBuf {
        self.config.home.join("receiver.gitconfig")
    }

    /// What receives a push into somebody else's repository on this machine, for the shell: by the receiver's own
    /// configuration and hooks, and not by those of who pushes.
    pub(crate) fn receiver(&self) -> String {
        let config = permission::shell_quote(&self.receiver_config());
        format!("env GIT_CONFIG_GLOBAL={config} git receive-pack")
    }

    pub(crate) fn call<'g>(&'g self, doing: &'static str, place: Place<'g>) -> Call<'g> {
        Call {
            git: self,
            doing,
            place,
            args: Vec::new(),
            env: Vec::new(),
            stdin: None,
            cap: DEFAULT_CAP,
            deadline: self.config.deadline,
        }
    }
}

/// The program as a path, where it can be found: looked up once, not at each start.
fn found(program: PathBuf, search_path: &OsStr) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    if program.components().count() != 1 {
        return program;
    }
    let is_program = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let all = std::env::split_paths(search_path).filter(|dir| dir.is_absolute());
    all.map(|dir| dir.join(&program)).find(is_program).unwrap_or(program)
}

/// Writes a file so that no reader ever sees half of it; leaves an equal one alone.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), GitError> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let explain = |error| permission::explain("write", path, error);
    let dir = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Two openers of one repository may write at once: each its own temporary, the last rename wins, same bytes.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let draft = dir.join(format!(".{name}.{}.{n}", std::process::id()));
    fs::write(&draft, bytes).map_err(explain)?;
    fs::rename(&draft, path).map_err(explain)
}

/// The repository of the user whose top a directory is: named to git, which would look further up for another one if
/// this one is broken. `None` in a folder below the top.
fn repository_at(dir: &Path) -> Option<PathBuf> {
    let inner = dir.join(".git");
    if fs::symlink_metadata(&inner).is_ok() {
        return Some(inner);
    }
    (dir.join("objects").is_dir() && dir.join("refs").is_dir()).then(|| dir.to_owned())
}

/// Where git runs. The directory is always named to git: it never looks for a repository upwards.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'g> {
    /// In no repository.
    Nowhere,
    /// A bare repository of orchd's.
    Bare(&'g Path),
    /// A checkout of orchd's: the directory that holds `.git`.
    Work(&'g Path),
    /// The user's repository, or a directory in it. Its own configuration is overruled where it could run code.
    Foreign(&'g Path),
}

impl Place<'_> {
    fn root(&self) -> Option<&Path> {
        match self {
            Self::Nowhere => None,
            Self::Bare(dir) | Self::Work(dir) | Self::Foreign(dir) => Some(dir),
        }
    }
}

/// One call in the making.
pub(crate) struct Call<'g> {
    git: &'g Git,
    doing: &'static str,
    place: Place<'g>,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
    cap: usize,
    deadline: Duration,
}

/// What a call that ended by itself left.
pub(crate) struct Output {
    /// None after death by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    /// Whether stdout was longer than the cap.
    pub(crate) truncated: bool,
    /// Capped.
    pub(crate) stderr: String,
}

impl<'g> Call<'g> {
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    pub(crate) fn cap(mut self, bytes: usize) -> Self {
        self.cap = bytes;
        self
    }

    pub(crate) fn network(mut self) -> Self {
        self.deadline = self.git.config.network_deadline;
        self
    }

    /// Runs it, whatever the exit code.
    pub(crate) async fn output(self) -> Result<Output, GitError> {
        let cap = self.cap;
        let mut stdout = Vec::new();
        let mut truncated = false;
        let mut keep = |bytes: &[u8]| {
            let room = cap.saturating_sub(stdout.len()).min(bytes.len());
            stdout.extend_from_slice(&bytes[..room]);
            truncated |= room < bytes.len();
        };
        let (code, stderr) = self.run(&mut keep).await?;
        Ok(Output { code, stdout, truncated, stderr })
    }

    /// Runs it; any exit but 0, and any output above the cap, is an error.
    pub(crate) async fn bytes(self) -> Result<Vec<u8>, GitError> {
        let (doing, cap, root) = (self.doing, self.cap, self.place.root().map(Path::to_owned));
        let output = self.output().await?;
        if output.code != Some(0) {
            return Err(failed(doing, output.code, output.stderr, root.as_deref()));
        }
        if output.truncated {
            return Err(GitError::TooLarge { what: format!("the answer to {doing:?}"), limit: cap as u64 });
        }
        Ok(output.stdout)
    }

    /// As [`Self::bytes`], as trimmed text.
    pub(crate) async fn text(self) -> Result<String, GitError> {
        let bytes = self.bytes().await?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// As [`Self::bytes`], as one object name.
    pub(crate) async fn sha(self) -> Result<Sha, GitError> {
        let doing = self.doing;
        let text = self.text().await?;
        Sha::parse(&text).map_err(|error| GitError::Unreadable { doing, why: error.to_string() })
    }

    /// Runs it for its effect.
    pub(crate) async fn done(self) -> Result<(), GitError> {
        self.bytes().await.map(drop)
    }

    /// Runs it and hands stdout on as it comes; any exit but 0 is an error.
    pub(crate) async fn stream(self, sink: Sink<'_>) -> Result<(), GitError> {
        let (doing, root) = (self.doing, self.place.root().map(Path::to_owned));
        match self.run(sink).await? {
            (Some(0), _) => Ok(()),
            (code, stderr) => Err(failed(doing, code, stderr, root.as_deref())),
        }
    }

    async fn run(self, sink: Sink<'_>) -> Result<(Option<i32>, String), GitError> {
        let (doing, deadline) = (self.doing, self.deadline);
        let program = self.git.config.program.clone();
        let command = self.command();
        match process::run(command, self.stdin, deadline, sink).await {
            Ok(Ended::Exited { status, stderr }) => Ok((status.code(), stderr)),
            Ok(Ended::Deadline) => Err(GitError::Deadline { doing, after: deadline }),
            Ok(Ended::Lost(source)) => Err(GitError::Io { doing: "talk to", path: program, source }),
            Err(source) => Err(GitError::Spawn { program, doing, source }),
        }
    }

    fn command(&self) -> Command {
        let config = &*self.git.config;
        let mut command = Command::new(&config.program);
        command.env_clear().current_dir(&config.home);
        let Identity { name, email } = &config.identity;
        command.envs(config.extra_env.iter().map(|(name, value)| (name, value)));
        command
            .env("PATH", &config.search_path)
            .env("HOME", &config.home)
            .env("TZ", "UTC")
            .env("LC_ALL", "C");
        command.env("GIT_CONFIG_GLOBAL", self.git.global_config());
        command.envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_EDITOR", "true"),
            ("GIT_SEQUENCE_EDITOR", "true"),
            ("GIT_PAGER", "cat"),
            ("GIT_ADVICE", "0"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_LITERAL_PATHSPECS", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            // Without a terminal to ask on, a host key that is not known must fail instead of waiting.
            ("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", email),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", email),
        ]);
        match self.place {
            Place::Nowhere => {}
            Place::Bare(dir) => {
                command.current_dir(dir).arg("--git-dir").arg(dir);
            }
            Place::Work(dir) => {
                command.current_dir(dir).arg("--git-dir").arg(dir.join(".git")).arg("--work-tree").arg(dir);
            }
            Place::Foreign(dir) => {
                // Only here: on the command line these beat the repository's own configuration.
                command.current_dir(dir).args([
                    "-c",
                    "core.hooksPath=/dev/null",
                    "-c",
                    "core.fsmonitor=false",
                ]);
                if let Some(repository) = repository_at(dir) {
                    command.arg("--git-dir").arg(repository);
                }
            }
        }
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn failed(doing: &'static str, code: Option<i32>, stderr: String, root: Option<&Path>) -> GitError {
    let refused = stderr.contains("Permission denied") || stderr.contains("insufficient permission");
    let named = root.filter(|_| refused).and_then(permission::diagnose);
    named.unwrap_or(GitError::Failed { doing, code, stderr })
}
