//! Single gates, asked directly: what each reads, and when it passes (spec 1.2, 1.6, 3.0 to 3.5).

use std::sync::Arc;

use orchd_core::docs::Brd;
use orchd_core::effect::Proof;
use orchd_core::event::How;
use orchd_core::gate::{GateName, GateOutcome, GateResult, Judged};
use orchd_core::hold::HoldCode;
use orchd_core::id::Sha;
use orchd_core::job::{JobKind, JobResult, ReadyOutcome, SuiteOutcome, SuiteRun, Work};
use orchd_core::policy::{Approval, Ci};
use orchd_core::reason::{Reason, Wait};
use orchd_core::repo::TreeResult;
use orchd_core::stage::Stage;
use orchd_core::task::{CiReport, CiState, Standing};
use orchd_core::time::Span;
use orchd_core::view::View;

use crate::support::build::{T0, birth, hook, person, policy, repo, row, sha, tree};
use crate::support::driver::Driver;
use crate::support::world::Luck;

/// The outcome of a gate that can answer.
fn outcome(gate: GateName, view: &View) -> GateOutcome {
    match gate.judge(view, T0) {
        Judged::Is(outcome, _) => outcome,
        other => panic!("{}: {other:?}", gate.name()),
    }
}

/// A view of a task in this stage, with a branch.
fn at(track: &str, stage: Stage) -> View {
    let mut policy = policy();
    policy.approval = Approval::Auto;
    let mut driver = Driver::new(policy);
    let id = driver.create(1, track);
    driver.run_to(id, stage);
    driver.view(id)
}

fn with_policy(view: &mut View, change: impl FnOnce(&mut orchd_core::policy::Policy)) {
    change(Arc::make_mut(&mut view.policy));
}

#[test]
fn entry_wants_a_title_of_5_to_200_characters_and_a_description_or_a_waiver() {
    let judge = |title: usize, description: &str, waiver: bool| {
        let mut birth = birth(1, "express");
        birth.request.title = "ä".repeat(title);
        birth.request.description = description.to_owned();
        birth.request.waiver = waiver;
        let mut driver = Driver::new(policy());
        let id = driver.create_as(birth);
        outcome(GateName::Entry, &driver.view(id)) == GateOutcome::Pass
    };
    for (title, passes) in [(4, false), (5, true), (200, true), (201, false)] {
        assert_eq!(judge(title, "What is wanted.", false), passes, "{title} characters");
    }
    assert!(!judge(9, " \n", false) && judge(9, " \n", true));
}

/// Spec 1.6: an old approval never approves a second draft, nor another visit.
#[test]
fn an_approval_stands_for_its_visit_and_documents() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "full");
    driver.run_for(Span::mins(1));
    let mut view = driver.view(id);
    let subject = GateName::Approval.subject(&view.task);
    let given = Standing { by: person(), visit: view.task.visit, subject };
    let other_visit = Standing { visit: given.visit + 1, ..given.clone() };
    let other_draft = Standing {
        subject: orchd_core::gate::Subject::Docs(orchd_core::id::Digest::of(b"a second draft")),
        ..given.clone()
    };
    let mut judge = |standing: Option<Standing>| {
        row(&mut view).approval = standing;
        outcome(GateName::Approval, &view)
    };
    assert_eq!(judge(Some(given)), GateOutcome::Pass);
    for none in [Some(other_visit), Some(other_draft), None] {
        let answer = judge(none.clone());
        assert!(matches!(answer, GateOutcome::Wait { wait: Wait::Person { .. } }), "{none:?}: {answer:?}");
    }
}

#[test]
fn a_brd_without_a_section_is_a_failed_run() {
    let mut policy = policy();
    policy.approval = Approval::Auto;
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "full");
    driver.run_to(id, Stage::Analysis);
    driver.settle_due();
    let run = driver.job_of(id).expect("the analyst runs");
    let JobResult::Agent(mut ended) = driver.result_of(&run, Luck::Good) else { panic!("no run") };
    ended.docs.brd = Some(Brd { goal: true, scope: false, acceptance: true });
    driver.settle(&run, JobResult::Agent(ended));
    driver.settle_due();
    assert_eq!((driver.task(id).stage, driver.task(id).spent.agent), (Stage::Analysis, 1));
    let again = driver.job_of(id).expect("the analyst runs again");
    let Work::Agent { last_failure, .. } = again.spec.work else { panic!("no run") };
    assert!(last_failure.is_some_and(|why| why.contains("scope") && !why.contains("goal")));
}

