//! What an event does to a row: the only code that changes a task or a repository. Total and without
//! judgement, so that replaying a log rebuilds the row (I-14).

use std::sync::Arc;

use crate::account::Account;
use crate::answered;
use crate::command::deploy_subject;
use crate::effect::{LandingAnswer, ProbeAnswer};
use crate::event::{Birth, Event, How, RepoEvent, Spends};
use crate::gate::GateName;
use crate::hold::{Held, HoldCode};
use crate::job::{AgentOutcome, AgentRun, JobKind, ReadyOutcome, SuiteOutcome, Work};
use crate::mutant::{self, Mutant};
use crate::reason::Reason;
use crate::repo::{Repo, SUITES_KEPT, TreeResult};
use crate::stage::{Role, Stage};
use crate::task::{
    Assignment, CiReport, Deferred, DeployState, Evidence, FixForward, Landing, Pause, Spent, StageTotals,
    Stopping, Task,
};
use crate::time::Timestamp;

/// The row that a birth makes.
pub fn born(birth: &Birth, at: Timestamp) -> Task {
    Task {
        id: birth.id,
        seq: birth.seq,
        project: birth.project.clone(),
        repo: birth.repo.clone(),
        key: birth.key.clone(),
        life: birth.life,
        request: birth.request.clone(),
        track: birth.track.clone(),
        branch: birth.branch.clone(),
        created_at: at,
        stage: Stage::Created,
        entry: 1,
        visit: 1,
        entered_at: at,
        pause: None,
        hold: None,
        stopping: None,
        branch_state: None,
        cut_from: None,
        job: None,
        side_job: None,
        evidence: Evidence::default(),
        gates: Arc::default(),
        assignment: None,
        approval: None,
        confirmation: None,
        declined: None,
        answers: None,
        answered: Vec::new(),
        sessions: std::collections::BTreeMap::new(),
        spent: Spent::default(),
        last_findings: None,
        deferred: None,
        landing: Landing::default(),
        deploy: DeployState::default(),
        effect: None,
        fix_forward: None,
        asked_main_at: None,
        markers: Vec::new(),
        cleaned: false,
        clean_up_failures: 0,
        reason: None,
        reason_since: at,
        totals: [(Stage::Created, StageTotals { visits: 1, ..StageTotals::default() })].into(),
    }
}

