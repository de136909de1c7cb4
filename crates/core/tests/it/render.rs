//! The renders of a row: which status stands for which state, what a card says, and that a settled task's
//! never change again.

use orchd_core::command::Wanted;
use orchd_core::gate::{GateName, GateOutcome};
use orchd_core::id::TaskId;
use orchd_core::job::JobKind;
use orchd_core::render::records::Report;
use orchd_core::render::{board, card, escape_html, pull, records, why};
use orchd_core::stage::{Role, Stage};
use orchd_core::task::Task;
use orchd_core::time::Span;
use orchd_core::verdict::{Verdict, artifact};
use proptest::prelude::*;

use crate::support::build::{T0, hook, policy};
use crate::support::config;
use crate::support::driver::Driver;
use crate::support::world::Luck;

fn key(driver: &Driver, id: TaskId) -> &'static str {
    board::status(driver.task(id)).key
}

fn line(driver: &Driver, id: TaskId) -> String {
    board::status(driver.task(id)).line
}

#[test]
fn the_table_of_columns_is_sound() {
    for column in board::COLUMNS {
        assert_eq!(board::column(column.key), Some(column), "{} stands twice", column.key);
        assert!(column.shown || column.fallback.is_none(), "{}: an action status fails closed", column.key);
        let end = board::available(column.key, |c| c.fallback.is_none());
        assert!(end.is_some(), "{}: its fallbacks do not end", column.key);
    }
    assert_eq!(
        board::available("code_review", |c| c.key == "in_progress").map(|c| c.key),
        Some("in_progress")
    );
    assert_eq!(board::available("code_review", |c| c.key != "code_review").map(|c| c.key), Some("in_review"));
    assert_eq!(board::available("confirm_deploy", |c| c.key == "in_progress"), None);
    assert_eq!(board::available("nonsense", |_| true), None);
}

#[test]
fn each_state_of_a_life_has_its_status() {
    let mut policy = policy();
    policy.deploy = hook(false);
    let mut driver = Driver::new(policy);
    let id = driver.create(1, "full");
    assert_eq!(key(&driver, id), "to_analyse");
    driver.run_to(id, Stage::Analysis);
    driver.settle_due();
    assert_eq!(key(&driver, id), "analysis");
    let run = driver.job_of(id).expect("the analyst runs");
    driver.answer(run.id, Luck::Asks);
    driver.settle_due();
    assert_eq!(key(&driver, id), "needs_input");
    assert!(line(&driver, id).contains("Which colour?"), "{}", line(&driver, id));
    driver.command(id, Wanted::Resume { answers: Some("blue".to_owned()) });
    driver.run_for(Span::mins(5));
    assert_eq!(key(&driver, id), "in_review");
    driver.command(id, Wanted::Approve);
    for (stage, expected) in [
        (Stage::Architecture, "architecture"),
        (Stage::Development, "development"),
        (Stage::Review, "code_review"),
        (Stage::Testing, "testing"),
        (Stage::Deploy, "deploying"),
    ] {
        driver.run_to(id, stage);
        assert_eq!(key(&driver, id), expected);
    }
    driver.run_for(Span::mins(5));
    assert_eq!(key(&driver, id), "awaiting_deploy");
    assert!(line(&driver, id).contains("tamper, tamper-accepted"), "{}", line(&driver, id));
    driver.command(id, Wanted::ConfirmDeploy);
    let deploy = driver.run_to_job(JobKind::Deploy);
    assert_eq!(key(&driver, id), "deploying");
    driver.answer(deploy.id, Luck::Changed);
    driver.settle_due();
    assert_eq!(key(&driver, id), "blocked");
    assert!(line(&driver, id).contains("environment-broken"), "{}", line(&driver, id));
    driver.command(id, Wanted::Stop);
    driver.run_for(Span::mins(5));
    assert_eq!(key(&driver, id), "cancelled");
    let head = driver.task(id).landing.landed[0].short().to_owned();
    assert!(
        line(&driver, id).contains(&format!("{head} had landed and stays in main")),
        "{}",
        line(&driver, id)
    );
}

#[test]
fn a_done_task_names_what_is_in_main_and_what_was_not_checked() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    assert_eq!(key(&driver, id), "done");
    let text = line(&driver, id);
    let head = driver.task(id).head().expect("it has a head").short();
    assert!(text.starts_with(head), "{text}");
    assert!(text.contains("security") && text.contains("no runner in this version"), "{text}");
}

