//! Agent programs from npm, in the very version that was measured: installed once below cargo's own directory for
//! tests, by a lock file with digests, and shared by all tests. Where that cannot be done it is said, and no test fails
//! for it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PACKAGE: &str = include_str!("npm/package.json");
const LOCK: &str = include_str!("npm/package-lock.json");

/// The directory with the program `claude` and its path; `None`, and why on standard error, where it cannot be had.
pub(crate) fn claude() -> Option<(PathBuf, PathBuf)> {
    let installed = install().and_then(|dir| {
        let program = native(&dir).ok_or("the package has no program for this machine")?;
        Ok((dir, program))
    });
    installed.map_err(|why| eprintln!("not run: no Claude Code from npm: {why}")).ok()
}

fn install() -> Result<PathBuf, String> {
    let top = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // The name changes with the lock file.
    let sum = LOCK.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let dir = top.join(format!("claude-code-{sum:016x}"));
    fs::create_dir_all(top).map_err(|error| error.to_string())?;
    let lock = File::create(top.join("npm.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if dir.is_dir() {
        return Ok(dir);
    }
    let draft = top.join(format!("claude-code-{sum:016x}.new"));
    // What a killed install left; a first one finds nothing.
    let _ = fs::remove_dir_all(&draft);
    fs::create_dir(&draft).map_err(|error| error.to_string())?;
    for (name, text) in [("package.json", PACKAGE), ("package-lock.json", LOCK)] {
        fs::write(draft.join(name), text).map_err(|error| error.to_string())?;
    }
    // The program for the machine is a package of its own: nothing needs to be run for it.
    let words =
        ["ci", "--no-fund", "--no-audit", "--ignore-scripts", "--fetch-retries=1", "--loglevel=error"];
    let npm = Command::new("npm").args(words).current_dir(&draft).stdin(Stdio::null()).output();
    let npm = npm.map_err(|error| format!("npm: {error}"))?;
    if !npm.status.success() {
        let said = String::from_utf8_lossy(&npm.stderr);
        return Err(format!("npm ci: {}", said.lines().take(3).collect::<Vec<_>>().join("; ")));
    }
    fs::rename(&draft, &dir).map_err(|error| error.to_string())?;
    Ok(dir)
}

fn native(dir: &Path) -> Option<PathBuf> {
    let packages = fs::read_dir(dir.join("node_modules/@anthropic-ai")).ok()?.flatten();
    packages.map(|package| package.path().join("claude")).find(|program| program.is_file())
}
