//! Core's values to the API's types. One direction for answers, one for requests; no rule of the pipeline.

use orchd_core::audit::Violation;
use orchd_core::command::{Command, RepoCommand, RepoWanted, Shown, Wanted, commands};
use orchd_core::event::ProviderEvent;
use orchd_core::gate::{GateResult, Subject};
use orchd_core::id::{Actor, Sha, TaskId};
use orchd_core::port::store::{JobRow, Logged};
use orchd_core::provider::{Breaker, Health};
use orchd_core::reason::Reason;
use orchd_core::render;
use orchd_core::repo::Repo;
use orchd_core::stage::Stage;
use orchd_core::task::Task;
use orchd_core::time::Timestamp;
use orchd_core::view::View;

use crate::dto;

pub(crate) fn task(view: &View, version: u64, now: Timestamp) -> dto::Task {
    let task = &view.task;
    let reason = task.reason.as_ref();
    let sentence = reason.map_or_else(String::new, |r| r.sentence(task.key.as_str()));
    dto::Task {
        id: task.id.to_string(),
        key: task.key.to_string(),
        life: task.life,
        project: task.project.to_string(),
        repo: task.repo.to_string(),
        title: task.request.title.clone(),
        track: task.track.clone(),
        stage: task.stage.name().to_owned(),
        visit: task.visit,
        created_at: task.created_at.0,
        entered_at: task.entered_at.0,
        status: render::board::status(task).name.to_owned(),
        waiting: reason.map(|r| r.word().to_owned()),
        sentence,
        waiting_since: task.reason_since.0,
        hold: task.hold.as_ref().map(|held| {
            let row = held.code.row();
            dto::Hold {
                code: row.name.to_owned(),
                detail: held.detail.clone(),
                who: row.who.to_owned(),
                todo: row.todo.to_owned(),
            }
        }),
        job: working(task),
        questions: task.pause.as_ref().map(|p| p.questions.clone()).unwrap_or_default(),
        branch: task.branch.to_string(),
        head: task.head().map(Sha::to_string),
        base: task.branch_state.as_ref().map(|b| b.base.to_string()),
        landed: task.landing.landed.iter().map(Sha::to_string).collect(),
        proven_in: task.landing.proof.as_ref().map(|p| p.main.to_string()),
        rework: task.spent.rework,
        runs: task.spent.runs,
        cost_usd: task.spent.money.usd(),
        tokens: task.spent.tokens,
        stages: stages(task, now),
        walks: view.policy.pipeline.stages(&task.track).iter().map(|s| s.name().to_owned()).collect(),
        gates: task.gates.values().map(|result| gate(task, result)).collect(),
        commands: commands(view)
            .into_iter()
            .filter(|(_, allowed)| allowed.is_ok())
            .map(|(kind, _)| kind.name().to_owned())
            .collect(),
        depends_on: view.deps.iter().map(|dep| dep.on.to_string()).collect(),
        version,
    }
}

fn working(task: &Task) -> Option<String> {
    match &task.reason {
        Some(Reason::Working { kind, .. }) => {
            let role = task.job.as_ref().and_then(|job| job.role);
            Some(role.map_or_else(|| kind.name().to_owned(), |role| role.name().to_owned()))
        }
        _other => None,
    }
}

fn stages(task: &Task, now: Timestamp) -> Vec<dto::StageTotals> {
    let one = |(stage, totals): (&Stage, &orchd_core::task::StageTotals)| {
        let here = *stage == task.stage && !stage.is_terminal();
        let present = if here { (now - task.entered_at).0.max(0) } else { 0 };
        dto::StageTotals {
            stage: stage.name().to_owned(),
            visits: totals.visits,
            attempts: totals.attempts,
            ms: totals.spent_ms + present,
            cost_usd: totals.cost.usd(),
        }
    };
    task.totals.iter().map(one).collect()
}

fn gate(task: &Task, result: &GateResult) -> dto::Gate {
    dto::Gate {
        gate: result.gate.name().to_owned(),
        outcome: result.outcome.word().to_owned(),
        evidence: result.evidence.clone(),
        subject: subject(&result.subject),
        stands: task.standing(result.gate).is_some(),
    }
}

fn subject(subject: &Subject) -> String {
    match subject {
        Subject::None => "–".to_owned(),
        Subject::Docs(digest) => format!("documents {}", digest.short()),
        Subject::Patch(digest) => format!("patch {}", digest.short()),
        Subject::Commit(sha) => format!("commit {}", sha.short()),
        Subject::Landing { head, main } => format!("{} on main {}", head.short(), main.short()),
    }
}

