//! Commands of people: their shape, when each is allowed, and acceptance: once, bound to the visit and, for
//! approve and confirm-deploy, to the subject that was shown (spec 1.6).

use serde::{Deserialize, Serialize};

use crate::decide;
use crate::effect::EffectState;
use crate::event::{Event, RepoEvent};
use crate::gate::{GateName, Subject};
use crate::hold::HoldCode;
use crate::id::{Actor, Sha, TaskId};
use crate::job::{DeployAnswer, JobKind};
use crate::mutant::{self, Mutant};
use crate::reason::{Ask, Reason, Wait};
use crate::repo::{Freeze, Repo};
use crate::stage::Stage;
use crate::task::{Standing, Task};
use crate::time::Timestamp;
use crate::view::View;

/// A recorded command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// What is wanted.
    pub what: Wanted,
    /// Who wants it.
    pub by: Actor,
    /// The visit the person saw; `None` where the surface has none and the person means "now".
    pub visit: Option<u32>,
    /// The subject the person was shown.
    pub subject: Option<Shown>,
}

/// What a person was shown when they decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// A head SHA (`--at SHA`).
    Head(Sha),
    /// The gate's own subject.
    Subject(Subject),
}

/// A recorded command to a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoCommand {
    /// What is wanted.
    pub what: RepoWanted,
    /// Who wants it.
    pub by: Actor,
}

/// What is wanted of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum RepoWanted {
    /// Admit and land nothing.
    Freeze {
        /// Why.
        why: String,
    },
    /// Go on.
    Unfreeze,
    /// Look at main now.
    Look,
    /// Let a task work in the frozen repository, to mend it.
    Repair {
        /// The task.
        task: TaskId,
    },
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Wanted {
    /// Approve what a person is asked to approve.
    Approve,
    /// Send it back, with a reason.
    Reject {
        /// The reason.
        reason: String,
    },
    /// Start the deployment.
    ConfirmDeploy,
    /// Cancel the task.
    Stop,
    /// Start nothing new.
    Pause {
        /// Why.
        why: String,
        /// End the running job too.
        now: bool,
    },
    /// Go on, with answers to questions if there were any.
    Resume {
        /// The answers.
        answers: Option<String>,
    },
    /// End a Hold: grants one attempt of what ran out.
    Retry {
        /// Work in the frozen repository.
        repair: bool,
        /// Words for the run that follows.
        #[serde(default)]
        answers: Option<String>,
    },
    /// Turn a bug task into a full one.
    Escalate,
    /// Change its place among those that wait.
    Prioritise {
        /// Lower goes first.
        priority: i32,
    },
    /// Say the request anew, before work on it began or while it can not go on.
    Amend {
        /// The title, where it changes.
        title: Option<String>,
        /// The description, where it changes.
        description: Option<String>,
    },
}

/// A command's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandKind {
    /// See [`Wanted::Approve`].
    Approve,
    /// See [`Wanted::Reject`].
    Reject,
    /// See [`Wanted::ConfirmDeploy`].
    ConfirmDeploy,
    /// See [`Wanted::Stop`].
    Stop,
    /// See [`Wanted::Pause`].
    Pause,
    /// See [`Wanted::Resume`].
    Resume,
    /// See [`Wanted::Retry`].
    Retry,
    /// See [`Wanted::Escalate`].
    Escalate,
    /// See [`Wanted::Prioritise`].
    Prioritise,
    /// See [`Wanted::Amend`].
    Amend,
}

impl CommandKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Approve,
        Self::Reject,
        Self::ConfirmDeploy,
        Self::Stop,
        Self::Pause,
        Self::Resume,
        Self::Retry,
        Self::Escalate,
        Self::Prioritise,
        Self::Amend,
    ];

    /// The wire name, and the name of orchctl's command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::ConfirmDeploy => "confirm-deploy",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Escalate => "escalate",
            Self::Prioritise => "prioritise",
            Self::Amend => "amend",
        }
    }
}

