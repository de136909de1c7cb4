//! Every Hold has a way out that works: what `retry` grants is what had run out, and it is judged anew (1.4).

use orchd_core::command::{Acceptance, CommandKind, RepoWanted, Wanted, commands};
use orchd_core::event::Event;
use orchd_core::evolve::confirmed;
use orchd_core::fact::Fact;
use orchd_core::hold::HoldCode;
use orchd_core::id::TaskId;
use orchd_core::job::JobKind;
use orchd_core::policy::{Approval, Policy};
use orchd_core::reason::{Ask, Reason, Wait};
use orchd_core::stage::Stage;
use orchd_core::task::Task;
use orchd_core::time::Span;

use crate::support::build::{birth, hook, policy};
use crate::support::check;
use crate::support::driver::Driver;
use crate::support::world::Luck;

fn hold(driver: &Driver, id: TaskId) -> Option<HoldCode> {
    driver.task(id).hold.as_ref().map(|held| held.code)
}

fn retry(driver: &mut Driver, id: TaskId) {
    let accepted = driver.command(id, Wanted::Retry { repair: false, answers: None });
    assert!(matches!(accepted, Acceptance::Accepted(_)), "{accepted:?}");
    driver.settle_due();
}

/// A task that held `main-red`, was retried after main was mended, and is rebased first.
fn rebased_first() -> (Driver, TaskId) {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.world.main_moves();
    driver.world.main_is_red(&["tests::a"]);
    driver.run_for(Span::mins(5));
    assert_eq!(hold(&driver, id), Some(HoldCode::MainRed), "{:?}", driver.task(id).reason);
    driver.world.main_moves();
    driver.repo_command(RepoWanted::Unfreeze);
    retry(&mut driver, id);
    (driver, id)
}

fn answer_the_rebase(driver: &mut Driver, id: TaskId, luck: Luck) {
    let rebase = driver.job_of(id).expect("it is rebased first");
    assert_eq!(rebase.spec.work.kind(), JobKind::RebaseAndRetest);
    driver.answer(rebase.id, luck);
    driver.settle_due();
}

/// Spec 1.4: the rebase that `retry` of `main-red` asks for is judged like any other.
#[test]
fn a_conflict_after_main_red_is_a_rework() {
    let (mut driver, id) = rebased_first();
    answer_the_rebase(&mut driver, id, Luck::Red);
    assert_eq!((driver.task(id).stage, driver.task(id).spent.rework), (Stage::Development, 1));
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    check::replay(&driver);
}

/// And one that can not be done spends the infra budget, until it has run out.
#[test]
fn a_rebase_after_main_red_that_fails_spends_its_budget() {
    let (mut driver, id) = rebased_first();
    let mut rounds = 0;
    while hold(&driver, id).is_none() {
        rounds += 1;
        assert!(rounds < 20, "no budget ends it: {:?}", driver.task(id).spent);
        answer_the_rebase(&mut driver, id, Luck::OwnInfra);
        driver.advance(Span::mins(30));
        driver.settle_due();
    }
    assert_eq!(hold(&driver, id), Some(HoldCode::Infra));
    retry(&mut driver, id);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
}

/// Spec 1.4: architecture without analysis bounces to itself, and `retry` grants the bounce that ran out.
#[test]
fn retry_grants_the_budget_that_ran_out() {
    let mut policy: Policy = policy();
    policy.approval = Approval::Auto;
    let stages = vec![Stage::Architecture, Stage::Development, Stage::Deploy];
    policy.pipeline.tracks.insert("designed".to_owned(), stages);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "designed");
    driver.run_to(id, Stage::Architecture);
    driver.settle_due();
    while hold(&driver, id).is_none() {
        let run = driver.job_of(id).expect("the architect runs");
        driver.answer(run.id, Luck::Red);
        driver.settle_due();
    }
    assert_eq!(hold(&driver, id), Some(HoldCode::Escalated));
    assert_eq!((driver.task(id).spent.bounces, driver.task(id).spent.rework), (2, 0));
    retry(&mut driver, id);
    assert_eq!(hold(&driver, id), None, "the grant is of another budget");
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
}

