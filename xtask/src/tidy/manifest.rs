//! Rule `workspace-lints`: every crate takes the workspace's lints, or the bans do not hold there.

use std::path::Path;

use anyhow::{Context, Result};

use super::Finding;
use crate::cargo::{self, Package};

pub(crate) fn check(root: &Path, members: &[Package]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for member in members {
        let path = cargo::relative(root, &member.manifest_path);
        let text =
            std::fs::read_to_string(&member.manifest_path).with_context(|| format!("cannot read {path}"))?;
        findings.extend(lints(&path, &text));
    }
    Ok(findings)
}

fn lints(path: &str, manifest: &str) -> Option<Finding> {
    let mut section = "";
    for line in manifest.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        let squeezed = line.replace(' ', "");
        match line.strip_prefix('[') {
            Some(_) => section = line,
            None if section == "[lints]" && squeezed == "workspace=true" => return None,
            None => {}
        }
    }
    Some(Finding::new(path, 1, "workspace-lints", "add `[lints]` with `workspace = true`"))
}

#[cfg(test)]
mod tests;