impl Wanted {
    /// The kind.
    pub const fn kind(&self) -> CommandKind {
        match self {
            Self::Approve => CommandKind::Approve,
            Self::Reject { .. } => CommandKind::Reject,
            Self::ConfirmDeploy => CommandKind::ConfirmDeploy,
            Self::Stop => CommandKind::Stop,
            Self::Pause { .. } => CommandKind::Pause,
            Self::Resume { .. } => CommandKind::Resume,
            Self::Retry { .. } => CommandKind::Retry,
            Self::Escalate => CommandKind::Escalate,
            Self::Prioritise { .. } => CommandKind::Prioritise,
            Self::Amend { .. } => CommandKind::Amend,
        }
    }
}

/// Why a command is not carried out. The code is stable; the sentence says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A row of docs/ref/errors.md.
    pub code: RefusalCode,
    /// The sentence.
    pub why: String,
}

/// A refusal's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// The task is finished.
    Ended,
    /// STOP was accepted before.
    Stopping,
    /// The task is not in a state the command fits.
    NotAsked,
    /// The task has moved on since the person looked.
    VisitMoved,
    /// What the person was shown is not what stands there now.
    SubjectMoved,
    /// Words for a run while one is under way.
    TurnRunning,
    /// Words where no role works.
    NobodyListens,
}

impl RefusalCode {
    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ended => "task-ended",
            Self::Stopping => "task-stopping",
            Self::NotAsked => "not-asked",
            Self::VisitMoved => "visit-moved",
            Self::SubjectMoved => "subject-moved",
            Self::TurnRunning => "turn-running",
            Self::NobodyListens => "nobody-listens",
        }
    }
}

/// The judgement of one command. Outcome enum.
#[derive(Debug, Clone, PartialEq)]
pub enum Acceptance {
    /// It is carried out by these events.
    Accepted(Vec<Event>),
    /// It is answered and does not lie in wait for a state it would fit.
    Refused(Refusal),
}

/// Judges a command, once, against the view in the commit that takes it from the inbox.
pub fn accept(view: &View, command: &Command) -> Acceptance {
    let task = &view.task;
    let kind = command.what.kind();
    let fits =
        allowed(view, kind).and_then(|()| same_visit(task, command)).and_then(|()| heard(view, command));
    if let Err(refusal) = fits {
        return Acceptance::Refused(refusal);
    }
    let by = command.by.clone();
    let events = match &command.what {
        Wanted::Approve if task.hold.is_some() => Ok(vec![Event::HoldApproved { by }]),
        Wanted::Approve => shown(task, command, GateName::Approval)
            .map(|subject| vec![Event::Approved { standing: Standing { by, visit: task.visit, subject } }]),
        Wanted::ConfirmDeploy => shown(task, command, GateName::DeployVerdict).map(|subject| {
            vec![Event::DeployConfirmed { standing: Standing { by, visit: task.visit, subject } }]
        }),
        Wanted::Reject { reason } => Ok(vec![Event::Rejected { by, reason: reason.clone() }]),
        Wanted::Stop => Ok(vec![Event::StopAccepted { by }]),
        Wanted::Pause { why, now } => {
            Ok(vec![Event::Paused { by, why: why.clone(), questions: Vec::new(), now: *now }])
        }
        Wanted::Resume { answers } => Ok(vec![Event::Resumed { by, answers: answers.clone() }]),
        Wanted::Retry { repair, answers } => {
            Ok(vec![Event::Retried { by, repair: *repair, answers: answers.clone() }])
        }
        Wanted::Escalate => Ok(vec![Event::TrackChanged { by, track: "full".to_owned() }]),
        Wanted::Prioritise { priority } => Ok(vec![Event::Prioritised { by, priority: *priority }]),
        Wanted::Amend { title, description } => {
            let title = title.clone().unwrap_or_else(|| task.request.title.clone());
            let description = description.clone().unwrap_or_else(|| task.request.description.clone());
            Ok(vec![Event::Amended { by, title, description }])
        }
    };
    match events {
        Ok(mut events) => {
            events.splice(0..0, unanswerable_effect(task, kind));
            Acceptance::Accepted(events)
        }
        Err(refusal) => Acceptance::Refused(refusal),
    }
}

