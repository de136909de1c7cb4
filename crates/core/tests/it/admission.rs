//! Admission (spec 1.5): the order of those that wait, against a naive model, and the first reason why one is
//! not let in.

use std::sync::Arc;

use orchd_core::admission::{Candidacy, candidacy, cycle, first, may_enter};
use orchd_core::command::RepoWanted;
use orchd_core::event::RepoEvent;
use orchd_core::hold::{Held, HoldCode};
use orchd_core::id::{Key, TaskId};
use orchd_core::job::JobKind;
use orchd_core::reason::{Reason, Wait};
use orchd_core::stage::Stage;
use orchd_core::task::{Pause, Stopping, Task};
use orchd_core::time::{Span, Timestamp};
use orchd_core::view::{Candidate, Dep, DepState, View};
use proptest::prelude::*;

use crate::support::build::{T0, hook, person, policy, repo, row, task_id};
use crate::support::config;
use crate::support::driver::Driver;

/// Those coming back, then the class (a day of waiting is one class up), then the earliest.
fn naive(candidates: &[Candidate], now: Timestamp) -> Option<TaskId> {
    let class = |c: &Candidate| {
        let mut class = i64::from(c.priority);
        let mut waited = (now - c.since).0;
        while waited >= 86_400_000 {
            class -= 1;
            waited -= 86_400_000;
        }
        class
    };
    let mut best: Option<&Candidate> = None;
    for c in candidates {
        let better = match best {
            None => true,
            Some(b) if c.returning != b.returning => c.returning,
            Some(b) if class(c) != class(b) => class(c) < class(b),
            Some(b) => c.seq < b.seq,
        };
        if better {
            best = Some(c);
        }
    }
    best.map(|c| c.task)
}

fn candidate() -> impl Strategy<Value = (bool, i32, i64)> {
    (any::<bool>(), -2..4i32, 0..5 * 86_400_000i64)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_is_the_models(drawn in prop::collection::vec(candidate(), 0..8)) {
        let candidates: Vec<Candidate> = drawn
            .iter()
            .zip(1u64..)
            .map(|((returning, priority, waited), seq)| Candidate {
                task: task_id(seq),
                key: Key::new(format!("DEMO-{seq}")),
                seq,
                returning: *returning,
                priority: *priority,
                since: Timestamp(T0.0 - waited),
            })
            .collect();
        prop_assert_eq!(first(&candidates, T0).map(|c| c.task), naive(&candidates, T0));
        // The order does not depend on the order in which they are listed.
        let reversed: Vec<Candidate> = candidates.iter().rev().cloned().collect();
        prop_assert_eq!(first(&reversed, T0).map(|c| c.task), naive(&candidates, T0));
    }

    /// None starves: whatever else waits from its day on, waiting long enough is enough.
    #[test]
    fn waiting_goes_before_priority_in_the_end(priority in 0..100i32) {
        let waiting = |seq, priority, since| Candidate {
            task: task_id(seq), key: Key::new("K"), seq, returning: false, priority, since,
        };
        let now = T0 + Span::hours(24 * (i64::from(priority) + 1));
        let candidates = [waiting(1, priority, T0), waiting(2, 0, now)];
        prop_assert_eq!(first(&candidates, now).map(|c| c.seq), Some(1));
    }
}

/// A view in which everything stands in the way of DEMO-2.
fn all_in_the_way() -> View {
    let mut policy = policy();
    policy.max_occupants = Some(1);
    let mut driver = Driver::new(policy);
    let (first, second) = (driver.create(1, "express"), driver.create(2, "express"));
    driver.run_to(first, Stage::Development);
    driver.repo_command(RepoWanted::Freeze { why: "main is wrong".to_owned() });
    driver.drain(true);
    let mut view = driver.view(second);
    view.deps = vec![Dep { on: Key::new("DEMO-9"), state: DepState::Open }];
    view
}

