//! What a verdict, a run and a report are worth: each speaks about what it saw, and counts once.

use orchd_core::account::Account;
use orchd_core::answered::Answered;
use orchd_core::command::Wanted;
use orchd_core::event::{Event, How};
use orchd_core::evolve::evolve;
use orchd_core::fact::Fact;
use orchd_core::gate::GateName;
use orchd_core::hold::HoldCode;
use orchd_core::id::{Actor, RunId, TaskId};
use orchd_core::job::{AgentOutcome, AgentRun, JobKind, JobResult, ReadyOutcome, SuiteOutcome, Work};
use orchd_core::policy::{Approval, Ask, Ci, Policy, TestingBy};
use orchd_core::reason::Reason;
use orchd_core::stage::{Role, Stage};
use orchd_core::task::CiState;
use orchd_core::time::Span;
use orchd_core::verdict::{Priority, Question, Submission, Verdict};
use uuid::Uuid;

use crate::support::build::{T0, person, policy, sha};
use crate::support::check;
use crate::support::driver::Driver;
use crate::support::world::{Luck, docs};

/// Nobody is asked before the work begins.
fn unattended() -> Policy {
    let mut policy = policy();
    policy.approval = Approval::Auto;
    policy
}

/// Runs of a role so far.
fn runs_of(driver: &Driver, id: TaskId, role: Role) -> usize {
    let queued = |event: &&Event| matches!(event, Event::JobQueued { job, .. } if job.role == Some(role));
    driver.events(id).into_iter().filter(queued).count()
}

/// What the queued run of the task must read.
fn must_fix(driver: &Driver, id: TaskId) -> Vec<String> {
    let job = driver.job_of(id).expect("a role runs");
    let Work::Agent { must_fix, .. } = job.spec.work else { panic!("not a run: {:?}", job.spec.work) };
    must_fix.into_iter().map(|finding| finding.text).collect()
}

/// A completed run of the queued role that changed nothing, with this submission.
fn completed(driver: &Driver, id: TaskId, role: Role, submission: Submission) -> JobResult {
    let task = driver.task(id);
    JobResult::Agent(Box::new(AgentRun {
        run: RunId(Uuid::from_u128(77)),
        role,
        entry: task.entry,
        outcome: AgentOutcome::Completed { submission: Box::new(submission) },
        branch: task.branch_state.clone(),
        dropped: Vec::new(),
        ignored_fields: Vec::new(),
        docs: docs(&task.key),
        account: Account::default(),
        took_ms: 1,
        salvage: None,
    }))
}

/// A task of an unattended project at the rework run that a reviewer's findings led to.
fn in_rework(policy: Policy) -> (Driver, TaskId) {
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Review);
    driver.settle_due();
    let review = driver.job_of(id).expect("the reviewer runs");
    driver.answer(review.id, Luck::Red);
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Development);
    (driver, id)
}

/// Spec 1.3: the rebase made another patch after the reviewer's approval, and `review` is the last stage before
/// `deploy`: the other patch has to be reviewed too.
#[test]
fn a_reviewers_word_is_about_the_patch_it_saw() {
    let mut policy = unattended();
    let stages = vec![Stage::Development, Stage::Review, Stage::Deploy];
    policy.pipeline.tracks.insert("reviewed".to_owned(), stages);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "reviewed");
    driver.run_to(id, Stage::Review);
    driver.world.main_moves();
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    driver.answer(rebase.id, Luck::Changed);
    driver.settle_due();
    assert_eq!(driver.task(id).spent.rework, 0, "nothing is spent");
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert_eq!(runs_of(&driver, id, Role::Reviewer), 2, "the second patch landed without a review");
    let again = |e: &&Event| matches!(e, Event::Entered { how: How::PatchChanged, to: Stage::Review, .. });
    assert!(driver.events(id).into_iter().any(|e| again(&e)));
    check::replay(&driver);
}

