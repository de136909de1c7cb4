//! Gates: named, deterministic checks that guard each transition. Here: their names, places, subjects and the
//! six outcomes. What each one reads and when it passes is a file of its own, named after the gate.

mod adr;
mod approval;
mod branch_ahead;
mod brd_files;
mod ci_green;
mod deploy_verdict;
mod entry;
mod main_regression;
mod merge_ready;
mod merge_verify;
mod missing;
mod questions;
pub(crate) mod red;
mod review_verdict;
mod tests_verdict;

use serde::{Deserialize, Serialize};

use crate::hold::HoldCode;
use crate::id::{Digest, Sha};
use crate::reason::Wait;
use crate::stage::Stage;
use crate::task::Task;
use crate::time::Timestamp;
use crate::verdict::Finding;
use crate::view::View;

pub use merge_ready::{MAIN_MOVES_LIMIT, PATCH_CHANGED, patch_moved};

/// A gate's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateName {
    /// Title and description.
    Entry,
    /// Who may occupy the repository.
    Admission,
    /// No blocking question is open.
    Questions,
    /// The BRD has its sections.
    BrdFiles,
    /// A person, or policy, approved the BRD.
    Approval,
    /// An ADR with a status, and the risks.
    AdrFiles,
    /// No declared conflict.
    AdrConflict,
    /// The branch has commits outside its documents.
    BranchAhead,
    /// CI at the head.
    CiGreen,
    /// The work did not weaken its judge.
    Tamper,
    /// The reviewer's verdict.
    ReviewVerdict,
    /// The reviewer accepted what tamper found.
    TamperAccepted,
    /// The test suite's or tester's verdict.
    TestsVerdict,
    /// The staging suite's verdict.
    StagingVerdict,
    /// Secrets and vulnerable dependencies.
    Security,
    /// Rebased onto main, and the combined tree tested.
    MergeReady,
    /// Line coverage.
    Coverage,
    /// The staging artifact is of this head.
    ArtifactFresh,
    /// The validated head is in main.
    MergeVerify,
    /// What must stay in main is still there.
    MainRegression,
    /// The deployment.
    DeployVerdict,
}

/// What a gate's result speaks about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "of", content = "is", rename_all = "kebab-case")]
pub enum Subject {
    /// Nothing that can change.
    None,
    /// The documents, by digest.
    Docs(Digest),
    /// The patch `main...head`, by digest.
    Patch(Digest),
    /// A commit.
    Commit(Sha),
    /// A head on a main.
    Landing {
        /// The head.
        head: Sha,
        /// Main.
        main: Sha,
    },
}

/// Outcome enum: exactly one per gate and question (spec 1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum GateOutcome {
    /// The evidence is there.
    Pass,
    /// The work is at fault.
    Reject {
        /// What must be mended, verbatim.
        findings: Vec<Finding>,
    },
    /// The answer is not in; nothing is at fault.
    Wait {
        /// For what.
        wait: Wait,
    },
    /// Infrastructure is at fault.
    Defer {
        /// What happened.
        why: String,
    },
    /// A person must decide or repair.
    Hold {
        /// The code.
        code: HoldCode,
        /// What happened.
        detail: String,
    },
    /// This project or task has no such gate.
    NotApplicable {
        /// Why.
        why: String,
    },
}

impl GateOutcome {
    /// Whether the way is open: Pass, or NotApplicable, which counts as Pass and is recorded as such.
    pub const fn opens(&self) -> bool {
        match self {
            Self::Pass | Self::NotApplicable { .. } => true,
            Self::Reject { .. } | Self::Wait { .. } | Self::Defer { .. } | Self::Hold { .. } => false,
        }
    }

    /// The outcome's word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Reject { .. } => "reject",
            Self::Wait { .. } => "wait",
            Self::Defer { .. } => "defer",
            Self::Hold { .. } => "hold",
            Self::NotApplicable { .. } => "not-applicable",
        }
    }
}