/// Applies one event that was written at `at`.
pub fn evolve(task: &mut Task, event: &Event, at: Timestamp) {
    match event {
        Event::Created { birth } => *task = born(birth, at),
        Event::RunEnded { run } => run_ended(task, run),
        Event::SuiteEnded { suite } => task.evidence.suite = Some(suite.clone()),
        Event::CiReported { head, state } => {
            let since = task.evidence.ci.as_ref().filter(|ci| ci.head == *head).map_or(at, |ci| ci.since);
            task.evidence.ci = Some(CiReport { head: head.clone(), state: state.clone(), since });
        }
        Event::ReadyEnded { ready } => {
            if let ReadyOutcome::Ready { branch, .. } = &ready.outcome {
                task.branch_state = Some(branch.clone());
                task.landing.rebase_first = false;
            }
            if let Some(suite) = ready.suite_run() {
                task.evidence.suite = Some(suite);
            }
            task.evidence.ready = Some(Arc::new((**ready).clone()));
        }
        Event::LandingAnswered { answer } => {
            if let LandingAnswer::Refused { why } = answer {
                task.landing.refused = Some(why.clone());
            }
        }
        Event::ProbeAnswered { answer } => {
            if let Some(effect) = &mut task.effect {
                effect.probes += 1;
            }
            if matches!(answer, ProbeAnswer::Closed { .. }) && !mutant::on(Mutant::NumberKept) {
                // The door of this number is closed for good; a later landing has the next one.
                task.landing.number += 1;
            }
        }
        Event::EffectAbsent { main } => {
            if let Some(effect) = &mut task.effect {
                effect.absent_at = Some(main.clone());
            }
        }
        Event::DeployAnswered { answer } => task.evidence.deploy = Some(answer.clone()),
        Event::JobFailed { kind, why, told, account } => {
            if let Some(account) = account {
                put_down(task, task.job.as_ref().and_then(|job| job.role), account);
            }
            job_failed(task, *kind, why, *told);
        }
        Event::CleanedUp { .. } => task.cleaned = true,
        Event::JobClosed { job } => {
            task.job.take_if(|j| j.id == *job);
            task.side_job.take_if(|j| j.id == *job);
        }
        Event::Approved { standing } => task.approval = Some(standing.clone()),
        Event::DeployConfirmed { standing } => task.confirmation = Some(standing.clone()),
        Event::HoldApproved { .. } => {
            if task.hold.as_ref().is_some_and(|h| h.code == HoldCode::DeployUnknown) {
                task.deploy.deployed = task.landing.proof.as_ref().map(|p| p.head.clone());
            }
            leave_hold(task);
        }
        Event::Rejected { reason, .. } => task.declined = Some(reason.clone()),
        Event::StopAccepted { by } => task.stopping = Some(Stopping { by: by.clone(), at }),
        Event::Paused { by, why, questions, now } => paused(task, by, why, questions, *now),
        Event::Resumed { answers, .. } => resumed(task, answers.as_ref()),
        Event::Retried { answers, .. } => {
            // The Hold, which has the questions of a run that may not ask, is gone afterwards.
            let ambiguous = task.hold.as_ref().filter(|held| held.code == HoldCode::Ambiguous);
            let asked: Vec<String> = ambiguous.map(|held| held.detail.clone()).into_iter().collect();
            retried(task);
            told(task, &asked, answers.as_ref());
        }
        Event::TrackChanged { track, .. } => task.track.clone_from(track),
        Event::Prioritised { priority, .. } => task.request.priority = *priority,
        Event::CommandRefused { .. } | Event::Decided { .. } | Event::ProviderChanged { .. } => {}
        Event::GateJudged { result } => {
            if result.gate == GateName::MergeReady && result.outcome.opens() {
                task.landing.patch_moves = 0;
            }
            Arc::make_mut(&mut task.gates).insert(result.gate, result.clone());
        }
        Event::JobQueued { job, spec, spends } => {
            job_queued(task, job, *spends);
            if let (Work::Probe { close: true, .. }, Some(effect)) = (&spec.work, &mut task.effect) {
                // From here on the door may be closed: only a new look says whether it is.
                effect.absent_at = None;
            }
        }
        Event::JobToldToEnd { job, why } => {
            for mine in task.job.iter_mut().chain(task.side_job.iter_mut()).filter(|j| j.id == *job) {
                mine.ending = Some(why.clone());
            }
        }
        Event::EffectOpened { effect } => task.effect = Some(effect.clone()),
        Event::EffectMoved { id, state, .. } => {
            if let Some(effect) = task.effect.as_mut().filter(|e| e.id == *id) {
                effect.state = *state;
                effect.absent_at = None;
            }
            task.effect.take_if(|e| e.id == *id && !state.is_open());
        }
        Event::ProofRenewed { proof } => {
            task.landing.proof = Some(proof.clone());
            task.landing.recheck = false;
        }
        Event::HoldEnded { .. } => leave_hold(task),
        Event::Amended { title, description, .. } => {
            task.request.title.clone_from(title);
            task.request.description.clone_from(description);
        }
        Event::Landed { proof } => {
            task.landing.landed.push(proof.head.clone());
            task.landing.proof = Some(proof.clone());
            task.landing.refused = None;
        }
        Event::Entered { from, to, how, assignment, cut_from } => {
            entered(task, *from, *to, how, assignment.as_ref(), at);
            if cut_from.is_some() {
                task.cut_from.clone_from(cut_from);
            }
        }
        Event::Held { code, detail, gate } => {
            task.hold = Some(Held { code: *code, detail: detail.clone(), since: at, gate: *gate });
            task.visit += 1;
        }
        Event::Deferred { gate, why, until } => {
            *task.spent.infra.entry(*gate).or_default() += 1;
            task.deferred = Some(Deferred { gate: *gate, why: why.clone(), until: *until });
            forget_infra(task, *gate);
        }
        Event::MainAsked => task.asked_main_at = Some(at),
        Event::LaneGivenBack => {
            Arc::make_mut(&mut task.gates).remove(&GateName::MergeReady);
            task.evidence.ready = None;
        }
        Event::Stayed { reason } => {
            task.reason = Some(reason.clone());
            task.reason_since = at;
        }
    }
}

