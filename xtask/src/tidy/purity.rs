//! Rule `purity`: the normal dependency tree of the pure crates holds nothing that could do I/O, read a clock, roll
//! dice or run tasks. Read from `cargo tree` for that crate alone, so that another crate's features do not count.

use std::path::Path;

use anyhow::Result;

use super::Finding;
use crate::shell;

/// Impure crates, for both pure crates.
const NEITHER: &[&str] = &[
    "async-std",
    "axum",
    "chrono",
    "diesel",
    "getrandom",
    "hyper",
    "jiff",
    "libc",
    "libsqlite3-sys",
    "mio",
    "nix",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "smol",
    "socket2",
    "time",
    "tokio",
];
/// Core does not even log.
const NOT_CORE: &[&str] = &["log", "tracing"];

/// Exceptions: the crate, the dependency that brings it, and why that one is harmless.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// The platform whose tree is judged: the one that ships.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (package, manifest, more) in [
        ("orchd-core", "crates/core/Cargo.toml", NOT_CORE),
        ("orchd-engine", "crates/engine/Cargo.toml", &[]),
    ] {
        // Procedural macros run in the compiler, not in the program.
        let args = ["tree", "--package", package, "--edges", "normal,no-proc-macro", "--target", PLATFORM];
        let shape = ["--prefix", "depth", "--format", " {p}", "--no-dedupe"];
        let tree = shell::output(&mut shell::cargo(root, args.into_iter().chain(shape)))?;
        // A tree we cannot read has no impure crates either.
        anyhow::ensure!(
            tree.starts_with(&format!("0 {package} ")),
            "cannot read what `cargo tree` wrote:\n{tree}"
        );
        findings.extend(impure(&tree, manifest, &[NEITHER, more].concat(), EXCEPTIONS));
    }
    Ok(findings)
}

/// `tree` has a line per crate: depth, space, name, space, version.
fn impure(tree: &str, manifest: &str, banned: &[&str], exceptions: &[(&str, &str, &str)]) -> Vec<Finding> {
    let mut path: Vec<&str> = Vec::new();
    let mut findings = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let (Some(Ok(depth)), Some(name)) = (words.next().map(str::parse), words.next()) else { continue };
        path.truncate(depth);
        let excused = |(what, by, _): &(&str, &str, &str)| *what == name && path.last() == Some(by);
        if banned.contains(&name) && !exceptions.iter().any(excused) {
            let says = format!(
                "pure crates must not contain `{name}`: {} -> {name}. Take it out, switch off the feature that \
                 brings it, or put the reason into xtask/src/tidy/purity.rs",
                path.join(" -> ")
            );
            findings.push(Finding::new(manifest, 1, "purity", says));
        }
        path.push(name);
    }
    findings
}

#[cfg(test)]
mod tests;
