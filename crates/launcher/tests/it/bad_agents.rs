//! Every agent of the table, run for real: its run ends as the table says, a result is written, nothing of it lives.
//! Also what agents do that takes more than a program: forged results, removed requests, and the incidents.

pub(crate) mod table;

use std::fs;

use orchd_core::id::Sha;
use orchd_core::time::Span;
use orchd_launcher::ended::Ended;
use orchd_launcher::launcher::{find, reattach};
use orchd_launcher::process::ProcessId;
use orchd_launcher::result::LeftoverOutcome;
use orchd_launcher::{Found, Limits, ResultError, RunDir, RunResult, RunSpec, log};

use super::leftovers::{clone, spec_for, traps_sprung};
use super::{Place, alive, ended, inside, launcher, until, within};
use table::{AGENTS, Agent, Work, markdown, saying};

/// Ends whatever a failed test left behind, found as the launcher would find it.
struct Sweep<'a>(&'a Place);

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        for pid in alive(self.0.run).into_iter().chain(inside(self.0)) {
            let pid = pid.parse().ok().and_then(rustix::process::Pid::from_raw);
            pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
        }
        // Its group stays where its shim died; refused while anything is in it.
        if let Some(base) = orchd_launcher::containment::probe().group {
            let _ = fs::remove_dir(base.join(format!("orchd-run-{}", self.0.run)));
        }
    }
}

/// What people are told of a run.
fn told(result: &RunResult) -> String {
    let work = match &result.leftovers {
        LeftoverOutcome::NotAsked => "it had no clone".to_owned(),
        LeftoverOutcome::Clean { .. } => "it left nothing".to_owned(),
        LeftoverOutcome::Committed { .. } => "what it left is on the task branch".to_owned(),
        LeftoverOutcome::Salvaged { why, .. } => format!("what it left is kept aside ({why})"),
        LeftoverOutcome::Failed { error } => format!("what it left cannot be kept: {error}"),
    };
    format!("the run {}; {work}", saying(&result.ended))
}

fn prepared(place: &Place, start: &Sha, agent: &Agent) -> RunSpec {
    let mut spec = spec_for(place, start, agent.program);
    spec.env.insert("DIR".to_owned(), place.dir.path().display().to_string());
    spec.limits = Limits { processes: Some(2_000), ..Limits::default() };
    (agent.limits)(&mut spec);
    spec
}

async fn check(agent: &Agent) {
    let (place, start) = clone();
    let _sweep = Sweep(&place);
    let mut running = launcher().start(&place.dir, &prepared(&place, &start, agent)).await.expect("started");
    let shim = place.dir.identity().ok().flatten().map(|identity| identity.shim);
    let result = ended(within(running.wait()).await.expect("waited"));
    let told = told(&result);
    assert!(agent.ends.contains(&result.ended), "{}: {told}", agent.does);
    assert_eq!(alive(place.run), Vec::<String>::new(), "{}: {told}", agent.does);
    assert_eq!(inside(&place), Vec::<String>::new(), "{}: {told}", agent.does);
    assert!(shim.is_none_or(|shim| !shim.is_alive().expect("known")), "{}: its shim lives", agent.does);
    let group = result.containment.clone().expect("recorded").group;
    assert!(!group.is_some_and(|group| group.exists()), "{}: its cgroup is still there", agent.does);
    let work = match &result.leftovers {
        LeftoverOutcome::Committed { .. } => Work::Kept,
        LeftoverOutcome::Clean { .. } => Work::None,
        LeftoverOutcome::Salvaged { .. } => Work::Aside,
        LeftoverOutcome::Failed { error } if error.contains(&place.work().display().to_string()) => {
            Work::Gone
        }
        other @ (LeftoverOutcome::Failed { .. } | LeftoverOutcome::NotAsked) => {
            panic!("{}: {other:?}", agent.does)
        }
    };
    assert!(agent.work == Work::Any || agent.work == work, "{}: {told}", agent.does);
    assert!(!traps_sprung(&place), "{}: a trap sprung", agent.does);
    assert!(matches!(find(&place.dir, place.run).await.expect("looked"), Found::Ended(_)), "{}", agent.does);
}

