//! The view of the file system that a sandbox gives: paths and what is seen at each, outer before inner, as
//! bubblewrap's arguments. Looks only at what is a file and what is not there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::WallError;

/// What is seen at a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// An empty directory in memory.
    Fresh,
    /// Nothing of what is there.
    Hide,
    /// What is there, unchangeable.
    Read,
    /// What is there.
    Write,
    /// Another file, writable; nothing where it is missing.
    Shared(PathBuf),
    /// Another directory, writable.
    Instead(PathBuf),
}

/// One view. Of two nested paths the inner one decides; of two words about one path the later kind.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    at: BTreeMap<(usize, PathBuf), What>,
}

impl Mounts {
    pub(super) fn add(&mut self, path: impl AsRef<Path>, what: What) {
        let path = path.as_ref();
        let key = (path.components().count(), path.to_owned());
        let at = self.at.entry(key).or_insert_with(|| what.clone());
        if *at < what {
            *at = what;
        }
    }

    /// Whether something that exists at `path` is seen from inside.
    pub(super) fn shows(&self, path: &Path) -> bool {
        // A link to something that is not seen is no use.
        self.covers(path) && path.canonicalize().is_ok_and(|real| self.covers(&real))
    }

    fn covers(&self, path: &Path) -> bool {
        let decides = self.at.iter().rev().find(|((_, at), _)| path.starts_with(at));
        decides.is_some_and(|(_, what)| match what {
            What::Read | What::Write => true,
            What::Fresh | What::Hide | What::Shared(_) | What::Instead(_) => false,
        })
    }

    pub(super) fn argv(&self) -> Result<Vec<String>, WallError> {
        let mut argv = Vec::new();
        for ((_, path), what) in &self.at {
            let at = text(path)?;
            match what {
                What::Fresh => argv.extend(["--tmpfs".to_owned(), at]),
                What::Hide if path.is_dir() => argv.extend(["--tmpfs".to_owned(), at]),
                What::Hide if path.exists() => {
                    argv.extend(["--ro-bind".to_owned(), "/dev/null".to_owned(), at]);
                }
                What::Hide => {}
                What::Read => argv.extend(["--ro-bind-try".to_owned(), at.clone(), at]),
                What::Write => argv.extend(["--bind-try".to_owned(), at.clone(), at]),
                What::Shared(file) => argv.extend(["--bind-try".to_owned(), text(file)?, at]),
                What::Instead(other) => argv.extend(["--bind".to_owned(), text(other)?, at]),
            }
        }
        Ok(argv)
    }
}

pub(super) fn text(path: &Path) -> Result<String, WallError> {
    path.to_str().map(str::to_owned).ok_or_else(|| WallError::NotUtf8(path.to_owned()))
}
