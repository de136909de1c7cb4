//! Jobs: what can be run, with what inputs, and what comes back. A result separates what really ran from
//! what could not run, so that infrastructure can never be read as a fault of the work.

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::docs::DocFacts;
use crate::effect::{LandingAnswer, ProbeAnswer};
use crate::id::{Branch, Digest, EffectId, JobId, ProviderId, RunId, Sha};
use crate::policy::Agent;
use crate::stage::Role;
use crate::time::Timestamp;
use crate::verdict::{Finding, Submission};

/// A job's kind, as claims and limits see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    /// A run of a role.
    Agent,
    /// The project's CI command.
    Ci,
    /// The project's test suite.
    Test,
    /// Rebase onto main and test the combined tree.
    RebaseAndRetest,
    /// The landing.
    Push,
    /// The deploy hook.
    Deploy,
    /// Asks the resource what became of an irreversible step.
    Probe,
    /// Looks at main and runs the suite on it.
    MainSuite,
    /// Salvages and removes what a stopped task left.
    CleanUp,
}

/// Pipeline jobs move a task on; at most one is active per task. Side jobs never change a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobClass {
    /// At most one active per task.
    Pipeline,
    /// Allowed on terminal tasks and while drained.
    Side,
}

impl JobKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Agent,
        Self::Ci,
        Self::Test,
        Self::RebaseAndRetest,
        Self::Push,
        Self::Deploy,
        Self::Probe,
        Self::MainSuite,
        Self::CleanUp,
    ];

    /// The kind's class.
    pub const fn class(self) -> JobClass {
        match self {
            Self::Agent | Self::Ci | Self::Test | Self::RebaseAndRetest | Self::Push | Self::Deploy => {
                JobClass::Pipeline
            }
            Self::Probe | Self::MainSuite | Self::CleanUp => JobClass::Side,
        }
    }

    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Ci => "ci",
            Self::Test => "test",
            Self::RebaseAndRetest => "rebase-and-retest",
            Self::Push => "push",
            Self::Deploy => "deploy",
            Self::Probe => "probe",
            Self::MainSuite => "main-suite",
            Self::CleanUp => "clean-up",
        }
    }

    /// The kind of a wire name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What a job has to do, with everything it was decided on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "kebab-case")]
pub enum Work {
    /// A run of a role, starting from the last good head.
    Agent {
        /// The role.
        role: Role,
        /// The stage entry that the verdict is bound to.
        entry: u32,
        /// Where the run starts: the last good head, or the base for the first run.
        start: Sha,
        /// The commit of main the branch was cut from.
        base: Sha,
        /// Who plays the role, as the policy had it when this was decided: a killed run still shows it. `None` where
        /// the policy names nobody.
        #[serde(default)]
        agent: Option<Box<Agent>>,
        /// The session to go on with: a person had words for the role's last one.
        #[serde(default)]
        resume: Option<String>,
        /// Findings the run must fix, verbatim.
        must_fix: Vec<Finding>,
        /// Questions a former run asked.
        questions: Vec<String>,
        /// A person's answers to them.
        answers: Option<String>,
        /// Why the last attempt did not count, for the next one to read.
        last_failure: Option<String>,
    },
    /// The CI command at a commit.
    Ci {
        /// The commit.
        head: Sha,
    },
    /// The test suite at a commit.
    Test {
        /// The commit.
        head: Sha,
    },
    /// Rebase onto main and test the combined tree.
    RebaseAndRetest {
        /// The head that was judged so far.
        head: Sha,
        /// Its patch digest.
        patch: Digest,
        /// Tests already spoke for exactly this head.
        tested: bool,
    },
    /// The landing push.
    Push {
        /// The ledger entry that allows it.
        effect: EffectId,
        /// The landing's number.
        landing: u32,
        /// Main as expected.
        base: Sha,
        /// The validated head.
        head: Sha,
    },
    /// The deploy hook.
    Deploy {
        /// The ledger entry that allows it.
        effect: EffectId,
        /// The commit to deploy.
        sha: Sha,
        /// The attempt; part of the intent's key.
        attempt: u32,
        /// The environment.
        environment: String,
    },
    /// What became of an irreversible step.
    Probe {
        /// The ledger entry.
        effect: EffectId,
        /// What to look for.
        of: ProbeOf,
        /// Also close the door: after this nobody can carry the step out any more.
        close: bool,
    },
    /// Looks at main, and runs the suite on its tree where no result of that tree is known.
    MainSuite {
        /// A tree to judge other than main's present one: the base a task was red against.
        at: Option<Sha>,
        /// Trees whose result is known; they are not run again.
        known: Vec<Sha>,
    },
    /// Salvages and removes what a stopped task left.
    CleanUp {
        /// The task branch.
        branch: Branch,
    },
}

