//! The demonstration's agent: a process of its own that speaks the contract of the profile `script`, as any program
//! could. It knows its task from its prompt and its clone alone, keeps nothing between runs, and has no model in it:
//! what it writes is `story.rs`, and the usage it reports is made up and says so.

mod must_fix;
mod roles;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use orchd_core::stage::Role;
use serde_json::{Value, json};

use super::git::{Git, GitFailed, Who};
use super::story::{Story, told_in};
use crate::env::{search_path, variable};

/// Nobody would see a stage that lasts a few milliseconds.
const LOOK: Duration = Duration::from_millis(250);

/// Why a run ends with a failure.
#[derive(Debug, thiserror::Error)]
enum AgentError {
    #[error("{name} is not set; this program is started by orchd as an agent of the profile `script`")]
    Contract { name: &'static str },
    #[error("{role:?} is no role")]
    Role { role: String },
    #[error("the prompt names no task of the demonstration; this agent can do no other")]
    UnknownTask,
    #[error("could not {doing} {path}: {source}")]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Git(#[from] GitFailed),
    #[error("the tests fail after the mend:\n{output}")]
    StillRed { output: String },
    #[error("the findings are mended already and this agent knows nothing else to do about: {findings}")]
    NothingLeft { findings: String },
    #[error("`submit` refused what was to be submitted: {said}")]
    Refused { said: String },
}

/// One run, as the contract describes it.
struct Run {
    role: Role,
    key: String,
    dir: PathBuf,
    worktree: PathBuf,
    submit: PathBuf,
    story: &'static Story,
    /// The prompt has the answer to the story's question.
    answered: bool,
    /// What a former round found, as the prompt tells it.
    findings: Vec<String>,
}

/// The hidden subcommand. Returns the exit code: 0, or 1 with the reason on standard error.
pub(crate) fn agent_main() -> i32 {
    match Run::from_contract().and_then(|run| roles::play(&run)) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("demo agent: {error}");
            1
        }
    }
}

impl Run {
    fn from_contract() -> Result<Self, AgentError> {
        let given = |name| variable(name).ok_or(AgentError::Contract { name });
        let role = given("ORCHD_ROLE")?;
        let role = Role::from_name(&role).ok_or(AgentError::Role { role })?;
        let prompt = PathBuf::from(given("ORCHD_PROMPT")?);
        let text = fs::read_to_string(&prompt).map_err(|e| file("read", &prompt, e))?;
        let story = told_in(&text).ok_or(AgentError::UnknownTask)?;
        let run = Self {
            role,
            key: given("ORCHD_TASK_KEY")?,
            dir: given("ORCHD_RUN_DIR")?.into(),
            worktree: given("ORCHD_WORKTREE")?.into(),
            submit: given("ORCHD_SUBMIT")?.into(),
            story,
            answered: story.question.is_none_or(|(_, answer)| text.contains(answer)),
            findings: must_fix::read(&text),
        };
        run.say(&format!("reads its prompt: {} ({} bytes)", story.title, text.len()));
        for finding in &run.findings {
            run.say(&format!("has to mend: {finding}"));
        }
        Ok(run)
    }

    /// For whoever reads the run's log.
    fn say(&self, text: &str) {
        println!("{}: {text}", self.role);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "stands for the time a model thinks; nothing is waited for"
    )]
    fn think(&self) {
        std::thread::sleep(LOOK);
    }

    /// Where the task's documents are.
    fn docs(&self) -> PathBuf {
        Path::new("docs/work-items").join(&self.key)
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), AgentError> {
        let full = self.worktree.join(path);
        let parent = full.parent().unwrap_or(&self.worktree);
        fs::create_dir_all(parent).map_err(|e| file("make", parent, e))?;
        fs::write(&full, text).map_err(|e| file("write", &full, e))?;
        self.say(&format!("writes {}", path.display()));
        Ok(())
    }

    fn git(&self) -> Git {
        let who = Who { name: "Demo Agent", email: "agent@example.invalid", date: None };
        Git::at(&self.worktree, who)
    }

    /// A program of the project: exit code (none after a signal) and everything it said.
    fn sh(&self, args: &[&str], input: &str) -> Result<(Option<i32>, String), AgentError> {
        let failed = |e| file("run a program in", &self.worktree, e);
        let mut command = Command::new("/bin/sh");
        command.args(args).current_dir(&self.worktree).env_clear().env("PATH", search_path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that ends without reading is no failure of ours.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(failed)?;
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.code(), said))
    }

    /// The tests whose file name contains `which`.
    fn tests(&self, which: &str) -> Result<(bool, String), AgentError> {
        let (code, said) = self.sh(&["tests/run.sh", which], "")?;
        let last = said.lines().last().unwrap_or_default();
        self.say(&format!("runs sh tests/run.sh {which}: {last}"));
        Ok((code == Some(0), said))
    }

    /// Files the submission, and what this run is pretended to have used.
    fn submit(&self, submission: &Value) -> Result<(), AgentError> {
        let draft = self.dir.join("draft.json");
        fs::write(&draft, submission.to_string()).map_err(|e| file("write", &draft, e))?;
        let output = Command::new(&self.submit)
            .arg("submit")
            .arg(&draft)
            .output()
            .map_err(|e| file("run", &self.submit, e))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(AgentError::Refused { said });
        }
        self.say("submitted");
        self.report_usage()
    }

    /// Small numbers, so that accounting is seen to work. No model was asked.
    fn report_usage(&self) -> Result<(), AgentError> {
        let (input, output) = match self.role {
            Role::Analyst => (1800, 420),
            Role::Architect => (2400, 510),
            Role::Developer => (5200, 1300),
            Role::Reviewer | Role::Tester => (3100, 260),
        };
        // Micro-dollars: 3 for a token read, 15 for a token written.
        let cost = f64::from(input * 3 + output * 15) / 1e6;
        let usage = json!({"input_tokens": input, "output_tokens": output, "cost_usd": cost});
        let path = self.dir.join("usage.json");
        fs::write(&path, format!("{usage}\n")).map_err(|e| file("write", &path, e))?;
        self.say(&format!("reports scripted usage, as no model was asked: {usage}"));
        Ok(())
    }
}

fn file(doing: &'static str, path: &Path, source: std::io::Error) -> AgentError {
    AgentError::File { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
