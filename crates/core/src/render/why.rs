//! "Why is this not moving?" (spec 1.4, B-15): everything the present decision rests on, as plain data and as
//! text. It decides nothing; it asks the same gates and the same admission that `decide` asks.

use super::{one_line, subject};
use crate::admission;
use crate::command::{CommandKind, commands};
use crate::decide::head_gates;
use crate::gate::{self, GateName, Judged};
use crate::hold::HoldCode;
use crate::reason::{Ask, Reason, Wait};
use crate::stage::Stage;
use crate::time::{Span, Timestamp};
use crate::view::{DepState, View};

/// The explanation of one task at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The key.
    pub key: String,
    /// Where it is.
    pub stage: Stage,
    /// The visit that a command must name.
    pub visit: u32,
    /// Why it is not moving.
    pub reason: String,
    /// What happened, where a Hold says more.
    pub detail: Option<String>,
    /// For how long.
    pub since: Span,
    /// Who must act.
    pub who: String,
    /// The commands that end it, ready to be typed.
    pub commands: Vec<String>,
    /// The stage these gates lead to; `None` at the end.
    pub next: Option<Stage>,
    /// Every gate of the coming transition, in the order they are asked.
    pub gates: Vec<GateState>,
    /// What admission saw.
    pub admission: Vec<String>,
    /// What is spent, of which limit.
    pub budgets: Vec<Spending>,
}

/// A gate of the coming transition as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateState {
    /// The gate.
    pub gate: GateName,
    /// `pass`, `reject`, `wait`, `defer`, `hold`, `not-applicable`, or `not-asked` with what must come first.
    pub outcome: &'static str,
    /// What it rests on.
    pub evidence: String,
    /// What it speaks about.
    pub subject: String,
    /// A stored result stands for the present subject; else the outcome is what it would answer now.
    pub stored: bool,
}

/// One budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spending {
    /// Which.
    pub budget: String,
    /// What is spent, with its unit.
    pub spent: String,
    /// The limit with what people granted; `None` is unlimited.
    pub limit: Option<String>,
}

/// Explains.
pub fn explain(view: &View, now: Timestamp) -> Why {
    let task = &view.task;
    let key = task.key.as_str();
    let reason = match &task.reason {
        Some(reason) => reason.sentence(key),
        None => "It has not been looked at yet.".to_owned(),
    };
    let since = if task.stage.is_terminal() { Span(0) } else { Span((now - task.reason_since).0.max(0)) };
    Why {
        key: key.to_owned(),
        stage: task.stage,
        visit: task.visit,
        reason,
        detail: task.hold.as_ref().map(|held| held.detail.clone()).filter(|detail| !detail.is_empty()),
        since,
        who: who(task.reason.as_ref()),
        commands: ending_commands(view),
        next: view.next_stage(),
        gates: coming_gates(view).into_iter().map(|gate| state(view, gate, now)).collect(),
        admission: admission_seen(view, now),
        budgets: budgets(view),
    }
}

fn who(reason: Option<&Reason>) -> String {
    match reason {
        Some(Reason::Held { code }) => format!("the {}", code.row().who),
        Some(Reason::Paused { by, .. }) => format!("a person (paused by {by})"),
        Some(Reason::Ended) => "nobody; it is finished".to_owned(),
        Some(Reason::Working { .. } | Reason::Deferred { .. }) | None => {
            "nobody; orchd goes on by itself".to_owned()
        }
        Some(Reason::Wait(wait)) => match wait {
            Wait::Drained => "the operator who drained orchd".to_owned(),
            Wait::Frozen { .. } => "whoever mends what froze the repository".to_owned(),
            Wait::Dependency { on } => format!("whoever brings {on} to its end"),
            Wait::Predecessor { on } => format!("nobody; {on} goes first"),
            Wait::Lane { on, .. } => format!("nobody; {on} lands first"),
            Wait::Person { ask: Ask::Approve, .. } => "the approver".to_owned(),
            Wait::Person { ask: Ask::ConfirmDeploy, .. } => "whoever may confirm the deployment".to_owned(),
            Wait::Ci { .. } => "nobody; CI answers".to_owned(),
            Wait::Capacity | Wait::Quota { .. } | Wait::Provider { .. } | Wait::Main => {
                "nobody; orchd goes on by itself".to_owned()
            }
        },
    }
}

