//! What outlives what: a run its starter, a result everyone; and what is said when the shim itself is killed.

use std::fs;
use std::time::Duration;

use orchd_core::time::Span;
use orchd_launcher::ended::Ended;
use orchd_launcher::launcher::{find, give_up_start, reattach};
use orchd_launcher::lost::Survivors;
use orchd_launcher::{Found, LaunchError, Launcher, ResultError, RunDir, RunResult, Waited};
use rustix::process::{Pid, Signal, kill_process};

use super::{Place, alive, ended, launcher, new_run, shim, shim_by_hand, until, within};

#[tokio::test]
async fn a_dropped_handle_leaves_the_run_going_and_it_is_found_again() {
    let place = Place::new();
    let spec = place.spec("while [ ! -e go ]; do sleep 0.05; done; echo done");
    drop(launcher().start(&place.dir, &spec).await.expect("started"));
    let mut found = reattach(&place.dir, place.run).await.expect("looked").expect("still running");
    fs::write(place.work().join("go"), "").expect("released");
    let result = ended(within(found.wait()).await.expect("waited"));
    assert_eq!(result.ended, Ended::Exited { code: 0 });
    assert_eq!(place.stdout(), "done\n");
    // Waiting again tells the same, and so does looking.
    assert_eq!(ended(found.wait().await.expect("waited")), result);
    let Found::Ended(again) = find(&place.dir, place.run).await.expect("looked") else { panic!("not ended") };
    assert_eq!(*again, result);
}

#[tokio::test]
async fn a_run_outlives_the_process_that_started_it() {
    let place = Place::new();
    let spec = place.spec("while [ ! -e go ]; do sleep 0.05; done; echo done");
    let file = place.temp.path().join("spec");
    fs::write(&file, serde_json::to_vec(&spec).expect("serialises")).expect("written");
    let starter = std::process::Command::new(shim()).arg("launch").arg(place.dir.path()).arg(&file).output();
    let starter = starter.expect("the starter runs");
    assert!(starter.status.success(), "{}", String::from_utf8_lossy(&starter.stderr));
    let Found::Running(mut running) = find(&place.dir, place.run).await.expect("looked") else {
        panic!("not running")
    };
    fs::write(place.work().join("go"), "").expect("released");
    let result = ended(within(running.wait()).await.expect("waited"));
    assert_eq!(result.ended, Ended::Exited { code: 0 });
    assert_eq!(place.stdout(), "done\n");
}

#[tokio::test]
async fn an_adopted_run_can_be_stopped() {
    let place = Place::new();
    drop(launcher().start(&place.dir, &place.spec("sleep 600")).await.expect("started"));
    let mut running = reattach(&place.dir, place.run).await.expect("looked").expect("still running");
    running.stop("enough").expect("asked");
    let result = ended(within(running.wait()).await.expect("waited"));
    assert_eq!(result.ended, Ended::Stopped { why: "enough".to_owned() });
}

#[tokio::test]
async fn a_killed_shim_is_a_lost_run_and_its_processes_are_swept() {
    let place = Place::new();
    let script = "setsid sh -c 'echo up > far; exec env -i sleep 600' & sleep 600";
    let mut running = launcher().start(&place.dir, &place.spec(script)).await.expect("started");
    place.appears(&place.work().join("far")).await;
    let identity = place.dir.identity().expect("read").expect("written");
    kill_process(Pid::from_raw(identity.shim.pid).expect("a pid"), Signal::KILL).expect("killed");
    let Waited::Lost(lost) = within(running.wait()).await.expect("waited") else {
        panic!("a killed shim wrote a result")
    };
    assert!(matches!(lost.why, ResultError::Missing), "{:?}", lost.why);
    assert!(matches!(lost.survivors, Survivors::None), "{:?}", lost.survivors);
    assert!(lost.killed >= 1, "{lost:?}");
    assert_eq!(alive(place.run), Vec::<String>::new());
    assert!(!identity.child.expect("written").is_alive().expect("known"));
    assert!(matches!(find(&place.dir, place.run).await.expect("looked"), Found::Lost(_)));
}