fn run_ended(task: &mut Task, run: &AgentRun) {
    put_down(task, Some(run.role), &run.account);
    if let Some(branch) = &run.branch {
        task.branch_state = Some(branch.clone());
    }
    match &run.outcome {
        AgentOutcome::Completed { submission } if run.role == Role::Developer => {
            task.markers.clone_from(&submission.markers);
        }
        AgentOutcome::Completed { .. }
        | AgentOutcome::Failed { .. }
        | AgentOutcome::Transient { .. }
        | AgentOutcome::Quota { .. }
        | AgentOutcome::Infra { .. } => {}
    }
    task.evidence.run = Some(Arc::new(run.clone()));
}

/// What a run used, whatever its end was: the only place that spends money and tokens.
fn put_down(task: &mut Task, role: Option<Role>, account: &Account) {
    task.spent.money += account.cost;
    add(&mut task.spent.tokens, account.tokens);
    let totals = task.totals.entry(task.stage).or_default();
    totals.cost += account.cost;
    add(&mut totals.tokens, account.tokens);
    if let (Some(role), Some(session)) = (role, &account.session) {
        task.sessions.insert(role, session.clone());
    }
}

/// A program may report any number.
fn add(sum: &mut (u64, u64), (input, output): (u64, u64)) {
    *sum = (sum.0.saturating_add(input), sum.1.saturating_add(output));
}

fn job_failed(task: &mut Task, kind: JobKind, why: &str, told: bool) {
    task.evidence.infra = (!told).then(|| why.to_owned());
    match (kind, &mut task.effect) {
        (JobKind::Probe, Some(effect)) => effect.probes += 1,
        (JobKind::CleanUp, _) => task.clean_up_failures += 1,
        (
            JobKind::Agent
            | JobKind::Ci
            | JobKind::Test
            | JobKind::RebaseAndRetest
            | JobKind::Push
            | JobKind::Deploy
            | JobKind::Probe
            | JobKind::MainSuite,
            _,
        ) => {}
    }
}

fn paused(task: &mut Task, by: &crate::id::Actor, why: &str, questions: &[String], now: bool) {
    if !questions.is_empty() {
        let mut assignment = task.assignment.take().unwrap_or_default();
        assignment.questions = questions.to_vec();
        task.assignment = Some(assignment);
        task.evidence.run = None;
    }
    task.pause = Some(Pause { by: by.clone(), why: why.to_owned(), questions: questions.to_vec(), now });
}

fn resumed(task: &mut Task, answers: Option<&String>) {
    let asked = task.pause.take().map(|pause| pause.questions).unwrap_or_default();
    told(task, &asked, answers);
}

/// A person's words are for the next run; one that answered before it heard them is asked again.
fn told(task: &mut Task, asked: &[String], words: Option<&String>) {
    if let Some(words) = words {
        task.answers = Some(words.clone());
        answered::keep(&mut task.answered, asked, words);
        task.evidence.run = None;
    }
}

/// Grants one attempt of what ran out, and forgets what led to the Hold.
fn retried(task: &mut Task) {
    let Some(held) = task.hold.clone() else { return };
    match held.code {
        HoldCode::Escalated | HoldCode::NoProgress => {
            if matches!(task.stage, Stage::Analysis | Stage::Architecture) {
                task.spent.bounces_granted += 1;
            } else {
                task.spent.rework_granted += 1;
            }
            task.last_findings = None;
        }
        HoldCode::AgentFailed => task.spent.agent_granted += 1,
        HoldCode::ProviderDown => task.spent.transient_granted += 1,
        HoldCode::Infra => {
            if let Some(gate) = held.gate {
                *task.spent.infra_granted.entry(gate).or_default() += 1;
                forget_infra(task, gate);
            }
            task.evidence.infra = None;
        }
        HoldCode::CiPending => task.evidence.ci = None,
        HoldCode::MainRed => {
            task.evidence.suite = None;
            task.evidence.ready = None;
            task.landing.rebase_first = true;
        }
        HoldCode::MainMoves => task.landing.patch_moves = 0,
        HoldCode::NotMerged => {
            task.landing.refused = None;
            Arc::make_mut(&mut task.gates).remove(&GateName::MergeReady);
            task.evidence.ready = None;
        }
        HoldCode::MainRegressed => task.landing.recheck = true,
        HoldCode::DeployDeclined
        | HoldCode::DeployFailed
        | HoldCode::EnvironmentBroken
        | HoldCode::DeployUnknown => {
            task.declined = None;
            task.deploy.attempt += 1;
            task.evidence.deploy = None;
            task.confirmation = None;
        }
        HoldCode::MainBroken => {
            if let Some(fix) = &mut task.fix_forward {
                fix.granted += 1;
            }
        }
        HoldCode::Unanswered => {}
        HoldCode::Entry | HoldCode::Budget | HoldCode::Ambiguous | HoldCode::DependencyEnded => {}
    }
    if held.code == HoldCode::Ambiguous {
        task.evidence.run = None;
    }
    leave_hold(task);
}

