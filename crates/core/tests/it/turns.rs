//! What one turn writes beside the row: the ledger, surfaces, who is woken, what it means for the repository; and what
//! a fact becomes (spec 2.1, 2.4, 3.9).

use std::sync::Arc;

use orchd_core::command::{Command, RepoCommand, RepoWanted, Wanted};
use orchd_core::effect::{EffectState, Intent, LandingAnswer, ProbeAnswer, Proof};
use orchd_core::enact::Minted;
use orchd_core::event::{Event, RepoEvent};
use orchd_core::fact::{Fact, Input, Pending};
use orchd_core::hold::{Held, HoldCode};
use orchd_core::id::{EffectId, InputId, TaskId};
use orchd_core::job::{JobKind, JobResult, SuiteOutcome};
use orchd_core::port::store::{LedgerWrite, Surface};
use orchd_core::reason::{Reason, Wait};
use orchd_core::record::record;
use orchd_core::repo::{MainSeen, Marker};
use orchd_core::stage::Stage;
use orchd_core::task::{Pause, Stopping, Task};
use orchd_core::time::{Span, Timestamp};
use orchd_core::turn::{Turn, repo_turn, turn};
use orchd_core::verdict::MarkerText;
use orchd_core::view::{Dep, DepState, View};
use uuid::Uuid;

use crate::support::build::{T0, job_id, person, policy, row, sha};
use crate::support::driver::{Driver, Queued};
use crate::support::world::Luck;

fn pending(input: Input) -> Pending {
    Pending { id: InputId(Uuid::from_u128(7)), input, at: T0 }
}

fn ended(job: &Queued, result: JobResult) -> Fact {
    Fact::JobEnded { job: job.id, kind: job.spec.work.kind(), result: Box::new(result) }
}

fn taken(view: &View, inputs: Vec<Input>) -> Turn {
    let minted = Minted { job: job_id(901), look: job_id(902), effect: EffectId(Uuid::from_u128(903)) };
    turn(view.clone(), inputs.into_iter().map(pending).collect(), minted, T0 + Span::hours(1))
}

fn commanded(view: &View, what: Wanted) -> Turn {
    let command = Command { what, by: person(), visit: None, subject: None };
    taken(view, vec![Input::Command { command }])
}

/// A task whose landing is queued, with its job.
fn landing() -> (Driver, TaskId, Queued) {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    (driver, id, push)
}

fn landed(driver: &mut Driver, push: &Queued) -> Proof {
    match driver.result_of(push, Luck::Good) {
        JobResult::Landing(LandingAnswer::Landed { proof }) => proof,
        other => panic!("it does not land: {other:?}"),
    }
}

#[test]
fn a_step_is_in_the_ledger_when_it_opens_and_when_it_moves() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    let result = driver.result_of(&rebase, Luck::Good);
    let enters = taken(&driver.view(id), vec![Input::Fact { fact: ended(&rebase, result) }]);
    assert_eq!((enters.task.stage, &enters.ledger[..]), (Stage::Deploy, &[][..]));
    let entered = View { task: enters.task, repo: enters.repo, ..driver.view(id) };
    let opens = taken(&entered, Vec::new());
    let effect = opens.task.effect.clone().expect("it lands");
    assert_eq!(opens.ledger, [LedgerWrite::Open(effect)]);

    let (mut driver, id, push) = landing();
    let effect = driver.task(id).effect.clone().expect("it lands").id;
    let answer = LandingAnswer::Landed { proof: landed(&mut driver, &push) };
    let moves = taken(&driver.view(id), vec![Input::Fact { fact: ended(&push, JobResult::Landing(answer)) }]);
    let [LedgerWrite::Move { id: moved, state, .. }] = &moves.ledger[..] else {
        panic!("{:?}", moves.ledger)
    };
    assert_eq!((*moved, *state), (effect, EffectState::Applied));
}