#[test]
fn after_a_rollback_the_stages_ahead_show_no_tick() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Testing);
    driver.settle_due();
    let before = card::text(driver.task(id), driver.now);
    assert!(before.contains("✅ development") && before.contains("✅ review"), "{before}");
    assert!(before.contains("🔄 testing"), "{before}");
    let test = driver.job_of(id).expect("the tests run");
    driver.answer(test.id, Luck::Red);
    driver.settle_due();
    driver.advance(Span::secs(65));
    let after = card::text(driver.task(id), driver.now);
    assert!(after.contains("🔄 development 1 min 05 s, attempt 2"), "{after}");
    assert!(after.contains("▫ review") && after.contains("▫ testing") && !after.contains('✅'), "{after}");
    assert!(after.contains("$0.12"), "{after}");
    driver.command(id, Wanted::Pause { why: "<1m".to_owned(), now: false });
    let paused = card::text(driver.task(id), driver.now);
    assert!(paused.contains("⏸ development"), "{paused}");
    assert!(!paused.contains("&lt;"), "a render is plain text: {paused}");
}

#[test]
fn escaping_is_one_function_for_the_boundary() {
    assert_eq!(escape_html("<1m & \"x\" 'y'"), "&lt;1m &amp; &quot;x&quot; &#39;y&#39;");
    assert_eq!(escape_html("✅ ä"), "✅ ä");
}

#[test]
fn a_pull_request_shows_every_gate_and_no_markup_of_others() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "full");
    driver.run_for(Span::mins(1));
    driver.command(id, Wanted::Approve);
    driver.run_for(Span::mins(5));
    let mut task = driver.task(id).clone();
    let result =
        std::sync::Arc::make_mut(&mut task.gates).get_mut(&GateName::ReviewVerdict).expect("it was reviewed");
    result.evidence = "closes #1 @all | <img> `x`\n\n# big".to_owned();
    let text = pull::text(&task);
    for gate in GateName::ALL {
        assert!(text.contains(&format!("| {} |", gate.name())), "{} is not shown", gate.name());
    }
    assert!(!text.contains("#1") && !text.contains("@all") && !text.contains("<img>"), "{text}");
    assert!(text.contains("closes &#35;1 &#64;all \\| &lt;img&gt; \\`x\\` &#35; big"), "{text}");
    assert_eq!(pull::title(&task), "DEMO-1: Request number 1");
    task.request.title = "x\n".repeat(400);
    assert!(pull::title(&task).chars().count() <= 200 && !pull::title(&task).contains('\n'));
}

#[test]
fn report_files_can_be_read_back_and_nothing_unchecked_reads_as_passed() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    let files = records::files(driver.task(id), &[]);
    let text = |name: &str| &files.iter().find(|(file, _)| file == name).expect("the file is there").1;
    let read = |role, name: &str| artifact(role, text(name).as_bytes()).map(|read| read.verdict);
    assert_eq!(read(Role::Reviewer, "12-review.md"), Ok(Some(Verdict::Positive)));
    assert_eq!(read(Role::Tester, "13-test-report.md"), Ok(Some(Verdict::Positive)));
    let head = driver.task(id).head().expect("it has a head").to_string();
    assert!(text("14-deploy-log.md").contains(&format!("Proof: {head} is an ancestor of main")));
    for name in ["14-deploy-log.md", "17-security-report.md", "18-coverage-report.md"] {
        assert!(text(name).contains("NOT-APPLICABLE"), "{}", text(name));
        assert!(!text(name).contains("SUCCESS") && !text(name).contains(": PASS"), "{}", text(name));
    }
    let own = Report { name: "12-review.md".to_owned(), text: "the judge's own words".to_owned() };
    let with = records::files(driver.task(id), std::slice::from_ref(&own));
    assert_eq!(with.len(), files.len());
    assert!(with.contains(&(own.name, own.text)));
}

#[test]
fn a_rejected_review_hands_on_its_findings() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_to(id, Stage::Review);
    driver.settle_due();
    let run = driver.job_of(id).expect("the reviewer runs");
    driver.answer(run.id, Luck::Red);
    driver.settle_due();
    let files = records::files(driver.task(id), &[]);
    let (_, text) = files.iter().find(|(name, _)| name == "12-review.md").expect("it was judged");
    let read = artifact(Role::Reviewer, text.as_bytes()).expect("well formed");
    assert_eq!(read.verdict, Some(Verdict::Negative));
    assert!(read.findings[0].text.contains("P1: finding"), "{text}");
}

