//! Where runs are measured: two projects of 200 files, the shipped server on a data directory of its own, and its
//! tasks, started and stopped as people do. Everything that was started ends with it. No figure is made here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use orchd_core::policy::{Agent, Approval, Policy, TestingBy};
use orchd_core::stage::Role;
use orchd_core::time::Span;
use rustix::process::{Pid, Signal, kill_process};

use super::shims;
use crate::agent::{CHANGED, PAUSE, STAMPS, STOP};

/// Files of a measured repository.
pub(super) const FILES: usize = 200;
/// Jobs at once: none of the measured runs waits for a slot.
const WORKERS: &str = "64";
/// How long anything may take that is only waited for.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);

/// The programs that are measured.
pub(crate) struct Programs {
    /// The server; its shims are the same program.
    pub(crate) orchd: PathBuf,
    /// What people talk to it with.
    pub(crate) orchctl: PathBuf,
    /// The agent: this program.
    pub(crate) own: PathBuf,
}

/// One turn of an agent.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) key: String,
    pub(super) role: String,
    pub(super) begun: u64,
    pub(super) ended: u64,
}

/// A running server.
pub(super) struct Site<'p> {
    programs: &'p Programs,
    dir: PathBuf,
    data: PathBuf,
    server: Child,
}

impl<'p> Site<'p> {
    pub(super) fn open(programs: &'p Programs, dir: &Path) -> Result<Self> {
        let data = dir.join("data");
        fs::create_dir_all(&data)?;
        let mut projects = Vec::new();
        for (name, how) in [("cycle", ["turn", "turn"]), ("idle", ["silent", "printing"])] {
            let repo = dir.join(name);
            make_project(&repo)?;
            for (n, how) in how.into_iter().enumerate().take(if name == "idle" { 2 } else { 1 }) {
                let name = format!("{name}{n}");
                projects.push(project(&name, how, &repo, programs, dir));
            }
        }
        fs::write(data.join("projects.json"), serde_json::to_vec_pretty(&projects)?)?;
        fs::write(dir.join(PAUSE), "")?;
        let log = fs::File::create(dir.join("orchd.log"))?;
        let server = Command::new(&programs.orchd)
            .arg("--data")
            .arg(&data)
            .args(["--workers", WORKERS, "--disk-floor", "64", "--memory-floor", "64"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", programs.orchd.display()))?;
        let site = Self { programs, dir: dir.to_owned(), data, server };
        // Its own word: a command that finds nobody opens the data directory itself.
        site.until("the server to be ready", || {
            Ok(fs::read_to_string(site.dir.join("orchd.log"))?.contains("ready"))
        })?;
        Ok(site)
    }

    /// The server's process.
    pub(super) fn server(&self) -> u32 {
        self.server.id()
    }

    /// Where its data are.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Starts a task of a project; answers its key.
    pub(super) fn start(&self, project: &str, title: &str) -> Result<String> {
        let said = self.ask(&["--json", "task", "new", "--project", project, "--track", "express", title])?;
        let task: serde_json::Value = serde_json::from_str(&said)?;
        let key = task.get("key").and_then(serde_json::Value::as_str);
        Ok(key.with_context(|| format!("a task without a key: {said}"))?.to_owned())
    }

    /// Lets the agents that take turns work until the task has taken so many, and then lets the last one wait.
    pub(super) fn turns(&self, key: &str, count: usize) -> Result<Vec<Turn>> {
        let before = self.stamps(key)?.len();
        fs::remove_file(self.dir.join(PAUSE))?;
        let waited =
            self.until(&format!("{count} turns of {key}"), || Ok(self.stamps(key)?.len() >= before + count));
        fs::write(self.dir.join(PAUSE), "")?;
        waited.with_context(|| self.ask(&["why", key]).unwrap_or_default())?;
        // The next agent may be about to start: it waits once it has.
        pause(Duration::from_millis(300));
        Ok(self.stamps(key)?.split_off(before))
    }

    fn stamps(&self, key: &str) -> Result<Vec<Turn>> {
        let path = self.dir.join(STAMPS);
        let text = if path.exists() { fs::read_to_string(path)? } else { String::new() };
        let turn = |line: &str| {
            let mut words = line.split(' ');
            let (key, role) = (words.next()?.to_owned(), words.next()?.to_owned());
            Some(Turn { key, role, begun: words.next()?.parse().ok()?, ended: words.next()?.parse().ok()? })
        };
        Ok(text.lines().filter_map(turn).filter(|turn| turn.key == key).collect())
    }

    /// Waits until so many runs are alive.
    pub(super) fn alive(&self, count: usize) -> Result<()> {
        self.until(&format!("{count} runs to be alive"), || Ok(shims::of(&self.data)?.len() == count))
    }

    fn until(&self, what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
        let mut waited = Duration::ZERO;
        while !done()? {
            if waited >= PATIENCE {
                let log = fs::read_to_string(self.dir.join("orchd.log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(12).collect();
                bail!("waited in vain for {what}; the server said last (newest first):\n{}", tail.join("\n"));
            }
            pause(LOOK);
            waited += LOOK;
        }
        Ok(())
    }

    fn ask(&self, words: &[&str]) -> Result<String> {
        let output =
            Command::new(&self.programs.orchctl).arg("--data").arg(&self.data).args(words).output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "`orchctl {}` failed: {said}{failed}", words.join(" "));
        Ok(said)
    }
}

impl Drop for Site<'_> {
    fn drop(&mut self) {
        // The server first, so that it starts nothing more; its runs go on until they are told.
        // It may be gone already; then there is nothing to tell or to wait for.
        let _ = kill_process(Pid::from_child(&self.server), Signal::TERM);
        // As above.
        let _ = self.server.wait();
        // Where it cannot be written, the wait below says which runs are left.
        let _ = fs::write(self.dir.join(STOP), "");
        let gone = || Ok(shims::of(&self.data)?.is_empty());
        if let Err(error) = self.until("the runs to end", gone) {
            eprintln!("{error:#}");
        }
    }
}

/// A project whose agents are this program.
fn project(name: &str, how: &str, repo: &Path, programs: &Programs, dir: &Path) -> serde_json::Value {
    let mut policy = Policy::new(name, name, &name.to_uppercase());
    policy.serial = false;
    policy.approval = Approval::Auto;
    policy.testing_by = TestingBy::Agent;
    // The tester sends the work back for as long as it is measured.
    policy.budgets.rework = u32::MAX / 2;
    for role in Role::ALL {
        let words = [programs.own.display().to_string(), "agent".to_owned(), how.to_owned()];
        let command = words.into_iter().chain([dir.display().to_string()]).collect();
        policy.agents.insert(role, Agent::new("script", command, Span::mins(60)));
    }
    serde_json::json!({"policy": policy, "user_repo": repo})
}

/// A repository of [`FILES`] files with one commit.
pub(super) fn make_project(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir.join("src"))?;
    for n in 0..FILES {
        fs::write(dir.join(format!("src/part_{n:04}.txt")), format!("part {n}\n").repeat(100))?;
    }
    ensure!(dir.join(CHANGED).exists(), "{CHANGED} is none of the files");
    for words in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "."],
        &["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", "first"],
    ] {
        let status = Command::new("git").current_dir(dir).args(words).status().context("cannot start git")?;
        ensure!(status.success(), "`git {}` failed ({status})", words.join(" "));
    }
    Ok(())
}

pub(super) fn pause(span: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "other programs are watched, and tell of nothing by themselves"
    )]
    std::thread::sleep(span);
}