fn leave_hold(task: &mut Task) {
    if task.hold.take().is_some() {
        task.deferred = None;
        task.visit += 1;
    }
}

fn job_queued(task: &mut Task, job: &crate::job::JobRef, spends: Option<Spends>) {
    if job.kind.class() == crate::job::JobClass::Pipeline {
        task.job = Some(job.clone());
        task.totals.entry(task.stage).or_default().attempts += 1;
        task.deferred = None;
    } else {
        task.side_job = Some(job.clone());
    }
    if job.kind == JobKind::Agent {
        task.spent.runs += 1;
        task.evidence.run = None;
    }
    task.evidence.infra = None;
    spend(task, spends);
}

fn spend(task: &mut Task, spends: Option<Spends>) {
    match spends {
        None => {}
        Some(Spends::Rework) => task.spent.rework += 1,
        Some(Spends::Bounce) => task.spent.bounces += 1,
        Some(Spends::AgentFailure) => task.spent.agent += 1,
        Some(Spends::Transient) => task.spent.transient += 1,
        Some(Spends::Infra(gate)) => *task.spent.infra.entry(gate).or_default() += 1,
    }
}

fn entered(
    task: &mut Task,
    from: Stage,
    to: Stage,
    how: &How,
    assignment: Option<&Assignment>,
    at: Timestamp,
) {
    let spent = at - task.entered_at;
    task.totals.entry(from).or_default().spent_ms += spent.0.max(0);
    task.totals.entry(to).or_default().visits += 1;
    task.stage = to;
    task.entry += 1;
    task.visit += 1;
    task.entered_at = at;
    task.assignment = assignment.cloned();
    if let Some(assignment) = &mut task.assignment {
        assignment.head = task.branch_state.as_ref().map(|branch| branch.head.clone());
    }
    task.answers = None;
    task.declined = None;
    task.deferred = None;
    task.spent.agent = 0;
    task.spent.agent_granted = 0;
    task.spent.transient = 0;
    task.spent.transient_granted = 0;
    if !mutant::on(Mutant::Inc42) {
        task.evidence.run = None;
    }
    task.evidence.infra = None;
    match how {
        How::Advance => {
            if to == Stage::Done {
                task.reason = Some(Reason::Ended);
            }
        }
        How::Rollback { findings, spends, .. } => {
            task.last_findings = Some(findings.clone());
            spend(task, *spends);
            task.evidence.suite = None;
            task.evidence.ready = None;
        }
        How::PatchChanged => {
            task.landing.patch_moves += 1;
            task.evidence.ready = None;
        }
        How::Person { .. } => task.evidence.suite = None,
        How::FixForward { .. } => fix_forward(task, at),
        How::Stopped => task.stopping = None,
    }
}

/// The next landing starts from the now current main; what the former one proved stays in `landed`.
fn fix_forward(task: &mut Task, at: Timestamp) {
    let attempts = task.fix_forward.as_ref().map_or(0, |f| f.attempts) + 1;
    let first_red = task.fix_forward.as_ref().map_or(at, |f| f.first_red);
    let granted = task.fix_forward.as_ref().map_or(0, |f| f.granted);
    task.fix_forward = Some(FixForward { attempts, granted, first_red });
    task.landing.number += 1;
    task.landing.proof = None;
    task.landing.patch_moves = 0;
    task.branch_state = None;
    task.cut_from = None;
    task.gates = Arc::default();
    task.evidence = Evidence::default();
    task.deploy.attempt += 1;
    task.confirmation = None;
    task.last_findings = None;
}