/// The resource a probe asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeOf {
    /// Is the head in main, is the merge ref there?
    Landing {
        /// The landing's number.
        landing: u32,
        /// The head.
        head: Sha,
    },
    /// What revision does the environment report?
    Deploy {
        /// The commit that was to be deployed.
        sha: Sha,
        /// The environment.
        environment: String,
    },
}

impl Work {
    /// The kind.
    pub const fn kind(&self) -> JobKind {
        match self {
            Self::Agent { .. } => JobKind::Agent,
            Self::Ci { .. } => JobKind::Ci,
            Self::Test { .. } => JobKind::Test,
            Self::RebaseAndRetest { .. } => JobKind::RebaseAndRetest,
            Self::Push { .. } => JobKind::Push,
            Self::Deploy { .. } => JobKind::Deploy,
            Self::Probe { .. } => JobKind::Probe,
            Self::MainSuite { .. } => JobKind::MainSuite,
            Self::CleanUp { .. } => JobKind::CleanUp,
        }
    }

    /// The role, for an agent run.
    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::Agent { role, .. } => Some(*role),
            Self::Ci { .. }
            | Self::Test { .. }
            | Self::RebaseAndRetest { .. }
            | Self::Push { .. }
            | Self::Deploy { .. }
            | Self::Probe { .. }
            | Self::MainSuite { .. }
            | Self::CleanUp { .. } => None,
        }
    }

    /// The provider of an agent run, where the policy named who plays the role.
    pub fn provider(&self) -> Option<ProviderId> {
        match self {
            Self::Agent { agent, .. } => agent.as_ref().map(|agent| ProviderId::new(agent.provider())),
            Self::Ci { .. }
            | Self::Test { .. }
            | Self::RebaseAndRetest { .. }
            | Self::Push { .. }
            | Self::Deploy { .. }
            | Self::Probe { .. }
            | Self::MainSuite { .. }
            | Self::CleanUp { .. } => None,
        }
    }
}

/// A job as a decision asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSpec {
    /// What to do.
    pub work: Work,
    /// Not before this moment: a backoff or a quota's reset. Nothing sleeps in a worker.
    pub not_before: Option<Timestamp>,
}

/// The job a row refers to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRef {
    /// Its identity.
    pub id: JobId,
    /// Its kind.
    pub kind: JobKind,
    /// The role of an agent run.
    pub role: Option<Role>,
    /// The provider of an agent run: whose health the run's end speaks about.
    #[serde(default)]
    pub provider: Option<ProviderId>,
    /// When it was enqueued.
    pub since: Timestamp,
    /// Not before.
    pub not_before: Option<Timestamp>,
    /// It has been told to end, and why.
    pub ending: Option<String>,
}

impl JobRef {
    /// The reference to a job that is enqueued at `since`.
    pub fn new(id: JobId, spec: &JobSpec, since: Timestamp) -> Self {
        let (kind, role, provider) = (spec.work.kind(), spec.work.role(), spec.work.provider());
        Self { id, kind, role, provider, since, not_before: spec.not_before, ending: None }
    }
}