/// Spec 3.5, INC-33: what a union merge dropped is the developer's to put back, by name; the branch stays as it was.
#[test]
fn a_vanished_entry_is_a_reject() {
    let mut driver = Driver::new(unattended());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.world.main_moves();
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    let before = driver.task(id).branch_state.clone();
    let JobResult::Ready(mut ready) = driver.result_of(&rebase, Luck::Good) else { panic!("no rebase") };
    ready.outcome = ReadyOutcome::Vanished { entries: vec!["CHANGELOG.md: - mine".to_owned()] };
    driver.settle(&rebase, JobResult::Ready(ready));
    driver.settle_due();
    let task = driver.task(id);
    assert_eq!((task.stage, task.spent.rework), (Stage::Development, 1), "{:?}", task.reason);
    assert_eq!(task.branch_state, before);
    let told = must_fix(&driver, id);
    assert!(told[0].contains("CHANGELOG.md: - mine"), "{told:?}");
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    check::replay(&driver);
}

/// The same for the commit a tester saw: without a test command nobody else speaks for the rebased head.
#[test]
fn a_testers_word_is_about_the_commit_it_saw() {
    let mut policy = unattended();
    policy.test = None;
    policy.testing_by = TestingBy::Agent;
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.world.main_moves();
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    driver.answer(rebase.id, Luck::Good);
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert_eq!(runs_of(&driver, id, Role::Tester), 2, "the rebased head landed untested");
    assert_eq!(driver.task(id).spent.rework, 0);
}

/// The landing's rebase in stage `deploy`, after a wait, moves the head from under the tester's word as well.
#[test]
fn a_rebase_in_stage_deploy_asks_the_tester_again() {
    let mut policy = unattended();
    policy.test = None;
    policy.testing_by = TestingBy::Agent;
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.world.main_moves();
    driver.answer(push.id, Luck::Good);
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    assert_eq!(runs_of(&driver, id, Role::Tester), 2, "the rebased head landed untested");
}

/// Spec 1.6: a question of a rework run is answered, and the findings still stand.
#[test]
fn a_question_does_not_lose_the_findings() {
    let (mut driver, id) = in_rework(unattended());
    let findings = must_fix(&driver, id);
    let rework = driver.job_of(id).expect("the developer runs");
    driver.answer(rework.id, Luck::Asks);
    driver.settle_due();
    assert!(driver.task(id).pause.is_some());
    driver.command(id, Wanted::Resume { answers: Some("blue".to_owned()) });
    assert_eq!(must_fix(&driver, id), findings);
    let job = driver.job_of(id).expect("the developer runs again");
    let Work::Agent { questions, answers, .. } = job.spec.work else { panic!("not a run") };
    assert_eq!((questions, answers), (vec!["Which colour?".to_owned()], Some("blue".to_owned())));
}

/// What a person answered one role is known to every later one; a word that answers nothing is for one run.
#[test]
fn an_answer_is_kept_beyond_the_stage_it_was_asked_in() {
    let mut driver = Driver::new(unattended());
    let id = driver.create(1, "full");
    let run = driver.run_to_job(JobKind::Agent);
    driver.answer(run.id, Luck::Asks);
    driver.settle_due();
    assert!(driver.task(id).pause.is_some());
    driver.command(id, Wanted::Resume { answers: Some("blue".to_owned()) });
    driver.run_to(id, Stage::Review);
    let kept = Answered { questions: vec!["Which colour?".to_owned()], answer: "blue".to_owned() };
    assert_eq!(driver.task(id).answered, std::slice::from_ref(&kept));
    driver.command(id, Wanted::Pause { why: "lunch".to_owned(), now: true });
    driver.command(id, Wanted::Resume { answers: Some("go on".to_owned()) });
    assert_eq!(driver.task(id).answered, [kept]);
}

