//! Whose directory it is, and that two never work in one.

use super::*;

#[test]
fn a_fresh_directory_is_made_and_taken_up_again() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("new/demo");
    let first = Place::prepare(Some(dir.clone())).unwrap();
    assert!(first.project.join("tally").is_file());
    let busy = Place::prepare(Some(dir.clone())).unwrap_err();
    assert!(matches!(busy, DemoError::Busy { .. }), "{busy}");
    let base = first.base.clone();
    drop(first);
    assert_eq!(Place::prepare(Some(dir)).unwrap().base, base);
}

#[test]
fn a_directory_of_somebody_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "years").unwrap();
    let error = Place::prepare(Some(dir.path().to_owned())).unwrap_err();
    assert!(matches!(error, DemoError::Foreign { .. }), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_path_too_long_for_a_socket_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let error = Place::prepare(Some(dir.path().join("x".repeat(120)))).unwrap_err();
    assert!(matches!(error, DemoError::LongPath { .. }), "{error}");
}
