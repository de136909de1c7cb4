//! The recordings: found by folder and name, read through a run's directory as any run is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use orchd_core::time::Timestamp;
use orchd_launcher::dialect::{Dialect, Reading};
use orchd_launcher::ended::Ended;
use orchd_launcher::result::{LeftoverOutcome, Output, SubmissionState};
use orchd_launcher::{RunDir, RunResult, SandboxUse};
use serde_json::Value;

use crate::new_run;

/// One run of a real program.
pub(super) struct Recording {
    pub(super) dialect: Dialect,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
    pub(super) ended: Ended,
}

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/agents")
}

/// All of them, as `program/name`.
pub(super) fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for program in fs::read_dir(folder()).expect("the recordings are there") {
        let program = program.expect("a folder").path();
        for file in fs::read_dir(&program).expect("a folder") {
            let name = file.expect("a file").path().with_extension("");
            let name = name.strip_prefix(folder()).expect("below the folder");
            names.insert(name.to_str().expect("UTF-8").to_owned());
        }
    }
    names
}

pub(super) fn dialect_of(program: &str) -> Dialect {
    match program {
        "claude" => Dialect::ClaudeStreamJson,
        "codex" => Dialect::CodexJsonl,
        "gemini" => Dialect::GeminiStreamJson,
        "opencode" => Dialect::OpencodeJson,
        other => panic!("recordings of {other}, which nothing here reads"),
    }
}

impl Recording {
    pub(super) fn load(name: &str) -> Self {
        let path = folder().join(name);
        let about = fs::read(path.with_extension("json")).expect("what the run was");
        let about: Value = serde_json::from_slice(&about).expect("JSON");
        let code = i32::try_from(about["exit_code"].as_i64().expect("an exit code")).expect("small");
        let said = about["stderr"].as_array().expect("a list").iter();
        let (program, _) = name.split_once('/').expect("program/name");
        Self {
            dialect: dialect_of(program),
            stdout: fs::read(path.with_extension("stdout")).expect("what it printed"),
            stderr: said.map(|line| line[1].as_str().expect("text")).collect(),
            ended: if code < 0 { Ended::Signalled { signal: -code } } else { Ended::Exited { code } },
        }
    }

    /// As the run it was.
    pub(super) fn read(&self) -> Reading {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let dir = RunDir::create(temp.path().join("run")).expect("a run directory");
        fs::write(dir.file(RunDir::STDOUT), &self.stdout).expect("written");
        fs::write(dir.file(RunDir::STDERR), &self.stderr).expect("written");
        let result = RunResult {
            run: new_run(),
            ended: self.ended.clone(),
            started_at: Timestamp(0),
            ended_at: Timestamp(1),
            stdout: Output::of(&dir, RunDir::STDOUT).expect("digested"),
            stderr: Output::of(&dir, RunDir::STDERR).expect("digested"),
            submission: SubmissionState::None,
            leftovers: LeftoverOutcome::NotAsked,
            containment: None,
            sandbox: SandboxUse::Off,
        };
        self.dialect.read(&dir, &result.ended, Some("asked-for"), []).expect("read")
    }
}