/// What a deferred gate had read: it is asked anew at the given time.
fn forget_infra(task: &mut Task, gate: GateName) {
    task.evidence.infra = None;
    task.evidence.run.take_if(|run| matches!(run.outcome, AgentOutcome::Infra { .. }));
    match gate {
        GateName::TestsVerdict => {
            task.evidence.suite = None;
            // The re-test that could not run came with this one; it is asked again with it.
            task.evidence.ready.take_if(|ready| match &ready.outcome {
                ReadyOutcome::Ready { suite, .. } => matches!(suite, Some(SuiteOutcome::Infra { .. })),
                ReadyOutcome::Conflict { .. }
                | ReadyOutcome::Vanished { .. }
                | ReadyOutcome::Infra { .. } => true,
            });
        }
        GateName::CiGreen => task.evidence.ci = None,
        GateName::MergeReady => task.evidence.ready = None,
        GateName::DeployVerdict => task.evidence.deploy = None,
        GateName::Entry
        | GateName::Admission
        | GateName::Questions
        | GateName::ReviewVerdict
        | GateName::BrdFiles
        | GateName::Approval
        | GateName::AdrFiles
        | GateName::AdrConflict
        | GateName::BranchAhead
        | GateName::Tamper
        | GateName::TamperAccepted
        | GateName::StagingVerdict
        | GateName::Security
        | GateName::Coverage
        | GateName::ArtifactFresh
        | GateName::MergeVerify
        | GateName::MainRegression => {}
    }
}

/// Whether the standing confirm-deploy still speaks about what would be deployed.
pub fn confirmed(task: &Task) -> bool {
    task.confirmation.as_ref().is_some_and(|c| c.visit == task.visit && c.subject == deploy_subject(task))
}

/// Applies one event of a repository.
pub fn evolve_repo(repo: &mut Repo, event: &RepoEvent) {
    match event {
        RepoEvent::LetIn { task } => {
            if !repo.occupied_by(*task) {
                repo.occupants.push(*task);
            }
        }
        RepoEvent::GaveWay { task } => repo.occupants.retain(|t| t != task),
        RepoEvent::LaneQueued { task } => {
            if !repo.lane_queue.contains(task) {
                repo.lane_queue.push(*task);
            }
        }
        RepoEvent::LaneTaken { task } => {
            repo.lane_queue.retain(|t| t != task);
            repo.landing_task = Some(*task);
        }
        RepoEvent::LaneLeft { task } => {
            repo.lane_queue.retain(|t| t != task);
            repo.landing_task.take_if(|t| t == task);
        }
        RepoEvent::DeployLaneTaken { task, environment } => {
            repo.deploying.retain(|(_, t)| t != task);
            repo.deploying.push((environment.clone(), *task));
        }
        RepoEvent::DeployLaneLeft { task } => repo.deploying.retain(|(_, t)| t != task),
        RepoEvent::Frozen { freeze } => repo.frozen = Some(freeze.clone()),
        RepoEvent::Unfrozen { .. } => {
            repo.frozen = None;
            repo.repair.clear();
            // The person says it is mended: main is looked at again, and a red tree is judged again.
            repo.main = None;
            repo.main_failures = 0;
            repo.suites.retain(|r| matches!(r.outcome, SuiteOutcome::Green { .. }));
        }
        RepoEvent::RepairNamed { task } => {
            if !repo.repair.contains(task) {
                repo.repair.push(*task);
            }
        }
        RepoEvent::MainJobQueued { job, .. } => repo.main_job = Some(job.clone()),
        RepoEvent::MainJobClosed { job, failure } => {
            repo.main_job.take_if(|j| j.id == *job);
            repo.main_failures = if failure.is_some() { repo.main_failures + 1 } else { 0 };
            repo.main_failure.clone_from(failure);
        }
        RepoEvent::MainObserved { main } => repo.main = Some(main.clone()),
        RepoEvent::SuiteKnown { tree, outcome } => {
            repo.suites.retain(|r| r.tree != *tree);
            repo.suites.push(TreeResult { tree: tree.clone(), outcome: outcome.clone() });
            let excess = repo.suites.len().saturating_sub(SUITES_KEPT);
            repo.suites.drain(..excess);
        }
        RepoEvent::MarkerAdded { marker } => {
            if !repo.markers.contains(marker) {
                repo.markers.push(marker.clone());
            }
        }
    }
}
