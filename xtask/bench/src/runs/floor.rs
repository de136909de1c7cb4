//! The floors of the hand-over between two runs, by hand: four durable writes and two process starts; and the git
//! commands that a run with a changed file cannot do without. Nothing of orchd's own code runs here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rusqlite::Connection;

use super::site::{Programs, make_project};
use crate::agent::{CHANGED, now};
use crate::floor::open;

/// Durable writes between two runs: the end of a run, the decision, the claim, the shim's record of its run.
const WRITES: usize = 4;
/// A task's row is about this long.
const ROW: usize = 4096;

/// The floor of every hand-over.
pub(super) struct Bare<'p> {
    programs: &'p Programs,
    store: Connection,
    row: String,
}

impl<'p> Bare<'p> {
    pub(super) fn make(programs: &'p Programs, dir: &Path) -> Result<Self> {
        let store = open(&dir.join("floor.db"))?;
        store.execute_batch(
            "CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT) STRICT;
             CREATE TABLE log (id INTEGER PRIMARY KEY, body TEXT) STRICT;
             INSERT INTO rows VALUES (1, '');",
        )?;
        Ok(Self { programs, store, row: "x".repeat(ROW) })
    }

    /// Four durable writes and two processes, one after the other; nanoseconds.
    pub(super) fn sample(&self) -> Result<u64> {
        let mut change = self.store.prepare("UPDATE rows SET body = ?1 WHERE id = 1")?;
        let mut tell = self.store.prepare("INSERT INTO log (body) VALUES (?1)")?;
        let begun = now();
        for _ in 0..WRITES {
            self.store.execute_batch("BEGIN IMMEDIATE")?;
            change.execute([&self.row])?;
            tell.execute([&self.row[..512]])?;
            self.store.execute_batch("COMMIT")?;
        }
        // With a word too many a shim ends as soon as it has begun; without words an agent does.
        spawn(&self.programs.orchd, &["shim", "none"])?;
        spawn(&self.programs.own, &["agent"])?;
        Ok(now() - begun)
    }
}

fn spawn(program: &Path, words: &[&str]) -> Result<()> {
    let mut command = Command::new(program);
    command.args(words).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().with_context(|| format!("cannot start {}", program.display()))?;
    Ok(())
}

/// What every bare git call of the floor may read as its configuration: the same settings for hooks and upkeep as orchd's.
const SETTINGS: &str = "[safe]\n\tdirectory = *\n[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n\
     [gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[commit]\n\tgpgSign = false\n\
     [user]\n\tname = bench\n\temail = bench@localhost\n[init]\n\tdefaultBranch = main\n";
/// Refs and objects reach the disk before git says yes: orchd's mirrors and forges have it so.
const DURABLE: [&str; 2] = ["-c", "core.fsync=committed,reference"];
/// The same in the agent's clone, as the shim has it.
const DURABLE_CLONE: [&str; 4] = ["-c", "core.fsync=all", "-c", "core.fsyncMethod=batch"];
const BRANCH: &str = "task/one";

/// The git commands that cannot be left out after a run that changed a file, in repositories of the same shape.
pub(super) struct BareGit {
    dir: PathBuf,
    rounds: u64,
}

impl BareGit {
    pub(super) fn make(dir: &Path) -> Result<Self> {
        let git = Self { dir: dir.join("bare"), rounds: 0 };
        fs::create_dir_all(&git.dir)?;
        fs::write(git.dir.join("gitconfig"), SETTINGS)?;
        make_project(&git.dir.join("user"))?;
        for (from, to) in [("user", "forge"), ("forge", "mirror")] {
            git.run(".", &["clone", "--quiet", "--bare", from, to])?;
        }
        git.run("mirror", &["branch", BRANCH, "main"])?;
        git.run("mirror", &["push", "--quiet", "origin", BRANCH])?;
        git.next_clone()?;
        Ok(git)
    }

    /// All of them in sequence; nanoseconds.
    pub(super) fn sample(&mut self) -> Result<u64> {
        self.rounds += 1;
        fs::write(self.dir.join("clone").join(CHANGED), format!("changed in round {}\n", self.rounds))?;
        let begun = now();
        // What the run left is found and becomes a commit (spec 5.2.4): no commit, nothing to judge or land.
        self.run_with("clone", &DURABLE_CLONE, &["add", "--all"])?;
        self.run_with("clone", &DURABLE_CLONE, &["commit", "--quiet", "-m", "work of the developer"])?;
        // The mirror goes on from there, every object checked: orchd trusts nothing that an agent could write.
        let refspec = format!("+refs/heads/{BRANCH}:refs/orchd/run/{}", self.rounds);
        self.run_with(
            "mirror",
            &DURABLE,
            &[
                "-c",
                "fetch.fsckObjects=true",
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "../clone",
                &refspec,
            ],
        )?;
        // The subject `patch` that the gates of review are bound to (spec 1.2) is read out of a diff.
        self.run(
            "mirror",
            &[
                "diff",
                "--full-index",
                "--binary",
                "--no-renames",
                &format!("main...refs/orchd/run/{}", self.rounds),
            ],
        )?;
        // The branch is put where the run left it, and pushed (spec 5.2.4).
        let name = format!("refs/heads/{BRANCH}");
        self.run_with(
            "mirror",
            &DURABLE,
            &["update-ref", &name, &format!("refs/orchd/run/{}", self.rounds)],
        )?;
        self.run_with("mirror", &DURABLE, &["push", "--quiet", "--force", "origin", &name])?;
        // The next run starts in a fresh clone: in the last one's configuration an agent may have written anything.
        self.next_clone()?;
        Ok(now() - begun)
    }

    fn next_clone(&self) -> Result<()> {
        let clone = self.dir.join("clone");
        if clone.exists() {
            fs::remove_dir_all(&clone)?;
        }
        self.run(".", &["clone", "--quiet", "--shared", "--branch", BRANCH, "mirror", "clone"])
    }

    fn run(&self, at: &str, words: &[&str]) -> Result<()> {
        self.run_with(at, &[], words)
    }

    fn run_with(&self, at: &str, settings: &[&str], words: &[&str]) -> Result<()> {
        let mut command = Command::new("git");
        command.current_dir(self.dir.join(at)).args(settings).args(words).env_clear();
        command.env("PATH", super::search_path()).env("HOME", &self.dir).env("LC_ALL", "C");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", self.dir.join("gitconfig"));
        let output = command.stdin(Stdio::null()).output().context("cannot start git")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`git {}` in {at} failed: {said}", words.join(" "));
        Ok(())
    }
}