/// Whoever waits for a task hears of its end, once; surfaces are behind where anything was written.
#[test]
fn an_end_wakes_those_who_wait_for_the_task() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let stopped = commanded(&driver.view(id), Wanted::Stop);
    assert_eq!(stopped.task.stage, Stage::Cancelled);
    assert!(stopped.wake_dependents);
    assert_eq!(stopped.dirty, [Surface::Board, Surface::Pull, Surface::Records]);
    let over = View { task: stopped.task, ..driver.view(id) };
    let again = taken(&over, vec![Input::Fact { fact: Fact::DependencyMoved }]);
    assert!(!again.wake_dependents && again.events.is_empty());
    assert_eq!(again.dirty, []);
    assert!(!taken(&driver.view(id), Vec::new()).wake_dependents, "it only begins");
}

/// Spec 1.5: who waits looks again where another may go first now, and only there.
#[test]
fn a_change_of_the_order_wakes_those_who_wait() {
    let mut driver = Driver::new(policy());
    let (first, second) = (driver.create(1, "express"), driver.create(2, "express"));
    driver.run_to(first, Stage::Development);
    driver.settle_due();
    let mut view = driver.view(second);
    assert!(matches!(view.task.reason, Some(Reason::Wait(Wait::Predecessor { .. }))));
    assert!(commanded(&view, Wanted::Prioritise { priority: -1 }).wake_repo);
    let amended = Wanted::Amend { title: Some("Another title".to_owned()), description: None };
    assert!(!commanded(&view, amended).wake_repo);
    // It does not go before anybody any more.
    view.deps = vec![Dep { on: driver.task(first).key.clone(), state: DepState::Open }];
    assert!(taken(&view, Vec::new()).wake_repo);
}

/// Spec 1.2, 3.10: what landed is what is known of main, with its markers; its green re-test is main's result, where
/// it was of that head, and main is that head.
#[test]
fn a_landing_says_what_main_is() {
    let (mut driver, id, push) = landing();
    let proof = landed(&mut driver, &push);
    let mut view = driver.view(id);
    row(&mut view).markers = vec![MarkerText { path: "CHANGELOG.md".to_owned(), text: "1.2".to_owned() }];
    let events = |view: &View, proof: &Proof| {
        let answer = LandingAnswer::Landed { proof: proof.clone() };
        taken(view, vec![Input::Fact { fact: ended(&push, JobResult::Landing(answer)) }]).repo_events
    };
    let known = |events: &[RepoEvent]| {
        let of_tree = |event: &&RepoEvent| matches!(event, RepoEvent::SuiteKnown { tree, outcome: SuiteOutcome::Green { .. } } if *tree == proof.main_tree);
        events.iter().filter(of_tree).count()
    };
    let written = events(&view, &proof);
    let main = MainSeen { sha: proof.main.clone(), tree: proof.main_tree.clone(), at: T0 + Span::hours(1) };
    assert!(written.contains(&RepoEvent::MainObserved { main }));
    let marker = Marker { task: id, path: "CHANGELOG.md".to_owned(), text: "1.2".to_owned() };
    assert!(written.contains(&RepoEvent::MarkerAdded { marker }));
    assert_eq!(known(&written), 1);
    let moved_on = Proof { main: sha("somebody's commit on top"), ..proof.clone() };
    assert_eq!(known(&events(&view, &moved_on)), 0, "main is another tree");
    row(&mut view).evidence.suite.as_mut().expect("it was tested").head = sha("an older head");
    assert_eq!(known(&events(&view, &proof)), 0, "it was tested before");
}

/// Spec 1.5: `retry --repair` names the task to work in the frozen repository.
#[test]
fn a_retry_for_repair_names_the_task() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    for _ in 0..3 {
        let run = driver.run_to_job(JobKind::Agent);
        driver.answer(run.id, Luck::Failed);
        driver.settle_due();
    }
    assert_eq!(driver.task(id).hold.as_ref().map(|held| held.code), Some(HoldCode::AgentFailed));
    driver.repo_command(RepoWanted::Freeze { why: "main is wrong".to_owned() });
    driver.command(id, Wanted::Retry { repair: true, answers: None });
    assert_eq!(driver.repo.repair, [id]);
    assert!(driver.repo.occupied_by(id), "{:?}", driver.task(id).reason);
}