/// Who looks in short turns gets there: the sweep goes on between them, and is told by the one that did the work.
#[tokio::test]
async fn waiting_in_short_turns_tells_of_the_one_sweep() {
    let place = Place::new();
    let script = "setsid sh -c 'echo up > far; exec env -i sleep 600' & sleep 600";
    let mut running = launcher().start(&place.dir, &place.spec(script)).await.expect("started");
    place.appears(&place.work().join("far")).await;
    let identity = place.dir.identity().expect("read").expect("written");
    kill_process(Pid::from_raw(identity.shim.pid).expect("a pid"), Signal::KILL).expect("killed");
    let waited = within(async {
        loop {
            if let Ok(waited) = tokio::time::timeout(Duration::from_millis(1), running.wait()).await {
                return waited;
            }
        }
    });
    let Waited::Lost(lost) = waited.await.expect("waited") else { panic!("a killed shim wrote a result") };
    assert!(lost.killed >= 1, "{lost:?}");
    assert_eq!(alive(place.run), Vec::<String>::new());
}

/// Whatever a run writes in place of the name of its supervisor does not stay there.
#[tokio::test]
async fn who_supervises_is_written_again_when_the_run_rewrites_it() {
    let place = Place::new();
    let script = format!(
        "echo up > up; while :; do [ -e go ] && {{ echo '{{}}' > {0}; rm go; echo done > done; }}; \
        sleep 0.05; done",
        place.dir.file(RunDir::SHIM).display()
    );
    let mut spec = place.spec(&script);
    // Longer than is waited below: at its end the shim writes it again in any case.
    spec.deadline = Span::secs(120);
    let mut running = launcher().start(&place.dir, &spec).await.expect("started");
    place.appears(&place.work().join("up")).await;
    let identity = place.dir.identity().expect("read").expect("written");
    fs::write(place.work().join("go"), "").expect("written");
    place.appears(&place.work().join("done")).await;
    until(|| place.dir.identity().ok().flatten().filter(|now| *now == identity)).await;
    running.stop("seen").expect("asked");
    within(running.wait()).await.expect("waited");
}

/// "Not started" means that nothing of it runs, however far its shim came.
#[tokio::test]
async fn what_a_shim_that_gave_up_had_started_is_swept() {
    let place = Place::new();
    let up = place.work().join("up");
    let script = format!(
        "ORCHD_RUN_ID={run} sh -c 'echo up > {up}; exec sleep 600' > /dev/null 2>&1 & \
         while [ ! -s {up} ]; do sleep 0.05; done; echo gave up >&2; exit 1",
        run = place.run,
        up = up.display()
    );
    let launcher = Launcher::new("/bin/sh", vec!["-c".to_owned(), script]);
    let Err(LaunchError::ShimDied { said }) = launcher.start(&place.dir, &place.spec("exit 0")).await else {
        panic!("it never said that it was ready")
    };
    assert_eq!(said, "gave up");
    assert_eq!(alive(place.run), Vec::<String>::new());
}

