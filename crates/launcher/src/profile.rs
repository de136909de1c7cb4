//! Profiles: how an agent program is started for a role's run, and which dialect its output is read in. Data in, data
//! out; starting is the launcher's, the prompt's text is the caller's. What is particular to a program is a row of
//! [`facts::Facts`] and one function for its arguments, both in the program's own file.

pub mod preflight;

mod claude;
mod codex;
mod facts;
mod gemini;
mod opencode;
mod prompt;
mod script;
mod setup;
pub mod state;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use orchd_core::id::{Key, RunId};
use orchd_core::stage::Role;

use crate::dialect::{Dialect, Reading, is_session_name};
use crate::ended::Ended;
use crate::run_dir::RunDir;
use crate::spec::RunSpec;
use facts::Facts;
pub use setup::{BadProfile, Setup};

/// A known agent program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Claude,
    Codex,
    Gemini,
    Opencode,
    Script,
}

/// A checked setup: an agent program with everything needed to start it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    program: Program,
    setup: Setup,
}

/// What a profile is told about one run.
#[derive(Debug, Clone, Copy)]
pub struct RoleRun<'a> {
    /// The run; a program that lets its session be named gets this identity for it.
    pub run: RunId,
    /// Who works.
    pub role: Role,
    /// The task's key, for people.
    pub key: &'a Key,
    /// The run's directory; the prompt lies there already.
    pub dir: &'a RunDir,
    /// Where the agent works: the same path as before for a session that goes on.
    pub worktree: &'a Path,
    /// The executable whose `submit` files a verdict.
    pub submit: &'a Path,
    /// The session to go on with, as a former [`Reading`] told it.
    pub resume: Option<&'a str>,
    /// The run will be root's: one of the programs has to be told that this is meant.
    pub as_root: bool,
}

/// How to start it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables on top of the allowlist.
    pub env: BTreeMap<String, String>,
    /// The session's name, where it is known before the program says it.
    pub session: Option<String>,
}

/// Why a run cannot be put into arguments.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// A path that cannot be said in an argument or a variable.
    #[error("{path} is not UTF-8; choose a data directory and a repository path that are")]
    Path {
        /// The path, as far as it can be shown.
        path: String,
    },
    /// The prompt is not to be had.
    #[error("the prompt {} can not be read; write it before the run is started", path.display())]
    Prompt {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A session that cannot be gone on with.
    #[error("profile {profile:?} cannot go on with session {session:?}; start a new one")]
    Session {
        /// The profile.
        profile: &'static str,
        /// What was asked for.
        session: String,
    },
}

impl Program {
    const fn facts(self) -> &'static Facts {
        match self {
            Self::Claude => &claude::FACTS,
            Self::Codex => &codex::FACTS,
            Self::Gemini => &gemini::FACTS,
            Self::Opencode => &opencode::FACTS,
            Self::Script => &script::FACTS,
        }
    }
}

impl Profile {
    const PROGRAMS: [Program; 5] =
        [Program::Claude, Program::Codex, Program::Gemini, Program::Opencode, Program::Script];

    /// The names of all profiles.
    pub const NAMES: [&str; 5] = [
        Program::Claude.facts().name,
        Program::Codex.facts().name,
        Program::Gemini.facts().name,
        Program::Opencode.facts().name,
        Program::Script.facts().name,
    ];

