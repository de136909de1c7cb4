//! How runs end: by themselves, by force, or not begun at all; and that nothing of them is left.

use std::fs;

use orchd_core::time::Span;
use orchd_launcher::ended::{Ended, ExitClass};
use orchd_launcher::env::{BASE_ALLOW, scrubbed_env};
use orchd_launcher::result::SubmissionState;
use orchd_launcher::{LaunchError, RunDir, RunResult};

use super::{Place, alive, ended, launcher, within};

#[tokio::test]
async fn exit_codes_are_told() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("no-such-command-here", 127)] {
        let place = Place::new();
        let result = place.end(&place.spec(script)).await;
        assert_eq!(result.ended, Ended::Exited { code }, "{script}");
        assert_eq!(matches!(result.class(), ExitClass::Infra { .. }), code == 127);
        assert!(result.ended_at >= result.started_at);
    }
}

#[tokio::test]
async fn a_death_by_signal_is_not_an_exit() {
    let place = Place::new();
    let result = place.end(&place.spec("kill -SEGV $$")).await;
    assert_eq!(result.ended, Ended::Signalled { signal: 11 });
}

#[tokio::test]
async fn a_missing_program_and_a_missing_directory_are_results() {
    let place = Place::new();
    let mut spec = place.spec("");
    spec.argv = vec!["/no/such/program".to_owned()];
    let result = place.end(&spec).await;
    let Ended::SpawnFailed { error, os_code: Some(2) } = &result.ended else { panic!("{:?}", result.ended) };
    assert!(error.contains("/no/such/program"), "{error}");
    assert!(matches!(result.class(), ExitClass::Infra { .. }));

    let place = Place::new();
    let mut spec = place.spec("exit 0");
    spec.cwd = place.work().join("missing");
    let result = place.end(&spec).await;
    let Ended::SpawnFailed { error, .. } = &result.ended else { panic!("{:?}", result.ended) };
    assert!(error.contains("working directory"), "{error}");
}

/// A child that ignores SIGTERM, and a grandchild in a session of its own whose parent is gone.
const STUBBORN: &str = "trap '' TERM; \
    (setsid sh -c 'trap \"\" TERM; echo $$ > far; while :; do sleep 1; done' & ) ; \
    (trap '' TERM; while :; do sleep 1; done) & \
    echo up; while :; do sleep 1; done";

#[tokio::test]
async fn at_the_deadline_all_of_the_tree_ends_whatever_it_ignores() {
    let place = Place::new();
    let mut spec = place.spec(STUBBORN);
    spec.deadline = Span::millis(1_500);
    let mut running = launcher().start(&place.dir, &spec).await.expect("started");
    place.appears(&place.work().join("far")).await;
    assert!(alive(place.run).len() >= 3, "{:?}", alive(place.run));
    let result = ended(within(running.wait()).await.expect("waited"));
    assert_eq!(result.ended, Ended::DeadlineExceeded);
    assert_eq!(alive(place.run), Vec::<String>::new());
    assert_eq!(place.stdout(), "up\n");
}

#[tokio::test]
async fn what_a_finished_run_left_running_ends_with_it() {
    let place = Place::new();
    let script = "setsid sh -c 'trap \"\" TERM; echo up > far; while :; do sleep 1; done' & \
        while [ ! -s far ]; do sleep 0.05; done; exit 3";
    let result = place.end(&place.spec(script)).await;
    assert_eq!(result.ended, Ended::Exited { code: 3 });
    assert_eq!(alive(place.run), Vec::<String>::new());
}

#[tokio::test]
async fn a_stop_ends_it_gently_first() {
    let place = Place::new();
    let spec = place.spec("trap 'echo told > bye; exit 0' TERM; echo up > here; while :; do sleep 0.1; done");
    let mut running = launcher().start(&place.dir, &spec).await.expect("started");
    place.appears(&place.work().join("here")).await;
    running.stop("the task was cancelled").expect("asked");
    let result = ended(within(running.wait()).await.expect("waited"));
    assert_eq!(result.ended, Ended::Stopped { why: "the task was cancelled".to_owned() });
    assert_eq!(place.appears(&place.work().join("bye")).await, "told\n");
    assert_eq!(alive(place.run), Vec::<String>::new());
}

#[tokio::test]
async fn sigterm_to_the_shim_is_a_stop_too() {
    let place = Place::new();
    let mut running = launcher().start(&place.dir, &place.spec("sleep 600")).await.expect("started");
    let shim = place.dir.identity().expect("read").expect("written").shim;
    let pid = rustix::process::Pid::from_raw(shim.pid).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
    let result = ended(within(running.wait()).await.expect("waited"));
    assert!(matches!(result.ended, Ended::Stopped { .. }), "{:?}", result.ended);
    assert_eq!(alive(place.run), Vec::<String>::new());
}

#[tokio::test]
async fn silence_without_work_is_a_stall_and_silent_work_is_not() {
    let end = async |script: &str, deadline: Span| {
        let place = Place::new();
        let mut spec = place.spec(script);
        spec.stall = Some(Span::millis(1_500));
        spec.deadline = deadline;
        place.end(&spec).await.ended
    };
    let (silent, busy, talking) = tokio::join!(
        end("sleep 600", Span::secs(60)),
        end("while :; do :; done", Span::secs(4)),
        end("for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done", Span::secs(60)),
    );
    assert_eq!(silent, Ended::Stalled);
    assert_eq!(busy, Ended::DeadlineExceeded);
    assert_eq!(talking, Ended::Exited { code: 0 });
}

