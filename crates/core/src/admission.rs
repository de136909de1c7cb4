//! Who may occupy a repository (spec 1.5): the order among those that wait, and the first reason why one is
//! not let in. Occupation itself is stored in the repository's row.

use crate::id::{Key, TaskId};
use crate::mutant::{self, Mutant};
use crate::reason::{Reason, Wait};
use crate::stage::Stage;
use crate::task::Task;
use crate::time::{Span, Timestamp};
use crate::view::{Candidate, DepState, View};

/// How a task stands towards admission; the store keeps it beside the row, and a change of it makes the
/// repository's waiting tasks due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Candidacy {
    /// It does not ask to be let in.
    None,
    /// It was never let in.
    Created,
    /// It was let in before and gave way.
    Returning,
}

impl Candidacy {
    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Created => "created",
            Self::Returning => "returning",
        }
    }
}

/// Whether a task needs to occupy its repository to go on: not before admission, not after its landing is
/// proven, not at the end.
pub const fn needs_place(task: &Task) -> bool {
    !task.stage.is_terminal() && !task.landed()
}

/// How the row stands towards admission, given whether it occupies.
pub fn candidacy(task: &Task, occupies: bool) -> Candidacy {
    let may_go_on = task.hold.is_none() && task.pause.is_none() && task.stopping.is_none();
    // One whose landing broke main asks for a place again, to mend it.
    let mends = task.landed() && matches!(task.reason, Some(Reason::Wait(Wait::Predecessor { .. })));
    if !may_go_on || occupies || !(needs_place(task) || mends) {
        return Candidacy::None;
    }
    if task.stage == Stage::Created {
        return Candidacy::Created;
    }
    // One that waits for a person, or for the thaw, does not ask yet.
    match &task.reason {
        Some(reason) if reason.gives_way() => Candidacy::None,
        Some(_) | None => Candidacy::Returning,
    }
}

/// The order: those coming back first, then priority (one class up per day of waiting), then the earliest.
pub fn order(candidate: &Candidate, now: Timestamp) -> (bool, i64, u64) {
    let days = (now - candidate.since).0.max(0) / Span::hours(24).0;
    (!candidate.returning, i64::from(candidate.priority) - days, candidate.seq)
}

/// Who is let in next, if anyone waits.
pub fn first(candidates: &[Candidate], now: Timestamp) -> Option<&Candidate> {
    candidates.iter().min_by_key(|c| order(c, now))
}

/// Whether this task may be let in now; else the first reason why not (spec 1.5). Outcome by `Result`: a Wait
/// is no failure.
pub fn may_enter(view: &View, now: Timestamp) -> Result<(), Wait> {
    let task = &view.task;
    if view.drained {
        return Err(Wait::Drained);
    }
    let frozen = view.repo.frozen_for(task.id).filter(|_| !mutant::on(Mutant::FreezeAdmits));
    if let Some(freeze) = frozen {
        return Err(Wait::Frozen { why: freeze.why.clone() });
    }
    let unmet = view.deps.iter().find(|d| task.stage == Stage::Created && d.state != DepState::Done);
    if let Some(dep) = unmet.filter(|_| !mutant::on(Mutant::DependencyIgnored)) {
        return Err(Wait::Dependency { on: dep.on.to_string() });
    }
    if let Some(other) = occupied_by_another(view) {
        return Err(Wait::Predecessor { on: view.name_of(other) });
    }
    let full = view.policy.max_occupants.is_some_and(|max| view.repo.occupants.len() >= max as usize);
    if !view.policy.serial && full {
        return Err(Wait::Capacity);
    }
    match first_other(view, now) {
        Some(ahead) => Err(Wait::Predecessor { on: ahead.key.to_string() }),
        None => Ok(()),
    }
}

/// Who else occupies a serial repository.
pub fn occupied_by_another(view: &View) -> Option<TaskId> {
    if !view.policy.serial || mutant::on(Mutant::SerialIgnored) {
        return None;
    }
    view.repo.occupants.iter().copied().find(|t| *t != view.task.id)
}

/// A candidate that goes before this task. Without `serial` nobody waits for another's turn.
fn first_other(view: &View, now: Timestamp) -> Option<&Candidate> {
    if !view.policy.serial || mutant::on(Mutant::OrderIgnored) {
        return None;
    }
    let mine = view.candidates.iter().find(|c| c.task == view.task.id);
    // A task that is asking right now may not be stored as a candidate yet.
    let since = mine.map_or(view.task.reason_since, |c| c.since);
    // The stored candidate may be behind: its priority may have changed in this very turn.
    let me = order(&Candidate { since, ..as_candidate(view) }, now);
    let may = |c: &&Candidate| c.task != view.task.id && view.repo.frozen_for(c.task).is_none();
    view.candidates.iter().filter(may).min_by_key(|c| order(c, now)).filter(|c| order(c, now) < me)
}

fn as_candidate(view: &View) -> Candidate {
    let task = &view.task;
    Candidate {
        task: task.id,
        key: task.key.clone(),
        seq: task.seq,
        returning: task.stage != Stage::Created,
        priority: task.request.priority,
        since: task.reason_since,
    }
}

/// The cycle that a new dependency `from → on` would close, as keys in order; `None` where it closes none.
pub fn cycle(edges: &[(Key, Key)], from: &Key, on: &Key) -> Option<Vec<String>> {
    let mut path = vec![from.clone(), on.clone()];
    let mut seen = std::collections::BTreeSet::new();
    if reaches(edges, on, from, &mut path, &mut seen) {
        return Some(path.iter().map(Key::to_string).collect());
    }
    None
}

fn reaches(
    edges: &[(Key, Key)],
    at: &Key,
    goal: &Key,
    path: &mut Vec<Key>,
    seen: &mut std::collections::BTreeSet<Key>,
) -> bool {
    if at == goal {
        return true;
    }
    if !seen.insert(at.clone()) {
        return false;
    }
    for (_, next) in edges.iter().filter(|(from, _)| from == at) {
        path.push(next.clone());
        if reaches(edges, next, goal, path, seen) {
            return true;
        }
        path.pop();
    }
    false
}
