//! Edges that the design allows, and edges that it does not.

use std::path::PathBuf;

use super::*;
use crate::cargo::Dependency;

fn member(folder: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
    let dependencies = dependencies.iter().map(|(to, kind)| Dependency {
        kind: kind.map(str::to_owned),
        path: Some(PathBuf::from("/r").join(to)),
    });
    Package {
        name: folder.to_owned(),
        manifest_path: PathBuf::from("/r").join(folder).join("Cargo.toml"),
        dependencies: dependencies.collect(),
        targets: Vec::new(),
        features: std::collections::BTreeMap::new(),
    }
}

fn refused(from: &str, to: &str, kind: Option<&str>) -> bool {
    !check(Path::new("/r"), &[member(from, &[(to, kind)])]).is_empty()
}

#[test]
fn the_edges_of_the_design_are_allowed() {
    for (from, to) in [
        ("crates/engine", CORE),
        ("crates/http", ENGINE),
        ("crates/http", CORE),
        ("crates/runners", "crates/launcher"),
        ("crates/local", "crates/git"),
        ("crates/daemon", "crates/store-sqlite"),
        ("bins/orchctl", "crates/daemon"),
        (TESTKIT, "crates/daemon"),
    ] {
        assert!(!refused(from, to, None), "{from} -> {to}");
    }
}

#[test]
fn other_edges_are_findings() {
    for (from, to) in [
        (CORE, ENGINE),
        (ENGINE, "crates/store-sqlite"),
        ("crates/store-sqlite", ENGINE),
        ("crates/git", "crates/launcher"),
        ("crates/local", "crates/runners"),
        ("crates/http", "crates/daemon"),
        ("crates/daemon", "bins/orchd"),
        ("bins/orchd", "xtask"),
        ("xtask", CORE),
    ] {
        assert!(refused(from, to, None), "{from} -> {to}");
        assert!(refused(from, to, Some("build")), "{from} -> {to}");
        assert!(refused(from, to, Some("dev")), "{from} -> {to}");
    }
}

#[test]
fn the_testkit_is_a_dev_dependency_only() {
    for from in ["crates/git", ENGINE, "crates/daemon", "bins/orchd"] {
        assert!(!refused(from, TESTKIT, Some("dev")), "{from}");
        assert!(refused(from, TESTKIT, None), "{from}");
        assert!(refused(from, TESTKIT, Some("build")), "{from}");
    }
}

#[test]
fn a_crate_without_a_row_is_a_finding() {
    let found = check(Path::new("/r"), &[member("crates/new", &[])]);
    assert_eq!(found.len(), 1);
    assert!(found[0].says.contains("no row"), "{}", found[0]);
    assert_eq!(found[0].path, "crates/new/Cargo.toml");
}
