//! Rule `code-map`: ARCHITECTURE.md names every crate, and nothing that is gone.

use std::path::Path;

use anyhow::Result;

use super::Finding;
use crate::cargo::Package;

const MAP: &str = "ARCHITECTURE.md";

pub(crate) fn check(root: &Path, members: &[Package]) -> Result<Vec<Finding>> {
    let folders: Vec<String> = members.iter().map(|member| member.folder(root)).collect();
    let Ok(text) = std::fs::read_to_string(root.join(MAP)) else {
        return Ok(vec![Finding::new(MAP, 1, "code-map", "is missing: it holds the map of the crates")]);
    };
    Ok(compare(&text, &folders, |path| root.join(path).exists()))
}

fn compare(map: &str, folders: &[String], exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let named: Vec<(usize, &str)> = named(map).collect();
    let unnamed = folders.iter().filter(|folder| !named.iter().any(|(_, name)| name == folder));
    let missing = unnamed.map(|folder| {
        let says = format!("does not name `{folder}` in backticks: add it to the code map");
        Finding::new(MAP, 1, "code-map", says)
    });
    let ours = named.iter().filter(|(_, name)| {
        let folder = ["crates/", "bins/", "xtask/"].iter().any(|start| name.starts_with(start));
        folder && name.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c))
    });
    let dead = ours.filter(|(_, name)| !exists(name)).map(|(line, name)| {
        let says = format!("names `{name}`, which does not exist: mend the map");
        Finding::new(MAP, *line, "code-map", says)
    });
    missing.chain(dead).collect()
}

/// What stands between single backticks, with its line, a trailing slash left out.
fn named(map: &str) -> impl Iterator<Item = (usize, &str)> {
    map.lines().enumerate().flat_map(|(at, line)| {
        let quoted = line.split('`').skip(1).step_by(2);
        quoted.map(move |name| (at + 1, name.trim_end_matches('/')))
    })
}

#[cfg(test)]
mod tests;
