//! What must hold once everything has come to rest: faults have stopped, people have answered, and every loop
//! has had its time.

use std::collections::BTreeSet;

use super::{Found, World};
use crate::id::{InputId, Key};
use crate::render;

/// I-13: nothing lies in the inbox for ever, and what a person was told is accepted is there.
pub(super) fn inputs_consumed(world: &World, found: &mut Found) {
    let known: BTreeSet<InputId> = world.inputs.iter().flatten().map(|input| input.id).collect();
    let accepted = world.truth.iter().flat_map(|truth| &truth.accepted);
    for id in accepted.filter(|id| world.inputs.is_some() && !known.contains(id)) {
        found.broken(format!("input {id} was accepted and is not there"));
    }
    for input in world.inputs.iter().flatten().filter(|input| input.disposition.is_none()) {
        found.broken(format!("input {} to {:?} was never answered: {:?}", input.id, input.to, input.input));
    }
}

/// I-16: the board shows the render of the latest life's row.
pub(super) fn board(world: &World, found: &mut Found) {
    let Some(boards) = world.truth.and_then(|truth| truth.boards.as_ref()) else { return };
    for file in &world.tasks {
        let task = file.task;
        let later = |key: &Key| {
            world
                .tasks
                .iter()
                .any(|f| f.task.project == task.project && f.task.key == *key && f.task.life > task.life)
        };
        if later(&task.key) {
            continue;
        }
        let status = render::board::status(task);
        let shown = boards.get(&(task.project.clone(), task.key.clone()));
        let same = shown.is_some_and(|(name, line)| name == status.name && *line == status.line);
        found.demand(same, || {
            format!("{}: the board shows {shown:?}, the row says {} / {}", task.key, status.name, status.line)
        });
    }
}

/// I-17, I-18: with people who answer and no more faults, everything ends.
pub(super) fn all_terminal(world: &World, found: &mut Found) {
    for file in world.tasks.iter().filter(|file| !file.task.stage.is_terminal()) {
        let task = file.task;
        found.broken(format!(
            "{} is stuck in {} (reason {:?}, job {:?}, side job {:?}, effect {:?}, stopping {}, due {:?})",
            task.key,
            task.stage,
            task.reason,
            task.job,
            task.side_job,
            task.effect,
            task.stopping.is_some(),
            file.queue.and_then(|q| q.due_at)
        ));
    }
}
