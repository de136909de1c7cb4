//! What is known of an agent program, as one table row per program: names, variables, places. Facts only; how its
//! arguments are made is in the program's own file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::dialect::Dialect;

/// One program.
#[derive(Debug)]
pub(super) struct Facts {
    /// The profile's name.
    pub(super) name: &'static str,
    /// The program, found on `PATH`; `None` where only configuration can name it.
    pub(super) executable: Option<&'static str>,
    /// Whose service it uses, unless said otherwise.
    pub(super) provider: &'static str,
    /// Its models are written `provider/model`.
    pub(super) provider_in_model: bool,
    /// Variables with the keys of each provider, for a program that knows many: only those of the one in use pass.
    pub(super) keys_by_provider: &'static [(&'static str, &'static [&'static str])],
    /// What its output is read in.
    pub(super) dialect: Dialect,
    /// A session can be gone on with.
    pub(super) resumes: bool,
    /// The session's name can be chosen.
    pub(super) names_session: bool,
    /// It stops at a money cap.
    pub(super) caps_money: bool,
    /// It has a fallback model.
    pub(super) has_fallback: bool,
    /// Efforts it knows.
    pub(super) efforts: Efforts,
    /// Variables it may see of orchd's own environment.
    pub(super) pass: &'static [&'static str],
    /// Variables it is given.
    pub(super) env: &'static [(&'static str, &'static str)],
    /// Variables it is given besides where it judges: settings in the repository may be by whose work that is.
    pub(super) judge_env: &'static [(&'static str, &'static str)],
    /// What it keeps from run to run.
    pub(super) state: StateFacts,
    /// By what a login shows.
    pub(super) login: LoginFacts,
}

/// What a program understands as effort.
#[derive(Debug)]
pub(super) enum Efforts {
    /// These words.
    OneOf(&'static [&'static str]),
    /// Words that depend on the model.
    OfTheModel,
    /// There is no such setting.
    None,
}

/// What a program keeps between its starts, and how it is given a place of its own for that.
#[derive(Debug)]
pub(super) struct StateFacts {
    /// Variables by which it is told where, each with the folder below its own directory.
    pub(super) told: &'static [(&'static str, &'static str)],
    /// Its sessions there, in the patterns of [`super::state::OwnState::keeps`]: what outlives a run.
    pub(super) sessions: &'static [&'static str],
    /// What of the user's it cannot do without.
    pub(super) needs: &'static [Need],
    /// Variables that hold a login by themselves: with one of them no file with a login is needed.
    pub(super) logged_in_by: &'static [&'static str],
    /// Variables that name files it reads.
    pub(super) named: &'static [&'static str],
}

/// A file of the user's that a program needs.
#[derive(Debug)]
pub(super) struct Need {
    /// Where the user has it.
    pub(super) of: Place,
    /// Its name in a directory of the program's own.
    pub(super) name: &'static str,
    /// How it gets there.
    pub(super) how: super::state::How,
}

/// A file or directory of the user's that a variable may have moved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The variable; empty where there is none.
    pub(super) variable: &'static str,
    /// Below the variable's directory.
    pub(super) below: &'static str,
    /// Below the home directory, where the variable is not set.
    pub(super) default: &'static str,
}

/// By what a login shows.
#[derive(Debug)]
pub(super) struct LoginFacts {
    /// Variables that hold a credential.
    pub(super) variables: &'static [&'static str],
    /// Variables that send it to a service whose credentials are found elsewhere.
    pub(super) elsewhere: &'static [&'static str],
    /// Files that hold one.
    pub(super) files: &'static [Place],
    /// What a person does who has none.
    pub(super) how: &'static str,
}

impl Place {
    /// Where it is for a process with this environment; `None` without a home.
    pub(super) fn path(&self, env: &BTreeMap<String, String>) -> Option<PathBuf> {
        let dir = |name: &str| env.get(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
        match dir(self.variable) {
            Some(moved) if self.below.is_empty() => Some(moved),
            Some(moved) => Some(moved.join(self.below)),
            None => Some(dir("HOME")?.join(self.default)),
        }
    }
}
