//! I-31 can be broken: two tasks of a real run wait for a place, the second is let in, and whether that is complained
//! about depends on who goes first, and on what the decision can have seen.

use std::sync::Arc;

use orchd_core::admission::Candidacy;
use orchd_core::audit::Auditor;
use orchd_core::event::RepoEvent;
use orchd_core::fact::Address;
use orchd_core::id::{Actor, Key, TaskId};
use orchd_core::port::store::Logged;
use orchd_core::reason::{Reason, Wait};
use orchd_core::repo::Freeze;
use orchd_core::stage::Stage;
use orchd_core::task::{Pause, Task};
use orchd_core::time::{Span, Timestamp};
use orchd_testkit::memory::{RepoRow, TaskRow};
use orchd_testkit::world::Rest;

use crate::broken::rest;

/// Two tasks that were never let in wait for a serial repository that is free, the first with the earlier number.
struct Lobby {
    rest: Rest,
    auditor: Auditor,
    first: TaskId,
    second: TaskId,
}

impl Lobby {
    fn new() -> Self {
        let mut rest = rest();
        for policy in rest.policies.values_mut() {
            Arc::make_mut(policy).serial = true;
        }
        rest.truth.skew = Span(0);
        rest.state.dependencies.clear();
        let mut ids: Vec<(u64, TaskId)> = rest.state.tasks.iter().map(|(id, r)| (r.task.seq, *id)).collect();
        ids.sort();
        let auditor = Auditor::new(&rest.policies);
        let mut lobby = Self { rest, auditor, first: ids[0].1, second: ids[1].1 };
        lobby.says(RepoEvent::Unfrozen { by: Actor::new("ada") });
        Arc::make_mut(&mut lobby.repo().repo).occupants = Vec::new();
        let now = lobby.rest.now;
        for id in [lobby.first, lobby.second] {
            let row = lobby.row(id);
            (row.candidacy, row.candidate_since) = (Candidacy::Created, now);
            let task = lobby.task(id);
            (task.stage, task.request.priority, task.reason) = (Stage::Created, 0, None);
            (task.landing.proof, task.pause, task.hold, task.stopping) = (None, None, None, None);
        }
        lobby
    }

    fn row(&mut self, id: TaskId) -> &mut TaskRow {
        self.rest.state.tasks.get_mut(&id).unwrap()
    }

    fn task(&mut self, id: TaskId) -> &mut Task {
        Arc::make_mut(&mut self.row(id).task)
    }

    fn repo(&mut self) -> &mut RepoRow {
        self.rest.state.repos.values_mut().next().unwrap()
    }

    /// It was let in, gave way, and waits for its place.
    fn comes_back(&mut self, id: TaskId) {
        self.row(id).candidacy = Candidacy::Returning;
        let task = self.task(id);
        task.stage = Stage::Testing;
        task.reason = Some(Reason::Wait(Wait::Predecessor { on: "SIM-9".to_owned() }));
    }

    /// Whether I-31 complains now.
    fn look(&mut self) -> bool {
        self.rest.ask(&mut self.auditor).iter().any(|violation| violation.number == 31)
    }

    /// It is seen who waits, and then the repository's epoch rises: whoever is let in now was decided about after that.
    fn is_seen(&mut self) {
        assert!(!self.look());
        self.repo().epoch += 1;
        assert!(!self.look());
    }

    fn says(&mut self, event: RepoEvent) {
        let (id, at) = (self.repo().repo.id.clone(), self.rest.now);
        self.rest.state.last_event += 1;
        let logged = Logged { seq: self.rest.state.last_event, of: Address::Repo(id.clone()), at, event };
        self.rest.state.repo_events.get_mut(&id).unwrap().push(logged);
    }

    /// Whether I-31 complains that the second is let in.
    fn second_is_let_in(&mut self) -> bool {
        let task = self.second;
        self.says(RepoEvent::LetIn { task });
        Arc::make_mut(&mut self.repo().repo).occupants = vec![task];
        self.look()
    }
}

