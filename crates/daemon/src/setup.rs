//! What is looked at before a project is set up: the repository, and which agents can work on this host. Nothing is
//! written.

use std::collections::BTreeMap;
use std::path::Path;

use orchd_core::id::Branch;
use orchd_git::{Git, GitConfig};
use orchd_launcher::env::{BASE_ALLOW, scrubbed_env};
use orchd_launcher::profile::{Profile, Setup};

use crate::wire::{chain, environment};

/// An agent's program on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The profile.
    pub profile: &'static str,
    /// How it is, for people.
    pub sentence: String,
    /// It is installed, and as far as can be told logged in.
    pub ready: bool,
}

/// The programs that a profile knows by itself, each asked.
pub async fn agents_ready() -> Vec<Ready> {
    let mut all = Vec::new();
    for name in Profile::NAMES {
        // One that needs a command is nobody's until it is given.
        let Ok(profile) = Profile::new(Setup { profile: name.to_owned(), ..Setup::default() }) else {
            continue;
        };
        let allow: Vec<&str> = BASE_ALLOW.iter().copied().chain(profile.allowed_env()).collect();
        let env: BTreeMap<String, String> = scrubbed_env(environment().into_iter(), &allow, []);
        let found = profile.preflight(&env).await;
        all.push(Ready { profile: found.profile, sentence: found.sentence, ready: found.starts });
    }
    all
}

/// The branch of a repository that orchd would follow, or in a sentence why it can not.
pub async fn try_repository(repo: &Path, main: Option<&str>) -> Result<String, String> {
    // orchd's git has a home of its own; what is only looked at leaves nothing.
    let home = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let git = Git::new(GitConfig::new(home.path())).map_err(|error| chain(&error))?;
    let main = main.map(Branch::new);
    let found = orchd_local::main_of(&git, repo, main.as_ref()).await;
    found.map(|branch| branch.to_string()).map_err(|error| chain(&error))
}
