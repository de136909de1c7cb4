//! What is asked of the rows between two commits: shapes, uniqueness, places, budgets, and that whoever waits
//! waits for something that still stands.

use std::collections::BTreeSet;

use super::{Found, TaskFile, World};
use crate::admission::{self, Candidacy};
use crate::budget;
use crate::event::Event;
use crate::fact::{Address, Fact, Input};
use crate::id::{JobId, TaskId};
use crate::job::JobClass;
use crate::policy::Policy;
use crate::port::store::{JobRow, JobState};
use crate::provider::Breaker;
use crate::reason::{Reason, Wait};
use crate::repo::Repo;
use crate::stage::Stage;
use crate::task::Task;
use crate::time::{Span, Timestamp};
use crate::view::Candidate;

fn active<'w>(world: &'w World<'_>) -> impl Iterator<Item = &'w JobRow> {
    let open = |job: &&JobRow| matches!(job.state, JobState::Queued | JobState::Running);
    world.jobs.iter().copied().filter(open)
}

fn policy<'w>(world: &'w World<'_>, task: &Task) -> Option<&'w Policy> {
    world.policies.get(&task.project).map(|p| &**p)
}

fn repo_of<'w>(world: &'w World<'_>, task: &Task) -> Option<&'w Repo> {
    world.repos.iter().map(|file| file.repo).find(|repo| repo.id == task.repo)
}

/// I-3.
pub(super) fn one_job(world: &World, found: &mut Found) {
    let mut busy = BTreeSet::new();
    let mut tokens = BTreeSet::new();
    for job in active(world) {
        let Address::Task(task) = &job.of else { continue };
        if job.class == JobClass::Pipeline {
            found.demand(busy.insert(*task), || format!("task {task} has two active pipeline jobs"));
        }
        if job.state == JobState::Running {
            found.demand(job.token.is_none_or(|t| tokens.insert(t)), || {
                format!("two running jobs have the token of job {}", job.job.id)
            });
        }
        let row = world.tasks.iter().find(|file| file.task.id == *task);
        found.demand(row.is_some_and(|file| file.task.job_of(job.job.id).is_some()), || {
            format!("job {} ({}) is active and its task does not know it", job.job.id, job.job.kind.name())
        });
    }
}

/// I-4.
pub(super) fn job_shape(world: &World, found: &mut Found) {
    for job in active(world) {
        let all = [job.owner.is_some(), job.run.is_some(), job.started_at.is_some(), job.until.is_some()];
        let fits = match job.state {
            JobState::Queued => all.iter().all(|is| !is),
            JobState::Running => all.iter().all(|is| *is) && job.token.is_some(),
            JobState::Succeeded | JobState::Failed | JobState::Cancelled => true,
        };
        found.demand(fits, || format!("job {} is {} with {job:?}", job.job.id, job.state.name()));
    }
}

/// One whose projects are not configured is asked nothing: nobody knows what they would have.
fn is_serial(world: &World, repo: &Repo) -> bool {
    let mut of = world.policies.values().filter(|p| p.repo == repo.id).peekable();
    of.peek().is_some() && of.all(|p| p.serial)
}

/// The latest decision about a task was made under today's policy, or is not at hand.
fn of_today(file: &TaskFile, policy: &Policy) -> bool {
    let decided = file.events.iter().rev().find_map(|logged| match &logged.event {
        Event::Decided { policy, .. } => Some(policy),
        _other => None,
    });
    decided.is_none_or(|digest| digest == policy.digest())
}

/// I-5.
pub(super) fn serial(world: &World, found: &mut Found) {
    for file in &world.repos {
        let repo = file.repo;
        let is_serial = is_serial(world, repo);
        let distinct: BTreeSet<&TaskId> = repo.occupants.iter().collect();
        found.demand(distinct.len() == repo.occupants.len(), || format!("{:?}", repo.occupants));
        found.demand(!is_serial || repo.occupants.len() <= 1, || {
            format!("{} is occupied by {:?}", repo.id, repo.occupants)
        });
    }
}

