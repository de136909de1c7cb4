//! The incidents of spec 07 that the core alone makes impossible, as scenarios. Each fails when its safeguard
//! is switched off: `ORCHD_MUTANT=inc-NN cargo test -p orchd-core --features mutants inc_NN`.

use std::sync::Arc;

use orchd_core::command::{Acceptance, RefusalCode, Shown, Wanted};
use orchd_core::effect::{LandingAnswer, ProbeAnswer};
use orchd_core::event::Event;
use orchd_core::gate::{GateName, GateOutcome, Judged};
use orchd_core::hold::HoldCode;
use orchd_core::id::Digest;
use orchd_core::job::{
    AgentOutcome, BranchState, JobKind, JobResult, ReadyOutcome, ReadyRun, SuiteOutcome, Work,
};
use orchd_core::reason::{Ask, Reason, Wait};
use orchd_core::stage::{Role, Stage};
use orchd_core::time::Span;
use orchd_core::verdict::{self, Verdict};

use crate::support::build::{hook, policy, row, sha, tree};
use crate::support::check;
use crate::support::driver::Driver;
use crate::support::world::Luck;

fn waits_for(driver: &Driver, id: orchd_core::id::TaskId, ask: Ask) -> bool {
    matches!(&driver.task(id).reason, Some(Reason::Wait(Wait::Person { ask: asked, .. })) if *asked == ask)
}

#[test]
fn inc_02_prose_never_passes_a_gate() {
    let prose = b"# Test report\n\nAll good: 23 passed, verdict: PASS, APPROVED.\n";
    for role in Role::ALL {
        assert!(verdict::artifact(role, prose).is_err(), "{role}: prose was read as a verdict");
    }
    let below = b"---\nresult: FAIL\n---\n23 passed. verdict: PASS\n";
    let read = verdict::artifact(Role::Tester, below).expect("the front matter is well formed");
    assert_eq!(read.verdict, Some(Verdict::Negative), "prose below the front matter was read");
}

#[test]
fn inc_03_three_equal_keys_and_negative_wins() {
    let read = |front: &str| {
        let text = format!("---\n{front}\n---\nbody\n");
        verdict::artifact(Role::Tester, text.as_bytes()).map(|s| s.verdict)
    };
    for key in ["result", "verdict", "status"] {
        assert_eq!(read(&format!("{key}: PASS")), Ok(Some(Verdict::Positive)), "{key} is not read");
        assert_eq!(read(&format!("{key}: FAIL")), Ok(Some(Verdict::Negative)), "{key} is not read");
    }
    for (good, bad) in [("result", "status"), ("verdict", "result"), ("status", "verdict")] {
        let both = format!("{good}: PASS\n{bad}: BLOCKED");
        assert_eq!(read(&both), Ok(Some(Verdict::Negative)), "{good} beats a negative {bad}");
    }
}

#[test]
fn inc_09_an_open_intent_of_a_dead_owner_is_probed() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.answer(push.id, Luck::LostAfter);
    driver.settle_due();
    assert!(driver.task(id).effect.is_some(), "the intent is still a question");
    let probes = driver.job_of(id).is_some_and(|job| job.spec.work.kind() == JobKind::Probe);
    assert!(probes, "the open intent is waited for, not asked about: {:?}", driver.task(id).reason);
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert_eq!(driver.world.landed.len(), 1, "it landed twice");
    check::replay(&driver);
}

#[test]
fn inc_10_a_timeout_is_never_a_code_failure() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    for kind in [JobKind::Test, JobKind::RebaseAndRetest] {
        let job = driver.run_to_job(kind);
        // The suite's own word: it was started, and the deadline ended it.
        let result = match &job.spec.work {
            Work::Test { head } => {
                let base = driver.task(id).branch_state.as_ref().expect("there is a branch").base.clone();
                let outcome = SuiteOutcome::Infra { reason: "timed out after 900 s".to_owned() };
                let base_tree = tree(&base);
                JobResult::Suite(orchd_core::job::SuiteRun { head: head.clone(), base, base_tree, outcome })
            }
            _ => JobResult::infra("timed out after 900 s"),
        };
        driver.settle(&job, result);
        driver.settle_due();
        let task = driver.task(id);
        assert_ne!(task.stage, Stage::Development, "a timeout sent the task back");
        assert_eq!(task.spent.rework, 0, "a timeout spent rework");
        assert!(matches!(task.reason, Some(Reason::Deferred { .. })), "{:?}", task.reason);
        driver.advance(Span::mins(10));
    }
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Done);
}