/// On Hold `deploy-unknown` the person's decision is the answer that no probe could give.
fn unanswerable_effect(task: &Task, kind: CommandKind) -> Option<Event> {
    let unanswerable = matches!(task.evidence.deploy, Some(DeployAnswer::Unknown { .. }));
    let effect = task.effect.as_ref().filter(|_| unanswerable)?;
    let state = match kind {
        CommandKind::Approve => EffectState::Applied,
        CommandKind::Retry | CommandKind::Stop => EffectState::Refused,
        CommandKind::Reject
        | CommandKind::ConfirmDeploy
        | CommandKind::Pause
        | CommandKind::Resume
        | CommandKind::Escalate
        | CommandKind::Prioritise
        | CommandKind::Amend => return None,
    };
    let observed = "a person looked at the environment".to_owned();
    Some(Event::EffectMoved { id: effect.id, intent: effect.intent.clone(), state, observed })
}

/// Judges a command to a repository.
pub fn accept_repo(repo: &Repo, command: &RepoCommand, now: Timestamp) -> Result<Vec<RepoEvent>, Refusal> {
    let by = command.by.clone();
    match &command.what {
        RepoWanted::Freeze { why } if repo.frozen.is_none() => {
            let freeze = Freeze { why: why.clone(), cause: None, by, at: now, diverged: false };
            Ok(vec![RepoEvent::Frozen { freeze }])
        }
        RepoWanted::Freeze { .. } => refuse(RefusalCode::NotAsked, format!("{} is frozen already", repo.id)),
        RepoWanted::Unfreeze if repo.frozen.is_some() => Ok(vec![RepoEvent::Unfrozen { by }]),
        RepoWanted::Unfreeze => refuse(RefusalCode::NotAsked, format!("{} is not frozen", repo.id)),
        RepoWanted::Repair { task } if repo.frozen.is_some() => {
            Ok(vec![RepoEvent::RepairNamed { task: *task }])
        }
        RepoWanted::Repair { .. } => {
            refuse(RefusalCode::NotAsked, format!("{} is not frozen; nothing is to be repaired", repo.id))
        }
        // Carried out by the caller, which enqueues the job.
        RepoWanted::Look => Ok(Vec::new()),
    }
}

/// Every command with whether it is allowed now, and why not: what every button on every surface comes from.
pub fn commands(view: &View) -> Vec<(CommandKind, Result<(), Refusal>)> {
    CommandKind::ALL.into_iter().map(|kind| (kind, allowed(view, kind))).collect()
}

fn refuse<T>(code: RefusalCode, why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, why: why.into() })
}

fn allowed(view: &View, kind: CommandKind) -> Result<(), Refusal> {
    let task = &view.task;
    let key = &task.key;
    if task.stage.is_terminal() {
        return refuse(
            RefusalCode::Ended,
            format!("{key} is {}; start the issue again for a new life", task.stage),
        );
    }
    if task.stopping.is_some() {
        return refuse(RefusalCode::Stopping, format!("{key} is being stopped; nothing else is accepted"));
    }
    let asked = asked_for(task);
    let hold = task.hold.as_ref().map(|h| h.code);
    let fits = match kind {
        CommandKind::Stop | CommandKind::Prioritise => true,
        CommandKind::Approve => match hold {
            Some(code) => code.row().ends.contains(&CommandKind::Approve),
            None => asked == Some(Ask::Approve),
        },
        CommandKind::ConfirmDeploy => hold.is_none() && asked == Some(Ask::ConfirmDeploy),
        CommandKind::Reject => hold.is_none() && asked.is_some(),
        CommandKind::Amend => {
            task.stage == Stage::Created
                || task.pause.is_some()
                || matches!(hold, Some(HoldCode::Entry | HoldCode::Ambiguous))
        }
        CommandKind::Pause => task.pause.is_none(),
        CommandKind::Resume => task.pause.is_some(),
        CommandKind::Retry => hold.is_some_and(|code| code.row().ends.contains(&CommandKind::Retry)),
        CommandKind::Escalate => {
            view.policy.pipeline.tracks.contains_key("full")
                && task.track != "full"
                && task.stage < Stage::Development
        }
    };
    if fits {
        return Ok(());
    }
    let state =
        task.reason.as_ref().map_or_else(|| task.stage.to_string(), |reason| reason.sentence(key.as_str()));
    refuse(RefusalCode::NotAsked, format!("{} does not fit {key} now. {state}", kind.name()))
}

