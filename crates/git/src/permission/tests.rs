//! The diagnosis names owner, path and remedy, for root and for an ordinary user.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn inc_36_a_foreign_or_closed_file_is_named_with_the_command_that_mends_it() {
    let dir = tempfile::tempdir().unwrap();
    let closed = dir.path().join("a dir/clo'sed");
    fs::create_dir_all(&closed).unwrap();
    let root = rustix::process::geteuid().is_root();
    if root {
        std::os::unix::fs::chown(&closed, Some(54321), None).unwrap();
    } else {
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    }
    let error = explain("remove", dir.path(), io::ErrorKind::PermissionDenied.into());
    let GitError::Permission { path, owner, remedy, .. } = &error else { panic!("{error}") };
    assert_eq!(path, &closed);
    if root {
        assert_eq!(owner, "uid 54321");
        assert!(remedy.starts_with("sudo chown -R 0 "), "{remedy}");
    } else {
        assert!(remedy.contains(r"clo'\''sed"), "{remedy}");
    }
}

#[test]
fn another_failure_stays_what_it_is() {
    let error = explain("read", Path::new("/nowhere"), io::ErrorKind::NotFound.into());
    assert!(matches!(error, GitError::Io { .. }));
}