#[test]
fn the_first_reason_is_named_drained_frozen_dependency_predecessor_capacity() {
    let mut view = all_in_the_way();
    assert_eq!(may_enter(&view, T0), Err(Wait::Drained));
    view.drained = false;
    assert_eq!(may_enter(&view, T0), Err(Wait::Frozen { why: "main is wrong".to_owned() }));
    repo(&mut view).frozen = None;
    assert_eq!(may_enter(&view, T0), Err(Wait::Dependency { on: "DEMO-9".to_owned() }));
    view.deps[0].state = DepState::Done;
    assert_eq!(may_enter(&view, T0), Err(Wait::Predecessor { on: "DEMO-1".to_owned() }));
    let mut parallel = (*view.policy).clone();
    parallel.serial = false;
    view.policy = Arc::new(parallel);
    assert_eq!(may_enter(&view, T0), Err(Wait::Capacity));
    repo(&mut view).occupants.clear();
    assert_eq!(may_enter(&view, T0), Ok(()));
}

#[test]
fn a_freeze_binds_neither_its_cause_nor_the_task_named_for_the_repair() {
    let mut view = all_in_the_way();
    view.drained = false;
    view.deps.clear();
    repo(&mut view).occupants.clear();
    view.candidates.clear();
    assert!(may_enter(&view, T0).is_err());
    let mut cause = view.clone();
    repo(&mut cause).frozen.as_mut().expect("it is frozen").cause = Some(view.task.id);
    assert_eq!(may_enter(&cause, T0), Ok(()));
    let id = view.task.id;
    repo(&mut view).repair.push(id);
    assert_eq!(may_enter(&view, T0), Ok(()));
}

#[test]
fn those_coming_back_go_before_those_that_never_were_in() {
    let mut driver = Driver::new(policy());
    let (first, second) = (driver.create(1, "full"), driver.create(2, "full"));
    driver.run_for(Span::mins(5));
    // Both wait for approval; the third is at work. The second is approved, then the first.
    let third = driver.create(3, "full");
    let fourth = driver.create(4, "full");
    driver.run_to(third, Stage::Analysis);
    driver.settle_due();
    driver.command(second, orchd_core::command::Wanted::Approve);
    assert_eq!(candidacy(driver.task(second), false), Candidacy::Returning);
    let run = driver.job_of(third).expect("the analyst runs");
    driver.answer(run.id, crate::support::world::Luck::Asks);
    driver.settle_due();
    assert!(driver.repo.occupied_by(second), "the one that came back is let in first");
    assert_eq!(driver.task(fourth).stage, Stage::Created);
    assert_eq!(driver.task(first).stage, Stage::Analysis);
}

/// The stores keep them.
#[test]
fn a_standing_has_a_name() {
    let names = [Candidacy::None, Candidacy::Created, Candidacy::Returning].map(Candidacy::name);
    assert_eq!(names, ["none", "created", "returning"]);
}

/// Who stands does not ask; nor does who is in, or has landed and needs the deploy lane alone.
#[test]
fn who_asks_to_be_let_in() {
    let mut policy = policy();
    policy.deploy = hook(true);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    let asks = driver.task(id).clone();
    assert_eq!(candidacy(&asks, false), Candidacy::Created);
    assert_eq!(candidacy(&asks, true), Candidacy::None, "it is in");
    let pause = Pause { by: person(), why: String::new(), questions: Vec::new(), now: false };
    let held = Held { code: HoldCode::Entry, detail: String::new(), since: T0, gate: None };
    for stands in [
        Task { pause: Some(pause), ..asks.clone() },
        Task { hold: Some(held), ..asks.clone() },
        Task { stopping: Some(Stopping { by: person(), at: T0 }), ..asks },
    ] {
        assert_eq!(candidacy(&stands, false), Candidacy::None);
        let returns = Task { stage: Stage::Development, ..stands };
        assert_eq!(candidacy(&returns, false), Candidacy::None);
    }
    driver.run_to_job(JobKind::Deploy);
    assert!(driver.task(id).landed());
    assert_eq!(candidacy(driver.task(id), false), Candidacy::None, "it needs no place any more");
}

