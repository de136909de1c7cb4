//! The server as an operator runs it: real processes, a real repository, agents that take their time. What each signal
//! does, and that a run outlives its server and is counted by the next one, once.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

mod model;
mod npm;
mod packaging;
mod place;
mod providers;
mod real_claude;
mod secrets;
mod steering;

use rustix::process::Signal;

use place::{Place, Server};

/// Written by an agent that was started; each line is one start.
const STARTED: &str = "started";

/// The analyst says when it begins, waits until the test lets it end, and delivers.
fn slow(place: &Place) -> String {
    format!(
        "echo started >> {0}/started; until [ -e {0}/go ]; do sleep 0.1; done; {1}",
        place.notes().display(),
        place::ANALYSIS
    )
}

fn begun() -> (Place, Server) {
    let place = Place::new();
    place.configure(&slow(&place));
    let server = place.serve();
    place.ask();
    place.wait_for_note(STARTED, 1);
    (place, server)
}

/// The run went on without its server; the next one counts it, and starts none in its place.
fn counted_once(place: &Place) {
    let server = place.serve();
    place.let_go();
    place.wait_for_event("run-ended");
    assert_eq!(place.note(STARTED).lines().count(), 1, "the agent was started once");
    assert_eq!(place.events().iter().filter(|e| *e == "run-ended").count(), 1);
    assert!(!place.events().contains(&"job-failed".to_owned()), "{:?}", place.events());
    assert!(place.answer("/tasks/T-1/events").contains("\"ended\":\"completed\""), "it counts");
    assert!(server.end(Signal::TERM).success());
    assert_eq!(place.processes(), Vec::<String>::new());
}

#[test]
fn sigterm_leaves_runs_to_their_shims() {
    let (place, server) = begun();
    assert!(server.end(Signal::TERM).success(), "a graceful stop is no failure");
    assert!(!place.processes().is_empty(), "the run goes on");
    counted_once(&place);
}

#[test]
fn sigint_does_the_same() {
    let (place, server) = begun();
    assert!(server.end(Signal::INT).success());
    counted_once(&place);
}

#[test]
fn sighup_ends_nothing() {
    let (place, server) = begun();
    server.signal(Signal::HUP);
    place.let_go();
    place.wait_for_event("run-ended");
    assert!(server.end(Signal::TERM).success());
}

#[test]
fn kill_9_loses_no_run() {
    let (place, server) = begun();
    assert!(!server.end(Signal::KILL).success());
    counted_once(&place);
}

/// It ends while nobody looks: the result file is what the next server reads.
#[test]
fn a_result_that_came_meanwhile_is_counted() {
    let (place, server) = begun();
    server.end(Signal::KILL);
    place.let_go();
    place.wait_until_nothing_runs();
    counted_once(&place);
}

/// Agent and shim are gone with the power: the run is lost, said so, and asked for again.
#[test]
fn a_run_whose_shim_is_gone_too_is_lost_and_asked_for_again() {
    let (place, server) = begun();
    server.end(Signal::KILL);
    place.kill_everything();
    let server = place.serve();
    place.wait_for_note(STARTED, 2);
    assert_eq!(place.events().iter().filter(|e| *e == "job-failed").count(), 1);
    place.let_go();
    place.wait_for_event("run-ended");
    assert!(server.end(Signal::TERM).success());
}

/// The program is replaced on disk while a run is under way: the old shim ends its run, the new server takes it over.
#[test]
fn an_upgrade_beneath_a_run() {
    let (mut place, server) = begun();
    assert!(server.end(Signal::TERM).success());
    place.upgrade();
    counted_once(&place);
}