#[test]
fn of_many_answers_the_latest_are_kept() {
    let mut driver = Driver::new(unattended());
    let id = driver.create(1, "full");
    let mut task = driver.task(id).clone();
    for n in 0..20 {
        let (by, questions) = (Actor::new("orchd"), vec!["ä".repeat(9000), format!("{n}?")]);
        evolve(&mut task, &Event::Paused { by: by.clone(), why: String::new(), questions, now: false }, T0);
        evolve(&mut task, &Event::Resumed { by, answers: Some(format!("{n}{}", "b".repeat(90_000))) }, T0);
    }
    let kept: Vec<&str> = task.answered.iter().map(|answered| &answered.answer[..2]).collect();
    assert_eq!(kept, ["18", "19"]);
}

/// The same where nobody may be asked: the retry of Hold `ambiguous` does the rework, and does not skip it.
#[test]
fn the_retry_of_an_ambiguous_rework_does_the_rework() {
    let mut policy = unattended();
    policy.ask = Ask::Never;
    let (mut driver, id) = in_rework(policy);
    let findings = must_fix(&driver, id);
    let rework = driver.job_of(id).expect("the developer runs");
    driver.answer(rework.id, Luck::Asks);
    driver.settle_due();
    assert_eq!(driver.task(id).hold.as_ref().map(|h| h.code), Some(HoldCode::Ambiguous));
    let described = "What is wanted, in blue.".to_owned();
    driver.command(id, Wanted::Amend { title: None, description: Some(described.clone()) });
    driver.command(id, Wanted::Retry { repair: false, answers: None });
    assert_eq!(driver.task(id).stage, Stage::Development);
    assert_eq!(must_fix(&driver, id), findings);
    assert_eq!(driver.task(id).request.description, described);
}

/// Spec 1.4: a run that does not count is run again with everything the first one was given.
#[test]
fn a_run_that_does_not_count_keeps_what_it_was_given() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "full");
    driver.run_for(Span::mins(1));
    driver.command(id, Wanted::Reject { reason: "too wide".to_owned() });
    let given = must_fix(&driver, id);
    assert!(given[0].contains("too wide"), "{given:?}");
    let run = driver.job_of(id).expect("the analyst runs");
    // It neither wrote nor listed its document.
    let result = completed(&driver, id, Role::Analyst, Submission::default());
    driver.settle(&run, result);
    driver.settle_due();
    assert_eq!(driver.task(id).spent.agent, 1);
    assert_eq!(must_fix(&driver, id), given);
}

/// Spec 1.4: a rework run had to change something and did not; that is its failure, not the reviewer's turn.
#[test]
fn a_rework_that_changes_nothing_is_a_failed_run() {
    let (mut driver, id) = in_rework(unattended());
    let findings = must_fix(&driver, id);
    let rework = driver.job_of(id).expect("the developer runs");
    let result = completed(&driver, id, Role::Developer, Submission::default());
    driver.settle(&rework, result);
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Development, "the unchanged head is reviewed again");
    assert_eq!(driver.task(id).spent.agent, 1);
    assert_eq!(must_fix(&driver, id), findings);
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done);
}

/// Settles the analyst's run with a blocking question and what it says it wrote.
fn analyst_asks(artifacts: &[&str], changed: &[&str], file: &[&str]) -> (Driver, TaskId) {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "full");
    driver.run_to(id, Stage::Analysis);
    driver.settle_due();
    let run = driver.job_of(id).expect("the analyst runs");
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let questions = if file.is_empty() {
        vec![Question { text: "Which colour?".to_owned(), blocking: true }]
    } else {
        Vec::new()
    };
    let submission = Submission { artifacts: owned(artifacts), questions, ..Submission::default() };
    let JobResult::Agent(mut ended) = completed(&driver, id, Role::Analyst, submission) else {
        unreachable!()
    };
    ended.docs.changed = owned(changed);
    ended.docs.questions = owned(file);
    driver.settle(&run, JobResult::Agent(ended));
    driver.settle_due();
    (driver, id)
}