/// Whether I-31 complains that the second is let in, after both were seen as they are made.
fn complains(make: impl FnOnce(&mut Lobby, TaskId, TaskId)) -> bool {
    let mut lobby = Lobby::new();
    let (first, second) = (lobby.first, lobby.second);
    make(&mut lobby, first, second);
    lobby.is_seen();
    lobby.second_is_let_in()
}

#[test]
fn i_31_the_order_is_who_comes_back_then_the_priority_then_the_number() {
    assert!(complains(|_, _, _| {}), "the earlier one goes first");
    assert!(!complains(|lobby, _, second| lobby.task(second).request.priority = -1));
    assert!(complains(|lobby, first, second| {
        lobby.task(second).request.priority = -1;
        lobby.comes_back(first);
    }));
    assert!(!complains(|lobby, first, second| {
        lobby.task(first).request.priority = -1;
        lobby.comes_back(second);
    }));
}

#[test]
fn i_31_a_day_of_waiting_is_one_class_up() {
    let waited = |hours, priority| {
        complains(|lobby, first, _| {
            let now = lobby.rest.now;
            lobby.row(first).candidate_since = Timestamp(now.0 - Span::hours(hours).0);
            lobby.task(first).request.priority = priority;
        })
    };
    assert!(waited(25, 1) && waited(49, 2));
    assert!(!waited(23, 1) && !waited(25, 2));
}

#[test]
fn i_31_whoever_could_not_be_let_in_is_passed_over_rightly() {
    assert!(!complains(|lobby, first, _| {
        let pause = Pause { by: Actor::new("ada"), why: String::new(), questions: Vec::new(), now: false };
        lobby.task(first).pause = Some(pause);
    }));
    assert!(!complains(|lobby, first, _| {
        let on = Key::new("SIM-9");
        lobby.rest.state.dependencies.insert((first, on), "test".to_owned());
    }));
    assert!(!complains(|lobby, first, _| {
        lobby.comes_back(first);
        lobby.task(first).reason = Some(Reason::Wait(Wait::Frozen { why: String::new() }));
    }));
    assert!(!complains(|lobby, _, _| {
        for policy in lobby.rest.policies.values_mut() {
            Arc::make_mut(policy).serial = false;
        }
    }));
}

#[test]
fn i_31_a_freeze_stands_in_the_way_of_all_but_whom_it_does_not_bind() {
    let complains_frozen = |second_is_cause: bool, first_repairs: bool| {
        complains(|lobby, first, second| {
            let (by, at) = (Actor::new("ada"), lobby.rest.now);
            let cause = second_is_cause.then_some(second);
            let freeze = Freeze { why: String::new(), cause, by, at, diverged: false };
            lobby.says(RepoEvent::Frozen { freeze });
            let repairers = [(first, first_repairs), (second, !second_is_cause)];
            for (task, _) in repairers.into_iter().filter(|(_, named)| *named) {
                lobby.says(RepoEvent::RepairNamed { task });
            }
        })
    };
    assert!(!complains_frozen(false, false), "the first one must wait for the thaw");
    assert!(complains_frozen(false, true), "both are named, and they keep the order");
    assert!(!complains_frozen(true, true), "the cause must bring the thaw: it goes back to work at once");
}

#[test]
fn i_31_what_came_after_the_view_was_loaded_was_not_seen() {
    for with_a_look in [true, false] {
        let mut lobby = Lobby::new();
        let (first, second) = (lobby.first, lobby.second);
        lobby.task(second).request.priority = -1;
        lobby.is_seen();
        lobby.task(first).request.priority = -2;
        assert!(!with_a_look || !lobby.look());
        assert!(!lobby.second_is_let_in());
    }
}

#[test]
fn i_31_what_was_there_before_the_decision_read_its_clock_was_seen() {
    let later = |by: Span, skew: Span| {
        let mut lobby = Lobby::new();
        assert!(!lobby.look());
        lobby.rest.now = lobby.rest.now + by;
        lobby.rest.truth.skew = skew;
        lobby.second_is_let_in()
    };
    assert!(later(Span::secs(10), Span(0)));
    assert!(!later(Span(0), Span(0)), "the view may have been loaded before");
    assert!(!later(Span::secs(10), Span::secs(20)), "its clock may run ahead");
}