#[test]
fn why_names_reason_actor_commands_gates_admission_and_budgets() {
    let mut driver = Driver::new(policy());
    let (first, second) = (driver.create(1, "full"), driver.create(2, "express"));
    driver.run_to(first, Stage::Analysis);
    driver.settle_due();
    let told = why::explain(&driver.view(second), driver.now);
    assert_eq!(told.who, "nobody; DEMO-1 goes first");
    assert!(told.admission.contains(&"occupied by DEMO-1".to_owned()), "{:?}", told.admission);
    assert_eq!(told.gates.iter().map(|g| g.gate).collect::<Vec<_>>(), [GateName::Entry, GateName::Admission]);
    assert_eq!(told.gates[1].outcome, "wait");
    driver.command(first, Wanted::Pause { why: "not now".to_owned(), now: true });
    driver.run_to(second, Stage::Testing);
    driver.settle_due();
    let told = why::explain(&driver.view(second), driver.now);
    let outcome = |gate| told.gates.iter().find(|g| g.gate == gate).map(|g| (g.outcome, g.stored));
    assert_eq!(outcome(GateName::TestsVerdict), Some(("not-asked", false)));
    assert_eq!(outcome(GateName::Security), Some(("not-applicable", false)));
    assert_eq!(outcome(GateName::ReviewVerdict), Some(("pass", true)));
    let text = told.to_text();
    for part in ["DEMO-2 in testing", "no runner in this version", "orchctl stop DEMO-2", "rework: 0 of 3"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn why_on_a_hold_lists_the_commands_of_its_row() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    for _ in 0..3 {
        let run = driver.run_to_job(JobKind::Agent);
        driver.answer(run.id, Luck::Failed);
        driver.settle_due();
    }
    let told = why::explain(&driver.view(id), driver.now + Span::hours(2));
    assert_eq!(told.who, "the operator");
    assert_eq!(told.detail.as_deref(), Some("exit 3"));
    assert_eq!(told.commands, ["orchctl stop DEMO-1", "orchctl retry DEMO-1"]);
    assert_eq!(told.since, Span::hours(2));
}

/// Everything a projector writes of a task.
fn shown(
    task: &Task,
    at: orchd_core::time::Timestamp,
) -> (board::BoardStatus, String, String, Vec<(String, String)>) {
    (board::status(task), card::text(task, at), pull::text(task), records::files(task, &[]))
}

proptest! {
    #![proptest_config(config())]

    /// I-16: after terminal nothing that comes late, and no time that passes, changes what is shown.
    #[test]
    fn a_settled_tasks_renders_never_change(
        stop in any::<Option<u8>>(),
        late in prop::collection::vec((0..3u8, 0..100_000u32), 0..12),
    ) {
        let mut driver = Driver::new(policy());
        let id = driver.create(1, "express");
        if let Some(n) = stop {
            for _ in 0..n % 8 {
                driver.settle_due();
                if let Some(job) = driver.claimable().first().copied() {
                    driver.answer(job, Luck::Good);
                }
            }
            driver.settle_due();
            driver.command(id, Wanted::Stop);
        }
        driver.run_for(Span::hours(1));
        prop_assert!(driver.task(id).stage.is_terminal());
        let settled = shown(driver.task(id), driver.now);
        for (what, secs) in late {
            driver.advance(Span::secs(i64::from(secs)));
            match (what, driver.task(id).head().cloned()) {
                (0, Some(head)) => {
                    let state = orchd_core::task::CiState::Failure { output: "late".to_owned() };
                    driver.fact(id, orchd_core::fact::Fact::Ci { head, state });
                }
                (1, _) => { driver.command(id, Wanted::Retry { repair: false, answers: None }); }
                (_, _) => driver.fact(id, orchd_core::fact::Fact::DependencyMoved),
            }
            driver.settle_due();
            prop_assert_eq!(&shown(driver.task(id), driver.now), &settled);
        }
        prop_assert!(!matches!(settled.0.key, "blocked" | "deploying"));
    }

    /// The one escape leaves nothing that markup could begin with, and loses nothing.
    #[test]
    fn escaped_text_is_inert_and_whole(text in any::<String>()) {
        let escaped = escape_html(&text);
        prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
        let back = escaped
            .replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'")
            .replace("&amp;", "&");
        prop_assert_eq!(back, text);
    }
}

/// No outcome that is not a pass is written as a positive word.
#[test]
fn a_hold_in_a_report_is_negative() {
    let mut driver = Driver::new(policy());
    let id = driver.create(1, "express");
    driver.run_for(Span::mins(5));
    let mut task = driver.task(id).clone();
    let result =
        std::sync::Arc::make_mut(&mut task.gates).get_mut(&GateName::DeployVerdict).expect("it was judged");
    result.outcome =
        GateOutcome::Hold { code: orchd_core::hold::HoldCode::DeployFailed, detail: String::new() };
    let files = records::files(&task, &[]);
    let (_, text) = files.iter().find(|(name, _)| name == "14-deploy-log.md").expect("it is there");
    assert!(text.contains("deploy_status: FAILED"), "{text}");
    assert!(task.created_at == T0);
}
