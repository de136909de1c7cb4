//! `cargo xtask tidy`: the house rules that neither compiler nor clippy checks. One file per
//! rule or family; a rule is a function from text to findings, and is seen to fail on bad text by its tests.
//! Nothing here changes a file.

mod attributes;
mod codemap;
mod dropped;
mod expect;
mod layers;
mod leftovers;
mod lex;
mod manifest;
mod outcome;
mod purity;
mod shape;
mod source;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use self::source::Source;
use crate::cargo;

/// One thing that a rule says about one place.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Relative to the root, with forward slashes.
    path: String,
    /// Counted from 1.
    line: usize,
    /// The rule's name.
    rule: &'static str,
    /// What is wrong, and what to do.
    says: String,
    /// Worth a look, but fails nothing.
    warning: bool,
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, says: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, says: says.into(), warning: false }
    }

    fn warning(self) -> Self {
        Self { warning: true, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = if self.warning { "warning" } else { "error" };
        write!(out, "{}:{}: {weight} [{}] {}", self.path, self.line, self.rule, self.says)
    }
}

/// Checks the tree, prints the findings, and fails if one of them is more than a warning.
pub(crate) fn run(root: &Path) -> Result<()> {
    let members = cargo::members(root)?;
    let sources = source::tree(root)?;
    let mut findings = layers::check(root, &members);
    findings.extend(manifest::check(root, &members)?);
    findings.extend(codemap::check(root, &members)?);
    findings.extend(purity::check(root)?);
    findings.extend(texts(&sources));
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for finding in &findings {
        eprintln!("{finding}");
    }
    let errors = findings.iter().filter(|finding| !finding.warning).count();
    let warnings = findings.len() - errors;
    if errors > 0 {
        bail!("tidy: {errors} findings, {warnings} warnings in {} files", sources.len());
    }
    println!("tidy: {} files, no finding, {warnings} warnings", sources.len());
    Ok(())
}

/// The rules that read one file at a time.
fn texts(sources: &[Source]) -> Vec<Finding> {
    let outcomes = outcome::names(sources);
    let mut findings = Vec::new();
    for source in sources {
        findings.extend(leftovers::paths(source));
        if !source.is_rust() {
            continue;
        }
        let lexed = lex::lex(&source.text);
        findings.extend(shape::check(source));
        findings.extend(leftovers::macros(source, &lexed));
        findings.extend(expect::check(source, &lexed));
        findings.extend(outcome::check(source, &lexed, &outcomes));
        findings.extend(attributes::check(source, &lexed));
        findings.extend(dropped::check(source, &lexed));
    }
    findings
}