/// A stored result: (gate, subject, attempt) with its evidence; it counts while its subject is the present one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateResult {
    /// The gate.
    pub gate: GateName,
    /// What it speaks about.
    pub subject: Subject,
    /// How often this gate was judged for this task, this time included.
    pub attempt: u32,
    /// The outcome.
    pub outcome: GateOutcome,
    /// What it rests on, in a sentence.
    pub evidence: String,
    /// When it was judged.
    pub at: Timestamp,
}

/// What a gate answers when asked. Outcome enum.
#[derive(Debug, Clone, PartialEq)]
pub enum Judged {
    /// It can answer.
    Is(GateOutcome, String),
    /// The stage's own run has to come first.
    NeedsRun,
    /// This job has to come first.
    NeedsJob(Box<crate::job::Work>),
    /// A look at main has to come first; at this commit, if one is named.
    NeedsMain(Option<Sha>),
    /// The run does not count: the same role runs again, and reads why.
    RunFailed(String),
}

impl Judged {
    fn pass(evidence: impl Into<String>) -> Self {
        Self::Is(GateOutcome::Pass, evidence.into())
    }
    fn reject(findings: Vec<Finding>, evidence: impl Into<String>) -> Self {
        Self::Is(GateOutcome::Reject { findings }, evidence.into())
    }
    fn wait(wait: Wait) -> Self {
        Self::Is(GateOutcome::Wait { wait }, String::new())
    }
    fn defer(why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Is(GateOutcome::Defer { why: why.clone() }, why)
    }
    fn hold(code: HoldCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::Is(GateOutcome::Hold { code, detail: detail.clone() }, detail)
    }
    fn not_applicable(why: impl Into<String>) -> Self {
        let why = why.into();
        Self::Is(GateOutcome::NotApplicable { why: why.clone() }, why)
    }
}

/// What kind of subject a gate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SubjectKind {
    None,
    Docs,
    Patch,
    Commit,
    Landing,
}

