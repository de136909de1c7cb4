//! The project that is worked on: the demonstration's, whose scripted agent knows it, as a git repository of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The requests: title, track, and the one answer that the scripted agent takes for its question.
pub(crate) const REQUESTS: [(&str, &str, &str); 2] = [
    (
        "Count capital letters as small ones (tally -i)",
        "full",
        "No: ASCII letters alone, as words are cut by ASCII already.",
    ),
    ("List only the most frequent words (tally -n N)", "express", ""),
];

const FILES: [(&str, &str); 5] = [
    ("README.md", include_str!("../../../bins/orchctl/src/demo/project/README.md")),
    ("tally", include_str!("../../../bins/orchctl/src/demo/project/tally")),
    ("tests/run.sh", include_str!("../../../bins/orchctl/src/demo/project/tests/run.sh")),
    ("tests/count.test", include_str!("../../../bins/orchctl/src/demo/project/tests/count.test")),
    ("tests/options.test", include_str!("../../../bins/orchctl/src/demo/project/tests/options.test")),
];

/// Makes the repository.
pub(crate) fn make(dir: &Path) -> Result<()> {
    for (name, text) in FILES {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap_or(dir))?;
        fs::write(&path, text)?;
        let mode = if name == "tally" || name.ends_with(".sh") { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    git(dir, &["init", "-q", "--initial-branch=main", "."])?;
    git(dir, &["add", "--all"])?;
    git(dir, &["commit", "-q", "-m", "tally: count words"])?;
    Ok(())
}

/// What git says; nothing of a user's configuration is read.
pub(crate) fn git(dir: &Path, args: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    command.current_dir(dir).args(["-c", "safe.directory=*"]).args(args);
    for (name, value) in [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_AUTHOR_NAME", "owner"),
        ("GIT_AUTHOR_EMAIL", "owner@example.invalid"),
        ("GIT_COMMITTER_NAME", "owner"),
        ("GIT_COMMITTER_EMAIL", "owner@example.invalid"),
    ] {
        command.env(name, value);
    }
    let output = command.stdin(Stdio::null()).output().context("git can not be started")?;
    if !output.status.success() {
        bail!("git {} failed: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
