//! Rebuilds this crate when a migration changes: they are embedded by a macro that Cargo cannot see into.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/sqlite");
}
