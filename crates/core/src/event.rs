//! Events: what was written down about a task or a repository, and their stored form with its version.
//! What an event does to a row is `evolve.rs`; why it was written is `record.rs`, `command.rs` or `enact.rs`.

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::command::Refusal;
use crate::effect::{Effect, EffectState, Intent, LandingAnswer, ProbeAnswer, Proof};
use crate::gate::{GateName, GateResult};
use crate::hold::HoldCode;
use crate::id::{Actor, Branch, Digest, EffectId, JobId, Key, ProjectId, RepoId, Sha, TaskId};
use crate::job::{AgentRun, DeployAnswer, JobKind, JobRef, JobSpec, ReadyRun, SuiteOutcome, SuiteRun};
use crate::pipeline::TrackName;
use crate::provider::Health;
use crate::reason::Reason;
use crate::repo::{Freeze, MainSeen, Marker};
use crate::stage::Stage;
use crate::task::{Assignment, CiState, Request, Standing};
use crate::time::Timestamp;
use crate::verdict::Finding;

/// The version of the stored form. Readers accept it and every older one (golden files in tests/golden).
pub const EVENT_VERSION: u32 = 3;

/// A task's event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The task began: a life of an issue.
    Created {
        /// Everything that is fixed at birth.
        birth: Box<Birth>,
    },

    // What became known.
    /// A role's run ended.
    RunEnded {
        /// The run.
        run: Box<AgentRun>,
    },
    /// A suite ended at a commit.
    SuiteEnded {
        /// The result.
        suite: SuiteRun,
    },
    /// CI said something.
    CiReported {
        /// The commit.
        head: Sha,
        /// What it said.
        state: CiState,
    },
    /// Rebase-and-retest ended.
    ReadyEnded {
        /// The result.
        ready: Box<ReadyRun>,
    },
    /// The landing job answered.
    LandingAnswered {
        /// The answer.
        answer: LandingAnswer,
    },
    /// The deploy hook answered.
    DeployAnswered {
        /// The answer.
        answer: DeployAnswer,
    },
    /// The open effect was found absent while main stood there.
    EffectAbsent {
        /// Main.
        main: Sha,
    },
    /// A probe answered.
    ProbeAnswered {
        /// The answer.
        answer: ProbeAnswer,
    },
    /// A job ended without doing its work: infrastructure, a lost lease, or because it was told to.
    JobFailed {
        /// The job's kind.
        kind: JobKind,
        /// What happened.
        why: String,
        /// It was told to end.
        told: bool,
        /// What a role's run had used until then, where there was one and it told.
        #[serde(default)]
        account: Option<Box<Account>>,
    },
    /// The remains of a stopped task are gone.
    CleanedUp {
        /// Refs that keep what was salvaged.
        salvaged: Vec<String>,
    },
    /// The job is over; the row lets go of it.
    JobClosed {
        /// The job.
        job: JobId,
    },

    // What people said.
    /// The BRD was approved.
    Approved {
        /// By whom, for which visit and subject.
        standing: Standing,
    },
    /// The deployment was confirmed.
    DeployConfirmed {
        /// By whom, for which visit and subject.
        standing: Standing,
    },
    /// A Hold was ended by approval.
    HoldApproved {
        /// By whom.
        by: Actor,
    },
    /// What a person was asked for was declined.
    Rejected {
        /// By whom.
        by: Actor,
        /// The reason.
        reason: String,
    },
    /// STOP.
    StopAccepted {
        /// By whom.
        by: Actor,
    },
    /// Paused, by a person or on questions.
    Paused {
        /// By whom.
        by: Actor,
        /// Why.
        why: String,
        /// Questions of a role.
        questions: Vec<String>,
        /// End the running job too.
        now: bool,
    },
    /// Resumed.
    Resumed {
        /// By whom.
        by: Actor,
        /// Answers.
        answers: Option<String>,
    },
    /// A Hold was ended by `retry`.
    Retried {
        /// By whom.
        by: Actor,
        /// To work in the frozen repository.
        repair: bool,
        /// Words for the run that follows.
        #[serde(default)]
        answers: Option<String>,
    },
    /// The track changed.
    TrackChanged {
        /// By whom.
        by: Actor,
        /// The new track.
        track: TrackName,
    },
    /// The priority changed.
    Prioritised {
        /// By whom.
        by: Actor,
        /// Lower goes first.
        priority: i32,
    },
    /// The request was amended.
    Amended {
        /// By whom.
        by: Actor,
        /// The title now.
        title: String,
        /// The description now.
        description: String,
    },
    /// A command was refused; it has no other effect.
    CommandRefused {
        /// By whom.
        by: Actor,
        /// Which.
        command: String,
        /// Why.
        refusal: Refusal,
    },

    // What was decided.
    /// A gate was judged.
    GateJudged {
        /// The result.
        result: GateResult,
    },
    /// A decision, with what it rested on.
    Decided {
        /// The decision's word.
        decision: String,
        /// The policy's digest.
        policy: Digest,
        /// The admission view it read.
        admission: String,
    },
    /// A job was enqueued.
    JobQueued {
        /// The row's reference.
        job: JobRef,
        /// What it has to do.
        spec: Box<JobSpec>,
        /// What it spends.
        spends: Option<Spends>,
    },
    /// The end of this task's run, or its start as the probe, changed the health of a provider. The task's row has
    /// no part in it.
    ProviderChanged {
        /// The health now.
        health: Box<Health>,
    },
    /// The running job was told to end.
    JobToldToEnd {
        /// The job.
        job: JobId,
        /// Why.
        why: String,
    },
    /// An irreversible step may be taken.
    EffectOpened {
        /// The ledger entry.
        effect: Effect,
    },
    /// The ledger entry changed.
    EffectMoved {
        /// The entry.
        id: EffectId,
        /// Its intent, for the ledger's reader.
        intent: Intent,
        /// Where it stands now.
        state: EffectState,
        /// What was seen.
        observed: String,
    },
    /// What was proven was looked at again.
    ProofRenewed {
        /// The proof.
        proof: Proof,
    },
    /// A Hold whose cause is gone ended by itself.
    HoldEnded {
        /// What is gone.
        why: String,
    },
    /// The landing is proven: the validated head is in main.
    Landed {
        /// The proof.
        proof: Proof,
    },
    /// A stage was entered.
    Entered {
        /// From where.
        from: Stage,
        /// To where.
        to: Stage,
        /// Why.
        how: How,
        /// What the stage must do before its gates count.
        assignment: Option<Assignment>,
        /// The commit of main a new branch is cut from.
        cut_from: Option<Sha>,
    },
    /// A person must decide or repair.
    Held {
        /// The code.
        code: HoldCode,
        /// What happened.
        detail: String,
        /// The gate whose budget ran out.
        gate: Option<GateName>,
    },
    /// A gate could not be asked: infrastructure.
    Deferred {
        /// The gate.
        gate: GateName,
        /// What happened.
        why: String,
        /// When it is asked again.
        until: Timestamp,
    },
    /// Admission asked for a look at main.
    MainAsked,
    /// The merge lane, or the place in the repository, was given back: what was judged under it is asked again.
    LaneGivenBack,
    /// Why the task is not moving, when that changed.
    Stayed {
        /// The reason.
        reason: Reason,
    },
}