/// What came of a job. The variant of the job's own kind, or one of the last three.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum JobResult {
    /// A role's run ended.
    Agent(Box<AgentRun>),
    /// CI or tests at a commit.
    Suite(SuiteRun),
    /// Rebase and re-test ended.
    Ready(Box<ReadyRun>),
    /// The landing's answer.
    Landing(LandingAnswer),
    /// The deploy hook's answer.
    Deploy(DeployAnswer),
    /// A probe's answer.
    Probe(ProbeAnswer),
    /// Main was looked at.
    Main(MainReport),
    /// The remains are gone.
    Cleaned {
        /// Refs that keep what was salvaged.
        salvaged: Vec<String>,
    },
    /// Infrastructure: it could not run, or its process is gone. Nothing is known about the work.
    Infra {
        /// What happened, for a person.
        reason: String,
        /// What a role's run had used until then, where there was one and it told.
        #[serde(default)]
        account: Option<Box<Account>>,
    },
    /// The lease expired and no result was found.
    Lost {
        /// What is known.
        reason: String,
        /// What a role's run had used until then, as far as its output tells.
        #[serde(default)]
        account: Option<Box<Account>>,
    },
    /// It was told to end, and ended without a result.
    Ended {
        /// Why it was told to.
        why: String,
        /// What a role's run had used until then, where it told.
        #[serde(default)]
        account: Option<Box<Account>>,
    },
}

impl JobResult {
    /// Infrastructure, of a job that used nothing.
    pub fn infra(reason: impl Into<String>) -> Self {
        Self::Infra { reason: reason.into(), account: None }
    }

    /// Lost, and nothing is known of what it used.
    pub fn lost(reason: impl Into<String>) -> Self {
        Self::Lost { reason: reason.into(), account: None }
    }

    /// Told to end, of a job that used nothing.
    pub fn ended(why: impl Into<String>) -> Self {
        Self::Ended { why: why.into(), account: None }
    }
}

/// What a role's run left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentRun {
    /// The run.
    pub run: RunId,
    /// The role.
    pub role: Role,
    /// The stage entry it was started for.
    pub entry: u32,
    /// How it ended.
    pub outcome: AgentOutcome,
    /// The branch after the run: present when git could be asked.
    pub branch: Option<BranchState>,
    /// Changes of a judge that were dropped (paths).
    pub dropped: Vec<String>,
    /// Fields the model sent that only the engine may supply.
    pub ignored_fields: Vec<String>,
    /// Documents found at the head, read by `docs.rs`.
    pub docs: DocFacts,
    /// What it used.
    #[serde(flatten)]
    pub account: Account,
    /// Wall-clock time in milliseconds.
    pub took_ms: i64,
    /// Where partial work was kept, if the run did not count.
    pub salvage: Option<String>,
}

/// How a role's run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ended", rename_all = "kebab-case")]
pub enum AgentOutcome {
    /// By itself, with success and a valid submission or artifact.
    Completed {
        /// What it submitted.
        submission: Box<Submission>,
    },
    /// A failure of the run: exit code, timeout, missing or broken submission.
    Failed {
        /// The exact reason; the next attempt reads it.
        why: String,
    },
    /// A transient error of the provider.
    Transient {
        /// What the provider said.
        why: String,
        /// Its Retry-After, as a moment.
        retry_at: Option<Timestamp>,
    },
    /// The quota is used up until a known moment.
    Quota {
        /// When it resets.
        resets_at: Timestamp,
    },
    /// The program could not be run at all.
    Infra {
        /// What happened.
        why: String,
    },
}

/// The task branch as git shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchState {
    /// The commit of main it is judged against.
    pub base: Sha,
    /// Its head.
    pub head: Sha,
    /// The digest of `main...head` (spec 1.2).
    pub patch: Digest,
    /// The digest of `docs/work-items/<KEY>/` at the head.
    pub docs: Digest,
    /// It has commits over its base that touch something outside its documents.
    pub ahead: bool,
}