#[test]
fn inc_13_done_needs_the_ancestor_proof() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    // Something of this branch was merged, and it is not the head that was validated.
    let docs = sha("a documents-only commit of the same branch");
    driver.world.main.push(docs.clone());
    let proof = driver.world.proof(docs);
    driver.settle(&push, JobResult::Landing(LandingAnswer::Landed { proof }));
    driver.settle_due();
    assert!(!driver.task(id).landed(), "a proof about another commit counted");
    assert_ne!(driver.task(id).stage, Stage::Done);
    let probe = driver.job_of(id).expect("the question stays open and is asked of git");
    assert_eq!(probe.spec.work.kind(), JobKind::Probe);
    driver.run_for(Span::mins(30));
    let task = driver.task(id);
    assert_eq!(task.stage, Stage::Done);
    assert!(task.head().is_some_and(|head| driver.world.main.contains(head)));
}

#[test]
fn inc_16_two_green_branches_are_tested_together() {
    let mut policy = policy();
    policy.serial = false;
    policy.approval = orchd_core::policy::Approval::Auto;
    let mut driver = Driver::new(policy);
    let (first, second) = (driver.create(1, "full"), driver.create(2, "full"));
    for id in [first, second] {
        driver.run_to(id, Stage::Testing);
        driver.settle_due();
    }
    // Both are green alone; the first lands, and only then the second is rebased onto it.
    while driver.task(first).stage != Stage::Done {
        driver.settle_due();
        let Some(job) = driver.job_of(first) else { continue };
        driver.answer(job.id, Luck::Good);
    }
    let job = loop {
        driver.settle_due();
        let job = driver.job_of(second).expect("the second goes on");
        if job.spec.work.kind() == JobKind::RebaseAndRetest {
            break job;
        }
        driver.answer(job.id, Luck::Good);
    };
    let Work::RebaseAndRetest { head, patch, .. } = &job.spec.work else { panic!("not a rebase") };
    let main = driver.world.head();
    let before = driver.task(second).branch_state.clone().expect("there is a branch");
    let combined = BranchState { base: main.clone(), head: sha("combined"), ..before };
    let outcome =
        SuiteOutcome::Red { failing: vec!["together".to_owned()], output: "broken together".to_owned() };
    let ready = ReadyRun {
        from: head.clone(),
        patch_before: patch.clone(),
        main_tree: tree(&main),
        main,
        outcome: ReadyOutcome::Ready { branch: combined, rebased: true, suite: Some(outcome) },
    };
    driver.settle(&job, JobResult::Ready(Box::new(ready)));
    driver.settle_due();
    if let Some(look) = driver.queue.iter().find(|job| job.spec.work.kind() == JobKind::MainSuite).cloned() {
        driver.answer(look.id, Luck::Good);
        driver.settle_due();
    }
    let task = driver.task(second);
    assert_eq!(task.stage, Stage::Development, "a combination that is red goes on to land");
    assert_eq!(task.spent.rework, 1, "the red combination is this task's to mend");
    assert_eq!(driver.world.landed.len(), 1);
}

#[test]
fn inc_17_a_new_deploy_attempt_is_a_new_intent() {
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    driver.command(id, Wanted::ConfirmDeploy);
    let hook = driver.run_to_job(JobKind::Deploy);
    driver.answer(hook.id, Luck::Red);
    driver.settle_due();
    assert_eq!(driver.task(id).hold.as_ref().map(|h| h.code), Some(HoldCode::DeployFailed));
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    driver.run_for(Span::mins(5));
    assert!(waits_for(&driver, id, Ask::ConfirmDeploy), "the new attempt is confirmed anew");
    driver.command(id, Wanted::ConfirmDeploy);
    driver.run_for(Span::mins(5));
    assert_eq!(driver.world.hooks.len(), 2, "the earlier intent suppressed the new attempt");
    assert_eq!(driver.task(id).stage, Stage::Done);
    let keys: Vec<&str> =
        driver.ledger.iter().map(|o| o.key.as_str()).filter(|k| k.starts_with("deploy")).collect();
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn inc_23_a_wake_does_not_end_a_hold() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    for _ in 0..3 {
        let run = driver.run_to_job(JobKind::Agent);
        driver.answer(run.id, Luck::Failed);
        driver.settle_due();
    }
    let held = driver.task(id).hold.clone().expect("the agent's runs failed too often");
    assert_eq!(held.code, HoldCode::AgentFailed);
    let before = driver.task(id).clone();
    for hours in 0..100 {
        driver.advance(Span::hours(hours));
        driver.step(id);
    }
    assert!(*driver.task(id) == before, "a wake changed a task on Hold: {:?}", driver.task(id).reason);
    assert!(driver.queue.is_empty(), "a wake put it back to work");
    assert!(driver.tasks[&id].due.is_none());
}

