//! What cargo knows about the workspace: its root, its members, their targets, features and direct dependencies.
//! Read from cargo's JSON with plain serde types of the few fields that tasks use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::shell;

/// `cargo metadata`, as far as we read it.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

/// One workspace member.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    #[serde(default)]
    pub(crate) dependencies: Vec<Dependency>,
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// A direct dependency, as the manifest states it.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// None for a normal one, else `dev` or `build`.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// The folder of a path dependency.
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
}

/// One target of a package.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) src_path: PathBuf,
    #[serde(default)]
    pub(crate) doctest: bool,
}

impl Package {
    /// The package's folder relative to the root with forward slashes, for instance `crates/git`.
    pub(crate) fn folder(&self, root: &Path) -> String {
        relative(root, self.manifest_path.parent().unwrap_or(root))
    }
}

/// `path` relative to the root, with forward slashes.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The folder of the workspace's Cargo.toml.
pub(crate) fn workspace_root() -> Result<PathBuf> {
    let mut ask = Command::new("cargo");
    let manifest = shell::output(ask.args(["locate-project", "--workspace", "--message-format", "plain"]))?;
    let manifest = PathBuf::from(manifest.trim());
    Ok(manifest.parent().context("the workspace's Cargo.toml lies in no folder")?.to_owned())
}

/// The workspace's members. Needs neither network nor a resolved tree.
pub(crate) fn members(root: &Path) -> Result<Vec<Package>> {
    metadata(root).map(|metadata| metadata.packages)
}

/// Where cargo builds.
pub(crate) fn target_directory(root: &Path) -> Result<PathBuf> {
    metadata(root).map(|metadata| metadata.target_directory)
}

fn metadata(root: &Path) -> Result<Metadata> {
    let args = ["metadata", "--format-version", "1", "--no-deps"];
    let json = shell::output(&mut shell::cargo(root, args))?;
    serde_json::from_str(&json).context("cannot read what `cargo metadata` wrote")
}
