//! The task's row: the truth about one life of one issue. It is changed only by `evolve`; what is written
//! here is what every surface shows. Values only; no rule of the pipeline lives here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::account::AgentSession;
use crate::answered::Answered;
use crate::effect::{Effect, Proof};
use crate::gate::{GateName, GateResult, Subject};
use crate::hold::Held;
use crate::id::{Actor, Branch, Digest, JobId, Key, ProjectId, RepoId, Sha, TaskId};
use crate::job::{AgentRun, BranchState, DeployAnswer, JobRef, ReadyRun, SuiteRun};
use crate::mutant::{self, Mutant};
use crate::pipeline::TrackName;
use crate::policy::Money;
use crate::reason::Reason;
use crate::stage::{Role, Stage};
use crate::time::Timestamp;
use crate::verdict::{Finding, MarkerText};

/// One life of one tracker issue. Identity is `id`; the key is for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Identity.
    pub id: TaskId,
    /// Given in the creating transaction; the earliest has the lowest.
    pub seq: u64,
    /// The project.
    pub project: ProjectId,
    /// Its repository.
    pub repo: RepoId,
    /// The tracker's key.
    pub key: Key,
    /// Which life of the issue this is, from 1.
    pub life: u32,
    /// What was asked for.
    pub request: Request,
    /// The track it walks.
    pub track: TrackName,
    /// The task branch.
    pub branch: Branch,
    /// When it was created.
    pub created_at: Timestamp,

    /// Where it is.
    pub stage: Stage,
    /// Raised on every entry of a stage; a run's verdict is bound to it.
    pub entry: u32,
    /// Raised on every entry of a stage and on entering or leaving Hold; a person's command is bound to it.
    pub visit: u32,
    /// When the stage was entered.
    pub entered_at: Timestamp,

    /// Paused: nothing new starts.
    pub pause: Option<Pause>,
    /// On Hold: a person must decide or repair.
    pub hold: Option<Held>,
    /// STOP was accepted: nothing new starts, and it ends in `cancelled`.
    pub stopping: Option<Stopping>,

    /// The branch as git last showed it to the engine.
    pub branch_state: Option<BranchState>,
    /// The commit of main the branch was cut from.
    pub cut_from: Option<Sha>,
    /// The active pipeline job.
    pub job: Option<JobRef>,
    /// The side job this task waits for: a probe or the clean-up.
    pub side_job: Option<JobRef>,
    /// What jobs reported and no gate has judged away yet.
    pub evidence: Evidence,
    /// The latest result of each gate; copies of the row share them.
    pub gates: Arc<BTreeMap<GateName, GateResult>>,
    /// The stage must run again before its gates count, and what the run must read.
    pub assignment: Option<Assignment>,
    /// The accepted approve.
    pub approval: Option<Standing>,
    /// The accepted confirm-deploy.
    pub confirmation: Option<Standing>,
    /// A person declined what was asked, with the reason; it is sent back with the next decision.
    pub declined: Option<String>,
    /// A person's words for the runs of this stage: answers to questions, or a turn of their own.
    pub answers: Option<String>,
    /// Questions of this task and their answers, the oldest first: every run from then on reads them.
    #[serde(default)]
    pub answered: Vec<Answered>,
    /// The latest session of each role that can be gone on with.
    #[serde(default)]
    pub sessions: BTreeMap<Role, AgentSession>,

    /// What has been spent, and what people granted on top.
    pub spent: Spent,
    /// The findings of the last rollback, for `no-progress`.
    pub last_findings: Option<Digest>,
    /// A gate that could not be asked, and when it is asked again.
    pub deferred: Option<Deferred>,
    /// Landings of this task.
    pub landing: Landing,
    /// Deployments of this task.
    pub deploy: DeployState,
    /// The open entry of the effect ledger.
    pub effect: Option<Effect>,
    /// Mending main after a landing of this task broke it.
    pub fix_forward: Option<FixForward>,
    /// When admission last asked for a look at main.
    pub asked_main_at: Option<Timestamp>,
    /// Text the developer declared that must stay in main once this lands (spec 3.10).
    pub markers: Vec<MarkerText>,
    /// The remains of a stopped task are gone.
    pub cleaned: bool,
    /// Clean-ups that failed.
    pub clean_up_failures: u32,

    /// Why it is not moving: what every surface shows.
    pub reason: Option<Reason>,
    /// Since when it is not moving for this reason.
    pub reason_since: Timestamp,
    /// Per stage: attempts, time, cost, over all visits.
    pub totals: BTreeMap<Stage, StageTotals>,
}

/// What was asked for, as the tracker had it at admission.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Request {
    /// The title.
    pub title: String,
    /// The description.
    pub description: String,
    /// The description was explicitly waived.
    pub waiver: bool,
    /// Labels.
    pub labels: Vec<String>,
    /// Lower goes first.
    pub priority: i32,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who paused it; the engine does so on questions.
    pub by: Actor,
    /// Why.
    pub why: String,
    /// Questions a role asked.
    pub questions: Vec<String>,
    /// The running job is to be ended too.
    pub now: bool,
}