/// Spec 1.6 and 3.0: only a complete package of the same run supersedes its questions.
#[test]
fn only_a_complete_package_supersedes_questions() {
    let questions = |driver: &Driver, id: TaskId| driver.task(id).pause.as_ref().map(|p| p.questions.clone());
    let asked = Some(vec!["Which colour?".to_owned()]);
    // Listing the questions themselves is no package.
    let (driver, id) = analyst_asks(&["01-questions.md"], &["01-questions.md"], &[]);
    assert_eq!(questions(&driver, id), asked);
    // A document that an earlier run left on the branch is none of this run.
    let (driver, id) = analyst_asks(&[], &[], &[]);
    assert_eq!(questions(&driver, id), asked);
    let (driver, id) = analyst_asks(&["01-brd.md"], &[], &[]);
    assert_eq!(questions(&driver, id), None);
    assert!(matches!(driver.task(id).reason, Some(Reason::Wait(_))), "{:?}", driver.task(id).reason);
}

/// Spec 3.0, INC-25: the questions of `01-questions.md` are asked like those of a submission.
#[test]
fn the_questions_file_pauses() {
    let questions = ["Which colour?", "Which size?"];
    let (mut driver, id) = analyst_asks(&[], &["01-questions.md"], &questions);
    assert_eq!(
        driver.task(id).pause.as_ref().map(|p| p.questions.clone()),
        Some(questions.map(str::to_owned).to_vec())
    );
    let asked = Reason::Paused { by: "orchd".to_owned(), why: questions.join(" / ") };
    assert_eq!(driver.task(id).reason.as_ref(), Some(&asked));
    driver.step(id);
    assert_eq!(driver.task(id).reason, Some(asked), "a wake says something else");
}

/// A person's pause says the person's reason.
#[test]
fn a_pause_says_why() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "full");
    driver.command(id, Wanted::Pause { why: "something urgent".to_owned(), now: false });
    let why = "something urgent".to_owned();
    assert_eq!(driver.task(id).reason, Some(Reason::Paused { by: person().to_string(), why }));
}

/// A negative verdict must name what is wrong; else it is the judge's run that failed.
#[test]
fn a_judge_that_rejects_and_names_nothing_runs_again() {
    let mut policy = unattended();
    policy.testing_by = TestingBy::Agent;
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    for (stage, role) in [(Stage::Review, Role::Reviewer), (Stage::Testing, Role::Tester)] {
        driver.run_to(id, stage);
        driver.settle_due();
        let run = driver.job_of(id).expect("the judge runs");
        let no = Submission { verdict: Some(Verdict::Negative), ..Submission::default() };
        let result = completed(&driver, id, role, no);
        driver.settle(&run, result);
        driver.settle_due();
        assert_eq!(driver.task(id).stage, stage);
        assert_eq!((driver.task(id).spent.agent, driver.task(id).spent.rework), (1, 0), "{role}");
    }
}

/// Spec 2.1: late and reordered reports change latency only.
#[test]
fn a_late_ci_report_does_not_take_away_the_present_one() {
    let mut policy = unattended();
    policy.ci = Ci::Forge;
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_to_job(JobKind::Agent);
    let run = driver.job_of(id).expect("the developer runs");
    driver.answer(run.id, Luck::Good);
    driver.settle_due();
    driver.command(id, Wanted::Pause { why: "later".to_owned(), now: false });
    let head = driver.task(id).head().expect("there is a head").clone();
    driver.fact(id, Fact::Ci { head, state: CiState::Success });
    driver.settle_due();
    let red = CiState::Failure { output: "red".to_owned() };
    driver.fact(id, Fact::Ci { head: sha("an older head"), state: red });
    driver.settle_due();
    driver.command(id, Wanted::Resume { answers: None });
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Review, "{:?}", driver.task(id).reason);
}

/// Spec 3.1: what CI says later of the same head counts; and each failure to ask it spends.
#[test]
fn a_later_ci_report_of_the_same_head_counts() {
    let mut policy = unattended();
    policy.ci = Ci::Forge;
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    let run = driver.run_to_job(JobKind::Agent);
    driver.answer(run.id, Luck::Good);
    driver.settle_due();
    let head = driver.task(id).head().expect("there is a head").clone();
    for spent in 1..=2 {
        let state = CiState::Infra { why: "404".to_owned() };
        driver.fact(id, Fact::Ci { head: head.clone(), state });
        driver.settle_due();
        assert!(matches!(driver.task(id).reason, Some(Reason::Deferred { .. })));
        assert_eq!(driver.task(id).spent.infra.get(&GateName::CiGreen), Some(&spent));
        driver.advance(Span::mins(11));
        driver.settle_due();
    }
    driver.fact(id, Fact::Ci { head: head.clone(), state: CiState::Pending });
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Development);
    driver.fact(id, Fact::Ci { head, state: CiState::Success });
    driver.settle_due();
    assert_eq!(driver.task(id).stage, Stage::Review, "{:?}", driver.task(id).reason);
}