/// However quick it is: its shim may not have come to say that it is under way.
#[tokio::test]
async fn a_run_that_kills_its_shim_at_once_had_begun_and_is_lost() {
    for _ in 0..5 {
        let place = Place::new();
        let spec = place.spec("kill -KILL $PPID; touch ran; exec sleep 600");
        let mut running = launcher().start(&place.dir, &spec).await.expect("it began");
        let waited = within(running.wait()).await.expect("waited");
        let Waited::Lost(lost) = waited else { panic!("{waited:?}") };
        assert!(matches!(lost.survivors, Survivors::None), "{:?}", lost.survivors);
        assert_eq!(alive(place.run), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_forged_result_does_not_count_while_the_shim_lives() {
    let honest = Place::new();
    honest.end(&honest.spec("exit 0")).await;
    let forged = fs::read(honest.dir.file(RunDir::RESULT)).expect("read");

    let place = Place::new();
    let mut running = launcher()
        .start(&place.dir, &place.spec("while [ ! -e go ]; do sleep 0.05; done; exit 4"))
        .await
        .expect("started");
    fs::write(place.dir.file(RunDir::RESULT), &forged).expect("forged");
    assert!(matches!(RunResult::read(&place.dir, place.run), Err(ResultError::ForeignRun { .. })));
    assert!(matches!(find(&place.dir, place.run).await.expect("looked"), Found::Running(_)));
    fs::write(place.work().join("go"), "").expect("released");
    let result = ended(within(running.wait()).await.expect("waited"));
    assert_eq!(result.ended, Ended::Exited { code: 4 });
}

#[tokio::test]
async fn a_foreign_and_a_truncated_result_make_a_lost_run() {
    let place = Place::new();
    place.end(&place.spec("exit 0")).await;
    let other = new_run();
    let Found::Lost(lost) = find(&place.dir, other).await.expect("looked") else {
        panic!("foreign result counted")
    };
    assert!(matches!(lost.why, ResultError::ForeignRun { .. }), "{:?}", lost.why);

    let whole = fs::read(place.dir.file(RunDir::RESULT)).expect("read");
    fs::write(place.dir.file(RunDir::RESULT), &whole[..whole.len() / 2]).expect("cut");
    let Found::Lost(lost) = find(&place.dir, place.run).await.expect("looked") else {
        panic!("cut result counted")
    };
    assert!(matches!(lost.why, ResultError::Truncated), "{:?}", lost.why);
}

#[tokio::test]
async fn a_directory_without_a_shim_was_not_started() {
    let place = Place::new();
    assert!(matches!(find(&place.dir, place.run).await.expect("looked"), Found::NotStarted));
    assert!(reattach(&place.dir, place.run).await.expect("looked").is_none());
}

#[tokio::test]
async fn a_start_that_was_given_up_never_happens() {
    // The starter died after it had written the specification: the shim comes late.
    let place = Place::new();
    place.spec("touch ran").write(&place.dir).expect("written");
    assert!(matches!(give_up_start(&place.dir, place.run).await.expect("given up"), Found::NotStarted));
    let late = shim_by_hand(place.dir.path()).wait().expect("runs");
    assert!(late.success());
    assert!(!place.work().join("ran").exists());
    let Found::Ended(result) = find(&place.dir, place.run).await.expect("looked") else {
        panic!("no result")
    };
    assert!(matches!(result.ended, Ended::Stopped { .. }), "{:?}", result.ended);
}

#[tokio::test]
async fn a_start_that_came_first_is_found() {
    let place = Place::new();
    drop(launcher().start(&place.dir, &place.spec("sleep 600")).await.expect("started"));
    let Found::Running(mut running) = give_up_start(&place.dir, place.run).await.expect("looked") else {
        panic!("missed")
    };
    assert!(!place.dir.file(RunDir::STOP).exists());
    running.stop("seen").expect("asked");
    within(running.wait()).await.expect("waited");
}

#[tokio::test]
async fn shim_and_run_lead_sessions_of_their_own() {
    let place = Place::new();
    let spec = place.spec("cut -d' ' -f6 /proc/$$/stat > sid; sleep 600");
    let mut running = launcher().start(&place.dir, &spec).await.expect("started");
    let sid = place.appears(&place.work().join("sid")).await;
    let identity = place.dir.identity().expect("read").expect("written");
    let session_of = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
        let after_name = stat.rsplit(") ").next().expect("a name").to_owned();
        after_name.split(' ').nth(3).expect("a session").to_owned()
    };
    let child = identity.child.expect("started");
    assert_eq!(sid.trim(), child.pid.to_string());
    assert_eq!(session_of(identity.shim.pid), identity.shim.pid.to_string());
    running.stop("seen").expect("asked");
    within(running.wait()).await.expect("waited");
    until(|| (!identity.shim.is_alive().expect("known")).then_some(())).await;
}