#[test]
fn inc_24_a_paused_task_lets_the_next_one_in() {
    let mut driver = Driver::new(policy());
    let (first, second) = (driver.create(1, "express"), driver.create(2, "express"));
    driver.run_to(first, Stage::Development);
    driver.settle_due();
    assert!(driver.repo.occupied_by(first) && !driver.repo.occupied_by(second));
    driver.command(first, Wanted::Pause { why: "something urgent".to_owned(), now: true });
    driver.run_for(Span::mins(10));
    assert!(!driver.repo.occupied_by(first), "a paused task keeps its place");
    assert_eq!(driver.task(second).stage, Stage::Done, "{:?}", driver.task(second).reason);
    assert_eq!(driver.task(first).stage, Stage::Development);
    driver.command(first, Wanted::Resume { answers: None });
    driver.run_for(Span::mins(10));
    assert_eq!(driver.task(first).stage, Stage::Done);
}

#[test]
fn inc_26_stop_while_waiting_for_confirm_deploy_ends() {
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    assert!(waits_for(&driver, id, Ask::ConfirmDeploy));
    driver.command(id, Wanted::Stop);
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Cancelled, "STOP waits for a step that never comes");
    assert!(driver.world.hooks.is_empty());
}

#[test]
fn inc_38_giving_way_wakes_the_next() {
    let mut driver = Driver::new(policy());
    let (first, second) = (driver.create(1, "full"), driver.create(2, "full"));
    driver.run_to(first, Stage::Analysis);
    driver.settle_due();
    let reason = driver.task(second).reason.clone().expect("a waiting task has a reason");
    assert_eq!(reason, Reason::Wait(Wait::Predecessor { on: "DEMO-1".to_owned() }));
    assert!(reason.wake_at(driver.now).is_some(), "a wait has a wake-up");
    // The analyst asks: the first gives way, and the second goes on in this very moment.
    let run = driver.job_of(first).expect("the analyst runs");
    driver.answer(run.id, Luck::Asks);
    let asked_at = driver.now;
    driver.run_for(Span::secs(0));
    assert_eq!(driver.now, asked_at);
    assert!(matches!(driver.task(first).reason, Some(Reason::Paused { .. })));
    assert_ne!(
        driver.task(second).stage,
        Stage::Created,
        "giving way woke nobody: {:?}",
        driver.task(second).reason
    );
    driver.command(second, Wanted::Approve);
    driver.run_for(Span::secs(0));
    assert_eq!(driver.task(second).stage, Stage::Done);
}

#[test]
fn inc_39_a_review_counts_for_the_patch_it_saw() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    assert!(driver.task(id).standing(GateName::ReviewVerdict).is_some(), "the patch is reviewed");
    let reviewed = GateName::ReviewVerdict.subject(driver.task(id));
    // The landing's rebase makes another patch of it.
    driver.world.main_moves();
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    driver.answer(rebase.id, Luck::Changed);
    driver.settle_due();
    assert_ne!(GateName::ReviewVerdict.subject(driver.task(id)), reviewed);
    let stands = driver.task(id).standing(GateName::ReviewVerdict);
    assert!(stands.is_none(), "the review of another patch stands: {stands:?}");
    let review = driver.job_of(id).expect("the new patch is reviewed");
    assert_eq!(review.spec.work.role(), Some(Role::Reviewer));
    driver.run_for(Span::mins(5));
    let landed = driver.task(id);
    assert_eq!((landed.stage, landed.spent.rework), (Stage::Done, 0), "{:?}", landed.reason);
    let last = landed.standing(GateName::ReviewVerdict).expect("what landed was reviewed");
    assert_eq!(last.subject, GateName::ReviewVerdict.subject(landed));
    check::replay(&driver);
}

