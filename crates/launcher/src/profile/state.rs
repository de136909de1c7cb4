//! What a program keeps between its starts, in a directory of its own that stands in a sandbox for the user's: how the
//! program is told of it, which files of the user's it needs there, and which of its own outlive a run. Settings,
//! hooks and the like never do: what a run writes there is gone before the next. Values in, values out.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::{InvocationError, Profile, text};

/// How a file of the user's gets into a program's own directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As a copy, made anew for each run. What the run does to it stays with the run.
    Copied,
    /// The very file, writable. A login is renewed by whoever uses it, and an older one is void from then on: with a
    /// copy the user, or another run, would be logged out.
    Shared,
    /// As a copy with the keys alone, and of these only the provider's: what else it says is no run's business.
    KeysOnly,
}

/// A file of the user's for a program's own directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// The user's; it need not exist.
    pub from: PathBuf,
    /// Where the program looks for it.
    pub to: PathBuf,
    /// How it gets there.
    pub how: How,
}

/// A program's own directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnState {
    /// The directory.
    pub dir: PathBuf,
    /// Variables that tell the program of it.
    pub env: BTreeMap<String, String>,
    /// What of the user's it needs there.
    pub brought: Vec<Brought>,
    /// The provider whose keys it needs, where it knows many.
    pub provider: Option<String>,
    /// Files of the user's that it reads where they are.
    pub read: Vec<PathBuf>,
    sessions: &'static [&'static str],
}

/// What becomes of a path in a program's own directory before the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// A file of that name stays.
    File,
    /// In a directory of that name something may stay.
    Within,
    /// It goes.
    Nothing,
}

impl Profile {
    /// The state of its own in `dir`, for a program with the environment `env`; `None` for one that keeps none.
    pub fn own_state(
        &self,
        dir: &Path,
        env: &BTreeMap<String, String>,
    ) -> Result<Option<OwnState>, InvocationError> {
        let facts = self.program.facts();
        let state = &facts.state;
        if state.told.is_empty() {
            return Ok(None);
        }
        let is_set = |name: &&str| env.get(*name).is_some_and(|value| !value.is_empty());
        let is_logged_in = state.logged_in_by.iter().any(is_set);
        let needed = state.needs.iter().filter(|need| !(is_logged_in && need.how == How::Shared));
        let brought = needed.filter_map(|need| {
            Some(Brought { from: need.of.path(env)?, to: dir.join(need.name), how: need.how })
        });
        let told = state.told.iter().map(|(variable, below)| {
            let at = if below.is_empty() { dir.to_owned() } else { dir.join(below) };
            Ok(((*variable).to_owned(), text(&at)?))
        });
        let named = state.named.iter().filter_map(|name| env.get(*name)).map(PathBuf::from);
        Ok(Some(OwnState {
            dir: dir.to_owned(),
            env: told.collect::<Result<_, InvocationError>>()?,
            brought: brought.collect(),
            provider: (facts.provider_in_model && self.model().is_some()).then(|| self.provider().to_owned()),
            read: named.filter(|path| path.is_absolute()).collect(),
            sessions: state.sessions,
        }))
    }
}

impl OwnState {
    /// What becomes of `path`, relative to the directory. A pattern names each component; one `*` stands in it for any
    /// letters.
    pub fn keeps(&self, path: &Path) -> Keeps {
        let names: Vec<_> = path.components().collect();
        let mut keeps = Keeps::Nothing;
        for pattern in self.sessions {
            let pattern: Vec<&str> = pattern.split('/').collect();
            let fits = names.len() <= pattern.len() && names.iter().zip(&pattern).all(|(n, p)| is(*n, p));
            match fits {
                true if names.len() == pattern.len() => return Keeps::File,
                true => keeps = Keeps::Within,
                false => {}
            }
        }
        keeps
    }
}

/// Whether a component has the name that a pattern says.
fn is(name: Component<'_>, pattern: &str) -> bool {
    let Some(name) = name.as_os_str().to_str() else { return false };
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests;
