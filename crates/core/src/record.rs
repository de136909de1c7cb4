//! Writes down what became known: facts to events, without judgement. A fact about a job the row no longer
//! refers to says nothing any more.

use crate::account::Account;
use crate::effect::{Effect, EffectState, Intent, LandingAnswer, ProbeAnswer, Proof};
use crate::event::{Event, RepoEvent};
use crate::fact::Fact;
use crate::gate::red;
use crate::id::{JobId, Sha};
use crate::job::{DeployAnswer, JobKind, JobResult, MainReport, SuiteOutcome};
use crate::mutant::{self, Mutant};
use crate::repo::{Freeze, MainSeen, Repo};
use crate::task::{CiState, Task};
use crate::time::Timestamp;

/// A task's fact as events.
pub fn record(task: &Task, fact: Fact) -> Vec<Event> {
    match fact {
        Fact::Ci { head, state } => {
            // A late word about an older head does not take away what is known of the present one.
            let about_present = task.evidence.ci.as_ref().is_some_and(|ci| Some(&ci.head) == task.head());
            let stale = about_present && task.head() != Some(&head);
            if stale || task.stage.is_terminal() {
                Vec::new()
            } else {
                vec![Event::CiReported { head, state }]
            }
        }
        // The view has what moved; being woken is all there is to it.
        Fact::DependencyMoved => Vec::new(),
        Fact::JobEnded { job, kind, result } => {
            if task.job_of(job).is_none() {
                return Vec::new();
            }
            let mut events = job_ended(task, kind, *result);
            events.push(Event::JobClosed { job });
            events
        }
    }
}

fn job_ended(task: &Task, kind: JobKind, result: JobResult) -> Vec<Event> {
    match result {
        JobResult::Agent(run) => vec![Event::RunEnded { run }],
        JobResult::Suite(suite) if kind == JobKind::Ci => {
            vec![Event::CiReported { head: suite.head, state: ci_state(suite.outcome) }]
        }
        JobResult::Suite(suite) => vec![Event::SuiteEnded { suite }],
        JobResult::Ready(ready) => vec![Event::ReadyEnded { ready }],
        JobResult::Landing(answer) => landing_answered(task, answer),
        JobResult::Deploy(answer) => deploy_answered(task, answer),
        JobResult::Probe(answer) => probe_answered(task, answer),
        JobResult::Cleaned { salvaged } => vec![Event::CleanedUp { salvaged }],
        // A look at main is a repository's job; a task has none.
        JobResult::Main(_) => Vec::new(),
        JobResult::Infra { reason, account } | JobResult::Lost { reason, account } => {
            failed(task, kind, reason, false, account)
        }
        JobResult::Ended { why, account } => failed(task, kind, why, true, account),
    }
}

fn ci_state(outcome: SuiteOutcome) -> CiState {
    match outcome {
        SuiteOutcome::Green { .. } => CiState::Success,
        SuiteOutcome::Red { failing, output } => CiState::Failure { output: red::told(&failing, &output) },
        SuiteOutcome::Infra { reason } => CiState::Infra { why: reason },
    }
}

/// A job that acts and did not answer leaves its effect unknown: only a probe may say what became of it.
fn failed(task: &Task, kind: JobKind, why: String, told: bool, account: Option<Box<Account>>) -> Vec<Event> {
    let mut events = Vec::new();
    if matches!(kind, JobKind::Push | JobKind::Deploy) {
        let lost =
            if mutant::on(Mutant::LostActIsNone) { EffectState::Refused } else { EffectState::Unknown };
        events.extend(moved(task, lost, &why));
    }
    events.push(Event::JobFailed { kind, why, told, account });
    events
}

fn moved(task: &Task, state: EffectState, observed: &str) -> Option<Event> {
    let Effect { id, intent, .. } = task.effect.clone()?;
    Some(Event::EffectMoved { id, intent, state, observed: observed.to_owned() })
}

fn landing_answered(task: &Task, answer: LandingAnswer) -> Vec<Event> {
    let mut events = vec![Event::LandingAnswered { answer: answer.clone() }];
    match answer {
        LandingAnswer::Landed { proof } => events.extend(proven(task, proof)),
        LandingAnswer::StaleBase { main } => {
            let state = not_by_this(task);
            events.extend(moved(task, state, &format!("main moved to {main}")));
            // One that is still on its way lands if somebody takes main back to its base: its door is closed first.
            if state == EffectState::Refused {
                events.push(Event::LaneGivenBack);
            }
        }
        LandingAnswer::Refused { why } => events.extend(moved(task, not_by_this(task), &why)),
        LandingAnswer::NotSent { why } => {
            events.extend(moved(task, not_by_this(task), &why));
            events.push(Event::JobFailed { kind: JobKind::Push, why, told: false, account: None });
        }
        LandingAnswer::Unknown { why } if mutant::on(Mutant::TimeoutIsRefusal) => {
            events.extend(moved(task, EffectState::Refused, &why));
            events.push(Event::LaneGivenBack);
        }
        LandingAnswer::Unknown { why } => events.extend(moved(task, EffectState::Unknown, &why)),
    }
    events
}

