//! One line per event for people who follow a task. Bookkeeping has none: it is in the log for programs.

use crate::account::Account;
use crate::event::{Event, How};
use crate::gate::{GateOutcome, GateResult};
use crate::job::{AgentOutcome, AgentRun, JobKind, JobSpec, ReadyOutcome, SuiteOutcome, Work};
use crate::policy::Agent;
use crate::provider::{Breaker, Health};
use crate::verdict::{Finding, Verdict};

/// The line of an event, if it has one.
pub fn of(event: &Event) -> Option<String> {
    Some(match event {
        Event::Created { birth } => format!("created: {}", birth.request.title),
        Event::RunEnded { run } => format!("{} {}{}", run.role, ended(&run.outcome), aside(run)),
        Event::SuiteEnded { suite } => {
            format!("tests at {}: {}", suite.head.short(), suite_word(&suite.outcome))
        }
        Event::CiReported { head, state } => format!("CI at {}: {}", head.short(), ci_word(state)),
        Event::ReadyEnded { ready } => {
            format!("on main {}: {}", ready.main.short(), ready_word(&ready.outcome))
        }
        Event::JobFailed { kind, why, told: false, account } => {
            format!("{} did not answer: {why}{}", kind.name(), used(account.as_deref()))
        }
        Event::JobFailed { kind, why, told: true, account } => {
            format!("{} was ended: {why}{}", kind.name(), used(account.as_deref()))
        }
        Event::CleanedUp { salvaged } if salvaged.is_empty() => "cleaned up".to_owned(),
        Event::CleanedUp { salvaged } => format!("cleaned up; kept {}", salvaged.join(", ")),
        Event::Approved { standing } => format!("approved by {}", standing.by),
        Event::DeployConfirmed { standing } => format!("deployment confirmed by {}", standing.by),
        Event::HoldApproved { by } => format!("Hold ended by {by}'s approval"),
        Event::Rejected { by, reason } => format!("declined by {by}: {reason}"),
        Event::StopAccepted { by } => format!("STOP by {by}"),
        Event::Paused { by, why, questions, .. } if questions.is_empty() => format!("paused by {by}: {why}"),
        Event::Paused { questions, .. } => format!("asks: {}", questions.join(" / ")),
        Event::Resumed { by, .. } => format!("resumed by {by}"),
        Event::Retried { by, .. } => format!("retry by {by}"),
        Event::TrackChanged { by, track } => format!("track {track}, by {by}"),
        Event::Prioritised { by, priority } => format!("priority {priority}, by {by}"),
        Event::Amended { by, title, .. } => format!("amended by {by}: {title}"),
        Event::HoldEnded { why } => format!("Hold ended: {why}"),
        Event::ProofRenewed { proof } => format!("main {} was looked at again", proof.main.short()),
        Event::CommandRefused { by, command, refusal } => {
            format!("{command} by {by} refused: {}", refusal.why)
        }
        Event::GateJudged { result } => return gate(result),
        Event::JobQueued { spec, job, .. } => return started(spec, job.kind),
        Event::ProviderChanged { health } => return provider(health),
        Event::Landed { proof } => {
            format!("landed: {} is in main {}", proof.head.short(), proof.main.short())
        }
        Event::Entered { from, to, how, assignment, .. } => {
            let findings = assignment.as_ref().map(|a| a.must_fix.as_slice()).unwrap_or_default();
            entered(from.name(), to.name(), how, findings)
        }
        Event::Held { code, detail, .. } => format!("on Hold ({}): {detail}", code.name()),
        Event::Deferred { gate, why, .. } => format!("{} is asked again later: {why}", gate.name()),
        Event::EffectOpened { .. } | Event::EffectMoved { .. } | Event::EffectAbsent { .. } => return None,
        Event::LandingAnswered { .. } | Event::DeployAnswered { .. } | Event::ProbeAnswered { .. } => {
            return None;
        }
        Event::JobClosed { .. } | Event::JobToldToEnd { .. } | Event::Decided { .. } => return None,
        Event::MainAsked | Event::LaneGivenBack | Event::Stayed { .. } => return None,
    })
}

/// What a task's run did to a provider that others use too.
fn provider(health: &Health) -> Option<String> {
    let id = &health.provider;
    match (&health.breaker, &health.quota) {
        (Breaker::Open { down, .. }, _) => {
            Some(format!("provider {id} is left alone for a while: {}", one_line(&down.why)))
        }
        (Breaker::HalfOpen { .. }, _) => Some(format!("tries provider {id} for all")),
        (Breaker::Closed, Some(_)) => Some(format!("provider {id}: its quota is used up")),
        // A count that grows or is forgotten is bookkeeping.
        (Breaker::Closed, None) => None,
    }
}

fn ended(outcome: &AgentOutcome) -> String {
    match outcome {
        AgentOutcome::Completed { submission } => match submission.verdict {
            Some(Verdict::Positive) => "says yes".to_owned(),
            Some(Verdict::Negative) => format!("says no: {}", first(&submission.findings)),
            None => "finished".to_owned(),
        },
        AgentOutcome::Failed { why } => format!("failed: {}", one_line(why)),
        AgentOutcome::Transient { why, .. } => format!("met a transient error: {}", one_line(why)),
        AgentOutcome::Quota { .. } => "met the provider's quota".to_owned(),
        AgentOutcome::Infra { why } => format!("could not run: {}", one_line(why)),
    }
}

