//! Rule `layers`: which of our crates may know which, as one table, compared with the manifests.
//! A crate that is not in the table is a finding: where a new one belongs is decided here, not by accident.

use std::path::Path;

use super::Finding;
use crate::cargo::{self, Package};

/// Who a crate may depend on, by folder.
enum Knows {
    Only(&'static [&'static str]),
    /// All but the testkit, the programs and these tasks.
    Everything,
}

const CORE: &str = "crates/core";
const ENGINE: &str = "crates/engine";
const TESTKIT: &str = "crates/testkit";

/// Folder, and what its normal and build dependencies may name.
const LAYERS: &[(&str, Knows)] = &[
    (CORE, Knows::Only(&[])),
    (ENGINE, Knows::Only(&[CORE])),
    ("crates/config", Knows::Only(&[CORE])),
    ("crates/store-sqlite", Knows::Only(&[CORE])),
    ("crates/store-postgres", Knows::Only(&[CORE])),
    ("crates/plane", Knows::Only(&[CORE])),
    ("crates/gitea", Knows::Only(&[CORE])),
    ("crates/github", Knows::Only(&[CORE])),
    ("crates/telegram", Knows::Only(&[CORE])),
    ("crates/launcher", Knows::Only(&[CORE])),
    ("crates/git", Knows::Only(&[CORE])),
    ("crates/runners", Knows::Only(&["crates/git", "crates/launcher", CORE])),
    ("crates/local", Knows::Only(&["crates/git", CORE])),
    ("crates/http", Knows::Only(&[ENGINE, CORE])),
    ("crates/daemon", Knows::Everything),
    (TESTKIT, Knows::Everything),
    ("bins/orchd", Knows::Everything),
    ("bins/orchctl", Knows::Everything),
    ("xtask", Knows::Only(&[])),
    ("fuzz", Knows::Everything),
    ("xtask/chaos", Knows::Everything),
    // The bench drives the real engine over the real store.
    ("xtask/bench", Knows::Everything),
];

pub(crate) fn check(root: &Path, members: &[Package]) -> Vec<Finding> {
    members.iter().flat_map(|member| of(root, member)).collect()
}

fn of(root: &Path, member: &Package) -> Vec<Finding> {
    let folder = member.folder(root);
    let manifest = cargo::relative(root, &member.manifest_path);
    let finding = |says: String| Finding::new(&manifest, 1, "layers", says);
    let Some((_, knows)) = LAYERS.iter().find(|(listed, _)| *listed == folder) else {
        let says = format!(
            "`{folder}` has no row in the table of xtask/src/tidy/layers.rs: say there whom it may know"
        );
        return vec![finding(says)];
    };
    let ours = member.dependencies.iter().filter_map(|dependency| {
        let to = cargo::relative(root, dependency.path.as_ref()?);
        Some((dependency.kind.as_deref(), to))
    });
    let refused = ours.filter(|(kind, to)| !allowed(&folder, knows, *kind, to));
    let says = |(kind, to): (Option<&str>, String)| {
        let kind = kind.unwrap_or("normal");
        finding(format!("`{folder}` must not know `{to}` ({kind} dependency): {}", instead(&to)))
    };
    refused.map(says).collect()
}

fn allowed(from: &str, knows: &Knows, kind: Option<&str>, to: &str) -> bool {
    if to == TESTKIT {
        return kind == Some("dev") && from != TESTKIT;
    }
    match knows {
        Knows::Only(folders) => folders.contains(&to),
        // The daemon is a library below the programs; nobody depends on a program or on these tasks.
        Knows::Everything => to.starts_with("crates/"),
    }
}

fn instead(to: &str) -> &'static str {
    match to {
        TESTKIT => "the testkit is a dev-dependency only",
        _ => "put what both need into crates/core, or reach it through a port wired in crates/daemon",
    }
}

#[cfg(test)]
mod tests;
