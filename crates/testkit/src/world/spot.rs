//! Where a fault strikes: whose call or job it is, and with that which stages are touched and how a scenario names the
//! place. Nothing here is worked out unless a fault strikes or the places are being counted.

use orchd_core::fact::Address;
use orchd_core::id::{JobId, TaskId};
use orchd_core::stage::Stage;
use orchd_core::task::Task;

use crate::memory::{MemoryStore, State};

/// Whose call, job or delivery is struck.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spot<'a> {
    /// A task's whose row is at hand.
    Row(&'a Task),
    /// A task's.
    Task(TaskId),
    /// A job's, and with it its task's.
    Job(JobId),
    /// Of an address.
    Of(&'a Address),
    /// One process's as a whole: every live task is touched.
    Replica(usize),
    /// The world's: every live task is touched.
    World,
}

/// Stages as a set: bit n is the nth of [`Stage::ALL`].
pub(super) type Stages = u16;

fn bit(stage: Stage) -> Stages {
    1 << (stage as u16)
}

fn live(state: &State) -> Stages {
    // One that is over is touched as long as something is still done for it.
    let unshown = |id: TaskId| {
        state.projections.iter().any(|((task, _), shown)| *task == id && shown.shown_version < shown.wanted)
    };
    let lives = |task: &&Task| !task.stage.is_terminal() || task.side_job.is_some() || unshown(task.id);
    let rows = state.tasks.values().map(|row| &*row.task).filter(lives);
    rows.fold(0, |stages, row| stages | bit(row.stage))
}

fn of_task(state: &State, id: TaskId) -> Option<(Stages, String)> {
    state.tasks.get(&id).map(|row| of_row(&row.task))
}

fn of_row(task: &Task) -> (Stages, String) {
    (bit(task.stage), format!("{} in {}", task.key, task.stage.name()))
}

fn of_address(state: &State, to: &Address) -> Option<(Stages, String)> {
    match to {
        Address::Task(id) => of_task(state, *id),
        Address::Repo(_) => None,
    }
}

impl Spot<'_> {
    /// The stages that are touched, and the name of the place.
    pub(super) fn resolve(self, store: &MemoryStore) -> (Stages, String) {
        store.inspect(|state| {
            let found = match self {
                Spot::Row(task) => Some(of_row(task)),
                Spot::Task(id) => of_task(state, id),
                Spot::Job(id) => state.jobs.get(&id).and_then(|job| of_address(state, &job.row.of)),
                Spot::Of(to) => of_address(state, to),
                Spot::Replica(n) => Some((live(state), format!("replica {n}"))),
                Spot::World => None,
            };
            found.unwrap_or_else(|| (live(state), "the world".to_owned()))
        })
    }
}