/// I-6: of those that may be let in, the first one waits for nobody.
pub(super) fn admission(world: &World, found: &mut Found) {
    for file in &world.repos {
        let repo = file.repo;
        if !is_serial(world, repo) || world.drained || !repo.occupants.is_empty() {
            continue;
        }
        let candidates: Vec<Candidate> = world
            .tasks
            .iter()
            .filter(|f| f.task.repo == repo.id)
            .filter_map(|f| candidate(world, f))
            .collect();
        let may: Vec<Candidate> =
            candidates.into_iter().filter(|c| repo.frozen_for(c.task).is_none()).collect();
        let Some(first) = admission::first(&may, world.now) else { continue };
        // Somebody of this repository is decided at once, and wakes the others if that changes who may go.
        if world.tasks.iter().any(|f| f.task.repo == repo.id && f.task.id != first.task && is_awake(world, f))
        {
            continue;
        }
        let waits = world.tasks.iter().find(|f| f.task.id == first.task && !is_awake(world, f));
        if let Some(TaskFile { task, queue, .. }) = waits
            && let Some(Reason::Wait(Wait::Predecessor { on })) = &task.reason
        {
            found.broken(format!(
                "{} is first and {} is free, yet it waits for {on} until {:?}",
                task.key,
                repo.id,
                queue.and_then(|q| q.due_at)
            ));
        }
    }
}

fn candidate(world: &World, file: &TaskFile) -> Option<Candidate> {
    let queue = file.queue?;
    let returning = match queue.candidacy {
        Candidacy::None => return None,
        Candidacy::Created if has_unmet_dependency(world, file.task) => return None,
        Candidacy::Created => false,
        Candidacy::Returning => true,
    };
    Some(Candidate {
        task: file.task.id,
        key: file.task.key.clone(),
        seq: file.task.seq,
        returning,
        priority: file.task.request.priority,
        since: queue.candidate_since?,
    })
}

pub(super) fn has_unmet_dependency(world: &World, task: &Task) -> bool {
    let mut mine = world.dependencies.iter().filter(|(id, _)| *id == task.id);
    mine.any(|(_, on)| {
        let lives = world.tasks.iter().map(|f| f.task);
        let latest = lives.filter(|t| t.project == task.project && t.key == **on).max_by_key(|t| t.life);
        latest.is_none_or(|t| t.stage != Stage::Done)
    })
}

/// The task is decided at once whatever happens: it is due, or something waits for it in the inbox.
fn is_awake(world: &World, file: &TaskFile) -> bool {
    let Some(queue) = file.queue else { return true };
    let mut inputs = world.inputs.iter().flatten();
    let waits = inputs.any(|i| i.disposition.is_none() && *i.to == Address::Task(file.task.id));
    // Whoever woke it may have a clock that runs ahead.
    let latest = world.now + world.truth.map_or(Span(0), |truth| truth.skew);
    waits || queue.due_at.is_some_and(|due| due <= latest)
}

/// I-7.
pub(super) fn paused_gives_way(world: &World, found: &mut Found) {
    for file in &world.tasks {
        let task = file.task;
        let rests = task.job.is_none() && task.side_job.is_none() && task.effect.is_none();
        if task.pause.is_none() || task.stopping.is_some() || !rests {
            continue;
        }
        let Some(repo) = repo_of(world, task) else { continue };
        found.demand(!repo.occupied_by(task.id), || format!("{} is paused and occupies", task.key));
        let lane = repo.landing_task == Some(task.id) || repo.lane_queue.contains(&task.id);
        found.demand(!lane, || format!("{} is paused and holds or waits for the lane", task.key));
    }
}

/// I-12.
pub(super) fn budgets(world: &World, found: &mut Found) {
    for file in &world.tasks {
        let (task, spent) = (file.task, &file.task.spent);
        let Some(policy) = policy(world, task) else { continue };
        let of = &policy.budgets;
        let within = |limit: u32, granted: u32, used: u32| {
            // One that was lowered since is not exceeded by what was spent before.
            used == 0 || budget::left(limit, granted, used.saturating_sub(1)) || !of_today(file, policy)
        };
        let all = [
            ("rework", of.rework, spent.rework_granted, spent.rework),
            ("bounces", of.bounces, spent.bounces_granted, spent.bounces),
            ("agent failures", of.agent_failures, spent.agent_granted, spent.agent),
            ("transient errors", of.transient, spent.transient_granted, spent.transient),
        ];
        for (name, limit, granted, used) in all {
            found.demand(within(limit, granted, used), || {
                format!("{}: {used} {name} of {limit} and {granted} granted", task.key)
            });
        }
        for (gate, used) in &spent.infra {
            let granted = spent.infra_granted.get(gate).copied().unwrap_or(0);
            found.demand(within(of.infra, granted, *used), || {
                format!(
                    "{}: {used} deferrals of {} of {} and {granted} granted",
                    task.key,
                    gate.name(),
                    of.infra
                )
            });
        }
    }
}

