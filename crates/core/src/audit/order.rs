//! I-31 (V31): who was let in before whom (spec 1.5). The order and who waits are read from the rows here, without a
//! word of `admission.rs`: what a decision goes by is not what it is judged by.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Found, RepoFile, RepoStep, TaskFile, World, rows};
use crate::event::RepoEvent;
use crate::id::TaskId;
use crate::reason::{Reason, Wait};
use crate::repo::Repo;
use crate::stage::Stage;
use crate::task::Task;
use crate::time::{Span, Timestamp};

const DAY: Span = Span::hours(24);

/// Where a task stands among those that wait for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    /// It was let in before.
    returning: bool,
    priority: i32,
    since: Timestamp,
    seq: u64,
}

impl Standing {
    /// `None` where the task waits for no place, or for something else first.
    fn of(world: &World, repo: &Repo, file: &TaskFile) -> Option<Self> {
        let TaskFile { task, queue, .. } = file;
        let rests = task.pause.is_some() || task.hold.is_some() || task.stopping.is_some();
        if rests || task.stage.is_terminal() || repo.occupants.contains(&task.id) {
            return None;
        }
        let returning = task.stage != Stage::Created;
        let asks = if returning { asks_again(task) } else { !rows::has_unmet_dependency(world, task) };
        let since = (*queue)?.candidate_since?;
        asks.then_some(Self { returning, priority: task.request.priority, since, seq: task.seq })
    }

    /// Those coming back first, then the lower priority, one class up per day of waiting, then the earlier.
    fn precedes(&self, other: &Self, now: Timestamp) -> bool {
        let class = |one: &Self| i64::from(one.priority) - (now - one.since).0 / DAY.0;
        match (self.returning, other.returning) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => match class(self).cmp(&class(other)) {
                Ordering::Less => true,
                Ordering::Greater => false,
                Ordering::Equal => self.seq < other.seq,
            },
        }
    }
}

/// Whether a task that has no place any more wants one.
fn asks_again(task: &Task) -> bool {
    match &task.reason {
        // It gave way until a person answers, or until the thaw.
        Some(Reason::Wait(Wait::Person { .. } | Wait::Frozen { .. })) => false,
        // Also one that landed, to mend it.
        Some(Reason::Wait(Wait::Predecessor { .. })) => true,
        // What landed is deployed without a place.
        _other => task.landing.proof.is_none(),
    }
}

/// Who waits for a place, as looks have shown it.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<TaskId, Seen>);

/// A task that waits, and the first look that showed it as it stands now.
#[derive(Debug)]
struct Seen {
    standing: Standing,
    at: Timestamp,
    epoch: u64,
}

impl Waiting {
    /// Takes in who waits now.
    pub(super) fn look(&mut self, world: &World) {
        for RepoFile { repo, epoch, .. } in &world.repos {
            for file in world.tasks.iter().filter(|file| file.task.repo == repo.id) {
                let id = file.task.id;
                match Standing::of(world, repo, file) {
                    Some(standing) if self.0.get(&id).is_some_and(|seen| seen.standing == standing) => {}
                    Some(standing) => {
                        self.0.insert(id, Seen { standing, at: world.now, epoch: *epoch });
                    }
                    None => {
                        self.0.remove(&id);
                    }
                }
            }
        }
    }
}

/// I-31: whoever goes first and could be let in was not passed over.
pub(super) fn let_in(step: &RepoStep, found: &mut Found) {
    let (RepoEvent::LetIn { task: id }, world) = (step.event, step.world) else { return };
    let Some(TaskFile { task, .. }) = world.tasks.iter().find(|file| file.task.id == *id) else { return };
    if !world.policies.values().filter(|p| p.repo == task.repo).all(|p| p.serial) {
        return;
    }
    // Everybody waits for the thaw, and it is this task that must bring it: it goes back to work at once (spec 3.9).
    if step.before.frozen.as_ref().is_some_and(|freeze| freeze.cause == Some(*id)) {
        return;
    }
    // Who did not ask at the last look is taken to come back: one in `created` asks all the while that main is looked
    // at, unless a dependency is declared meanwhile.
    let (returning, since) = match step.waiting.0.get(id) {
        Some(seen) => (seen.standing.returning, seen.standing.since),
        None => (true, step.at),
    };
    let mine = Standing { returning, since, priority: task.request.priority, seq: task.seq };
    for other in world.tasks.iter().filter(|file| file.task.repo == task.repo && file.task.id != *id) {
        let Some(seen) = step.waiting.0.get(&other.task.id) else { continue };
        let stands = Standing::of(world, step.before, other).as_ref() == Some(&seen.standing);
        let may = stands && was_loaded(seen, step) && !is_frozen(step.before, other.task.id);
        found.demand(!may || mine.precedes(&seen.standing, step.at), || {
            format!("{} was let in before {}: {mine:?}, {:?}", task.key, other.task.key, seen.standing)
        });
    }
}

/// The decision was made on a view that showed it. The view is older than the commit, but not older than the time
/// that the decision read before it, nor than the epoch that its commit compared.
fn was_loaded(seen: &Seen, step: &RepoStep) -> bool {
    let skew = step.world.truth.map_or(Span(0), |truth| truth.skew);
    step.epoch.is_some_and(|epoch| seen.epoch < epoch) || seen.at + skew < step.at
}

fn is_frozen(repo: &Repo, task: TaskId) -> bool {
    repo.frozen.as_ref().is_some_and(|freeze| freeze.cause != Some(task) && !repo.repair.contains(&task))
}