fn row(does: &str) -> &'static Agent {
    AGENTS.iter().find(|agent| agent.does.starts_with(does)).expect("the table has this agent")
}

/// One test each, so that the runner may spread them.
macro_rules! agents {
    ($($name:ident = $does:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            check(row($does)).await;
        })*

        #[test]
        fn every_agent_of_the_table_is_run_and_rendered() {
            let run = [$($does),*].map(|does| row(does).does);
            let all: Vec<_> = AGENTS.iter().map(|agent| agent.does).collect();
            assert_eq!(run.to_vec(), all);
            let text = markdown();
            assert!(all.iter().all(|does| text.contains(&format!("| {does} |"))), "{text}");
            assert!(text.lines().all(|line| line.matches('|').count() == 4), "{text}");
        }
    };
}

agents! {
    prints_much = "prints 200 MB";
    prints_without_end = "prints without end";
    prints_no_text = "prints what is no text";
    prints_one_line = "prints one line";
    starts_a_daemon = "starts a daemon";
    holds_its_output = "leaves a process that holds";
    forks_without_end = "forks without end";
    forks_what_it_may = "forks as much as it may";
    takes_memory = "takes more and more memory";
    fills_the_disk = "fills the disk";
    deletes_its_clone = "deletes its clone";
    replaces_its_clone = "replaces its clone";
    deletes_its_run = "deletes its run's directory";
    replaces_its_files = "puts pipes";
    sleeps = "sleeps silently";
    stops_itself = "stops itself";
    ignores_requests = "ignores every polite";
    ends_when_ended = "ends at the very moment";
    sets_traps = "sets traps";
    lends_objects = "lends its clone objects";
    leaves_a_lock = "leaves a lock";
}

#[tokio::test]
async fn of_200_megabytes_the_ends_are_kept_and_the_rest_is_counted() {
    let place = Place::new();
    let script = "echo first; yes 'a line of output like any other' | head -c 209715200; echo; echo last";
    let result = place.end(&place.spec(script)).await;
    assert_eq!(result.ended, Ended::Exited { code: 0 });
    let total = 209_715_200 + "first\n\nlast\n".len() as u64;
    assert_eq!(result.stdout.bytes, total);
    let kept = result.stdout.bytes - result.stdout.dropped;
    assert!(kept < 20 * 1024 * 1024, "{kept} bytes are kept");
    assert!(result.logs_are_intact(&place.dir).expect("read"));
    use std::os::unix::fs::MetadataExt as _;
    let on_disk = fs::metadata(place.dir.file(RunDir::STDOUT)).expect("there").blocks() * 512;
    assert!(on_disk < 24 * 1024 * 1024, "{on_disk} bytes on disk");

    let tail = log::tail(&place.dir, RunDir::STDOUT, 100).expect("read");
    assert!(tail.text.ends_with("\nlast\n"), "{}", tail.text);
    assert_eq!((tail.before, tail.dropped), (total - 100, result.stdout.dropped));
    let (mut lines, mut odd) = (0_u64, Vec::new());
    log::lines(&place.dir, RunDir::STDOUT, 4096, |line| {
        lines += 1;
        if line != "a line of output like any other" {
            odd.push(line.to_owned());
        }
    })
    .expect("read");
    assert_eq!(
        (odd.first().map(String::as_str), odd.last().map(String::as_str)),
        (Some("first"), Some("last"))
    );
    assert!(odd.iter().all(|line| line.len() < 40) && lines > 100_000, "{lines} {odd:?}");
}

#[tokio::test]
async fn a_result_of_an_older_run_in_its_directory_counts_for_nothing() {
    let older = Place::new();
    older.end(&older.spec("exit 0")).await;
    let old = older.dir.file(RunDir::RESULT);
    let place = Place::new();
    let script = format!("cp {} {}; exit 4", old.display(), place.dir.file(RunDir::RESULT).display());
    let result = place.end(&place.spec(&script)).await;
    assert_eq!((result.run, result.ended), (place.run, Ended::Exited { code: 4 }));
    // Nor where the shim dies before it could write its own.
    fs::copy(&old, place.dir.file(RunDir::RESULT)).expect("copied");
    assert!(matches!(RunResult::read(&place.dir, place.run), Err(ResultError::ForeignRun { .. })));
}