/// One look at main at a time, whoever asks for it.
#[test]
fn a_look_at_main_is_asked_for_once() {
    let driver = Driver::new(policy());
    let look = || {
        let command = RepoCommand { what: RepoWanted::Look, by: person() };
        pending(Input::RepoCommand { command })
    };
    let both = repo_turn(Arc::new(driver.repo), vec![look(), look()], job_id(1), T0);
    assert_eq!(both.job.as_ref().map(|job| job.id), Some(job_id(1)));
    assert_eq!(both.events.len(), 1);
    let more = repo_turn(both.repo, vec![look()], job_id(2), T0);
    assert!(more.job.is_none() && more.events.is_empty());
}

/// A main that has diverged freezes until it can be imported again; a person's freeze is left alone by both.
#[test]
fn a_divergence_freezes_and_ends_its_own_freeze() {
    let looks = |driver: &mut Driver, diverged: bool| {
        driver.world.diverged = diverged;
        driver.repo_command(RepoWanted::Look);
        let job = driver.queue.first().expect("main is looked at").id;
        driver.answer(job, Luck::Good);
        driver.repo.frozen.clone()
    };
    let mut driver = Driver::new(policy());
    assert!(looks(&mut driver, true).is_some_and(|freeze| freeze.diverged && freeze.cause.is_none()));
    assert_eq!(looks(&mut driver, false), None);
    driver.repo_command(RepoWanted::Freeze { why: "main is wrong".to_owned() });
    let persons = driver.repo.frozen.clone();
    assert_eq!(looks(&mut driver, true), persons);
    assert_eq!(looks(&mut driver, false), persons);
}

/// A door that was closed though nobody asked for it and main stood still: what kept the landing away is
/// infrastructure. Else nothing failed, and `merge-ready` is asked again where the task goes on.
#[test]
fn a_closed_door_is_a_failure_only_where_nothing_else_explains_it() {
    let (mut driver, id, push) = landing();
    driver.claim(push.id);
    driver.answer(push.id, Luck::LostBefore);
    let probe = driver.run_to_job(JobKind::Probe);
    let open = driver.task(id).clone();
    let Some(Intent::Landing { base, .. }) = open.effect.as_ref().map(|effect| effect.intent.clone()) else {
        panic!("it lands")
    };
    let fails = |task: &Task, main: &orchd_core::id::Sha| {
        let closed = JobResult::Probe(ProbeAnswer::Closed { main: main.clone() });
        let events = record(task, ended(&probe, closed));
        let failed = events.iter().any(|event| matches!(event, Event::JobFailed { kind: JobKind::Push, .. }));
        assert_eq!(failed, !events.contains(&Event::LaneGivenBack), "one of both");
        failed
    };
    assert!(fails(&open, &base));
    assert!(!fails(&open, &sha("main moved")));
    let pause = Pause { by: person(), why: String::new(), questions: Vec::new(), now: false };
    assert!(!fails(&Task { pause: Some(pause), ..open.clone() }, &base));
    assert!(!fails(&Task { stopping: Some(Stopping { by: person(), at: T0 }), ..open }, &base));
}

/// People are told by the turn that makes them needed, and by the one after which they are not.
#[test]
fn who_is_needed_is_told_when_that_changes() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let before = driver.view(id);
    let told = |turn: &Turn| turn.dirty.contains(&Surface::Alert);
    assert!(
        !told(&commanded(&before, Wanted::Pause { why: "later".to_owned(), now: false })),
        "by themselves"
    );
    let mut held = before.clone();
    let since = Timestamp(1);
    Arc::make_mut(&mut held.task).hold =
        Some(Held { code: HoldCode::NoProgress, detail: String::new(), since, gate: None });
    assert!(told(&commanded(&held, Wanted::Stop)));
    assert!(!told(&commanded(&before, Wanted::Stop)), "nobody was needed");
}