pub(crate) fn repo(repo: &Repo, name: impl Fn(TaskId) -> String) -> dto::Repo {
    dto::Repo {
        id: repo.id.to_string(),
        project: repo.project.to_string(),
        occupants: repo.occupants.iter().copied().map(&name).collect(),
        landing: repo.landing_task.map(&name),
        lane: repo.lane_queue.iter().copied().map(&name).collect(),
        frozen: repo.frozen.as_ref().map(|f| f.why.clone()),
        main: repo.main.as_ref().map(|m| m.sha.to_string()),
        main_failure: repo.main_failure.clone(),
    }
}

pub(crate) fn job(row: &JobRow, of: String) -> dto::Job {
    let kind = row.job.role.map_or_else(|| row.job.kind.name().to_owned(), |role| role.name().to_owned());
    dto::Job {
        id: row.job.id.to_string(),
        kind,
        state: row.state.name().to_owned(),
        of,
        run: row.run.map(|run| run.to_string()),
        since: row.job.since.0,
        started_at: row.started_at.map(|at| at.0),
        lease_until: row.until.map(|at| at.0),
    }
}

pub(crate) fn event(logged: &Logged<orchd_core::event::Event>) -> dto::Event {
    // An event is plain data with string keys: its JSON form always exists.
    let data = serde_json::to_value(&logged.event).unwrap_or_default();
    let name = data.get("event").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let line = render::line::of(&logged.event).unwrap_or_default();
    dto::Event { seq: logged.seq, at: logged.at.0, event: name, line, data }
}

pub(crate) fn provider(
    health: &Health,
    words: &[(Timestamp, ProviderEvent)],
    now: Timestamp,
) -> dto::Provider {
    let quota = health.quota.as_ref().is_some_and(|used_up| now < used_up.resets_at);
    let state = match &health.breaker {
        _ if quota => "quota",
        Breaker::Closed => "well",
        Breaker::Open { .. } => "down",
        Breaker::HalfOpen { .. } => "tried",
    };
    let closed = words.iter().rev().find_map(|(at, event)| match event {
        ProviderEvent::Closed { by, was } if was.provider == health.provider => {
            Some(dto::Closed { by: by.to_string(), ago_ms: (now - *at).0.max(0) })
        }
        ProviderEvent::Closed { .. } => None,
    });
    dto::Provider {
        name: health.provider.to_string(),
        state: state.to_owned(),
        failures: health.failures,
        sentence: health.line(now),
        closed,
    }
}

impl From<Violation> for dto::Violation {
    fn from(violation: Violation) -> Self {
        let Violation { number, sentence, detail } = violation;
        Self { number, sentence: sentence.to_owned(), detail }
    }
}

/// A request that can not be read as a command: code and sentence.
pub(crate) type Unreadable = (&'static str, String);

pub(crate) fn command(wire: &dto::Command) -> Result<Command, Unreadable> {
    let reason = || wire.reason.clone().unwrap_or_default();
    let what = match wire.command.as_str() {
        "approve" => Wanted::Approve,
        "reject" if reason().trim().is_empty() => Wanted::Reject { reason: "no reason was given".to_owned() },
        "reject" => Wanted::Reject { reason: reason() },
        "confirm-deploy" => Wanted::ConfirmDeploy,
        "stop" => Wanted::Stop,
        "pause" => Wanted::Pause { why: reason(), now: wire.now },
        "resume" => Wanted::Resume { answers: wire.answers.clone() },
        "retry" => Wanted::Retry { repair: wire.repair, answers: wire.answers.clone() },
        "escalate" => Wanted::Escalate,
        "prioritise" => {
            let priority = wire.priority.ok_or(("bad-request", "prioritise needs a priority".to_owned()))?;
            Wanted::Prioritise { priority }
        }
        "amend" => Wanted::Amend { title: wire.title.clone(), description: wire.description.clone() },
        other => return Err(("unknown-command", format!("there is no command {other:?}"))),
    };
    let subject = match &wire.at {
        Some(text) => Some(Shown::Head(
            Sha::parse(text).map_err(|e| ("bad-request", format!("{e}: give the whole SHA")))?,
        )),
        None => None,
    };
    Ok(Command { what, by: actor(wire.by.as_deref()), visit: wire.visit, subject })
}

pub(crate) fn repo_command(wire: &dto::RepoCommand) -> Result<RepoCommand, Unreadable> {
    let what = match wire.command.as_str() {
        "freeze" => {
            RepoWanted::Freeze { why: wire.reason.clone().unwrap_or_else(|| "frozen by a person".to_owned()) }
        }
        "unfreeze" => RepoWanted::Unfreeze,
        "look" => RepoWanted::Look,
        other => return Err(("unknown-command", format!("there is no repository command {other:?}"))),
    };
    Ok(RepoCommand { what, by: actor(wire.by.as_deref()) })
}

/// Over the socket, whose file mode lets only its owner in, the caller may name the person it speaks for.
pub(crate) fn actor(by: Option<&str>) -> Actor {
    Actor::new(by.unwrap_or("operator"))
}
