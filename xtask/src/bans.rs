//! `cargo xtask deny`: dependencies against deny.toml with cargo-deny. Advisories are left out: their
//! database must be fetched and changes daily, so that a run would judge the day and not the change.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// Pinned, so that a run of today and one of next year judge alike.
const VERSION: &str = "0.20.2";
/// Relative to the root; lives and dies with the build's files.
const TOOLS: &str = "target/tools";

pub(crate) fn run(root: &Path) -> Result<()> {
    let own = root.join(TOOLS).join("bin/cargo-deny");
    let program = if shell::answers("cargo-deny", &["--version"]) {
        "cargo-deny".into()
    } else {
        if !own.exists() {
            install(root)?;
        }
        own
    };
    let mut deny = Command::new(program);
    deny.current_dir(root).args([
        "--workspace",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]);
    shell::run(&mut deny)
}

/// Three minutes on two cores, once per clone.
fn install(root: &Path) -> Result<()> {
    println!("cargo-deny is not installed: building it into {TOOLS}");
    let args = ["install", "cargo-deny", "--locked", "--version", VERSION, "--root", TOOLS];
    let mut command = shell::cargo(root, args);
    // Beside ours, so that neither's files are taken for the other's; hundreds of megabytes nobody needs afterwards.
    let scratch = root.join(TOOLS).join("build");
    command.env("CARGO_TARGET_DIR", &scratch);
    let built = shell::run(&mut command);
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
    }
    built.context("cargo-deny cannot be installed: put it on the PATH, or let cargo reach crates.io")
}