/// Two that were never let in, of equal priority, seen from the later one.
fn rivals() -> View {
    let mut driver = Driver::new(policy());
    driver.create(1, "express");
    let later = driver.create(2, "express");
    driver.view(later)
}

#[test]
fn who_is_not_first_waits_for_who_is() {
    let mut view = rivals();
    let behind = Err(Wait::Predecessor { on: "DEMO-1".to_owned() });
    assert_eq!(may_enter(&view, T0), behind);
    // What it is itself is read from its row: its stored candidate may be older than that.
    view.candidates.retain(|c| c.task == view.task.id);
    row(&mut view).request.priority = 5;
    assert_eq!(may_enter(&view, T0), Ok(()), "it waits for itself");
    // But not since when it waits: that is the store's to say, and the row's reason is younger.
    let mut view = rivals();
    let now = T0 + Span::hours(24);
    view.candidates.iter_mut().filter(|c| c.task != view.task.id).for_each(|c| c.since = now);
    row(&mut view).reason_since = now;
    assert_eq!(may_enter(&view, now), Ok(()), "a day of waiting is one class up");
    view.candidates.retain(|c| c.task != view.task.id);
    assert_eq!(may_enter(&view, now), behind, "it has only begun to wait");
}

/// Without `serial` nobody waits for another's turn; and nobody waits for one whom the freeze keeps out.
#[test]
fn who_can_not_be_let_in_keeps_nobody_waiting() {
    let mut driver = Driver::new(policy());
    driver.create(1, "express");
    let later = driver.create(2, "express");
    driver.repo_command(RepoWanted::Freeze { why: "main is wrong".to_owned() });
    driver.repo_command(RepoWanted::Repair { task: later });
    assert_eq!(may_enter(&driver.view(later), T0), Ok(()));
    let mut view = rivals();
    let mut parallel = (*view.policy).clone();
    parallel.serial = false;
    view.policy = Arc::new(parallel);
    assert_eq!(may_enter(&view, T0), Ok(()));
}

/// Spec 1.5: the branch is cut from the then-current main: each asks for a look of its own, and waits for that one.
#[test]
fn main_is_looked_at_once_more_for_each() {
    let mut driver = Driver::new(policy());
    driver.create(1, "express");
    driver.run_for(Span::mins(5));
    driver.advance(Span::hours(1));
    driver.world.main_moves();
    let id = driver.create(2, "express");
    driver.settle_due();
    assert_eq!(driver.task(id).reason, Some(Reason::Wait(Wait::Main)));
    driver.step(id);
    assert_eq!(driver.task(id).stage, Stage::Created, "what was seen of main an hour ago is old");
    driver.run_to(id, Stage::Development);
    assert_eq!(driver.task(id).cut_from, Some(driver.world.head()));
}

#[test]
fn who_is_let_in_keeps_its_place_whatever_it_waited_for() {
    let mut driver = Driver::new(policy());
    let task = driver.create(1, "full");
    driver.run_for(Span::mins(5));
    assert!(driver.repo.occupants.is_empty(), "it waits for approval");
    let before = driver.repo_log.len();
    driver.command(task, orchd_core::command::Wanted::Approve);
    driver.settle_due();
    assert!(driver.repo.occupied_by(task));
    let since: Vec<&RepoEvent> = driver.repo_log.iter().skip(before).collect();
    assert_eq!(since, [&RepoEvent::LetIn { task }], "it never gave way in between");
}

#[test]
fn a_cycle_is_found_and_printed() {
    let key = Key::new;
    let edges = [(key("A"), key("B")), (key("B"), key("C")), (key("D"), key("B"))];
    assert_eq!(cycle(&edges, &key("C"), &key("A")), Some(["C", "A", "B", "C"].map(str::to_owned).to_vec()));
    assert_eq!(cycle(&edges, &key("A"), &key("A")), Some(["A", "A"].map(str::to_owned).to_vec()));
    assert_eq!(cycle(&edges, &key("C"), &key("D")), Some(["C", "D", "B", "C"].map(str::to_owned).to_vec()));
    assert_eq!(cycle(&edges, &key("A"), &key("C")), None);
}