/// I-17.
pub(super) fn ended_leaves_nothing(world: &World, found: &mut Found) {
    for file in world.tasks.iter().filter(|file| file.task.stage.is_terminal()) {
        let task = file.task;
        if let Some(repo) = repo_of(world, task) {
            let lane = repo.landing_task == Some(task.id) || repo.lane_queue.contains(&task.id);
            let deploys = repo.deploying.iter().any(|(_, t)| *t == task.id);
            found.demand(!repo.occupied_by(task.id) && !lane && !deploys, || {
                format!("{} is {} and holds a place or a lane", task.key, task.stage)
            });
        }
        found.demand(task.effect.is_none(), || format!("{} is over with an open effect", task.key));
        // Side jobs are allowed after the end, but a stopped task has ended with its clean-up.
        let forbidden = |job: &&JobRow| job.class == JobClass::Pipeline || task.stage == Stage::Cancelled;
        let job = active(world).find(|job| job.of == Address::Task(task.id) && forbidden(job));
        found.demand(job.is_none(), || format!("{} is over with an active job: {job:?}", task.key));
    }
}

/// I-18: a reason that others end is ended by somebody who will wake the task; one that time ends has its time.
pub(super) fn waits_have_an_end(world: &World, found: &mut Found) {
    for file in world.tasks.iter().filter(|file| !file.task.stage.is_terminal()) {
        if file.queue.is_none() || is_awake(world, file) {
            continue;
        }
        let task = file.task;
        let due = file.queue.and_then(|q| q.due_at);
        match &task.reason {
            None => found.broken(format!("{} waits in {} without a reason", task.key, task.stage)),
            Some(Reason::Working { job, .. }) => {
                let open = active(world).any(|row| row.job.id == *job) || told(world, *job);
                found.demand(open, || format!("{} waits for job {job}, which is nowhere", task.key));
            }
            Some(reason) if let Some(until) = ends_at(reason) => {
                // Not `wake_at`: what the decision went by is not what it is judged by.
                found.demand(due.is_some_and(|due| due <= until), || {
                    format!("{}: {reason:?} ends at {until:?} and the task is due at {due:?}", task.key)
                });
            }
            Some(reason) if reason.wake_at(world.now).is_some() => {
                found.demand(due.is_some(), || format!("{}: {reason:?} has no wake-up", task.key));
                stale(world, task, reason, found);
            }
            Some(_) => {}
        }
    }
}

/// When time alone ends what a task waits for.
fn ends_at(reason: &Reason) -> Option<Timestamp> {
    match reason {
        Reason::Deferred { until, .. } | Reason::Wait(Wait::Ci { until, .. } | Wait::Quota { until }) => {
            Some(*until)
        }
        Reason::Wait(Wait::Person { until, .. } | Wait::Provider { until, .. }) => *until,
        Reason::Wait(
            Wait::Drained
            | Wait::Frozen { .. }
            | Wait::Dependency { .. }
            | Wait::Predecessor { .. }
            | Wait::Capacity
            | Wait::Lane { .. }
            | Wait::Main,
        )
        | Reason::Working { .. }
        | Reason::Held { .. }
        | Reason::Paused { .. }
        | Reason::Ended => None,
    }
}

/// The job's end lies in the inbox.
fn told(world: &World, id: JobId) -> bool {
    let mut waiting = world.inputs.iter().flatten().filter(|input| input.disposition.is_none());
    waiting.any(|i| matches!(i.input, Input::Fact { fact: Fact::JobEnded { job, .. } } if *job == id))
}

/// What the task waits for is over, and nobody woke it.
fn stale(world: &World, task: &Task, reason: &Reason, found: &mut Found) {
    let Some(repo) = repo_of(world, task) else { return };
    let over = match reason {
        Reason::Wait(Wait::Drained) => !world.drained,
        Reason::Wait(Wait::Frozen { .. }) => repo.frozen_for(task.id).is_none(),
        Reason::Wait(Wait::Dependency { .. }) => !has_unmet_dependency(world, task),
        Reason::Wait(Wait::Lane { .. }) if !task.landed() => {
            let first = repo.lane_queue.first().is_none_or(|t| *t == task.id);
            repo.landing_task.is_none() && first
        }
        Reason::Wait(Wait::Main) if task.effect.is_none() => repo.main_job.is_none(),
        Reason::Wait(Wait::Provider { provider, until, .. }) => {
            let health = world.providers.iter().find(|health| health.provider == *provider);
            match health.map(|health| &health.breaker) {
                None | Some(Breaker::Closed) => true,
                Some(Breaker::Open { .. }) => until.is_none(),
                Some(Breaker::HalfOpen { .. }) => false,
            }
        }
        Reason::Wait(_)
        | Reason::Working { .. }
        | Reason::Deferred { .. }
        | Reason::Held { .. }
        | Reason::Paused { .. }
        | Reason::Ended => false,
    };
    found.demand(!over, || format!("{} waits in {} though it is over: {reason:?}", task.key, task.stage));
}