/// Commands that end the present state, of those that are accepted now; a change of priority ends nothing.
fn ending_commands(view: &View) -> Vec<String> {
    let key = &view.task.key;
    let mut list: Vec<String> = commands(view)
        .into_iter()
        .filter(|(kind, allowed)| allowed.is_ok() && ends(*kind))
        .map(|(kind, _)| match kind {
            CommandKind::Resume if view.task.pause.as_ref().is_some_and(|p| !p.questions.is_empty()) => {
                format!("orchctl resume {key} --answer \"…\"")
            }
            CommandKind::Reject => format!("orchctl reject {key} --reason \"…\""),
            kind => format!("orchctl {} {key}", kind.name()),
        })
        .collect();
    if view.task.hold.as_ref().is_some_and(|held| matches!(held.code, HoldCode::Entry | HoldCode::Ambiguous))
    {
        list.insert(0, format!("orchctl task amend {key} -d \"…\""));
    }
    match &view.task.reason {
        Some(Reason::Wait(Wait::Drained)) => list.insert(0, "orchctl undrain".to_owned()),
        Some(Reason::Wait(Wait::Frozen { .. })) => {
            list.insert(0, format!("orchctl repo unfreeze {}", view.repo.id));
        }
        Some(
            Reason::Wait(_)
            | Reason::Working { .. }
            | Reason::Deferred { .. }
            | Reason::Held { .. }
            | Reason::Paused { .. }
            | Reason::Ended,
        )
        | None => {}
    }
    list
}

const fn ends(kind: CommandKind) -> bool {
    match kind {
        CommandKind::Approve
        | CommandKind::Reject
        | CommandKind::ConfirmDeploy
        | CommandKind::Stop
        | CommandKind::Resume
        | CommandKind::Retry => true,
        CommandKind::Pause | CommandKind::Escalate | CommandKind::Prioritise | CommandKind::Amend => false,
    }
}

/// Before its landing is proven a task in `deploy` is asked the landing gates and those of the head again.
fn coming_gates(view: &View) -> Vec<GateName> {
    let task = &view.task;
    // Nothing comes after the end: what every gate said on the way is what there is to explain.
    let Some(next) = view.next_stage() else { return task.gates.keys().copied().collect() };
    let lands = next == Stage::Deploy || (task.stage == Stage::Deploy && !task.landed());
    let mut gates = Vec::new();
    if next == Stage::Deploy {
        gates.extend_from_slice(gate::leaving(task.stage));
    }
    if lands {
        gates.extend_from_slice(gate::ENTERING_DEPLOY);
        let again: Vec<GateName> = head_gates(view).filter(|gate| !gates.contains(gate)).collect();
        gates.extend(again);
    }
    if next != Stage::Deploy {
        gates.extend_from_slice(gate::leaving(task.stage));
    }
    gates
}

fn state(view: &View, gate: GateName, now: Timestamp) -> GateState {
    let task = &view.task;
    let about = subject(&gate.subject(task));
    if let Some(result) = task.standing(gate) {
        let (outcome, evidence) = (result.outcome.word(), result.evidence.clone());
        return GateState { gate, outcome, evidence, subject: about, stored: true };
    }
    let (outcome, evidence) = match present(view, gate, now) {
        Judged::Is(outcome, evidence) => {
            let text = match &outcome {
                gate::GateOutcome::Wait { wait } => Reason::Wait(wait.clone()).sentence(task.key.as_str()),
                gate::GateOutcome::Pass
                | gate::GateOutcome::Reject { .. }
                | gate::GateOutcome::Defer { .. }
                | gate::GateOutcome::Hold { .. }
                | gate::GateOutcome::NotApplicable { .. } => evidence,
            };
            (outcome.word(), text)
        }
        Judged::NeedsRun => ("not-asked", "the stage's run comes first".to_owned()),
        Judged::NeedsJob(work) => ("not-asked", format!("{} comes first", work.kind().name())),
        Judged::NeedsMain(_) => ("not-asked", "a look at main comes first".to_owned()),
        Judged::RunFailed(why) => ("not-asked", format!("the run does not count: {why}")),
    };
    GateState { gate, outcome, evidence, subject: about, stored: false }
}

/// `admission` is not judged by evidence but by who may occupy.
fn present(view: &View, gate: GateName, now: Timestamp) -> Judged {
    if gate != GateName::Admission {
        return gate.judge(view, now);
    }
    match admission::may_enter(view, now) {
        Ok(()) => Judged::NeedsMain(None),
        Err(wait) => Judged::Is(gate::GateOutcome::Wait { wait }, String::new()),
    }
}