/// Spec 1.5: `dependency-ended` is over when the dependency was removed, without a command.
#[test]
fn a_hold_ends_with_the_dependency_that_caused_it() {
    let mut driver = Driver::new(policy());
    let (on, id) = (driver.create(1, "express"), driver.create(2, "express"));
    driver.depends(id, on);
    driver.settle_due();
    let waits = Reason::Wait(Wait::Dependency { on: "DEMO-1".to_owned() });
    assert_eq!(driver.task(id).reason, Some(waits));
    driver.command(on, Wanted::Stop);
    driver.run_for(Span::mins(5));
    assert_eq!(hold(&driver, id), Some(HoldCode::DependencyEnded), "{:?}", driver.task(id).reason);
    driver.tasks.get_mut(&id).expect("it exists").deps.clear();
    driver.fact(id, Fact::DependencyMoved);
    driver.settle_due();
    assert_eq!(hold(&driver, id), None);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert_eq!(driver.events(id).iter().filter(|e| matches!(e, Event::HoldEnded { .. })).count(), 1);
    check::replay(&driver);
}

/// INC-32: a request that can not be accepted can be said anew, and then is.
#[test]
fn an_amended_request_passes_entry() {
    let mut driver = Driver::new(policy());
    let mut nameless = birth(1, "express");
    nameless.request.title = "x".to_owned();
    let id = driver.create_as(nameless);
    driver.settle_due();
    assert_eq!(hold(&driver, id), Some(HoldCode::Entry), "{:?}", driver.task(id).reason);
    retry(&mut driver, id);
    assert_eq!(hold(&driver, id), Some(HoldCode::Entry), "nothing was amended");
    driver.command(id, Wanted::Amend { title: Some("Faster parser".to_owned()), description: None });
    retry(&mut driver, id);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert_eq!(driver.task(id).request.title, "Faster parser");
    check::replay(&driver);
}

/// The request of work that is under way stays what it was.
#[test]
fn a_request_is_not_amended_under_the_work() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Development);
    let allowed = commands(&driver.view(id));
    assert!(allowed.iter().any(|(kind, may)| *kind == CommandKind::Amend && may.is_err()));
    let refused = driver.command(id, Wanted::Amend { title: Some("Another".to_owned()), description: None });
    assert!(matches!(refused, Acceptance::Refused(_)));
    assert_eq!(driver.task(id).request.title, "Request number 1");
}

/// Spec 1.6: confirm-deploy stands for its visit only; a Hold and its retry are another one.
#[test]
fn a_confirmation_does_not_outlive_its_visit() {
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    let asks = |driver: &Driver| {
        matches!(driver.task(id).reason, Some(Reason::Wait(Wait::Person { ask: Ask::ConfirmDeploy, .. })))
    };
    assert!(asks(&driver), "{:?}", driver.task(id).reason);
    driver.repo_command(RepoWanted::Freeze { why: "not now".to_owned() });
    driver.command(id, Wanted::ConfirmDeploy);
    driver.settle_due();
    assert!(matches!(driver.task(id).reason, Some(Reason::Wait(Wait::Frozen { .. }))));
    assert!(confirmed(driver.task(id)));
    let next_visit = Task { visit: driver.task(id).visit + 1, ..driver.task(id).clone() };
    assert!(!confirmed(&next_visit), "it stands for another visit");
    driver.repo_command(RepoWanted::Unfreeze);
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
}

/// A pipeline that no longer has the task's stage is a person's to mend; the task does not look finished.
#[test]
fn a_stage_that_left_the_pipeline_is_a_hold() {
    let mut policy = policy();
    let mut driver = Driver::new(policy.clone());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.settle_due();
    let test = driver.job_of(id).expect("it is tested");
    let stages = vec![Stage::Development, Stage::Review, Stage::Deploy];
    policy.pipeline.tracks.insert("express".to_owned(), stages);
    driver.policy = std::sync::Arc::new(policy);
    driver.answer(test.id, Luck::Good);
    driver.settle_due();
    assert_eq!(hold(&driver, id), Some(HoldCode::Infra), "{:?}", driver.task(id).reason);
}
