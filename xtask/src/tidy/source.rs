//! The files that tidy reads, and the one definition of which code counts as a test.

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::lex::{self, Lexed};
use crate::shell;

/// A text file of the tree.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All text files that git tracks or would track; a build's and a run's files are ignored there and so here.
pub(crate) fn tree(root: &Path) -> Result<Vec<Source>> {
    let mut git = Command::new("git");
    // Continuous integration may run as another user than the one that owns the clone.
    git.current_dir(root).args(["-c", "safe.directory=*", "ls-files", "-z"]);
    git.args(["--cached", "--others", "--exclude-standard"]);
    let mut paths: Vec<String> =
        shell::output(&mut git)?.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    // Deleted but not yet committed, or not text: nothing to read.
    let read =
        |path: String| std::fs::read_to_string(root.join(&path)).ok().map(|text| Source { path, text });
    Ok(paths.into_iter().filter_map(read).collect())
}

impl Source {
    /// Whether it is Rust code of ours.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the whole file is test code: by its folder, its name, or because it is the testkit.
    pub(crate) fn is_test(&self) -> bool {
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        self.path.starts_with("crates/testkit/")
            || name == "tests.rs"
            || folder.split('/').any(|part| matches!(part, "tests" | "benches" | "examples"))
    }
}

/// The token ranges of the modules under `#[cfg(test)]` that stand inside the file.
pub(crate) fn test_modules(lexed: &Lexed<'_>) -> Vec<Range<usize>> {
    let tokens = &lexed.tokens;
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if !lex::reads(tokens, at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            continue;
        }
        let item = at + 7;
        let braces = tokens.iter().enumerate().skip(item).find(|(_, token)| token.is("{") || token.is(";"));
        if let Some((open, _)) = braces.filter(|(_, token)| token.is("{"))
            && tokens[item..open].iter().any(|token| token.is("mod"))
        {
            found.push(at..lex::closing(tokens, open) + 1);
        }
    }
    found
}

/// Whether a token lies in one of the ranges.
pub(crate) fn within(ranges: &[Range<usize>], at: usize) -> bool {
    ranges.iter().any(|range| range.contains(&at))
}