fn admission_seen(view: &View, now: Timestamp) -> Vec<String> {
    let repo = &view.repo;
    let names =
        |ids: &[crate::id::TaskId]| ids.iter().map(|id| view.name_of(*id)).collect::<Vec<_>>().join(", ");
    let mut seen = Vec::new();
    if view.drained {
        seen.push("drained".to_owned());
    }
    if let Some(freeze) = &repo.frozen {
        let bound = if repo.frozen_for(view.task.id).is_some() { "" } else { " (does not bind this task)" };
        seen.push(format!("frozen by {}: {}{bound}", freeze.by, freeze.why));
    }
    for dep in &view.deps {
        let standing = match dep.state {
            DepState::Done => "done",
            DepState::Open => "open",
            DepState::Ended => "ended without being done",
        };
        seen.push(format!("blocked by {}: {standing}", dep.on));
    }
    if !repo.occupants.is_empty() {
        seen.push(format!("occupied by {}", names(&repo.occupants)));
    }
    if let Some(holder) = repo.landing_task {
        seen.push(format!("the merge lane is held by {}", view.name_of(holder)));
    }
    if !repo.lane_queue.is_empty() {
        seen.push(format!("waiting for the merge lane: {}", names(&repo.lane_queue)));
    }
    seen.extend(view.providers.values().filter_map(|health| health.line(now)));
    let mut waiting: Vec<_> = view.candidates.iter().collect();
    waiting.sort_by_key(|candidate| admission::order(candidate, now));
    if !waiting.is_empty() {
        let keys: Vec<String> = waiting.iter().map(|candidate| candidate.key.to_string()).collect();
        seen.push(format!("waiting to be let in, in order: {}", keys.join(", ")));
    }
    if seen.is_empty() {
        seen.push("nobody else asks for the repository".to_owned());
    }
    seen
}

fn budgets(view: &View) -> Vec<Spending> {
    let (limits, spent) = (&view.policy.budgets, &view.task.spent);
    let count = |budget: &str, used: u32, limit: u32, granted: u32| Spending {
        budget: budget.to_owned(),
        spent: used.to_string(),
        limit: Some(limit.saturating_add(granted).to_string()),
    };
    let mut list = vec![
        count("rework", spent.rework, limits.rework, spent.rework_granted),
        count("bounces", spent.bounces, limits.bounces, spent.bounces_granted),
        count("agent failures", spent.agent, limits.agent_failures, spent.agent_granted),
        count("provider errors", spent.transient, limits.transient, spent.transient_granted),
    ];
    for (gate, used) in &spent.infra {
        let granted = spent.infra_granted.get(gate).copied().unwrap_or(0);
        list.push(count(&format!("infrastructure at {}", gate.name()), *used, limits.infra, granted));
    }
    let money = |budget: &str, used: crate::policy::Money, cap: Option<crate::policy::Money>| Spending {
        budget: budget.to_owned(),
        spent: format!("${:.2}", used.usd()),
        limit: cap.map(|cap| format!("${:.2}", cap.usd())),
    };
    list.push(money("money of the task", spent.money, limits.task_money));
    list.push(money("money of the day", view.spent_today, limits.day_money));
    list
}

impl Why {
    /// For a terminal: one fact a line.
    pub fn to_text(&self) -> String {
        let mut out = format!("{} in {} (visit {}), for {}\n", self.key, self.stage, self.visit, self.since);
        putln!(out, "{}", self.reason);
        if let Some(detail) = &self.detail {
            putln!(out, "What happened: {}", one_line(detail, 1000));
        }
        putln!(out, "Who acts: {}", self.who);
        for command in &self.commands {
            putln!(out, "  {command}");
        }
        if let Some(next) = self.next {
            putln!(out, "Gates towards {next}:");
        }
        for gate in &self.gates {
            let stored = if gate.stored { "" } else { " (now)" };
            putln!(
                out,
                "  {:<16} {:<14} {} [{}]{stored}",
                gate.gate.name(),
                gate.outcome,
                one_line(&gate.evidence, 200),
                gate.subject
            );
        }
        out.push_str("Admission saw:\n");
        for seen in &self.admission {
            putln!(out, "  {}", one_line(seen, 300));
        }
        out.push_str("Spent:\n");
        for spending in &self.budgets {
            let limit = spending.limit.as_deref().unwrap_or("unlimited");
            putln!(out, "  {}: {} of {limit}", spending.budget, spending.spent);
        }
        out
    }
}