/// The configuration is what a data directory is served by, from start to start, and one that is wrong changes nothing.
#[test]
fn a_server_works_as_its_configuration_says() {
    let place = Place::new();
    place.write_config("command = [\"true\"]\n[project.p.test]\ncommand = \"true\"");
    let server = place.serve_configured();
    assert!(server.end(Signal::TERM).success());
    let first = place.projects();
    assert_eq!(first[0].policy.test.as_ref().map(|suite| suite.command.as_str()), Some("true"));
    assert_eq!(first[0].user_branch.as_ref().map(ToString::to_string).as_deref(), Some("main"));
    place.write_config("comand = []");
    let said = place.refused();
    assert!(
        said.contains(
            "orchd.toml:13:1: project.p.agent.comand: there is no such key; did you mean `command`?"
        ),
        "{said}"
    );
    assert_eq!(place.projects(), first);
    // Without a test command now; the branch that was found stays.
    place.write_config("command = [\"true\"]");
    assert!(place.serve_configured().end(Signal::TERM).success());
    let second = place.projects();
    assert_eq!((second[0].policy.test.as_ref(), &second[0].user_branch), (None, &first[0].user_branch));
}

/// What is wrong is said once, with all of its causes; a variable that stays set from elsewhere is found.
#[test]
fn an_error_at_the_start_is_told_once() {
    let mut place = Place::new();
    let said = place.refused();
    assert_eq!(said.matches("orchd.toml").count(), 1, "{said}");
    assert_eq!(said.matches("No such file").count(), 1, "{said}");
    place.write_config("command = [\"true\"]");
    place.env.push(("ORCHD_DATA".to_owned(), "/nowhere".to_owned()));
    let said = place.refused();
    assert!(said.contains("--data or ORCHD_DATA names one too: leave one of them out"), "{said}");
}

/// What waits learns of a configuration that was read again; one that is wrong, or says what only a start can change,
/// counts in nothing, and the server goes on.
#[test]
fn sighup_reads_the_configuration_again_whole_or_not_at_all() {
    let place = Place::new();
    place.write_config(&format!("command = [\"/bin/sh\", \"-c\", {:?}]", place::ANALYSIS));
    let server = place.serve_configured();
    place.ask();
    place.wait_for_text("approve");
    assert!(!place.answer("/tasks/T-1/events").contains("architecture"), "it waits for a person");
    let before = place.projects();

    place.edit_config("key_prefix", "aproval = \"auto\"\nkey_prefix");
    server.signal(Signal::HUP);
    place.wait_for_log("project.p.aproval: there is no such key; did you mean `approval`?", 1);
    place.edit_config("aproval = \"auto\"", "approval = \"auto\"");
    place.edit_config("[host]", "workers = 9\n[host]");
    server.signal(Signal::HUP);
    place.wait_for_log("`workers` can only change at a start", 1);
    assert_eq!(place.projects(), before);
    assert!(!place.answer("/tasks/T-1/events").contains("architecture"), "nothing of it counts");

    place.edit_config("workers = 9\n", "");
    server.signal(Signal::HUP);
    place.wait_for_text("architecture");
    assert_ne!(place.projects(), before);
    server.signal(Signal::HUP);
    place.wait_for_log("nothing in it has changed", 1);
    assert!(server.end(Signal::TERM).success());
}

/// What needs a person reaches the operator's command as JSON, tried until it works, also where it takes its time.
#[test]
fn whatever_needs_a_person_is_told_to_the_operators_command() {
    let place = Place::new();
    place.write_config(&format!("command = [\"/bin/sh\", \"-c\", {:?}]", place::ANALYSIS));
    let told = place.notes().join("told");
    let command = format!(
        "[ -e '{0}.first' ] && cat >> '{0}' || {{ touch '{0}.first'; sleep 2; echo no >&2; exit 1; }}",
        told.display()
    );
    place.edit_config("[host]", &format!("notify = {{ command = {command:?} }}\n[host]"));
    let server = place.serve_configured();
    place.ask();
    place.wait_for_log("notify.command: it is still at work", 1);
    place.wait_for_log("notify.command: exit status: 1: no", 1);
    place.wait_for_note("told", 1);
    let alert: serde_json::Value = serde_json::from_str(&place.note("told")).unwrap();
    assert_eq!((&alert["kind"], &alert["task"]), (&"approval".into(), &"T-1".into()), "{alert}");
    assert_eq!(alert["commands"][1], "orchctl approve T-1");
    place.freeze("main is odd");
    place.wait_for_note("told", 2);
    assert!(place.note("told").contains("main is odd"));
    assert!(server.end(Signal::TERM).success());
}
