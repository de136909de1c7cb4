//! The corpus: small files in `fuzz/corpus/<target>/`, and the findings in `fuzz/found/`, which git ignores.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use orchd_core::id::Digest;

/// This crate's folder in the checkout.
fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The inputs of a target with their paths, by name.
pub fn load(target: &str) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(here().join("corpus").join(target))? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths.into_iter().map(|path| fs::read(&path).map(|bytes| (path, bytes))).collect()
}

/// Keeps an input that broke a demand; gives its path.
pub fn keep(target: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let folder = here().join("found").join(target);
    fs::create_dir_all(&folder)?;
    let digest = Digest::of(bytes);
    let digest = digest.as_str();
    let path = folder.join(digest.get(..16).unwrap_or(digest));
    fs::write(&path, bytes)?;
    Ok(path)
}