/// Spec 3.1: pending is a wait with a limit from its beginning, and another head has another one.
#[test]
fn ci_is_waited_for_from_the_first_question_about_this_head() {
    let mut view = at("express", Stage::Review);
    with_policy(&mut view, |policy| policy.ci = Ci::Forge);
    let head = view.task.head().expect("there is a head").clone();
    let limit = view.policy.ci_limit;
    let until = |view: &View, passed: Span| match GateName::CiGreen.judge(view, T0 + passed) {
        Judged::Is(GateOutcome::Wait { wait: Wait::Ci { until, .. } }, _) => Some(until),
        Judged::Is(GateOutcome::Hold { code: HoldCode::CiPending, .. }, _) => None,
        other => panic!("{other:?}"),
    };
    let waits = |head: &Sha| Some(Reason::Wait(Wait::Ci { head: head.clone(), until: T0 + limit }));
    row(&mut view).reason = waits(&head);
    assert_eq!(until(&view, Span::mins(30)), Some(T0 + limit), "each look begins anew");
    assert_eq!(until(&view, limit), None, "the limit is over");
    row(&mut view).reason = waits(&sha("the former head"));
    assert_eq!(until(&view, Span::mins(30)), Some(T0 + Span::mins(30) + limit));
    // What CI said of it before counts from then.
    row(&mut view).evidence.ci = Some(CiReport { head, state: CiState::Pending, since: T0 });
    assert_eq!(until(&view, Span::mins(30)), Some(T0 + limit));
}

/// What was deployed before, of an earlier landing, is not this landing's deployment.
#[test]
fn only_the_landed_commit_counts_as_deployed() {
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    let mut view = driver.view(id);
    let proof: &Proof = view.task.landing.proof.as_ref().expect("it landed");
    row(&mut view).deploy.deployed = Some(proof.head.clone());
    assert_eq!(outcome(GateName::DeployVerdict, &view), GateOutcome::Pass);
    row(&mut view).deploy.deployed = Some(sha("an earlier landing"));
    assert!(matches!(outcome(GateName::DeployVerdict, &view), GateOutcome::Wait { .. }));
}

/// Spec 3.5: the combined tree is tested unless tests spoke for exactly this head.
#[test]
fn tests_that_spoke_for_exactly_this_head_are_not_repeated() {
    let view = at("express", Stage::Testing);
    let branch = view.task.branch_state.clone().expect("there is a branch");
    let spoke = |view: &View| match GateName::MergeReady.judge(view, T0) {
        Judged::NeedsJob(work) => match *work {
            Work::RebaseAndRetest { tested, .. } => tested,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let suite = |head: &Sha, outcome: SuiteOutcome| SuiteRun {
        head: head.clone(),
        base_tree: tree(&branch.base),
        base: branch.base.clone(),
        outcome,
    };
    let green = SuiteOutcome::Green { tests: Some(23), warning: None };
    let red = SuiteOutcome::Red { failing: Vec::new(), output: "no".to_owned() };
    for (found, tested) in [
        (None, false),
        (Some(suite(&branch.head, green.clone())), true),
        (Some(suite(&branch.head, red)), false),
        (Some(suite(&sha("an older head"), green)), false),
    ] {
        let mut view = view.clone();
        row(&mut view).evidence.suite = found.clone();
        assert_eq!(spoke(&view), tested, "{found:?}");
    }
    // A tester's word about it is a word of tests too.
    let mut view = view;
    let subject = GateName::TestsVerdict.subject(&view.task);
    let evidence = "the tester passed it".to_owned();
    let result = GateResult {
        gate: GateName::TestsVerdict,
        subject,
        attempt: 1,
        outcome: GateOutcome::Pass,
        evidence,
        at: T0,
    };
    Arc::make_mut(&mut row(&mut view).gates).insert(GateName::TestsVerdict, result);
    assert!(spoke(&view));
}

/// Spec 1.2: a rebase that changes the patch is settled before anything is asked about it, and spends no rework.
#[test]
fn a_red_suite_of_another_patch_is_no_rework() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.world.main_moves();
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    let JobResult::Ready(mut ready) = driver.result_of(&rebase, Luck::Changed) else { panic!("no rebase") };
    let ReadyOutcome::Ready { suite, .. } = &mut ready.outcome else { panic!("not ready") };
    *suite = Some(SuiteOutcome::Red { failing: vec!["together".to_owned()], output: "no".to_owned() });
    driver.settle(&rebase, JobResult::Ready(ready));
    driver.settle_due();
    assert_eq!((driver.task(id).stage, driver.task(id).spent.rework), (Stage::Review, 0));
    let last = driver.events(id).into_iter().rev().find_map(|event| match event {
        orchd_core::event::Event::Entered { how, .. } => Some(how.clone()),
        _other => None,
    });
    assert_eq!(last, Some(How::PatchChanged));
}

/// Spec 1.2: the third patch in a row that main changed is a person's to look at.
#[test]
fn main_that_moves_under_the_patch_three_times_is_a_hold() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    for changed in 1..=3 {
        assert!(driver.task(id).hold.is_none(), "held before the patch changed {changed} times");
        let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
        driver.world.main_moves();
        driver.answer(rebase.id, Luck::Changed);
        driver.settle_due();
    }
    assert_eq!(driver.task(id).hold.as_ref().map(|held| held.code), Some(HoldCode::MainMoves));
    assert_eq!(driver.task(id).spent.rework, 0);
}

