//! A project's command under the shim, and a script as an agent, from configuration to reading.

use std::fs;
use std::path::Path;

use orchd_core::id::Key;
use orchd_core::stage::Role;
use orchd_core::time::Span;
use orchd_launcher::dialect::{AgentOutcome, Usage};
use orchd_launcher::profile::{Profile, RoleRun};
use orchd_launcher::suite::{self, SuiteOutcome, SuiteSpec, SuiteVerdict, verdict};
use orchd_launcher::summary::Summary;

use super::{Place, env, launcher, within};

async fn suite(command: &str, deadline: Span) -> SuiteOutcome {
    let place = Place::new();
    let suite = SuiteSpec { command: command.to_owned(), cwd: place.work(), env: env(), deadline };
    within(suite::run(&launcher(), &place.dir, place.run, &suite)).await.expect("ran")
}

#[tokio::test]
async fn a_suite_that_ran_tells_its_code_and_its_tests() {
    let outcome = suite("echo 'ok 1 - a'; printf 'not ok 2 - b \\377\\n' >&2; exit 1", Span::secs(30)).await;
    let SuiteOutcome::Ran { code: 1, output, summary } = outcome else { panic!("{outcome:?}") };
    assert_eq!(output, "ok 1 - a\nnot ok 2 - b \u{fffd}\n");
    let Summary::Known { passed: 1, failed: 1, failing } = &summary else { panic!("{summary:?}") };
    assert_eq!(failing.len(), 1);
    assert_eq!(verdict(1, &summary), SuiteVerdict::Failed);
}

#[tokio::test]
async fn infrastructure_is_told_apart() {
    for (command, part) in
        [("no-such-runner", "127"), ("kill -KILL $$", "signal 9"), ("sh -c 'kill -KILL $$'", "signal 9")]
    {
        let outcome = suite(command, Span::secs(30)).await;
        let SuiteOutcome::Infra { reason, .. } = &outcome else { panic!("{command}: {outcome:?}") };
        assert!(reason.contains(part), "{reason}");
    }
    let outcome = suite("echo half; exec sleep 600", Span::millis(400)).await;
    let SuiteOutcome::Infra { reason, output } = &outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("time budget"), "{reason}");
    assert_eq!(output, "half\n");
}

#[tokio::test]
async fn a_long_output_is_cut_for_people_and_counted_whole() {
    let command = "echo '3 passed, 1 failed'; i=0; while [ $i -lt 3000 ]; do echo 'ein langer Satz über nichts'; i=$((i+1)); done";
    let outcome = suite(command, Span::secs(30)).await;
    let SuiteOutcome::Ran { code: 0, output, summary } = &outcome else { panic!("{outcome:?}") };
    assert!(output.starts_with('[') && output.len() < 40_000, "{}", output.len());
    assert_eq!(verdict(0, summary), SuiteVerdict::Failed, "a failed test counts behind exit 0 too");
}

#[test]
fn verdicts() {
    let known = |passed, failed| Summary::Known { passed, failed, failing: Default::default() };
    assert_eq!(verdict(0, &known(3, 0)), SuiteVerdict::Passed);
    assert_eq!(verdict(0, &known(0, 0)), SuiteVerdict::NothingRan);
    assert_eq!(verdict(5, &known(0, 0)), SuiteVerdict::NothingRan);
    assert_eq!(verdict(1, &known(3, 0)), SuiteVerdict::Failed);
    assert_eq!(verdict(0, &Summary::Unknown), SuiteVerdict::PassedUnseen);
    assert_eq!(verdict(2, &Summary::Unknown), SuiteVerdict::Failed);
}

#[tokio::test]
async fn a_script_gets_its_task_and_is_read() {
    let place = Place::new();
    place.dir.write_prompt("Do it.\n").expect("written");
    let program = place.temp.path().join("agent.sh");
    fs::write(
        &program,
        "cat \"$1\"; cat \"$ORCHD_PROMPT\"; echo \"$ORCHD_ROLE $ORCHD_TASK_KEY $ORCHD_WORKTREE $ORCHD_SUBMIT\"\n\
         echo '{\"input_tokens\":3,\"output_tokens\":4,\"cost_usd\":0.5}' > \"$ORCHD_RUN_DIR/usage.json\"; exit 75\n",
    )
    .expect("written");
    let command = vec!["/bin/sh".to_owned(), program.display().to_string()];
    let profile = Profile::script(command).expect("it has a command");
    let (key, work) = (Key::new("K-1"), place.work());
    let role_run = RoleRun {
        run: place.run,
        role: Role::Developer,
        key: &key,
        dir: &place.dir,
        worktree: &work,
        submit: Path::new("/bin/x"),
        resume: None,
        as_root: false,
    };
    let invocation = profile.invocation(&role_run).expect("paths are UTF-8");
    let mut spec = place.spec("");
    spec.argv = invocation.argv;
    spec.env.extend(invocation.env);
    let result = place.end(&spec).await;
    let reading = profile.read(&place.dir, &result.ended).expect("read");
    assert_eq!(reading.tail, format!("Do it.\nDo it.\ndeveloper K-1 {} /bin/x\n", work.display()));
    let used = Usage { input_tokens: 3, output_tokens: 4, cost_micro_usd: Some(500_000), ..Usage::default() };
    assert_eq!(reading.usage, Some(used));
    assert!(matches!(reading.outcome, AgentOutcome::Transient { .. }), "{:?}", reading.outcome);
}