impl Event {
    /// What a run used, if this is the end of one: the money of the day is the sum of these.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::RunEnded { run } => Some(&run.account),
            Self::JobFailed { account, .. } => account.as_deref(),
            _other => None,
        }
    }
}

/// What is fixed at birth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Birth {
    /// Identity.
    pub id: TaskId,
    /// Given in the creating transaction.
    pub seq: u64,
    /// The project.
    pub project: ProjectId,
    /// Its repository.
    pub repo: RepoId,
    /// The tracker's key.
    pub key: Key,
    /// Which life, from 1.
    pub life: u32,
    /// The branch.
    pub branch: Branch,
    /// What was asked for.
    pub request: Request,
    /// The track.
    pub track: TrackName,
    /// By whom.
    pub by: Actor,
}

/// Why a stage was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum How {
    /// All gates stand.
    Advance,
    /// A gate rejected.
    Rollback {
        /// The gate.
        gate: GateName,
        /// The findings' digest.
        findings: Digest,
        /// What it spends.
        spends: Option<Spends>,
    },
    /// The landing's rebase changed the patch: it is judged again, and nothing is spent.
    PatchChanged,
    /// A person sent it back.
    Person {
        /// The reason.
        reason: String,
    },
    /// A landing broke main or production: the next landing mends it.
    FixForward {
        /// What broke.
        why: String,
    },
    /// STOP ended it.
    Stopped,
}

