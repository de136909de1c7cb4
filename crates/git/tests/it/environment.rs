//! git is started from nothing: no user configuration, no terminal, bounded output, a deadline that ends it all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use orchd_git::{Git, GitConfig, GitError};

use crate::fixture::{World, empty, script};

/// A program that stands where git should be.
fn impostor(dir: &Path, body: &str) -> PathBuf {
    let path = dir.join("impostor");
    script(&path, body);
    path
}

#[tokio::test]
async fn version_is_told_and_a_missing_program_is_named() {
    let (_temp, dir, git) = empty();
    assert!(git.version().await.unwrap().starts_with("git version"));
    let mut config = GitConfig::new(dir.join("home"));
    config.program = PathBuf::from("/nonexistent/git");
    let error = Git::new(config).unwrap().version().await.unwrap_err();
    assert!(matches!(error, GitError::Spawn { .. }), "{error}");
}

#[tokio::test]
async fn the_environment_is_made_from_nothing() {
    let (_temp, dir, _) = empty();
    let mut config = GitConfig::new(dir.join("home"));
    config.program = impostor(&dir, "env; cat");
    let seen = Git::new(config).unwrap().version().await.unwrap();
    for wanted in ["GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "GIT_COMMITTER_NAME=orchd"] {
        assert!(seen.contains(wanted), "{wanted} in {seen}");
    }
    assert!(!seen.contains("CARGO"), "inherited: {seen}");
    let mut config = GitConfig::new(dir.join("home"));
    config.extra_env.push(("GIT_DIR".into(), "/x".into()));
    assert!(Git::new(config).is_err());
}

#[tokio::test]
async fn a_git_that_says_much_on_stderr_is_heard_and_cut() {
    let (_temp, dir, _) = empty();
    let mut config = GitConfig::new(dir.join("home"));
    config.program = impostor(&dir, "yes warning | head -c 3000000 >&2; echo git version 9");
    assert_eq!(Git::new(config.clone()).unwrap().version().await.unwrap(), "git version 9");
    config.program = impostor(&dir, "yes warning | head -c 3000000 >&2; exit 3");
    let error = Git::new(config).unwrap().version().await.unwrap_err();
    let GitError::Failed { code: Some(3), stderr, .. } = error else { panic!("{error}") };
    assert!(stderr.len() <= 16 * 1024);
}

#[tokio::test]
async fn the_deadline_ends_the_whole_group() {
    let (_temp, dir, _) = empty();
    let pid_file = dir.join("pid");
    let mut config = GitConfig::new(dir.join("home"));
    config.program = impostor(&dir, &format!("cd '{}'; sleep 60 & echo $! > pid; wait", dir.display()));
    config.deadline = Duration::from_secs(2);
    let error = Git::new(config).unwrap().version().await.unwrap_err();
    assert!(matches!(error, GitError::Deadline { .. }), "{error}");
    assert!(gone(&pid_file).await, "the child of git outlived its deadline");
}

#[tokio::test]
async fn a_dropped_call_leaves_no_process() {
    let (_temp, dir, _) = empty();
    let pid_file = dir.join("pid");
    let mut config = GitConfig::new(dir.join("home"));
    config.program = impostor(&dir, &format!("cd '{}'; sleep 60 & echo $! > pid; wait", dir.display()));
    let git = Git::new(config).unwrap();
    // It does not end by itself; the timeout drops it, which is the point.
    let _ = tokio::time::timeout(Duration::from_secs(2), git.version()).await;
    assert!(gone(&pid_file).await, "the child of git outlived its caller");
}

async fn gone(pid_file: &Path) -> bool {
    let pid: String = std::fs::read_to_string(pid_file).unwrap().trim().to_owned();
    for _ in 0..50 {
        // A zombie has ended too: nobody may be there to reap it in a container.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

#[tokio::test]
async fn stale_locks_are_cleared_at_start() {
    let world = World::new().await;
    let lock = world.mirror.dir().join("refs/remotes/origin/main.lock");
    std::fs::write(&lock, "").unwrap();
    world.user.commit("a", "b", "second");
    world.forge.import_fast_forward(&world.user.dir, &orchd_core::id::Branch::new("main")).await.unwrap();
    world.mirror.clear_stale_locks().await.unwrap();
    assert!(!lock.exists());
    assert_eq!(world.mirror.fetch_main().await.unwrap().sha, world.user.head());
}
