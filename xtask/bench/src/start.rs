//! From exec to ready, and what an idle engine keeps in memory: the shipped program itself, started on a
//! prepared data directory and ended by SIGTERM.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::moment::{Moment, median};

/// How long an engine idles before its memory is read.
const IDLE: Duration = Duration::from_secs(2);

/// What was measured of the program.
pub(crate) struct Start {
    /// The start that made the data directory, in milliseconds.
    pub(crate) first: f64,
    /// The later ones.
    pub(crate) ready: Vec<f64>,
    /// VmRSS of an idle engine in MB (10^6 bytes).
    pub(crate) memory: f64,
}

impl Start {
    pub(crate) fn ready(&self) -> f64 {
        median(self.ready.clone())
    }
}

/// Starts the program again and again.
pub(crate) fn measure(orchctl: &Path, dir: &Path, starts: usize) -> Result<Start> {
    ensure!(
        orchctl.is_file(),
        "{} is not there; build it with `cargo build --release --bin orchctl`, or name it with --orchctl",
        orchctl.display()
    );
    let (project, data) = (dir.join("project"), dir.join("data"));
    make_project(&project)?;
    let mut ready = Vec::new();
    let mut memory: f64 = 0.0;
    for start in 0..=starts {
        let running = Running::start(orchctl, &data, &project)?;
        ready.push(running.took);
        if start == starts {
            pause(IDLE);
            memory = memory.max(running.memory()?);
        }
        running.end()?;
    }
    Ok(Start { first: ready.remove(0), ready, memory })
}

fn make_project(project: &Path) -> Result<()> {
    fs::create_dir_all(project.join("tests"))?;
    fs::write(project.join("README.md"), "# A project to be served\n")?;
    fs::write(project.join("tests/run.sh"), "exit 0\n")?;
    git(project, &["init", "--quiet", "--initial-branch=main"])?;
    git(project, &["add", "."])?;
    git(
        project,
        &["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", "first"],
    )
}

fn git(dir: &Path, args: &[&str]) -> Result<()> {
    let status = Command::new("git").current_dir(dir).args(args).status().context("cannot start git")?;
    ensure!(status.success(), "`git {}` failed ({status})", args.join(" "));
    Ok(())
}

/// An engine that said that it is ready.
struct Running {
    child: Child,
    // Kept open: the program may say more.
    _said: BufReader<ChildStdout>,
    took: f64,
}

impl Running {
    fn start(orchctl: &Path, data: &Path, project: &Path) -> Result<Self> {
        let log = fs::File::create(data.with_extension("log"))?;
        let mut command = Command::new(orchctl);
        command.arg("engine").arg("--data").arg(data).arg("--demo").arg(project);
        let start = Moment::now();
        let mut child = command
            // Held open: a demo's engine stops when nobody is at the other end any more.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", orchctl.display()))?;
        let Some(out) = child.stdout.take() else { bail!("the program has no output") };
        let mut said = BufReader::new(out);
        let mut line = String::new();
        said.read_line(&mut line)?;
        let took = (Moment::now() - start).wall.as_secs_f64() * 1e3;
        if line.trim_end() != "ready" {
            child.kill()?;
            child.wait()?;
            let why = fs::read_to_string(data.with_extension("log")).unwrap_or_default();
            bail!("the engine said {line:?} instead of ready:\n{why}");
        }
        Ok(Self { child, _said: said, took })
    }

    fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("the engine ended while it was idle")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024.0 / 1e6)
    }

    fn end(mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the engine did not end well after SIGTERM ({status})");
        Ok(())
    }
}

fn pause(span: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "what is measured is a program that is left alone for a while"
    )]
    std::thread::sleep(span);
}
