//! Durable writes, permissions, and what a run may put in our way.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn dir() -> (tempfile::TempDir, RunDir) {
    let temp = tempfile::tempdir().expect("temporary directory");
    let dir = RunDir::create(temp.path().join("a/run")).expect("created");
    (temp, dir)
}

#[test]
fn directory_and_files_are_for_their_owner_alone() {
    let (_temp, dir) = dir();
    dir.write(RunDir::SPEC, b"{}").expect("written");
    let mode = |path: &Path| fs::metadata(path).expect("exists").permissions().mode() & 0o777;
    assert_eq!(mode(dir.path()), 0o700);
    assert_eq!(mode(&dir.file(RunDir::SPEC)), 0o600);
    assert_eq!(mode(dir.path().parent().expect("has a parent")), 0o700);
}

#[test]
fn a_write_replaces_whole_and_leaves_no_temporary() {
    let (_temp, dir) = dir();
    fs::write(dir.file(".spec.json.tmp"), "torn").expect("left by a crash");
    dir.write(RunDir::SPEC, b"one").expect("written");
    dir.write(RunDir::SPEC, b"two").expect("written");
    assert_eq!(dir.read(RunDir::SPEC, 10).expect("read"), b"two");
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);
}

#[test]
fn links_pipes_and_giants_are_refused() {
    let (temp, dir) = dir();
    fs::write(temp.path().join("elsewhere"), "{}").expect("written");
    symlink(temp.path().join("elsewhere"), dir.file("link")).expect("linked");
    assert!(dir.read("link", 10).is_err());
    rustix::fs::mknodat(rustix::fs::CWD, dir.file("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("pipe");
    assert!(dir.read("pipe", 10).is_err());
    fs::write(dir.file("giant"), [0; 11]).expect("written");
    assert_eq!(dir.read("giant", 10).expect_err("too large").kind(), io::ErrorKind::FileTooLarge);
}

#[test]
fn the_first_reason_to_stop_stands_and_only_one_shim_has_the_lock() {
    let (_temp, dir) = dir();
    assert_eq!(dir.stop_requested(), None);
    dir.request_stop("cancelled").expect("written");
    dir.request_stop("again").expect("kept");
    assert_eq!(dir.stop_requested().as_deref(), Some("cancelled"));
    let held = dir.lock().expect("free");
    assert!(dir.lock().is_err());
    drop(held);
    assert!(dir.lock().is_ok());
}
