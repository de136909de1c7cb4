//! A map that misses a crate, one that names a dead crate, and a true one.

use super::*;

fn says(map: &str) -> Vec<(usize, String)> {
    let folders = ["crates/core", "bins/orchd", "xtask"].map(str::to_owned);
    let exists =
        |path: &str| folders.iter().any(|folder| folder == path) || path == "crates/core/src/stage.rs";
    compare(map, &folders, exists).into_iter().map(|finding| (finding.line, finding.says)).collect()
}

#[test]
fn a_true_map_has_no_findings() {
    let map = "`crates/core/` is pure, see `crates/core/src/stage.rs`\n`bins/orchd` `xtask` `crates/*` `bins/{a,b}`";
    assert_eq!(says(map), []);
}

#[test]
fn every_crate_is_named() {
    let found = says("`crates/core` and bins/orchd without backticks, and ``\n`xtask`");
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("does not name `bins/orchd`"), "{found:?}");
}

#[test]
fn nothing_dead_is_named() {
    let found = says("`crates/core` `bins/orchd` `xtask`\n`crates/gone`\n`crates/core/src/old.rs` `bins/x`");
    let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 3], "{found:?}");
}
