//! The workspace's test programs, built with the mutants in them: found, asked for their tests, and run one test at a
//! time. Started directly, so that the runner cannot come between a test and its exit status.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{cargo, shell};

/// The environment variable that core's `mutant` module reads.
pub(super) const CHOOSES: &str = "ORCHD_MUTANT";

/// A mutant may well wait for ever; a test that guards it should not need that long to notice.
const AT_MOST: Duration = Duration::from_secs(180);

/// What libtest exits with when a test has failed.
const TESTS_FAILED: i32 = 101;

pub(super) struct Program {
    pub(super) package: String,
    /// The names of its tests, with their modules.
    pub(super) tests: Vec<String>,
    exe: PathBuf,
    manifest: PathBuf,
}

/// How a test ended.
pub(super) enum Ran {
    Green,
    /// A failed assertion, with its words.
    Red(String),
    /// Neither: not run, killed, or hung. Proves nothing.
    Odd(String),
}

impl fmt::Display for Ran {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Green => out.write_str("green"),
            Self::Red(why) => write!(out, "red ({why})"),
            Self::Odd(what) => write!(out, "NEITHER ({what})"),
        }
    }
}

/// Builds all test programs once, with every member's feature `mutants`. No target is selected: only then does cargo
/// also build the examples, as programs that tests start.
pub(super) fn build(root: &Path) -> Result<Vec<Program>> {
    let program = |message: Message, members: &[cargo::Package]| {
        let Message { manifest_path: manifest, executable, .. } = message;
        let Some(exe) = executable else { return Ok(None) };
        let package = members.iter().find(|member| member.manifest_path == manifest);
        let package = package.map_or_else(|| exe.display().to_string(), |member| member.name.clone());
        let mut program = Program { package, tests: Vec::new(), exe, manifest };
        program.tests = program.list(root)?;
        Ok(Some(program))
    };
    let members = cargo::members(root)?;
    let tests = artifacts(root, &members)?.into_iter().filter(|message| message.profile.test);
    let programs = tests.map(|message| program(message, &members)).collect::<Result<Vec<_>>>()?;
    Ok(programs.into_iter().flatten().collect())
}

/// The simulation of the same build.
pub(super) fn simulation(root: &Path) -> Result<PathBuf> {
    let built = artifacts(root, &cargo::members(root)?)?;
    let sim = built.into_iter().find(|message| {
        !message.profile.test
            && message.target.name == "sim"
            && message.target.kind.iter().any(|kind| kind == "bin")
    });
    sim.and_then(|message| message.executable).context("the build made no program called sim")
}

fn artifacts(root: &Path, members: &[cargo::Package]) -> Result<Vec<Message>> {
    let with = members.iter().filter(|member| member.features.contains_key("mutants"));
    let features: Vec<String> = with.map(|member| format!("{}/mutants", member.name)).collect();
    if features.is_empty() {
        bail!("no crate has the feature `mutants`");
    }
    let args = ["test", "--workspace", "--no-run", "--message-format", "json-render-diagnostics"];
    let mut command = shell::cargo(root, args);
    command.args(["--features", &features.join(",")]).stderr(Stdio::inherit());
    eprintln!("building the tests with {}", features.join(", "));
    let built = shell::output(&mut command)?;
    Ok(built.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok()).collect())
}

/// A compiler artifact of cargo's messages; other messages lack these fields.
#[derive(Deserialize)]
struct Message {
    manifest_path: PathBuf,
    executable: Option<PathBuf>,
    profile: Profile,
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

impl Program {
    /// As cargo would start it.
    fn command(&self, root: &Path) -> Command {
        let folder = self.manifest.parent().unwrap_or(root);
        let mut command = Command::new(&self.exe);
        command.current_dir(folder).stdin(Stdio::null()).env_remove(CHOOSES);
        command.env("CARGO_MANIFEST_DIR", folder).env("CARGO_PKG_NAME", &self.package);
        command
    }

    fn list(&self, root: &Path) -> Result<Vec<String>> {
        let listed = shell::output(self.command(root).args(["--list", "--format", "terse"]))?;
        Ok(listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
    }

    /// Runs one test, with this mutant or none.
    pub(super) fn run(&self, root: &Path, test: &str, mutant: Option<&str>) -> Result<Ran> {
        let mut command = self.command(root);
        command.args(["--exact", test, "--nocapture"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(mutant) = mutant {
            command.env(CHOOSES, mutant);
        }
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.exe.display()))?;
        let said = [child.stdout.take().map(collect), child.stderr.take().map(collect)];
        let mut text = String::new();
        for stream in said.into_iter().flatten() {
            match stream.recv_timeout(AT_MOST) {
                Ok(part) => text.push_str(&part),
                Err(_) => {
                    child.kill().with_context(|| format!("cannot end the hung test {test}"))?;
                    child.wait().with_context(|| format!("cannot wait for the hung test {test}"))?;
                    return Ok(Ran::Odd(format!("still running after {} s", AT_MOST.as_secs())));
                }
            }
        }
        let status = child.wait().with_context(|| format!("cannot wait for {test}"))?;
        Ok(judge(status.code(), &text))
    }
}

/// Reads a stream to its end beside us.
fn collect(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // Nobody listens any more once the test was given up.
        let _ = sender.send(read.map_or_else(|error| error.to_string(), |_| text));
    });
    receiver
}

/// From the exit code (none: killed by a signal) and what the test program wrote.
pub(super) fn judge(code: Option<i32>, text: &str) -> Ran {
    match code {
        Some(0) if text.contains("test result: ok. 1 passed;") => Ran::Green,
        Some(0) => Ran::Odd("it did not run; is it ignored?".to_owned()),
        Some(TESTS_FAILED) if text.contains("test result: FAILED. 0 passed; 1 failed;") => {
            Ran::Red(words(text))
        }
        Some(code) => Ran::Odd(format!("the test program exited with {code}")),
        None => Ran::Odd("the test program was killed".to_owned()),
    }
}

/// The first words of the panic: the line below `panicked at`.
fn words(text: &str) -> String {
    const WIDTH: usize = 90;
    let mut lines = text.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    let said = lines.find(|line| !line.trim().is_empty()).unwrap_or("without words").trim();
    match said.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said.to_owned(),
    }
}