/// A suite at a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteRun {
    /// The commit it speaks about.
    pub head: Sha,
    /// Where the head forked from main: what a red suite is compared with.
    pub base: Sha,
    /// The tree of `base`; results of main are kept by tree.
    pub base_tree: Sha,
    /// What it said.
    pub outcome: SuiteOutcome,
}

/// What a suite said, if it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "suite", rename_all = "kebab-case")]
pub enum SuiteOutcome {
    /// It ran and passed.
    Green {
        /// Tests run, where the runner's summary is known.
        tests: Option<u32>,
        /// Shown as a warning: for instance an unknown summary format.
        warning: Option<String>,
    },
    /// It ran and said no.
    Red {
        /// Names of failing tests, where the summary is known.
        failing: Vec<String>,
        /// The failing part of the output.
        output: String,
    },
    /// It did not really run: timeout, missing program, signal, full disk.
    Infra {
        /// What happened.
        reason: String,
    },
}

/// What rebase-and-retest left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadyRun {
    /// The head it started from.
    pub from: Sha,
    /// The patch digest it started from.
    pub patch_before: Digest,
    /// Main, as fetched.
    pub main: Sha,
    /// The tree of main.
    pub main_tree: Sha,
    /// What happened.
    pub outcome: ReadyOutcome,
}

impl ReadyRun {
    /// The re-test as a suite result about the combined head; stored as `tests-verdict` too (spec 3.5).
    pub fn suite_run(&self) -> Option<SuiteRun> {
        match &self.outcome {
            ReadyOutcome::Ready { branch, suite: Some(outcome), .. } => Some(SuiteRun {
                head: branch.head.clone(),
                base: self.main.clone(),
                base_tree: self.main_tree.clone(),
                outcome: outcome.clone(),
            }),
            ReadyOutcome::Ready { suite: None, .. }
            | ReadyOutcome::Conflict { .. }
            | ReadyOutcome::Vanished { .. }
            | ReadyOutcome::Infra { .. } => None,
        }
    }
}

/// Outcome enum of rebase-and-retest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ready", rename_all = "kebab-case")]
pub enum ReadyOutcome {
    /// The branch stands on main; tested where needed.
    Ready {
        /// The branch now.
        branch: BranchState,
        /// A rebase moved the head.
        rebased: bool,
        /// The suite at the combined tree; `None` where the tests had spoken for this head already, or none is configured.
        suite: Option<SuiteOutcome>,
    },
    /// The rebase met conflicts.
    Conflict {
        /// The files.
        files: Vec<String>,
        /// The hunks, cut to a limit.
        hunks: String,
    },
    /// A union merge dropped entries.
    Vanished {
        /// The entries.
        entries: Vec<String>,
    },
    /// It could not be done now.
    Infra {
        /// What happened.
        reason: String,
    },
}

/// The deploy hook's answer (spec 3.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deploy", rename_all = "kebab-case")]
pub enum DeployAnswer {
    /// Exit 0.
    Deployed {
        /// The revision that the environment reported after it, where the project has `deploy.revision`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<Sha>,
    },
    /// Exit 1: failed and taken back by the hook.
    FailedTakenBack {
        /// The hook's words.
        output: String,
    },
    /// Exit 2: failed and not taken back.
    FailedBroken {
        /// The hook's words.
        output: String,
    },
    /// Anything else: the environment must be asked.
    Unknown {
        /// What happened.
        why: String,
    },
    /// The hook was not started: the deploy checkout did not converge to the commit, for instance.
    NotStarted {
        /// Why.
        why: String,
    },
}

/// What a look at main found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MainReport {
    /// Main's commit.
    pub sha: Sha,
    /// Its tree.
    pub tree: Sha,
    /// When it was fetched.
    pub at: Timestamp,
    /// Main and the user's repository have diverged: what to do about it.
    pub diverged: Option<String>,
    /// Suite results by tree, as far as they were asked; `None` where no suite is configured.
    pub suites: Vec<(Sha, SuiteOutcome)>,
}
