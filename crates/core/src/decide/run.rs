//! A role's run: starting one with what it must read, and what a run that does not count leads to (spec 1.4).

use super::{Decided, Decision, Order};
use crate::budget;
use crate::event::Spends;
use crate::gate::{self, GateName, GateOutcome, Judged};
use crate::hold::HoldCode;
use crate::id::{ProviderId, Sha};
use crate::job::{AgentOutcome, AgentRun, JobSpec, Work};
use crate::policy::{Ask, TestingBy};
use crate::provider::{BELIEVED, Start};
use crate::reason::{Reason, Wait};
use crate::stage::{Role, Stage};
use crate::time::Timestamp;
use crate::verdict::Submission;
use crate::view::View;

/// The role that works in the present stage, if an agent does.
pub(crate) fn role(view: &View) -> Option<Role> {
    match view.task.stage {
        Stage::Analysis => Some(Role::Analyst),
        Stage::Architecture => Some(Role::Architect),
        Stage::Development => Some(Role::Developer),
        Stage::Review => Some(Role::Reviewer),
        Stage::Testing if view.policy.testing_by == TestingBy::Agent => Some(Role::Tester),
        Stage::Created
        | Stage::Testing
        | Stage::DeployStaging
        | Stage::Deploy
        | Stage::Done
        | Stage::Cancelled => None,
    }
}

/// What the latest run of this stage entry leads to before its gates are asked; `None` where they may be.
pub(super) fn settle(view: &View, now: Timestamp) -> Option<Decided> {
    let run = view.run()?;
    match &run.outcome {
        AgentOutcome::Completed { submission } => {
            let mut questions = submission.blocking();
            questions.extend(run.docs.questions.iter().cloned());
            // A complete package beside the questions supersedes them.
            if questions.is_empty() || complete(view, run, submission, now) {
                None
            } else if view.policy.ask == Ask::Never {
                Some(Decided::hold(HoldCode::Ambiguous, questions.join(" / ")))
            } else {
                Some(Decided::new(Decision::Pause { questions }))
            }
        }
        AgentOutcome::Failed { why } => Some(again(view, why, now)),
        AgentOutcome::Transient { why, retry_at } => Some(transient(view, why, *retry_at, now)),
        // A known reset is waited for instead, and spends nothing: it stands with the provider, for all who use it.
        AgentOutcome::Quota { resets_at: _ } => Some(start(view, None, None, None, now)),
        AgentOutcome::Infra { why } => Some(defer(view, stage_gate(view), why, now)),
    }
}

/// Whether this run delivered everything its role owes; what an earlier one left on the branch is not of it.
fn complete(view: &View, run: &AgentRun, submission: &Submission, now: Timestamp) -> bool {
    let passes = |gate: GateName| matches!(gate.judge(view, now), Judged::Is(GateOutcome::Pass, _));
    match run.role {
        Role::Analyst => passes(GateName::BrdFiles),
        Role::Architect => passes(GateName::AdrFiles),
        Role::Developer => false,
        Role::Reviewer | Role::Tester => submission.verdict.is_some(),
    }
}

/// The gate that stands for the stage's own run in the infra budget.
pub(super) fn stage_gate(view: &View) -> GateName {
    gate::leaving(view.task.stage).first().copied().unwrap_or(GateName::Admission)
}

/// A run that does not count: the same role runs again with the exact reason, within its budget.
pub(super) fn again(view: &View, why: &str, now: Timestamp) -> Decided {
    let (task, budgets) = (&view.task, &view.policy.budgets);
    if !budget::left(budgets.agent_failures, task.spent.agent_granted, task.spent.agent) {
        return Decided::hold(HoldCode::AgentFailed, why.to_owned());
    }
    start(view, Some(why), Some(Spends::AgentFailure), None, now)
}