/// What a run had used that left no result.
fn used(account: Option<&Account>) -> String {
    account.map_or_else(String::new, |Account { cost, assumed, tokens: (input, output), .. }| {
        let about = if *assumed { "about " } else { "" };
        format!("; it had used {about}${:.2}, {input} tokens in and {output} out", cost.usd())
    })
}

/// What of a run's work is not on the branch, and where it is.
fn aside(run: &AgentRun) -> String {
    let mut said = String::new();
    if let Some(salvage) = &run.salvage {
        said.push_str(&format!("; its work is kept at {salvage}"));
    }
    if !run.dropped.is_empty() {
        said.push_str(&format!("; not its to change and dropped: {}", run.dropped.join(", ")));
    }
    said
}

fn suite_word(outcome: &SuiteOutcome) -> String {
    match outcome {
        SuiteOutcome::Green { tests: Some(n), .. } => format!("green ({n} tests)"),
        SuiteOutcome::Green { tests: None, .. } => "green".to_owned(),
        SuiteOutcome::Red { failing, .. } if failing.is_empty() => "red".to_owned(),
        SuiteOutcome::Red { failing, .. } => format!("red: {}", failing.join(", ")),
        SuiteOutcome::Infra { reason } => format!("could not run: {}", one_line(reason)),
    }
}

fn ci_word(state: &crate::task::CiState) -> String {
    match state {
        crate::task::CiState::Success => "green".to_owned(),
        crate::task::CiState::Failure { .. } => "red".to_owned(),
        crate::task::CiState::Pending => "pending".to_owned(),
        crate::task::CiState::Infra { why } => format!("could not be asked: {}", one_line(why)),
    }
}

fn ready_word(outcome: &ReadyOutcome) -> String {
    match outcome {
        ReadyOutcome::Ready { rebased, suite, .. } => {
            let moved = if *rebased { "rebased" } else { "nothing to rebase" };
            match suite {
                Some(suite) => format!("{moved}, combined tree {}", suite_word(suite)),
                None => moved.to_owned(),
            }
        }
        ReadyOutcome::Conflict { files, .. } => format!("conflict in {}", files.join(", ")),
        ReadyOutcome::Vanished { entries } => format!("a union merge dropped {}", entries.join(", ")),
        ReadyOutcome::Infra { reason } => format!("could not be done: {}", one_line(reason)),
    }
}

fn gate(result: &GateResult) -> Option<String> {
    let name = result.gate.name();
    match &result.outcome {
        GateOutcome::Pass => Some(format!("{name}: pass, {}", one_line(&result.evidence))),
        GateOutcome::NotApplicable { why } => Some(format!("{name}: not applicable, {why}")),
        GateOutcome::Reject { findings } => Some(format!("{name}: reject, {}", first(findings))),
        GateOutcome::Defer { why } => Some(format!("{name}: deferred, {}", one_line(why))),
        // The Hold has its own event; a Wait is the row's reason.
        GateOutcome::Hold { .. } | GateOutcome::Wait { .. } => None,
    }
}

/// Profile, model and effort, as far as there is a choice: a script has none.
fn player(agent: &Agent) -> Option<String> {
    let profile = Some(agent.profile.as_str()).filter(|name| *name != "script");
    let chosen: Vec<&str> =
        [profile, agent.model.as_deref(), agent.effort.as_deref()].into_iter().flatten().collect();
    (!chosen.is_empty()).then(|| chosen.join(", "))
}

fn started(spec: &JobSpec, kind: JobKind) -> Option<String> {
    match &spec.work {
        Work::Agent { role, must_fix, agent, resume, .. } => {
            let goes_on = if resume.is_some() { " again, in its last session" } else { "" };
            let findings = match must_fix.len() {
                0 => String::new(),
                many => format!(", with {many} finding(s) to mend"),
            };
            let by = agent.as_deref().and_then(player).map(|by| format!(" ({by})")).unwrap_or_default();
            Some(format!("{role} starts{by}{goes_on}{findings}"))
        }
        Work::Push { base, head, .. } => Some(format!("landing {} on main {}", head.short(), base.short())),
        Work::Ci { .. } | Work::Test { .. } | Work::RebaseAndRetest { .. } | Work::Deploy { .. } => {
            Some(format!("{} starts", kind.name()))
        }
        Work::Probe { .. } => Some("asking what became of the last step".to_owned()),
        Work::MainSuite { .. } | Work::CleanUp { .. } => None,
    }
}

fn entered(from: &str, to: &str, how: &How, findings: &[Finding]) -> String {
    match how {
        How::Advance => format!("{from} → {to}"),
        How::Rollback { gate, .. } => format!("{from} ↺ {to}: {} rejected: {}", gate.name(), first(findings)),
        How::PatchChanged => format!("{from} ↺ {to}: the rebase changed the patch"),
        How::Person { reason } => format!("{from} ↺ {to}: {reason}"),
        How::FixForward { why } => format!("{from} ↺ {to}: mending main: {}", one_line(why)),
        How::Stopped => format!("{from} → {to}: stopped"),
    }
}

fn first(findings: &[Finding]) -> String {
    findings.first().map_or_else(|| "no finding named".to_owned(), |finding| one_line(&finding.text))
}

fn one_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if line.chars().count() <= 160 {
        line.to_owned()
    } else {
        format!("{}…", line.chars().take(159).collect::<String>())
    }
}
