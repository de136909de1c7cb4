//! What really happened outside, as a test's model of git and the environment knows it, and the invariants that
//! compare the store with it. Production has no such oracle; there a probe asks git.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, World};
use crate::effect::{EffectState, Intent};
use crate::id::{InputId, Key, ProjectId, RepoId, Sha, TaskId};
use crate::port::store::LedgerRow;
use crate::stage::Stage;
use crate::time::{Span, Timestamp};

/// What really happened outside.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// Every commit that is in main now.
    pub main: BTreeMap<RepoId, BTreeSet<Sha>>,
    /// Every commit that a person took out of main again.
    pub taken_out: BTreeSet<Sha>,
    /// Nothing ever goes wrong in this world.
    pub faultless: bool,
    /// The furthest that a process's clock was ever off.
    pub skew: Span,
    /// The most pipeline jobs that may run at once.
    pub slots: Option<u32>,
    /// When admission was last stopped or allowed.
    pub drained_at: Option<Timestamp>,
    /// Main was moved by orchd, oldest first.
    pub landings: Vec<TrueLanding>,
    /// Landings whose door a tombstone closes.
    pub closed: BTreeSet<(TaskId, u32)>,
    /// Deploy hooks that were run, oldest first.
    pub hooks: Vec<TrueHook>,
    /// Trees on which the suite is red, with the failing tests.
    pub red: BTreeMap<Sha, Vec<String>>,
    /// Commands whose acceptance was answered to a person.
    pub accepted: Vec<InputId>,
    /// What each issue's board shows: status and line; `None` where no board is watched.
    pub boards: Option<BTreeMap<(ProjectId, Key), (String, String)>>,
}

/// Main really moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrueLanding {
    /// Whose landing.
    pub task: TaskId,
    /// Its number.
    pub landing: u32,
    /// Main before.
    pub base: Sha,
    /// Main after.
    pub head: Sha,
    /// A person took it out of main afterwards. The same head may land again.
    pub taken_out: bool,
}

/// A deploy hook really ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrueHook {
    /// For whom.
    pub task: TaskId,
    /// The commit.
    pub sha: Sha,
    /// The attempt.
    pub attempt: u32,
}

/// I-9.
pub(super) fn done_is_in_main(world: &World, found: &mut Found) {
    for file in world.tasks.iter().filter(|file| file.task.stage == Stage::Done) {
        let task = file.task;
        let Some(proof) = &task.landing.proof else {
            found.broken(format!("{} is done without evidence", task.key));
            continue;
        };
        let Some(truth) = world.truth else { continue };
        let in_main = truth.main.get(&task.repo).is_some_and(|main| main.contains(&proof.head))
            || truth.taken_out.contains(&proof.head);
        found.demand(in_main, || format!("{} is done and {} is not in main", task.key, proof.head));
        found.demand(task.head() == Some(&proof.head), || {
            format!("{} is done with {} in main, its head is {:?}", task.key, proof.head, task.head())
        });
    }
}

/// I-10.
pub(super) fn effects(world: &World, found: &mut Found) {
    for (n, row) in world.ledger.iter().enumerate() {
        let others = || world.ledger.iter().skip(n + 1);
        let applied = |r: &&&LedgerRow| r.effect.state == EffectState::Applied && r.key == row.key;
        if row.effect.state == EffectState::Applied && others().any(|r| applied(&r)) {
            found.broken(format!("{} was applied twice", row.key));
        }
        if row.effect.state.is_open() {
            let twin =
                others().find(|r| r.effect.state.is_open() && (r.task == row.task || r.target == row.target));
            if let Some(twin) = twin {
                found.broken(format!("{} and {} are open at once", row.key, twin.key));
            }
        }
    }
    open_effects_are_the_rows(world, found);
    let Some(truth) = world.truth else { return };
    for (n, landing) in truth.landings.iter().enumerate() {
        let same = |l: &&TrueLanding| (l.task, l.landing) == (landing.task, landing.landing);
        found.demand(!truth.landings.iter().skip(n + 1).any(|l| same(&l)), || {
            format!("landing {} of task {} happened twice", landing.landing, landing.task)
        });
        landing_is_known(world, landing, found);
    }
    for (n, hook) in truth.hooks.iter().enumerate() {
        found.demand(!truth.hooks.iter().skip(n + 1).any(|h| h == hook), || {
            format!("the deploy hook of task {} attempt {} ran twice", hook.task, hook.attempt)
        });
        let intended = world.ledger.iter().any(|row| {
            row.task == hook.task
                && matches!(&row.effect.intent, Intent::Deploy { sha, attempt, .. }
                    if *sha == hook.sha && *attempt == hook.attempt)
        });
        found.demand(intended, || format!("the deploy hook of task {} ran without an intent", hook.task));
    }
}

/// A task's open effect is the ledger's, and the other way round.
fn open_effects_are_the_rows(world: &World, found: &mut Found) {
    for file in &world.tasks {
        let open = world.ledger.iter().find(|r| r.task == file.task.id && r.effect.state.is_open());
        let (stored, mine) = (open.map(|r| r.effect.id), file.task.effect.as_ref().map(|e| e.id));
        found.demand(stored == mine, || {
            format!("{}: the ledger has {stored:?} open, the row {mine:?}", file.task.key)
        });
    }
}

/// What landed was intended, and the ledger does not say that it can not have happened.
fn landing_is_known(world: &World, landing: &TrueLanding, found: &mut Found) {
    let rows = world.ledger.iter().filter(|r| r.task == landing.task);
    let mine: Vec<_> = rows
        .filter(|r| matches!(&r.effect.intent, Intent::Landing { landing: n, .. } if *n == landing.landing))
        .collect();
    let may = mine.iter().any(|r| r.effect.state.is_open() || r.effect.state == EffectState::Applied);
    // What a person took out of main before anybody could ask is found absent, and rightly.
    found.demand(may || landing.taken_out, || {
        format!(
            "landing {} of task {} really happened; the ledger says it did not",
            landing.landing, landing.task
        )
    });
}

/// I-20, as far as orchd's own landings go.
pub(super) fn main_moves(world: &World, found: &mut Found) {
    let Some(truth) = world.truth else { return };
    for landing in &truth.landings {
        let intended = world.ledger.iter().any(|row| {
            row.task == landing.task
                && matches!(&row.effect.intent, Intent::Landing { landing: n, base, head }
                    if *n == landing.landing && *base == landing.base && *head == landing.head)
        });
        found.demand(intended, || {
            format!("main went from {} to {} without that intent", landing.base, landing.head)
        });
    }
}