    /// The name people and configuration use.
    pub const fn name(&self) -> &'static str {
        self.program.facts().name
    }

    /// The model that is asked for.
    pub fn model(&self) -> Option<&str> {
        self.setup.model.as_deref()
    }

    /// The dialect its output is read in.
    pub const fn dialect(&self) -> Dialect {
        self.program.facts().dialect
    }

    /// Whose service it uses: who fails together. A model written `provider/model` names its own.
    pub fn provider(&self) -> &str {
        let of_model = || self.setup.model.as_deref()?.split_once('/').map(|(provider, _)| provider);
        match &self.setup.provider {
            Some(provider) => provider,
            None if self.program.facts().provider_in_model => {
                of_model().unwrap_or(self.program.facts().provider)
            }
            None => self.program.facts().provider,
        }
    }

    /// Whether a session can be gone on with.
    pub const fn can_resume(&self) -> bool {
        self.program.facts().resumes
    }

    /// Whether the program itself stops at the money cap.
    pub const fn holds_to_money_cap(&self) -> bool {
        self.program.facts().caps_money
    }

    /// Names of variables the program may see beyond [`crate::env::BASE_ALLOW`]: credentials and address of its
    /// provider, its state directories, the network's proxies.
    pub fn allowed_env(&self) -> Vec<&str> {
        let mut names = self.program.facts().pass.to_vec();
        names.extend(self.provider_keys().iter().copied());
        names.extend(self.setup.pass.iter().map(String::as_str));
        if self.program != Program::Script {
            names.extend(crate::env::NETWORK_ALLOW);
        }
        names
    }

    /// The values among `env` that are credentials: they are masked wherever the run's output is shown.
    pub fn secrets<'e>(&self, env: &'e BTreeMap<String, String>) -> Vec<&'e str> {
        self.secret_names().into_iter().filter_map(|name| env.get(name).map(String::as_str)).collect()
    }

    /// Names of the variables that hold credentials.
    pub fn secret_names(&self) -> Vec<&str> {
        let login = &self.program.facts().login;
        let own = login.variables.iter().chain(self.provider_keys()).copied();
        own.chain(self.setup.pass.iter().map(String::as_str)).collect()
    }

    /// Arguments and environment of a run.
    pub fn invocation(&self, run: &RoleRun<'_>) -> Result<Invocation, InvocationError> {
        let facts = self.program.facts();
        if let Some(session) = run.resume
            && !(facts.resumes && is_session_name(session))
        {
            return Err(InvocationError::Session { profile: facts.name, session: session.to_owned() });
        }
        let mut argv = self.command();
        argv.extend(match self.program {
            Program::Claude => claude::arguments(&self.setup, run)?,
            Program::Codex => codex::arguments(&self.setup, run)?,
            Program::Gemini => gemini::arguments(&self.setup, run)?,
            Program::Opencode => opencode::arguments(&self.setup, run)?,
            Program::Script => script::arguments(run)?,
        });
        let mut env = contract(run)?;
        let of_judges = facts.judge_env.iter().filter(|_| run.role.is_judge());
        let given = facts.env.iter().chain(of_judges);
        env.extend(given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if self.program == Program::Claude && run.as_root {
            env.extend([claude::AS_ROOT.map(str::to_owned).into()]);
        }
        let chosen = facts.names_session.then(|| run.run.to_string());
        Ok(Invocation { argv, env, session: run.resume.map(str::to_owned).or(chosen) })
    }

    /// What the program said and used until its run ended.
    pub fn read(&self, dir: &RunDir, ended: &Ended) -> io::Result<Reading> {
        // What the run was given stands in its specification; without one there is nothing to mask by.
        let env = RunSpec::read(dir).map(|spec| spec.env).unwrap_or_default();
        let secrets: Vec<String> = self.secrets(&env).into_iter().map(str::to_owned).collect();
        self.dialect().read(dir, ended, self.model(), secrets)
    }

    /// Program and leading arguments.
    fn command(&self) -> Vec<String> {
        if self.setup.command.is_empty() {
            self.program.facts().executable.map(str::to_owned).into_iter().collect()
        } else {
            self.setup.command.clone()
        }
    }

    /// Variables with the key of the one provider in use, for a program that knows many.
    fn provider_keys(&self) -> &'static [&'static str] {
        let keys = self.program.facts().keys_by_provider;
        keys.iter().find(|(provider, _)| *provider == self.provider()).map_or(&[], |(_, names)| names)
    }
}

/// Whether what this process starts is root's.
pub fn runs_as_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The variables by which every program of a role is told about its run.
pub const CONTRACT: [&str; 6] =
    ["ORCHD_RUN_DIR", "ORCHD_ROLE", "ORCHD_TASK_KEY", "ORCHD_PROMPT", "ORCHD_WORKTREE", "ORCHD_SUBMIT"];

/// Their values, in the order of [`CONTRACT`].
fn contract(run: &RoleRun<'_>) -> Result<BTreeMap<String, String>, InvocationError> {
    let values = [
        text(run.dir.path())?,
        run.role.name().to_owned(),
        run.key.as_str().to_owned(),
        text(&run.dir.file(RunDir::PROMPT))?,
        text(run.worktree)?,
        text(run.submit)?,
    ];
    Ok(CONTRACT.map(str::to_owned).into_iter().zip(values).collect())
}

fn text(path: &Path) -> Result<String, InvocationError> {
    path.to_str().map(str::to_owned).ok_or_else(|| InvocationError::Path { path: path.display().to_string() })
}

/// An option with its value, if there is one.
fn option(name: &str, value: Option<&str>) -> impl Iterator<Item = String> {
    value.map(|value| [name.to_owned(), value.to_owned()]).into_iter().flatten()
}

#[cfg(test)]
mod tests;