fn transient(view: &View, why: &str, retry_at: Option<Timestamp>, now: Timestamp) -> Decided {
    let (task, budgets) = (&view.task, &view.policy.budgets);
    if !budget::left(budgets.transient, task.spent.transient_granted, task.spent.transient) {
        return Decided::hold(HoldCode::ProviderDown, why.to_owned());
    }
    let backoff = now + budget::backoff(budgets, task.id, task.spent.transient);
    let at = retry_at.map_or(backoff, |at| at.min(now + BELIEVED).max(backoff));
    start(view, None, Some(Spends::Transient), Some(at), now)
}

/// Infrastructure: asked again later, within the budget of (task, gate).
pub(super) fn defer(view: &View, gate: GateName, why: &str, now: Timestamp) -> Decided {
    let (task, budgets) = (&view.task, &view.policy.budgets);
    if !budget::infra_left(budgets, &task.spent, gate) {
        let detail = format!("{} failed too often: {why}", gate.name());
        return Decided::hold_gate(HoldCode::Infra, detail, Some(gate));
    }
    let spent = task.spent.infra.get(&gate).copied().unwrap_or(0);
    let until = now + budget::backoff(budgets, task.id, spent);
    Decided::stay(Reason::Deferred { gate, why: why.to_owned(), until })
}

/// Starts the stage's role, unless the money that is left does not allow it, or its provider may not be used now.
pub(super) fn start(
    view: &View,
    failure: Option<&str>,
    spends: Option<Spends>,
    not_before: Option<Timestamp>,
    now: Timestamp,
) -> Decided {
    let task = &view.task;
    let Some(role) = role(view) else {
        return Decided::hold(HoldCode::AgentFailed, format!("no role works in {}", task.stage));
    };
    if let Some(why) = budget::money_refusal(view) {
        return Decided::hold(HoldCode::Budget, why);
    }
    let Some((start, base)) = starting_point(view) else {
        return Decided::hold(HoldCode::NotMerged, "the task has no branch to work on");
    };
    let not_before = match provider_allows(view, role, now) {
        Ok(Start::Freely) => not_before,
        // The breaker's own wait is over, was no shorter than the task's, and honoured what the provider asked for.
        Ok(Start::AsProbe) => None,
        Err(wait) => return Decided::stay(Reason::Wait(wait)),
    };
    let assignment = task.assignment.clone().unwrap_or_default();
    let work = Work::Agent {
        role,
        entry: task.entry,
        start,
        base,
        must_fix: assignment.must_fix,
        questions: assignment.questions,
        answers: task.answers.clone(),
        resume: resume(view, role),
        agent: view.policy.agents.get(&role).cloned().map(Box::new),
        last_failure: failure.map(str::to_owned).or(assignment.last_failure),
    };
    Decided::new(Decision::Run(Box::new(Order { spec: JobSpec { work, not_before }, intent: None, spends })))
}

/// Whether the provider of the role may be used now. While it may not, nothing is spent.
fn provider_allows(view: &View, role: Role, now: Timestamp) -> Result<Start, Wait> {
    let agent = view.policy.agents.get(&role);
    let health = agent.and_then(|agent| view.providers.get(&ProviderId::new(agent.provider())));
    health.map_or(Ok(Start::Freely), |health| health.may_start(&view.task, now))
}

/// The role's own session, if a person has words for it and the same profile still plays the role.
fn resume(view: &View, role: Role) -> Option<String> {
    let session = view.task.answers.as_ref().and_then(|_| view.task.sessions.get(&role))?;
    let agent = view.policy.agents.get(&role)?;
    (agent.profile == session.profile).then(|| session.id.clone())
}

/// The last good head, or the commit of main the branch is cut from.
fn starting_point(view: &View) -> Option<(Sha, Sha)> {
    match (&view.task.branch_state, &view.task.cut_from) {
        (Some(branch), _) => Some((branch.head.clone(), branch.base.clone())),
        (None, Some(cut_from)) => Some((cut_from.clone(), cut_from.clone())),
        (None, None) => None,
    }
}