/// Spec 1.3: a tester's well-formed no is the developer's to mend.
#[test]
fn a_testers_findings_are_a_rework() {
    let mut policy = unattended();
    policy.testing_by = TestingBy::Agent;
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.settle_due();
    let run = driver.job_of(id).expect("the tester runs");
    driver.answer(run.id, Luck::Red);
    driver.settle_due();
    assert_eq!((driver.task(id).stage, driver.task(id).spent.rework), (Stage::Development, 1));
    assert!(must_fix(&driver, id)[0].starts_with("finding"));
}

/// Spec 2.1: nothing is written about a task that is over.
#[test]
fn a_closed_log_takes_no_ci_report() {
    let mut driver = Driver::new(unattended());
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    assert_eq!(driver.task(id).stage, Stage::Done);
    let before = driver.events(id).len();
    let head = driver.task(id).head().expect("there is a head").clone();
    driver.fact(id, Fact::Ci { head, state: CiState::Success });
    driver.settle_due();
    assert_eq!(driver.events(id).len(), before);
}

/// Spec 1.4: one failure of the infrastructure is spent once, by the gate that met it.
#[test]
fn a_retest_that_could_not_run_is_counted_once() {
    let mut driver = Driver::new(unattended());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.world.main_moves();
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    // The rebase is done, and the suite of the combined tree could not run.
    let JobResult::Ready(mut ready) = driver.result_of(&rebase, Luck::Good) else { panic!("not a rebase") };
    let ReadyOutcome::Ready { suite, .. } = &mut ready.outcome else { panic!("not ready") };
    *suite = Some(SuiteOutcome::Infra { reason: "timed out".to_owned() });
    driver.settle(&rebase, JobResult::Ready(ready));
    driver.run_for(Span::hours(1));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    let infra = &driver.task(id).spent.infra;
    assert_eq!(infra.values().sum::<u32>(), 1, "{infra:?}");
}

/// Spec 1.4: and it is the gate of the job that failed that spends, in stage `deploy` too.
#[test]
fn each_gate_spends_its_own_infrastructure_failures() {
    let mut driver = Driver::new(unattended());
    let id = driver.create(1, "express");
    let push = driver.run_to_job(JobKind::Push);
    driver.world.main_moves();
    driver.answer(push.id, Luck::Good);
    let rebase = driver.run_to_job(JobKind::RebaseAndRetest);
    assert_eq!(driver.task(id).stage, Stage::Deploy);
    driver.answer(rebase.id, Luck::Infra);
    driver.run_for(Span::hours(1));
    assert_eq!(driver.task(id).stage, Stage::Done, "{:?}", driver.task(id).reason);
    let spent: Vec<_> = driver.task(id).spent.infra.iter().map(|(gate, n)| (*gate, *n)).collect();
    assert_eq!(spent, [(GateName::MergeReady, 1)]);
}

/// Findings keep their priority on the way to the developer.
#[test]
fn a_persons_reject_is_a_finding_of_the_highest_priority() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "full");
    driver.run_for(Span::mins(1));
    driver.command(id, Wanted::Reject { reason: "too wide".to_owned() });
    let job = driver.job_of(id).expect("the analyst runs");
    let Work::Agent { must_fix, .. } = job.spec.work else { panic!("not a run") };
    assert_eq!(must_fix[0].priority, Priority::P0);
    assert_eq!(driver.task(id).spent.bounces, 0, "a person's reject spends nothing");
}
