//! `cargo xtask check`: what a commit must pass. All of it runs, cheapest first, so that one run tells everything.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{shell, tidy};

/// Formatting, tidy, clippy with warnings as errors.
pub(crate) fn run(root: &Path) -> Result<()> {
    let formatted = shell::run(&mut shell::cargo(root, ["fmt", "--all", "--check"]));
    let tidied = tidy::run(root);
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let linted = shell::run(&mut shell::cargo(root, clippy));
    let errors =
        [formatted, tidied, linted].into_iter().filter_map(Result::err).map(|error| format!("{error:#}"));
    let errors: Vec<String> = errors.collect();
    if errors.is_empty() { Ok(()) } else { bail!("{}", errors.join("; ")) }
}