/// This try did not land it. One that was sent before and probed may still be on its way: nobody knows then.
fn not_by_this(task: &Task) -> EffectState {
    let sent_before = task.effect.as_ref().is_some_and(|effect| effect.probes > 0);
    if sent_before { EffectState::Unknown } else { EffectState::Refused }
}

/// The proof must speak about the very head that was validated; anything else proves nothing (INC-13).
fn proven(task: &Task, proof: Proof) -> Vec<Event> {
    let expected = match task.effect.as_ref().map(|e| &e.intent) {
        Some(Intent::Landing { head, .. }) => Some(head),
        Some(Intent::Deploy { .. }) | None => None,
    };
    if expected != Some(&proof.head) && !mutant::on(Mutant::Inc13) {
        return moved(task, EffectState::Unknown, "the proof speaks about another commit")
            .into_iter()
            .collect();
    }
    let observed = format!("{} is an ancestor of main {}", proof.head, proof.main);
    let mut events: Vec<Event> = moved(task, EffectState::Applied, &observed).into_iter().collect();
    events.push(Event::Landed { proof });
    events
}

/// A proven landing was looked at again; a head that is gone from main is what regressed.
fn renewed(task: &Task, found: Option<Proof>) -> Option<Event> {
    let known = task.landing.proof.as_ref()?;
    let proof = found.filter(|proof| proof.head == known.head).unwrap_or_else(|| Proof {
        missing_markers: vec![format!("the landed commit {}", known.head.short())],
        ..known.clone()
    });
    Some(Event::ProofRenewed { proof })
}

fn deploy_answered(task: &Task, answer: DeployAnswer) -> Vec<Event> {
    let (state, observed) = match &answer {
        // Not what was tested, unless git knows it for a descendant: the environment is asked first (INC-19).
        DeployAnswer::Deployed { revision: Some(found) }
            if !is_intended(task, found) && !mutant::on(Mutant::Inc19) =>
        {
            let observed = format!("the hook exited 0, and the environment reports {found}");
            return moved(task, EffectState::Unknown, &observed).into_iter().collect();
        }
        DeployAnswer::Deployed { .. } => (EffectState::Applied, "the hook exited 0".to_owned()),
        DeployAnswer::FailedTakenBack { .. } => (EffectState::Refused, "the hook exited 1".to_owned()),
        DeployAnswer::FailedBroken { .. } => (EffectState::Applied, "the hook exited 2".to_owned()),
        // Not an answer yet: the environment is asked first.
        DeployAnswer::Unknown { why } => return moved(task, EffectState::Unknown, why).into_iter().collect(),
        DeployAnswer::NotStarted { why } if mutant::on(Mutant::Inc18) => {
            return deploy_answered(task, DeployAnswer::FailedTakenBack { output: why.clone() });
        }
        // Infrastructure, and nothing to ask about: the environment is as it was (INC-18).
        DeployAnswer::NotStarted { why } => {
            let mut events: Vec<Event> = moved(task, EffectState::Refused, why).into_iter().collect();
            let why = why.clone();
            events.push(Event::JobFailed { kind: JobKind::Deploy, why, told: false, account: None });
            return events;
        }
    };
    let mut events: Vec<Event> = moved(task, state, &observed).into_iter().collect();
    events.push(Event::DeployAnswered { answer });
    events
}

/// Whether this is the commit that was to be deployed.
fn is_intended(task: &Task, found: &Sha) -> bool {
    let intent = task.effect.as_ref().map(|effect| &effect.intent);
    matches!(intent, Some(Intent::Deploy { sha, .. }) if sha == found)
}

