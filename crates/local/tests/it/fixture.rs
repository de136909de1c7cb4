//! A person's repository and people's git.

use std::path::{Path, PathBuf};
use std::process::Command;

use orchd_core::id::Sha;
use orchd_git::{Git, GitConfig};

pub(crate) struct Place {
    pub(crate) git: Git,
    pub(crate) user: PathBuf,
    temp: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let user = temp.path().join("user");
        std::fs::create_dir_all(&user).unwrap();
        let git = Git::new(GitConfig::new(temp.path().join("home"))).unwrap();
        Self { git, user, temp }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Makes the person's repository with one commit on `branch`.
    pub(crate) fn with_branch(self, branch: &str) -> Self {
        run(&self.user, &["init", "-q", "-b", branch]);
        commit(&self.user, "README");
        self
    }
}

pub(crate) fn commit(at: &Path, file: &str) -> Sha {
    std::fs::write(at.join(file), "x\n").unwrap();
    run(at, &["add", "-A"]);
    run(at, &["commit", "-q", "-m", file]);
    Sha::parse(&run(at, &["rev-parse", "HEAD"])).unwrap()
}

pub(crate) fn run(at: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(at).args(args);
    command.envs([
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("HOME", "/nonexistent"),
    ]);
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Person").env(format!("GIT_{who}_EMAIL"), "p@example.org");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