/// Words must reach a run: the next one of the role that works here, one turn at a time.
fn heard(view: &View, command: &Command) -> Result<(), Refusal> {
    let words = match &command.what {
        Wanted::Resume { answers } | Wanted::Retry { answers, .. } => answers,
        Wanted::Approve
        | Wanted::Reject { .. }
        | Wanted::ConfirmDeploy
        | Wanted::Stop
        | Wanted::Pause { .. }
        | Wanted::Escalate
        | Wanted::Prioritise { .. }
        | Wanted::Amend { .. } => &None,
    };
    if words.is_none() {
        return Ok(());
    }
    let (task, key) = (&view.task, &view.task.key);
    if task.job.as_ref().is_some_and(|job| job.kind == JobKind::Agent) {
        let why = format!(
            "a run of {key} is under way, and it is one turn at a time: `orchctl pause {key} --now` ends it"
        );
        return refuse(RefusalCode::TurnRunning, why);
    }
    match decide::role(view) {
        Some(_) => Ok(()),
        None => refuse(
            RefusalCode::NobodyListens,
            format!(
                "{key} is in {}, where no role works that could read your words; leave them out",
                task.stage
            ),
        ),
    }
}

/// What a person is asked for at this moment, if anything.
fn asked_for(task: &Task) -> Option<Ask> {
    match &task.reason {
        Some(Reason::Wait(Wait::Person { ask, .. })) if task.pause.is_none() => Some(*ask),
        _ if mutant::on(Mutant::Inc45) && task.stage == Stage::Analysis => Some(Ask::Approve),
        Some(
            Reason::Wait(_)
            | Reason::Working { .. }
            | Reason::Deferred { .. }
            | Reason::Held { .. }
            | Reason::Paused { .. }
            | Reason::Ended,
        )
        | None => None,
    }
}

fn same_visit(task: &Task, command: &Command) -> Result<(), Refusal> {
    match command.visit {
        Some(visit) if visit != task.visit && !mutant::on(Mutant::Inc45) => refuse(
            RefusalCode::VisitMoved,
            format!(
                "{} has moved on since you looked (visit {visit}, now {}); look again and decide anew",
                task.key, task.visit
            ),
        ),
        Some(_) | None => Ok(()),
    }
}

/// The gate's present subject, if it is the one the person was shown.
fn shown(task: &Task, command: &Command, gate: GateName) -> Result<Subject, Refusal> {
    let present = match gate {
        GateName::DeployVerdict => deploy_subject(task),
        other => other.subject(task),
    };
    let same = match &command.subject {
        None => true,
        Some(Shown::Subject(subject)) => *subject == present,
        Some(Shown::Head(sha)) => task.head() == Some(sha),
    };
    let any = mutant::on(Mutant::Inc45) || (gate == GateName::DeployVerdict && mutant::on(Mutant::Inc39));
    if same || any {
        return Ok(present);
    }
    let now = task.head().map_or("nothing", Sha::short);
    refuse(
        RefusalCode::SubjectMoved,
        format!("{} is not what you were shown; its head is {now} now. Look again and decide anew", task.key),
    )
}

/// What a confirm-deploy is bound to: before the landing the patch shown, after it the landed commit.
pub fn deploy_subject(task: &Task) -> Subject {
    match (&task.landing.proof, &task.branch_state) {
        (Some(proof), _) => Subject::Commit(proof.head.clone()),
        (None, Some(branch)) => Subject::Patch(branch.patch.clone()),
        (None, None) => Subject::None,
    }
}