/// And before it became a gate's result: the reviewer's word is about the patch that its run saw.
#[test]
fn inc_39_a_verdict_about_another_patch_is_not_read() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Review);
    let mut view = driver.view(id);
    let branch = view.task.branch_state.clone().expect("there is a branch");
    let approved = verdict::submission(Role::Reviewer, br#"{"verdict":"APPROVED"}"#).expect("well formed").0;
    let outcome = AgentOutcome::Completed { submission: Box::new(approved) };
    let run = completed(view.task.entry, Role::Reviewer, outcome, branch.clone());
    row(&mut view).evidence.run = Some(Arc::new(run));
    let judged = |view: &orchd_core::view::View| GateName::ReviewVerdict.judge(view, driver.now);
    assert!(matches!(judged(&view), Judged::Is(GateOutcome::Pass, _)), "{:?}", judged(&view));
    let moved = BranchState { patch: Digest::of(b"another patch"), head: sha("another head"), ..branch };
    row(&mut view).branch_state = Some(moved);
    assert_eq!(judged(&view), Judged::NeedsRun, "a verdict about another patch is read");
}

#[test]
fn inc_39_a_confirm_deploy_counts_for_the_commit_shown() {
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    let looked_at = driver.task(id).head().cloned().expect("there is a head");
    // Main moves: another commit lands than the person looked at.
    driver.world.main_moves();
    driver.run_for(Span::mins(5));
    assert!(waits_for(&driver, id, Ask::ConfirmDeploy), "{:?}", driver.task(id).reason);
    let landed = driver.task(id).head().cloned().expect("there is a head");
    assert_ne!(landed, looked_at);
    let now = Some(driver.task(id).visit);
    let at = |sha| Some(Shown::Head(sha));
    let other = driver.command_as_shown(id, Wanted::ConfirmDeploy, now, at(looked_at));
    let Acceptance::Refused(refusal) = other else {
        panic!("a confirm-deploy of another commit was accepted")
    };
    assert_eq!(refusal.code, RefusalCode::SubjectMoved);
    driver.run_for(Span::mins(5));
    assert!(driver.world.hooks.is_empty(), "what nobody confirmed was deployed");
    assert!(waits_for(&driver, id, Ask::ConfirmDeploy), "the refused command does not lie in wait");
    let same = driver.command_as_shown(id, Wanted::ConfirmDeploy, now, at(landed));
    assert!(matches!(same, Acceptance::Accepted(_)), "{same:?}");
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
}

#[test]
fn inc_40_waiting_for_approval_is_a_state_not_a_failure() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "full");
    driver.run_for(Span::hours(5));
    let task = driver.task(id);
    assert!(waits_for(&driver, id, Ask::Approve), "{:?}", task.reason);
    assert_eq!((task.spent.agent, task.spent.runs), (0, 1), "waiting counted as a failed run");
    assert!(task.hold.is_none());
    assert!(!driver.repo.occupied_by(id), "waiting for a person gives way");
    assert!(matches!(driver.command(id, Wanted::Approve), Acceptance::Accepted(_)));
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done);
}

#[test]
fn inc_41_a_report_is_no_commit_on_the_branch() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Development);
    driver.settle_due();
    // The head moved, and outside the task's documents there is nothing: reports are no work.
    let run = driver.job_of(id).expect("the developer runs");
    let Work::Agent { entry, start, base, .. } = run.spec.work.clone() else { panic!("not a run") };
    let branch = BranchState {
        base,
        head: sha("a commit of a report"),
        patch: Digest::of(b"a report"),
        docs: Digest::of(b"a report"),
        ahead: false,
    };
    assert_ne!(branch.head, start);
    let submission = Box::default();
    let run_left = completed(entry, Role::Developer, AgentOutcome::Completed { submission }, branch);
    driver.settle(&run, JobResult::Agent(Box::new(run_left)));
    driver.settle_due();
    let task = driver.task(id);
    assert_eq!(task.stage, Stage::Development, "a report counted as work");
    assert_eq!((task.spent.agent, task.spent.rework), (1, 0));
    assert!(task.standing(GateName::BranchAhead).is_none());
}

#[test]
fn inc_42_last_rounds_verdict_is_worth_nothing() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.settle_due();
    let test = driver.job_of(id).expect("the tests run");
    driver.answer(test.id, Luck::Red);
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Development);
    let reviews = |driver: &Driver| {
        let is_review = |e: &&&Event| matches!(e, Event::RunEnded { run } if run.role == Role::Reviewer);
        driver.events(id).iter().filter(is_review).count()
    };
    assert_eq!(reviews(&driver), 1);
    // Round two: no submission of an older entry may stand for a run of this one.
    let mut view = driver.view(id);
    row(&mut view).job = None;
    let approved = verdict::submission(Role::Reviewer, br#"{"verdict":"APPROVED"}"#).expect("well formed").0;
    let outcome = AgentOutcome::Completed { submission: Box::new(approved) };
    let branch = view.task.branch_state.clone().expect("there is a branch");
    row(&mut view).stage = Stage::Review;
    row(&mut view).evidence.run =
        Some(Arc::new(completed(view.task.entry - 1, Role::Reviewer, outcome, branch)));
    assert_eq!(
        GateName::ReviewVerdict.judge(&view, driver.now),
        Judged::NeedsRun,
        "last round's verdict is read"
    );
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done);
    assert_eq!(reviews(&driver), 2, "the second round was not reviewed");
}