#[tokio::test]
async fn an_output_without_end_is_ended() {
    let place = Place::new();
    let mut spec = place.spec("trap '' TERM; while :; do head -c 50000 /dev/zero; sleep 0.05; done");
    spec.output_ceiling = 100_000;
    let result = place.end(&spec).await;
    assert_eq!(result.ended, Ended::OutputCeiling);
    assert!(result.stdout.bytes > 100_000);
}

/// However quick the run was: what it wrote before the first look, and what its strays wrote after its end, counts.
#[tokio::test]
async fn a_flood_between_two_looks_is_one_all_the_same() {
    let after =
        "(trap '' TERM; until [ $(cat go) ]; do :; done; head -c 200000 /dev/zero) 2>/dev/null & echo y > go";
    for script in ["head -c 200000 /dev/zero", after] {
        let place = Place::new();
        let mut spec = place.spec(script);
        spec.output_ceiling = 100_000;
        assert_eq!(place.end(&spec).await.ended, Ended::OutputCeiling, "{script}");
    }
}

#[tokio::test]
async fn ten_megabytes_and_broken_utf8_are_kept_as_they_came() {
    let place = Place::new();
    let script = "head -c 10485760 /dev/zero; printf 'a\\377b\\n' >&2";
    let result = place.end(&place.spec(script)).await;
    assert_eq!(result.ended, Ended::Exited { code: 0 });
    assert_eq!((result.stdout.bytes, result.stderr.bytes), (10 * 1024 * 1024, 4));
    assert_eq!(fs::read(place.dir.file(RunDir::STDERR)).expect("read"), b"a\xffb\n");
    assert!(result.logs_are_intact(&place.dir).expect("read"));
}

#[tokio::test]
async fn the_environment_is_the_given_one_and_nothing_else() {
    let place = Place::new();
    let mut spec = place.spec(
        "env; echo; tr '\\0' '\\n' < /proc/$PPID/environ; readlink /proc/self/fd/0; ls /proc/self/fd | wc -l",
    );
    // cargo and nextest give tests variables of their own: any of them serves as a canary, where they run this.
    let parent = std::env::vars().chain([("CANARY".to_owned(), "1".to_owned())]);
    let parent: Vec<(String, String)> = parent.collect();
    let canary = parent.iter().find(|(name, _)| name.starts_with("CA")).expect("given above").0.clone();
    spec.env = scrubbed_env(parent.into_iter(), BASE_ALLOW, super::env());
    place.end(&spec).await;
    let out = place.stdout();
    assert!(out.contains(&format!("ORCHD_RUN_ID={}", place.run)), "{out}");
    assert!(out.contains("/dev/null\n"), "{out}");
    assert!(!out.contains(&format!("{canary}=")), "{out}");
    // 0, 1, 2 and the one `ls` reads the listing with, whatever cargo and the test runner left open to us.
    assert!(out.ends_with("\n4\n") || out.trim_end().ends_with(" 4"), "a descriptor leaked: {out}");
}

#[tokio::test]
async fn a_submission_is_seen_for_what_it_is() {
    let cases = [
        ("true", "none"),
        ("echo '{\"verdict\":\"PASS\"}' >", "present"),
        ("echo '[1]' >", "broken"),
        ("mkdir", "broken"),
    ];
    for (write, expected) in cases {
        let place = Place::new();
        let target = place.dir.file(RunDir::SUBMISSION);
        let target = if write == "true" { String::new() } else { target.display().to_string() };
        let result = place.end(&place.spec(&format!("{write} {target}"))).await;
        let seen = match result.submission {
            SubmissionState::None => "none",
            SubmissionState::Present { .. } => "present",
            SubmissionState::Broken { .. } => "broken",
        };
        assert_eq!(seen, expected, "{write}");
    }
}

#[tokio::test]
async fn a_run_is_started_once() {
    let place = Place::new();
    let spec = place.spec("exit 0");
    place.end(&spec).await;
    let again = launcher().start(&place.dir, &spec).await;
    assert!(matches!(again, Err(LaunchError::StartedBefore { .. })));
    // Nor by a shim started by hand; the result stays what it was.
    let before = RunResult::read(&place.dir, place.run).expect("a result");
    let by_hand = super::shim_by_hand(place.dir.path()).wait().expect("runs");
    assert_eq!(by_hand.code(), Some(1));
    let said = fs::read_to_string(place.dir.file(RunDir::SHIM_LOG)).expect("read");
    assert!(said.contains("started before"), "{said}");
    assert_eq!(RunResult::read(&place.dir, place.run).expect("a result"), before);
}

#[tokio::test]
async fn a_launcher_that_is_no_shim_says_so() {
    let place = Place::new();
    let launcher = orchd_launcher::Launcher::new(
        "/bin/sh",
        vec!["-c".to_owned(), "echo no shim >&2; exit 9".to_owned()],
    );
    let error = launcher.start(&place.dir, &place.spec("exit 0")).await.expect_err("no shim");
    assert!(matches!(&error, LaunchError::ShimDied { said } if said == "no shim"), "{error:?}");
    let launcher = orchd_launcher::Launcher::new("/no/such/orchd", vec![]);
    let error = launcher.start(&place.dir, &place.spec("exit 0")).await.expect_err("no program");
    assert!(matches!(error, LaunchError::Spawn { .. }), "{error:?}");
}
