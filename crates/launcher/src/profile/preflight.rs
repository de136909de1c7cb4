//! Whether a profile can be used on this host: the executable that will really be run is found, its version asked for
//! within a time limit, and a login looked for as far as a variable or a file shows it. Starts nothing but
//! `--version`; changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Profile, Program};

/// `--version` of a program that loads slowly, on a busy host.
const PATIENCE: Duration = Duration::from_secs(20);
/// Of what it answers.
const ANSWER: u64 = 4 * 1024;

/// What was found of one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The profile.
    pub profile: &'static str,
    /// The executable that would be run.
    pub executable: Option<PathBuf>,
    /// What it says of its version; `None` where it was not asked or gave no answer.
    pub version: Option<String>,
    /// Whether somebody is logged in.
    pub login: Login,
    /// It can be started: found, and answering.
    pub starts: bool,
    /// All of it for a person, with what to do where something is missing.
    pub sentence: String,
}

/// What shows of a login. Whether the provider accepts it only a run tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Something shows one.
    Shown {
        /// What.
        by: String,
    },
    /// Nothing does.
    NotShown {
        /// What to do.
        how: &'static str,
    },
    /// The program needs none that anybody knows of.
    NotNeeded,
}

enum Version {
    Told(String),
    NotAsked,
    Silent(String),
}

impl Profile {
    /// Looks, with the environment the run will get. Needs a runtime with time.
    pub async fn preflight(&self, env: &BTreeMap<String, String>) -> Preflight {
        self.preflight_within(env, PATIENCE).await
    }

    /// The same with a time limit of the caller's.
    pub async fn preflight_within(&self, env: &BTreeMap<String, String>, patience: Duration) -> Preflight {
        let command = self.command();
        let program = command.first().map_or("", String::as_str);
        let executable = find(program, env.get("PATH").map_or("", String::as_str));
        let version = match &executable {
            Some(_) if self.program == Program::Script => Version::NotAsked,
            Some(executable) => version(executable, &command[1..], env, patience).await,
            None => Version::Silent("it was not found".to_owned()),
        };
        let login = self.login(env);
        let sentence = self.sentence(program, executable.as_deref(), &version, &login);
        let (version, starts) = match version {
            Version::Told(version) => (Some(version), true),
            Version::NotAsked => (None, true),
            Version::Silent(_) => (None, false),
        };
        Preflight { profile: self.name(), executable, version, login, starts, sentence }
    }

    fn login(&self, env: &BTreeMap<String, String>) -> Login {
        let facts = &self.program.facts().login;
        let is_set = |name: &&str| env.get(*name).is_some_and(|value| !value.is_empty());
        let known = facts.variables.iter().chain(facts.elsewhere).chain(self.provider_keys()).copied();
        let mut names = known.chain(self.setup.pass.iter().map(String::as_str));
        if let Some(name) = names.find(is_set) {
            return Login::Shown { by: format!("the variable {name}") };
        }
        if let Some(file) = facts.files.iter().filter_map(|place| place.path(env)).find(|file| file.is_file())
        {
            return Login::Shown { by: format!("the file {}", file.display()) };
        }
        if self.program == Program::Script { Login::NotNeeded } else { Login::NotShown { how: facts.how } }
    }

    fn sentence(&self, program: &str, found: Option<&Path>, version: &Version, login: &Login) -> String {
        let name = self.name();
        let Some(found) = found else {
            return format!(
                "profile {name}: {program:?} is not on PATH or may not be executed; install it, or give the profile a command with its path"
            );
        };
        let found = found.display();
        let is = match version {
            Version::Told(version) => format!("{found} is version {version}"),
            Version::NotAsked => format!("{found} is there"),
            Version::Silent(why) => {
                return format!("profile {name}: {found} does not tell its version: {why}; install it again");
            }
        };
        match login {
            Login::Shown { by } => format!("profile {name}: {is}; a login is shown by {by}"),
            Login::NotShown { how } => format!("profile {name}: {is}; no login is to be seen: {how}"),
            Login::NotNeeded => format!("profile {name}: {is}"),
        }
    }
}

/// The executable a command means: a path as it is, a name by `PATH`.
fn find(program: &str, path: &str) -> Option<PathBuf> {
    let runs = |file: &Path| file.is_file() && access(file, Access::EXEC_OK).is_ok();
    if program.is_empty() {
        return None;
    }
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|file| runs(file));
    }
    std::env::split_paths(path).map(|dir| dir.join(program)).find(|file| runs(file))
}

async fn version(
    executable: &Path,
    leading: &[String],
    env: &BTreeMap<String, String>,
    patience: Duration,
) -> Version {
    let spawned = Command::new(executable)
        .args(leading)
        .arg("--version")
        .env_clear()
        .envs(env)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Some start themselves a second time: what does not answer is ended with its children.
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Version::Silent(error.to_string()),
    };
    let group = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let Some(out) = child.stdout.take() else { return Version::Silent("it has no output".to_owned()) };
    let answer = async {
        let mut said = Vec::new();
        out.take(ANSWER).read_to_end(&mut said).await?;
        Ok::<_, std::io::Error>((said, child.wait().await?))
    };
    let why = match timeout(patience, answer).await {
        Ok(Ok((said, status))) => return first_line(&said, status.success()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer to --version within {} s", patience.as_secs()),
    };
    // It was not reaped, so that the number is still its own.
    if let Some(group) = group {
        // Gone already is as good as ended.
        let _ = kill_process_group(group, Signal::KILL);
    }
    Version::Silent(why)
}

fn first_line(said: &[u8], in_order: bool) -> Version {
    let said = String::from_utf8_lossy(said);
    match said.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) if in_order => Version::Told(line.chars().take(120).collect()),
        Some(line) => Version::Silent(format!("it failed and said {line:?}")),
        None => Version::Silent("it said nothing".to_owned()),
    }
}