impl GateName {
    /// All gates, in the order of their transitions.
    pub const ALL: [Self; 21] = [
        Self::Entry,
        Self::Admission,
        Self::Questions,
        Self::BrdFiles,
        Self::Approval,
        Self::AdrFiles,
        Self::AdrConflict,
        Self::BranchAhead,
        Self::CiGreen,
        Self::Tamper,
        Self::ReviewVerdict,
        Self::TamperAccepted,
        Self::TestsVerdict,
        Self::StagingVerdict,
        Self::Security,
        Self::MergeReady,
        Self::Coverage,
        Self::ArtifactFresh,
        Self::MergeVerify,
        Self::MainRegression,
        Self::DeployVerdict,
    ];

    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Admission => "admission",
            Self::Questions => "questions",
            Self::BrdFiles => "brd-files",
            Self::Approval => "approval",
            Self::AdrFiles => "adr-files",
            Self::AdrConflict => "adr-conflict",
            Self::BranchAhead => "branch-ahead",
            Self::CiGreen => "ci-green",
            Self::Tamper => "tamper",
            Self::ReviewVerdict => "review-verdict",
            Self::TamperAccepted => "tamper-accepted",
            Self::TestsVerdict => "tests-verdict",
            Self::StagingVerdict => "staging-verdict",
            Self::Security => "security",
            Self::MergeReady => "merge-ready",
            Self::Coverage => "coverage",
            Self::ArtifactFresh => "artifact-fresh",
            Self::MergeVerify => "merge-verify",
            Self::MainRegression => "main-regression",
            Self::DeployVerdict => "deploy-verdict",
        }
    }

    const fn subject_kind(self) -> SubjectKind {
        match self {
            Self::Entry | Self::Admission => SubjectKind::None,
            Self::Questions | Self::BrdFiles | Self::Approval | Self::AdrFiles | Self::AdrConflict => {
                SubjectKind::Docs
            }
            Self::BranchAhead | Self::CiGreen | Self::TestsVerdict | Self::Coverage | Self::ArtifactFresh => {
                SubjectKind::Commit
            }
            Self::Tamper
            | Self::ReviewVerdict
            | Self::TamperAccepted
            | Self::StagingVerdict
            | Self::Security => SubjectKind::Patch,
            Self::MergeReady | Self::MergeVerify | Self::MainRegression | Self::DeployVerdict => {
                SubjectKind::Landing
            }
        }
    }

    /// The present subject: what a result must speak about to count now.
    pub fn subject(self, task: &Task) -> Subject {
        let Some(branch) = &task.branch_state else { return Subject::None };
        match self.subject_kind() {
            SubjectKind::None => Subject::None,
            SubjectKind::Docs => Subject::Docs(branch.docs.clone()),
            SubjectKind::Patch => Subject::Patch(branch.patch.clone()),
            SubjectKind::Commit => Subject::Commit(branch.head.clone()),
            SubjectKind::Landing => Subject::Landing { head: branch.head.clone(), main: branch.base.clone() },
        }
    }

    /// Asks the gate. Pure: the same view and time give the same answer.
    pub fn judge(self, view: &View, now: Timestamp) -> Judged {
        match self {
            Self::Entry => entry::judge(view),
            Self::Admission => Judged::pass("let in"),
            Self::Questions => questions::judge(view),
            Self::BrdFiles => brd_files::judge(view),
            Self::Approval => approval::judge(view),
            Self::AdrFiles => adr::judge_files(view),
            Self::AdrConflict => adr::judge_conflict(view),
            Self::BranchAhead => branch_ahead::judge(view),
            Self::CiGreen => ci_green::judge(view, now),
            Self::ReviewVerdict => review_verdict::judge(view),
            Self::TestsVerdict => tests_verdict::judge(view),
            Self::MergeReady => merge_ready::judge(view),
            Self::MergeVerify => merge_verify::judge(view),
            Self::MainRegression => main_regression::judge(view),
            Self::DeployVerdict => deploy_verdict::judge(view, now),
            Self::Tamper
            | Self::TamperAccepted
            | Self::StagingVerdict
            | Self::Security
            | Self::Coverage
            | Self::ArtifactFresh => missing::judge(),
        }
    }
}

/// The gates of leaving `stage`, in order; those of entering `deploy` belong to whichever stage precedes it.
/// They are told apart because a Reject of the latter has targets of its own.
pub fn leaving(stage: Stage) -> &'static [GateName] {
    match stage {
        Stage::Created => &[GateName::Entry, GateName::Admission],
        Stage::Analysis => &[GateName::Questions, GateName::BrdFiles, GateName::Approval],
        Stage::Architecture => &[GateName::AdrFiles, GateName::AdrConflict],
        Stage::Development => &[GateName::BranchAhead, GateName::CiGreen, GateName::Tamper],
        Stage::Review => &[GateName::ReviewVerdict, GateName::TamperAccepted],
        Stage::Testing => &[GateName::TestsVerdict],
        Stage::DeployStaging => &[GateName::StagingVerdict],
        Stage::Deploy => &[GateName::MergeVerify, GateName::MainRegression, GateName::DeployVerdict],
        Stage::Done | Stage::Cancelled => &[],
    }
}

/// The gates of entering `deploy`, from wherever.
pub const ENTERING_DEPLOY: &[GateName] =
    &[GateName::Security, GateName::MergeReady, GateName::Coverage, GateName::ArtifactFresh];

/// Every gate that must stand before a task leaves `stage` towards `next`, in the order they are asked.
pub fn gates_between(stage: Stage, next: Stage) -> Vec<GateName> {
    let mut gates = leaving(stage).to_vec();
    if next == Stage::Deploy {
        gates.extend_from_slice(ENTERING_DEPLOY);
    }
    gates
}