fn probe_answered(task: &Task, answer: ProbeAnswer) -> Vec<Event> {
    let mut events = vec![Event::ProbeAnswered { answer: answer.clone() }];
    match answer {
        ProbeAnswer::Landed { proof } if task.effect.is_none() => events.extend(renewed(task, Some(proof))),
        ProbeAnswer::Absent { .. } | ProbeAnswer::Closed { .. } if task.effect.is_none() => {
            events = renewed(task, None).into_iter().collect();
        }
        ProbeAnswer::Landed { proof } => events.extend(proven(task, proof)),
        ProbeAnswer::Absent { main } if mutant::on(Mutant::AbsentIsRefused) => {
            events.extend(moved(task, EffectState::Refused, &format!("not in main {main}")));
            events.push(Event::LaneGivenBack);
        }
        ProbeAnswer::Absent { main } => events.push(Event::EffectAbsent { main }),
        ProbeAnswer::Closed { main } => {
            events.extend(moved(task, EffectState::Refused, &format!("closed while main was {main}")));
            if never_arrived(task, &main) {
                let why = "the landing was sent, and never arrived".to_owned();
                events.push(Event::JobFailed { kind: JobKind::Push, why, told: false, account: None });
            } else {
                events.push(Event::LaneGivenBack);
            }
        }
        ProbeAnswer::Deployed => {
            events.extend(moved(task, EffectState::Applied, "the environment runs it"));
            events.push(Event::DeployAnswered { answer: DeployAnswer::Deployed { revision: None } });
        }
        ProbeAnswer::NotDeployed => {
            let output = "the environment runs another revision".to_owned();
            events.extend(moved(task, EffectState::Refused, &output));
            events.push(Event::DeployAnswered { answer: DeployAnswer::FailedTakenBack { output } });
        }
        ProbeAnswer::NoRevision if task.stopping.is_some() => {
            events.extend(moved(
                task,
                EffectState::Refused,
                "stopped; nobody can tell whether it was deployed",
            ));
        }
        ProbeAnswer::NoRevision => {
            let why = "the hook's outcome is unknown and the environment can not be asked".to_owned();
            events.push(Event::DeployAnswered { answer: DeployAnswer::Unknown { why } });
        }
        ProbeAnswer::Infra { why } => {
            events.push(Event::JobFailed { kind: JobKind::Probe, why, told: false, account: None })
        }
    }
    events
}

/// The door was closed though main stood still and nobody asked for it: infrastructure kept the landing away.
fn never_arrived(task: &Task, main: &Sha) -> bool {
    let stood_still = task
        .effect
        .as_ref()
        .is_some_and(|e| matches!(&e.intent, Intent::Landing { base, .. } if base == main));
    stood_still && task.stopping.is_none() && task.pause.is_none()
}

/// A repository's fact as events.
pub fn record_repo(repo: &Repo, fact: Fact, now: Timestamp) -> Vec<RepoEvent> {
    match fact {
        Fact::JobEnded { job, result, .. } => match repo.main_job.as_ref().filter(|j| j.id == job) {
            Some(mine) => main_ended(repo, job, mine.since, *result, now),
            None => Vec::new(),
        },
        Fact::Ci { .. } | Fact::DependencyMoved => Vec::new(),
    }
}

fn main_ended(
    repo: &Repo,
    job: JobId,
    asked: Timestamp,
    result: JobResult,
    now: Timestamp,
) -> Vec<RepoEvent> {
    let failure = match result {
        JobResult::Main(report) => return main_seen(repo, job, asked, report, now),
        JobResult::Infra { reason, .. } | JobResult::Lost { reason, .. } => reason,
        JobResult::Ended { why, .. } => why,
        JobResult::Agent(_)
        | JobResult::Suite(_)
        | JobResult::Ready(_)
        | JobResult::Landing(_)
        | JobResult::Deploy(_)
        | JobResult::Probe(_)
        | JobResult::Cleaned { .. } => "the job answered something else".to_owned(),
    };
    vec![RepoEvent::MainJobClosed { job, failure: Some(failure) }]
}

fn main_seen(
    repo: &Repo,
    job: JobId,
    asked: Timestamp,
    report: MainReport,
    now: Timestamp,
) -> Vec<RepoEvent> {
    let mut failure = None;
    let mut events =
        vec![RepoEvent::MainObserved { main: MainSeen { sha: report.sha, tree: report.tree, at: asked } }];
    for (tree, outcome) in report.suites {
        match outcome {
            // Not a word about the tree: it is asked again, with a backoff.
            SuiteOutcome::Infra { reason } => failure = Some(reason),
            known @ (SuiteOutcome::Green { .. } | SuiteOutcome::Red { .. }) => {
                events.push(RepoEvent::SuiteKnown { tree, outcome: known });
            }
        }
    }
    let was_diverged = repo.frozen.as_ref().is_some_and(|f| f.diverged);
    match report.diverged {
        Some(why) if repo.frozen.is_none() => events.push(RepoEvent::Frozen {
            freeze: Freeze { why, cause: None, by: crate::id::Actor::new("orchd"), at: now, diverged: true },
        }),
        None if was_diverged => events.push(RepoEvent::Unfrozen { by: crate::id::Actor::new("orchd") }),
        Some(_) | None => {}
    }
    events.push(RepoEvent::MainJobClosed { job, failure });
    events
}
