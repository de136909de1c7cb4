//! The API's own types: stable, documented, shared by server and client. Core's types never go on the wire as
//! they are, so that a change inside is no change outside.

use serde::{Deserialize, Serialize};

/// A task as people and programs see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Identity.
    pub id: String,
    /// The tracker's key.
    pub key: String,
    /// Which life of the issue, from 1.
    pub life: u32,
    /// The project.
    pub project: String,
    /// The repository.
    pub repo: String,
    /// The title.
    pub title: String,
    /// The track.
    pub track: String,
    /// The stage's wire name.
    pub stage: String,
    /// A command that names it stands for this visit only.
    pub visit: u32,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    /// When the stage was entered.
    pub entered_at: i64,
    /// The board's status.
    pub status: String,
    /// Why it is not moving, in one word: `working`, `person`, `predecessor`, `hold`, ….
    pub waiting: Option<String>,
    /// The same as a sentence: who must act, with what command.
    pub sentence: String,
    /// Since when.
    pub waiting_since: i64,
    /// A Hold's code and detail.
    pub hold: Option<Hold>,
    /// The running or queued job's kind, or the role of an agent's.
    pub job: Option<String>,
    /// Questions of a role that paused it.
    pub questions: Vec<String>,
    /// The task branch.
    pub branch: String,
    /// Its head, once there is one.
    pub head: Option<String>,
    /// The commit of main it is judged against.
    pub base: Option<String>,
    /// Heads of this task that landed.
    pub landed: Vec<String>,
    /// Main when the present landing was proven.
    pub proven_in: Option<String>,
    /// Reworks spent.
    pub rework: u32,
    /// Agent runs.
    pub runs: u32,
    /// Reported cost in dollars.
    pub cost_usd: f64,
    /// Tokens in and out.
    pub tokens: (u64, u64),
    /// Per stage, in pipeline order: what was spent there.
    pub stages: Vec<StageTotals>,
    /// The stages its track walks.
    pub walks: Vec<String>,
    /// The latest result of each gate.
    pub gates: Vec<Gate>,
    /// Commands a person may give now.
    pub commands: Vec<String>,
    /// Issues it waits for.
    pub depends_on: Vec<String>,
    /// The row's version.
    pub version: u64,
}

/// A Hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The code.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// Who acts.
    pub who: String,
    /// What must be done.
    pub todo: String,
}

/// What was spent in a stage over all its visits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTotals {
    /// The stage.
    pub stage: String,
    /// Times it was entered.
    pub visits: u32,
    /// Runs and runner jobs.
    pub attempts: u32,
    /// Milliseconds, the present visit included.
    pub ms: i64,
    /// Dollars.
    pub cost_usd: f64,
}

/// A gate's latest result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The gate.
    pub gate: String,
    /// `pass`, `reject`, `defer`, `hold`, `not-applicable`.
    pub outcome: String,
    /// What it rests on.
    pub evidence: String,
    /// What it speaks about, for people.
    pub subject: String,
    /// It stands for the present subject.
    pub stands: bool,
}

/// One event of a task or repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the log; ask for what comes after it.
    pub seq: u64,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// The event's name.
    pub event: String,
    /// One line for people; empty for bookkeeping.
    pub line: String,
    /// The whole event.
    pub data: serde_json::Value,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Identity.
    pub id: String,
    /// Kind, or the role of an agent run.
    pub kind: String,
    /// `queued`, `running`, `succeeded`, `failed`, `cancelled`.
    pub state: String,
    /// The task's key, or the repository.
    pub of: String,
    /// The run, once claimed.
    pub run: Option<String>,
    /// When it was enqueued.
    pub since: i64,
    /// When it started.
    pub started_at: Option<i64>,
    /// When the lease ends.
    pub lease_until: Option<i64>,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repo {
    /// Identity.
    pub id: String,
    /// Its project.
    pub project: String,
    /// Keys of the tasks that occupy it.
    pub occupants: Vec<String>,
    /// Key of the task that lands.
    pub landing: Option<String>,
    /// Keys that wait for the lane.
    pub lane: Vec<String>,
    /// Why it is frozen.
    pub frozen: Option<String>,
    /// Main as last seen.
    pub main: Option<String>,
    /// Why the last look at main failed; it is looked at again by itself.
    #[serde(default)]
    pub main_failure: Option<String>,
}

