//! Stand-ins for what is outside of the measurement: executors that answer at once, and surfaces that nobody
//! looks at. What they answer decides how the work goes on; nothing is measured here.

use async_trait::async_trait;
use orchd_core::account::Account;
use orchd_core::docs::DocFacts;
use orchd_core::id::{Branch, Digest, Key, ProjectId, RepoId, Sha};
use orchd_core::job::{AgentOutcome, AgentRun, BranchState, JobResult, MainReport, SuiteOutcome, Work};
use orchd_core::policy::Money;
use orchd_core::port::alert::{Alert, Alerts};
use orchd_core::port::executor::{About, Executor, RunContext};
use orchd_core::port::forge::Forge;
use orchd_core::port::tracker::{OutsideError, Tracker};
use orchd_core::stage::Role;
use orchd_core::task::Task;
use orchd_core::verdict::{Finding, Priority, Submission, Verdict};

use crate::workload::NOW;

/// Nobody looks at surfaces here; the projector is not measured.
pub(crate) struct NoSurfaces;

#[async_trait]
impl Tracker for NoSurfaces {
    async fn set_status(&self, _: &ProjectId, _: &Key, _: &str, _: &str) -> Result<(), OutsideError> {
        Ok(())
    }
}

#[async_trait]
impl Alerts for NoSurfaces {
    async fn tell(&self, _: &Alert) -> Result<(), OutsideError> {
        Ok(())
    }
}

#[async_trait]
impl Forge for NoSurfaces {
    async fn ensure_pull(
        &self,
        _: &RepoId,
        _: &Branch,
        _: &str,
        _: &str,
        _: bool,
    ) -> Result<(), OutsideError> {
        Ok(())
    }
    async fn write_records(&self, _: &Task, _: &[(String, String)]) -> Result<(), OutsideError> {
        Ok(())
    }
    async fn branch_head(&self, _: &RepoId, _: &Branch) -> Result<Option<Sha>, OutsideError> {
        Ok(None)
    }
}

/// Carries out a job by answering it.
pub(crate) struct AtOnce;

#[async_trait]
impl Executor for AtOnce {
    async fn run(&self, context: RunContext) -> JobResult {
        let run = context.run();
        let Ok(commit) = Sha::parse(Digest::of(run.0.as_bytes()).as_str()) else {
            return JobResult::infra("a digest is no commit name");
        };
        match (context.spec().work.clone(), context.about) {
            (Work::MainSuite { .. }, _) => {
                let green = SuiteOutcome::Green { tests: Some(23), warning: None };
                let suites = vec![(commit.clone(), green)];
                JobResult::Main(MainReport {
                    tree: commit.clone(),
                    sha: commit,
                    at: NOW,
                    diverged: None,
                    suites,
                })
            }
            (Work::Agent { role, entry, start, base, .. }, About::Task(task)) => {
                let before = task.branch_state.unwrap_or_else(|| BranchState {
                    base,
                    head: start,
                    patch: Digest::of(b"nothing"),
                    docs: Digest::of(b"no documents"),
                    ahead: false,
                });
                let patch = Digest::of(commit.as_str().as_bytes());
                let branch = if role.is_judge() {
                    before
                } else {
                    BranchState { head: commit, patch, ahead: true, ..before }
                };
                JobResult::Agent(Box::new(AgentRun {
                    run,
                    role,
                    entry,
                    outcome: AgentOutcome::Completed { submission: Box::new(submission(role, entry)) },
                    branch: Some(branch),
                    dropped: Vec::new(),
                    ignored_fields: Vec::new(),
                    docs: DocFacts::default(),
                    account: Account { cost: Money(120_000), tokens: (48_000, 2_000), ..Account::default() },
                    took_ms: 60_000,
                    salvage: None,
                }))
            }
            (work, _) => JobResult::infra(format!("{work:?} does not occur in the workload")),
        }
    }
}

/// The reviewer finds something new at each visit, so that the work goes on.
fn submission(role: Role, entry: u32) -> Submission {
    let summary =
        Some("Parsed the header once, kept the raw bytes, and added a test for the short read.".to_owned());
    if !role.is_judge() {
        return Submission { summary, ..Submission::default() };
    }
    let finding = |n: u32, text: &str| Finding {
        priority: Priority::P1,
        file: Some("src/wire/header.rs".to_owned()),
        line: Some(40 + n),
        text: format!("Visit {entry}: {text}"),
    };
    let findings = vec![
        finding(1, "the length is read before it is checked; a short buffer is a panic here, not an error."),
        finding(2, "the test never reaches the second branch: its input is longer than the limit."),
    ];
    Submission { verdict: Some(Verdict::Negative), findings, summary, ..Submission::default() }
}