/// An accepted STOP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopping {
    /// Who stopped it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// What jobs reported. Cleared where the thing it speaks about is over; copies of the row share the large ones.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The latest finished run of the stage, bound to its entry.
    pub run: Option<Arc<AgentRun>>,
    /// The latest suite result, bound to its head.
    pub suite: Option<SuiteRun>,
    /// The latest CI answer.
    pub ci: Option<CiReport>,
    /// The latest rebase-and-retest.
    pub ready: Option<Arc<ReadyRun>>,
    /// The latest answer of the deploy hook.
    pub deploy: Option<DeployAnswer>,
    /// The last job could not do its work: infrastructure.
    pub infra: Option<String>,
}

/// CI at a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiReport {
    /// The commit.
    pub head: Sha,
    /// What it says.
    pub state: CiState,
    /// Since when it is asked for this commit.
    pub since: Timestamp,
}

/// CI's answer. Outcome enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ci", rename_all = "kebab-case")]
pub enum CiState {
    /// Success.
    Success,
    /// Failure or error, with its words.
    Failure {
        /// The words.
        output: String,
    },
    /// No answer yet.
    Pending,
    /// It could not be asked.
    Infra {
        /// What happened.
        why: String,
    },
}

/// Work a stage must do before its gates count again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Assignment {
    /// Findings to mend, verbatim.
    pub must_fix: Vec<Finding>,
    /// Questions a role asked.
    pub questions: Vec<String>,
    /// Why the last attempt did not count.
    pub last_failure: Option<String>,
    /// The head when this was assigned: a run that leaves it there changed nothing.
    pub head: Option<Sha>,
}

/// An accepted command that stands for one visit and subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whose.
    pub by: Actor,
    /// The visit.
    pub visit: u32,
    /// What the person was shown.
    pub subject: Subject,
}

/// Everything spent, and what `retry` granted. No budget is refilled by time, restart, poll or webhook.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Reworks.
    pub rework: u32,
    /// Granted on top.
    pub rework_granted: u32,
    /// Bounces between analysis and architecture.
    pub bounces: u32,
    /// Granted on top.
    pub bounces_granted: u32,
    /// Failed runs of this stage entry.
    pub agent: u32,
    /// Granted on top.
    pub agent_granted: u32,
    /// Transient provider errors of this stage entry.
    pub transient: u32,
    /// Granted on top.
    pub transient_granted: u32,
    /// Infrastructure failures per gate.
    pub infra: BTreeMap<GateName, u32>,
    /// Granted on top, per gate.
    pub infra_granted: BTreeMap<GateName, u32>,
    /// Reported cost.
    pub money: Money,
    /// Agent runs.
    pub runs: u32,
    /// Tokens in and out.
    pub tokens: (u64, u64),
}

/// A gate that could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    /// The gate.
    pub gate: GateName,
    /// What happened.
    pub why: String,
    /// When it is asked again.
    pub until: Timestamp,
}

/// Landings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landing {
    /// The number of the present landing, from 1; a fix-forward is the next one.
    pub number: u32,
    /// The proof of the present landing.
    pub proof: Option<Proof>,
    /// Every head of this task that landed.
    pub landed: Vec<Sha>,
    /// Times in a row that the rebase changed the patch.
    pub patch_moves: u32,
    /// The present landing's refusal, until a person retries.
    pub refused: Option<String>,
    /// A retry asked for another look at the landed head and the markers (Hold `main-regressed`).
    pub recheck: bool,
    /// A retry asked for the landing's rebase before the tests (Hold `main-red`).
    pub rebase_first: bool,
}

impl Default for Landing {
    fn default() -> Self {
        Self {
            number: 1,
            proof: None,
            landed: Vec::new(),
            patch_moves: 0,
            refused: None,
            recheck: false,
            rebase_first: false,
        }
    }
}

/// Deployments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployState {
    /// The present attempt, from 1.
    pub attempt: u32,
    /// The commit that was deployed.
    pub deployed: Option<Sha>,
}

impl Default for DeployState {
    fn default() -> Self {
        Self { attempt: 1, deployed: None }
    }
}

/// Mending main or production (spec 3.9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixForward {
    /// Attempts so far.
    pub attempts: u32,
    /// Granted on top.
    pub granted: u32,
    /// When the first red was seen.
    pub first_red: Timestamp,
}

/// Sums over all visits of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StageTotals {
    /// Times it was entered.
    pub visits: u32,
    /// Runs and runner jobs started.
    pub attempts: u32,
    /// Milliseconds, without the present visit.
    pub spent_ms: i64,
    /// Reported cost.
    pub cost: Money,
    /// Tokens in and out.
    pub tokens: (u64, u64),
}

impl Task {
    /// The head, once there is a branch.
    pub fn head(&self) -> Option<&Sha> {
        self.branch_state.as_ref().map(|b| &b.head)
    }

    /// The present landing is proven.
    pub const fn landed(&self) -> bool {
        self.landing.proof.is_some()
    }

    /// The result of a gate for its present subject, if one stands.
    pub fn standing(&self, gate: GateName) -> Option<&GateResult> {
        let any = mutant::on(Mutant::SubjectIgnored)
            || (gate == GateName::ReviewVerdict && mutant::on(Mutant::Inc39));
        let same = |r: &GateResult| r.subject == gate.subject(self) || any;
        self.gates.get(&gate).filter(|r| r.outcome.opens() && same(r))
    }

    /// The job, pipeline or side, that has this id.
    pub fn job_of(&self, id: JobId) -> Option<&JobRef> {
        self.job.iter().chain(self.side_job.iter()).find(|job| job.id == id)
    }
}
