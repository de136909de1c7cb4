//! Dependency trees as cargo prints them, pure and not.

use super::*;

const TREE: &str = "0 orchd-core v0.1.0 (/x)\n1 serde v1.0.0\n2 serde_core v1.0.0\n1 uuid v1.0.0\n2 getrandom v0.3.0\n3 libc v0.2.0\n1 thiserror v2.0.0\n";

fn says(tree: &str, exceptions: &[(&str, &str, &str)]) -> Vec<String> {
    impure(tree, "crates/core/Cargo.toml", NEITHER, exceptions)
        .into_iter()
        .map(|finding| finding.says)
        .collect()
}

#[test]
fn an_impure_crate_is_reported_with_its_path() {
    let found = says(TREE, &[]);
    assert_eq!(found.len(), 2);
    assert!(found[0].contains("`getrandom`: orchd-core -> uuid -> getrandom."), "{found:?}");
    assert!(found[1].contains("orchd-core -> uuid -> getrandom -> libc."), "{found:?}");
}

#[test]
fn an_exception_counts_for_its_path_only() {
    let excused = [("getrandom", "uuid", "why"), ("libc", "serde", "why")];
    let found = says(TREE, &excused);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("`libc`"), "{found:?}");
}

#[test]
fn a_pure_tree_has_no_findings() {
    assert!(says("0 orchd-core v0.1.0 (/x)\n1 timely v1.0.0\n1 tokio-free v1.0.0\n", &[]).is_empty());
}

#[test]
fn core_may_not_log_and_the_engine_may() {
    let tree = "0 orchd-engine v0.1.0\n1 tracing v0.1.0\n";
    assert!(says(tree, &[]).is_empty());
    assert_eq!(impure(tree, "m", NOT_CORE, &[]).len(), 1);
}
