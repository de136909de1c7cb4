//! Whether anything still moves by itself. What does not is a person's to mend, so `run` ends and says it.

use orchd_http::dto::{State, Task};

/// What an engine has to do about something that waits, it finds within this after its start; in milliseconds.
const SETTLES: i64 = 1_500;
/// Surfaces are written, and people told, within this; in milliseconds.
const TOLD_WITHIN: i64 = 3_000;
/// Room that comes back by itself does so within this; in milliseconds.
const ROOM_COMES: i64 = 10_000;

/// What was seen of the whole, while it was watched.
#[derive(Debug, Default)]
pub(super) struct Seen {
    since: Option<i64>,
    over_since: Option<i64>,
    short_since: Option<i64>,
    said: Vec<String>,
}

impl Seen {
    /// Whether nothing will move `tasks` any more but a person.
    pub(super) fn rests(&mut self, state: &State, tasks: &[Task]) -> bool {
        let since = *self.since.get_or_insert(state.now);
        let settled = state.pending == 0 && state.now - since >= SETTLES;
        let rests = tasks.iter().all(|task| is_over(task) || (settled && is_stuck(state, task)));
        if !rests {
            self.over_since = None;
        }
        (rests && self.is_told(state)) || self.has_no_room(state)
    }

    /// Whoever is to hear of it hears of it first, where that does not take long.
    fn is_told(&mut self, state: &State) -> bool {
        state.now - *self.over_since.get_or_insert(state.now) >= TOLD_WITHIN || state.pending == 0
    }

    /// Nothing runs, and for want of room nothing is started.
    fn has_no_room(&mut self, state: &State) -> bool {
        if state.short.is_none()
            || state.jobs.is_empty()
            || state.jobs.iter().any(|job| job.state == "running")
        {
            self.short_since = None;
            return false;
        }
        state.now - *self.short_since.get_or_insert(state.now) >= ROOM_COMES
    }

    /// What keeps the tasks waiting, each said once.
    pub(super) fn news(&mut self, state: &State, tasks: &[Task]) -> Vec<String> {
        let mut news: Vec<String> =
            state.short.iter().map(|why| format!("Nothing new is started: {why}")).collect();
        let of = |repo: &str| tasks.iter().any(|task| task.repo == repo && !is_over(task));
        for repo in state.repos.iter().filter(|repo| of(&repo.id)) {
            let failure = repo.main_failure.iter();
            news.extend(failure.map(|why| format!("main of {} could not be tested: {why}", repo.id)));
        }
        news.retain(|line| !self.said.contains(line));
        self.said.extend(news.iter().cloned());
        news
    }
}

/// It has ended, or asks somebody.
pub(super) fn is_over(task: &Task) -> bool {
    has_ended(task) || task.hold.is_some() || matches!(task.waiting.as_deref(), Some("person" | "paused"))
}

pub(super) fn has_ended(task: &Task) -> bool {
    matches!(task.stage.as_str(), "done" | "cancelled")
}

/// It waits for what no job and no other task is about to end.
fn is_stuck(state: &State, task: &Task) -> bool {
    if task.waiting.as_deref() == Some("drained") {
        return state.drained;
    }
    let is_frozen = |task: &Task| task.waiting.as_deref() == Some("frozen");
    let repo = state.repos.iter().find(|repo| repo.id == task.repo);
    let mends = |other: &Task| other.repo == task.repo && !is_over(other) && !is_frozen(other);
    let looks = state.jobs.iter().any(|job| job.of == task.repo);
    is_frozen(task)
        && repo.is_some_and(|repo| repo.frozen.is_some())
        && !looks
        && !state.tasks.iter().any(mends)
}

#[cfg(test)]
mod tests;