/// A budget one unit of which is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spends {
    /// A rework of the task.
    Rework,
    /// A bounce between analysis and architecture.
    Bounce,
    /// A failed run of the role.
    AgentFailure,
    /// A transient error of the provider.
    Transient,
    /// An infrastructure failure of a gate.
    Infra(GateName),
}

/// A repository's event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RepoEvent {
    /// A task was let in.
    LetIn {
        /// The task.
        task: TaskId,
    },
    /// A task gave way.
    GaveWay {
        /// The task.
        task: TaskId,
    },
    /// A task waits for the merge lane.
    LaneQueued {
        /// The task.
        task: TaskId,
    },
    /// A task took the merge lane.
    LaneTaken {
        /// The task.
        task: TaskId,
    },
    /// A task gave the merge lane back, or stopped waiting for it.
    LaneLeft {
        /// The task.
        task: TaskId,
    },
    /// A task took an environment's deploy lane.
    DeployLaneTaken {
        /// The task.
        task: TaskId,
        /// The environment.
        environment: String,
    },
    /// A task gave its deploy lane back.
    DeployLaneLeft {
        /// The task.
        task: TaskId,
    },
    /// Frozen.
    Frozen {
        /// Why, by whom, and the cause.
        freeze: Freeze,
    },
    /// Unfrozen.
    Unfrozen {
        /// By whom.
        by: Actor,
    },
    /// A person named a task to work in the frozen repository.
    RepairNamed {
        /// The task.
        task: TaskId,
    },
    /// A look at main was enqueued.
    MainJobQueued {
        /// The job.
        job: JobRef,
        /// What it has to do.
        spec: Box<JobSpec>,
    },
    /// The look at main is over.
    MainJobClosed {
        /// The job.
        job: JobId,
        /// What went wrong, if anything did.
        failure: Option<String>,
    },
    /// Main was fetched.
    MainObserved {
        /// What was seen.
        main: MainSeen,
    },
    /// The suite's word about a tree of main.
    SuiteKnown {
        /// The tree.
        tree: Sha,
        /// The result.
        outcome: SuiteOutcome,
    },
    /// Text must stay in main from now on.
    MarkerAdded {
        /// The marker.
        marker: Marker,
    },
}

/// What a person did to a provider. What runs make of one is in their tasks' logs: [`Event::ProviderChanged`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum ProviderEvent {
    /// Its breaker was closed and its quota forgotten: from then on it is a provider that is well.
    Closed {
        /// By whom.
        by: Actor,
        /// What it was.
        was: Box<Health>,
    },
}

/// Findings as one digest: the same set in another order is the same.
pub fn findings_digest(findings: &[Finding]) -> Digest {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort();
    // Findings are plain data: their JSON form always exists.
    Digest::of(serde_json::to_string(&sorted).unwrap_or_default().as_bytes())
}

/// The stored form of an event.
#[derive(Serialize, Deserialize)]
struct Record<E> {
    v: u32,
    #[serde(flatten)]
    event: E,
}

/// A stored event that this version can not read.
#[derive(Debug, thiserror::Error)]
pub enum BadRecord {
    /// Written by a newer version.
    #[error("the record has version {found}, this program reads up to {EVENT_VERSION}; upgrade orchd")]
    Newer {
        /// The record's version.
        found: u32,
    },
    /// Not a record.
    #[error("the record can not be read")]
    Broken(#[source] serde_json::Error),
}

/// Writes an event's stored form.
pub fn encode<E: Serialize>(event: &E) -> Result<String, BadRecord> {
    serde_json::to_string(&Record { v: EVENT_VERSION, event }).map_err(BadRecord::Broken)
}

/// Reads an event's stored form, of this version or an older one.
pub fn decode<E: for<'de> Deserialize<'de>>(text: &str) -> Result<E, BadRecord> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let version: Version = serde_json::from_str(text).map_err(BadRecord::Broken)?;
    if version.v > EVENT_VERSION {
        return Err(BadRecord::Newer { found: version.v });
    }
    let record: Record<E> = serde_json::from_str(text).map_err(BadRecord::Broken)?;
    Ok(record.event)
}