/// Spec 1.6: a wait for a person may have a deadline; then Hold, never an approval by silence.
#[test]
fn a_person_has_until_the_deadline() {
    let mut policy = policy();
    policy.person_deadline = Some(Span::hours(20));
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "full");
    driver.run_for(Span::mins(1));
    let asked = driver.task(id).reason_since;
    driver.now = asked + Span::hours(20) + Span::millis(-1);
    driver.step(id);
    assert!(matches!(driver.task(id).reason, Some(Reason::Wait(Wait::Person { .. }))));
    driver.now = asked + Span::hours(20);
    driver.step(id);
    assert_eq!(driver.task(id).hold.as_ref().map(|held| held.code), Some(HoldCode::Unanswered));
    assert_eq!(driver.task(id).stage, Stage::Analysis);
}

/// Spec 1.2: main fails the same way if every test that is red at the head is red on main, or no names are known.
#[test]
fn a_red_main_is_told_from_a_red_head() {
    let mut view = at("express", Stage::Testing);
    let branch = view.task.branch_state.clone().expect("there is a branch");
    let red = |names: &[&str]| SuiteOutcome::Red {
        failing: names.iter().map(|name| (*name).to_owned()).collect(),
        output: "no".to_owned(),
    };
    let green = SuiteOutcome::Green { tests: None, warning: None };
    let mut same = |head: &[&str], main: SuiteOutcome| {
        let base_tree = tree(&branch.base);
        repo(&mut view).suites = vec![TreeResult { tree: base_tree.clone(), outcome: main }];
        let suite =
            SuiteRun { head: branch.head.clone(), base: branch.base.clone(), base_tree, outcome: red(head) };
        row(&mut view).evidence.suite = Some(suite);
        match outcome(GateName::TestsVerdict, &view) {
            GateOutcome::Hold { code: HoldCode::MainRed, .. } => true,
            GateOutcome::Reject { .. } => false,
            other => panic!("{other:?}"),
        }
    };
    assert!(same(&["a"], red(&["a", "b"])));
    assert!(!same(&["a", "c"], red(&["a", "b"])), "c is its own");
    assert!(same(&[], red(&["a"])) && same(&["a"], red(&[])) && same(&[], red(&[])), "no names are known");
    assert!(!same(&["a"], green.clone()) && !same(&[], green), "main is green");
}

/// Where the names of what failed are not known, the line that people are shown is the last one, as runners put it there.
#[test]
fn a_red_suite_without_names_is_told_by_its_last_line() {
    let told = |failing: &[&str], output: &str| {
        let mut driver = Driver::new(policy());
        let id = driver.create(1, "express");
        driver.run_to(id, Stage::Testing);
        let mut view = driver.view(id);
        let branch = view.task.branch_state.clone().expect("there is a branch");
        let failing = failing.iter().map(|name| (*name).to_owned()).collect();
        let outcome = SuiteOutcome::Red { failing, output: output.to_owned() };
        let (head, base_tree) = (branch.head.clone(), tree(&branch.base));
        row(&mut view).evidence.suite =
            Some(SuiteRun { head, base_tree: base_tree.clone(), base: branch.base, outcome });
        match GateName::TestsVerdict.judge(&view, T0) {
            Judged::Is(GateOutcome::Reject { findings }, _) => findings[0].text.clone(),
            other => panic!("{other:?}"),
        }
    };
    let output = "...F.\n=====\nmake: *** [test] Error 1\n-----\n";
    assert_eq!(told(&[], output), format!("it ended: make: *** [test] Error 1\n{output}"));
    assert_eq!(told(&["a"], "...F.\n"), "failing: a\n...F.\n");
    assert_eq!(told(&[], "no\n"), "no\n");
}