#[tokio::test]
async fn a_request_to_stop_arrives_though_the_run_removes_it() {
    for adopted in [false, true] {
        let place = Place::new();
        let script =
            format!("echo up > up; while :; do rm -rf {}; done", place.dir.file(RunDir::STOP).display());
        let mut running = launcher().start(&place.dir, &place.spec(&script)).await.expect("started");
        place.appears(&place.work().join("up")).await;
        if adopted {
            running = reattach(&place.dir, place.run).await.expect("looked").expect("running");
        }
        running.stop("no longer wanted").expect("asked");
        let result = ended(within(running.wait()).await.expect("waited"));
        assert!(matches!(result.ended, Ended::Stopped { .. }), "{:?}", result.ended);
        assert_eq!(alive(place.run), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_run_that_removes_its_directory_is_still_found_running() {
    let place = Place::new();
    let script = format!("rm -rf {}; echo up > up; sleep 600", place.dir.path().display());
    let started = launcher().start(&place.dir, &place.spec(&script)).await.expect("started");
    place.appears(&place.work().join("up")).await;
    until(|| place.dir.identity().ok().flatten()).await;
    drop(started);
    let Found::Running(mut running) = find(&place.dir, place.run).await.expect("looked") else {
        panic!("a run that goes on is not found")
    };
    running.stop("seen").expect("asked");
    ended(within(running.wait()).await.expect("waited"));
    assert_eq!(alive(place.run), Vec::<String>::new());
}

/// Deadlines and spans of silence must not move when somebody sets the clock: what waits reads no wall clock.
#[test]
fn no_span_is_measured_on_a_clock_that_can_be_set() {
    let waits = [
        include_str!("../../src/shim/watch.rs"),
        include_str!("../../src/shim/tree.rs"),
        include_str!("../../src/shim/ceiling.rs"),
        include_str!("../../src/shim/git.rs"),
        include_str!("../../src/shim/bell.rs"),
        include_str!("../../src/lost.rs"),
    ];
    for source in waits {
        assert!(!source.contains("wall()"), "a span is measured on the wall clock");
    }
    let clock = include_str!("../../src/clock.rs");
    let boot = clock.split("fn boot_ms").nth(1).and_then(|rest| rest.split('}').next()).expect("there");
    assert!(boot.contains("ClockId::Boottime"), "{boot}");
}

#[tokio::test]
async fn inc_12_what_an_agent_started_ends_with_it() {
    let place = Place::new();
    let sweep = Sweep(&place);
    let script = "(setsid sh -c 'trap \"\" TERM; echo up > up; while :; do sleep 1; done' &) ; sleep 600";
    let mut spec = place.spec(script);
    spec.deadline = Span::secs(2);
    spec.write(&place.dir).expect("written");
    // With this process's environment, mutant included.
    let mut shim = super::shim_by_hand(place.dir.path());
    place.appears(&place.work().join("up")).await;
    let status = until(|| shim.try_wait().expect("looked")).await;
    let left = alive(place.run);
    drop(sweep);
    until(|| inside(&place).is_empty().then_some(())).await;
    drop(Sweep(&place));
    assert_eq!(left, Vec::<String>::new(), "test processes outlive their agent");
    assert!(status.success(), "{status}");
    let result = RunResult::read(&place.dir, place.run).expect("written");
    assert_eq!(result.ended, Ended::DeadlineExceeded);
}

#[test]
fn inc_06_a_reused_pid_is_not_the_process_that_had_it() {
    let mut child = std::process::Command::new("sleep").arg("600").spawn().expect("starts");
    let pid = i32::try_from(child.id()).expect("pids are i32");
    let now = ProcessId::of(pid).expect("it lives");
    // The run of an hour ago had this pid.
    let before = ProcessId { start: now.start.saturating_sub(1), ..now.clone() };
    let (lives, looks_alive) = (now.is_alive().expect("known"), before.is_alive().expect("known"));
    child.kill().expect("killed");
    child.wait().expect("reaped");
    assert!(lives);
    assert!(!looks_alive, "a stranger with the pid of a dead run passes for it");
}