#[test]
fn inc_44_a_red_main_is_not_the_tasks_fault() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.settle_due();
    // Main was green when the task was let in; the same test is found red there now.
    driver.repo.suites.clear();
    driver.world.main_is_red(&["tests::a", "tests::b"]);
    driver.run_for(Span::mins(5));
    let task = driver.task(id);
    assert_eq!(task.hold.as_ref().map(|h| h.code), Some(HoldCode::MainRed), "{:?}", task.reason);
    assert_eq!(task.spent.rework, 0, "a red main burned the task's rework");
    assert!(driver.repo.frozen.is_some(), "a red main freezes the repository");
}

#[test]
fn a_test_that_only_the_task_breaks_is_its_own() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.settle_due();
    let test = driver.job_of(id).expect("the tests run");
    driver.answer(test.id, Luck::Red);
    driver.run_for(Span::secs(0));
    assert_eq!(driver.task(id).spent.rework, 1);
}

#[test]
fn inc_45_an_old_approval_never_approves_a_second_draft() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "full");
    driver.run_for(Span::mins(5));
    let seen = driver.task(id).visit;
    let first_draft = GateName::Approval.subject(driver.task(id));
    driver.command(id, Wanted::Reject { reason: "the scope is too wide".to_owned() });
    driver.run_for(Span::mins(5));
    assert!(waits_for(&driver, id, Ask::Approve), "the second draft waits");
    assert_ne!(GateName::Approval.subject(driver.task(id)), first_draft);
    let late = driver.command_as_shown(id, Wanted::Approve, Some(seen), None);
    let Acceptance::Refused(refusal) = late else { panic!("an approval of another visit was accepted") };
    assert_eq!(refusal.code, RefusalCode::VisitMoved);
    let now = Some(driver.task(id).visit);
    let wrong = driver.command_as_shown(id, Wanted::Approve, now, Some(Shown::Subject(first_draft)));
    let Acceptance::Refused(refusal) = wrong else { panic!("an approval of another draft was accepted") };
    assert_eq!(refusal.code, RefusalCode::SubjectMoved);
    driver.run_for(Span::mins(5));
    assert_eq!(
        driver.task(id).stage,
        Stage::Analysis,
        "the second draft was approved by the first's approval"
    );
}

/// A run that left this.
fn completed(
    entry: u32,
    role: Role,
    outcome: AgentOutcome,
    branch: BranchState,
) -> orchd_core::job::AgentRun {
    orchd_core::job::AgentRun {
        run: orchd_core::id::RunId(uuid::Uuid::from_u128(7)),
        role,
        entry,
        outcome,
        branch: Some(branch),
        dropped: Vec::new(),
        ignored_fields: Vec::new(),
        docs: orchd_core::docs::DocFacts::default(),
        account: orchd_core::account::Account::default(),
        took_ms: 1,
        salvage: None,
    }
}

/// An unknown landing whose door can not be found open is closed before anything else is decided.
#[test]
fn a_late_push_can_not_land_after_its_door_was_closed() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.answer(push.id, Luck::LostBefore);
    driver.command(id, Wanted::Stop);
    driver.run_for(Span::mins(30));
    assert_eq!(driver.task(id).stage, Stage::Cancelled);
    driver.world.zombie_acts(0);
    assert!(driver.world.landed.is_empty(), "a stopped task landed");
    let closed = |e: &&Event| matches!(e, Event::ProbeAnswered { answer: ProbeAnswer::Closed { .. } });
    assert!(driver.events(id).into_iter().any(|e| closed(&e)));
}

/// Not one of the outcomes that keep a gate closed is ever taken for an open one.
#[test]
fn an_unknown_outcome_is_never_pass() {
    let closed = [
        GateOutcome::Reject { findings: Vec::new() },
        GateOutcome::Wait { wait: Wait::Capacity },
        GateOutcome::Defer { why: String::new() },
        GateOutcome::Hold { code: HoldCode::Infra, detail: String::new() },
    ];
    assert!(closed.iter().all(|outcome| !outcome.opens()));
}