/// A provider of agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// `well`, `down`, `tried` (one run tries it) or `quota`.
    pub state: String,
    /// Transient errors in a row, over all tasks.
    pub failures: u32,
    /// What is wrong, since when, and when it is tried again.
    pub sentence: Option<String>,
    /// When a person last said that it is well.
    pub closed: Option<Closed>,
}

/// A person's word that a provider is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Whose.
    pub by: String,
    /// How long ago, in milliseconds.
    pub ago_ms: i64,
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Its number: the 5 of I-5.
    pub number: u8,
    /// Its sentence.
    pub sentence: String,
    /// What breaks it.
    pub detail: String,
}

/// Everything at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The version of this shape.
    pub v: u32,
    /// Now, as the server has it.
    pub now: i64,
    /// Admission is stopped.
    pub drained: bool,
    /// What the host is short of, so that nothing new is started; none where there is room.
    pub short: Option<String>,
    /// What keeps the processes of this server's runs together.
    pub containment: String,
    /// By what its projects are configured, in one word: whoever has the configuration can tell whether it counts here.
    #[serde(default)]
    pub configured: Option<String>,
    /// Providers that nobody may use now, a line each: what is down, since when, and when it is tried again.
    pub providers: Vec<String>,
    /// All tasks, oldest first.
    pub tasks: Vec<Task>,
    /// All repositories.
    pub repos: Vec<Repo>,
    /// Queued and running jobs.
    pub jobs: Vec<Job>,
    /// What is on its way without a job: tasks and repositories to be decided, surfaces to be written. None and no job
    /// mean that nothing happens before somebody says something or time passes.
    #[serde(default)]
    pub pending: usize,
}

/// A request to start a task.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewTask {
    /// The project; may be left out where there is one.
    pub project: Option<String>,
    /// The title.
    pub title: String,
    /// The description.
    pub description: String,
    /// No description is needed.
    pub waive_description: bool,
    /// The track.
    pub track: Option<String>,
    /// Lower goes first.
    pub priority: i32,
    /// Keys it waits for.
    pub after: Vec<String>,
    /// To work in a frozen repository, to mend it.
    pub repair: bool,
}

/// A command to a task.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Command {
    /// `approve`, `reject`, `confirm-deploy`, `stop`, `pause`, `resume`, `retry`, `escalate`, `prioritise`, `amend`.
    pub command: String,
    /// The reason of a reject or pause.
    pub reason: Option<String>,
    /// The words of a resume or retry for the run that follows.
    pub answers: Option<String>,
    /// The head SHA the person was shown.
    pub at: Option<String>,
    /// The visit the person saw.
    pub visit: Option<u32>,
    /// Pause: end the running job too.
    pub now: bool,
    /// Retry: work in the frozen repository.
    pub repair: bool,
    /// Prioritise: lower goes first.
    pub priority: Option<i32>,
    /// Amend: the title.
    pub title: Option<String>,
    /// Amend: the description.
    pub description: Option<String>,
    /// The same id twice is one command.
    pub id: Option<String>,
    /// Who; the socket's owner where left out.
    pub by: Option<String>,
}

/// A command to a repository: `freeze`, `unfreeze`, `look`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepoCommand {
    /// Which.
    pub command: String,
    /// The reason of a freeze.
    pub reason: Option<String>,
    /// Who.
    pub by: Option<String>,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The input's id.
    pub input: String,
    /// `applied` or `waiting`.
    pub outcome: String,
}

/// A change of a dependency or of the drain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// The key a dependency names.
    pub on: Option<String>,
    /// Who.
    pub by: Option<String>,
}

/// The one error envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub error: FailureBody,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureBody {
    /// A stable code (docs/ref/errors.md).
    pub code: String,
    /// What happened, to what, and what to do.
    pub message: String,
    /// More, for programs.
    #[serde(default)]
    pub details: serde_json::Value,
}

/// Why a task is not moving, with everything the last decision rested on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The text for people.
    pub text: String,
}

/// Which output of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPart {
    /// The run.
    pub run: Option<String>,
    /// What stands from `offset` on; invalid UTF-8 is replaced.
    pub text: String,
    /// Ask for what comes after it.
    pub next: u64,
    /// All bytes so far.
    pub total: u64,
    /// The run is over and this is its end.
    pub eof: bool,
    /// How the run ended, once it has.
    #[serde(default)]
    pub ended: Option<String>,
}

/// A task's patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// The commit of main.
    pub base: String,
    /// The head.
    pub head: String,
    /// The patch, cut to a limit.
    pub text: String,
    /// It was cut; the command for the whole.
    pub whole: Option<String>,
}
