//! I-19: no secret of the configuration appears in a log, event, artifact or prompt, or in any file or environment that
//! an agent can read. Canaries are planted in the server's environment, and everything is searched for them.

use rustix::process::Signal;

use crate::place::{ANALYSIS, Place};

/// Of orchd alone: no agent is given them.
const FORGE: &str = "canary-of-the-forge-1f7a";
const OTHER: &str = "canary-of-another-provider-9c2e";
/// Of this agent: it has it, and says it everywhere it can.
const OWN: &str = "canary-of-the-agent-itself-44d0";

/// Tells what it sees, and hands its own credential on wherever it can.
fn tells_everything(place: &Place) -> String {
    let notes = place.notes().display().to_string();
    format!(
        "env > {notes}/env; cat /proc/self/environ > {notes}/environ; \
         for f in \"$ORCHD_RUN_DIR\"/*; do cat \"$f\"; done > {notes}/files 2>/dev/null; \
         echo \"out: $MY_PROVIDER_KEY\"; echo \"err: $MY_PROVIDER_KEY\" >&2; \
         {}",
        ANALYSIS.replace("\"summary\": \"done\"", "\"summary\": \"the key is '\"$MY_PROVIDER_KEY\"'\"")
    )
}

#[test]
fn i_19_no_secret_is_readable_by_an_agent_or_written_by_orchd() {
    let mut place = Place::new();
    place.env = [
        ("GITEA_TOKEN", FORGE),
        ("ORCHD_FORGE_TOKEN", FORGE),
        ("ANTHROPIC_API_KEY", OTHER),
        ("AWS_SECRET_ACCESS_KEY", OTHER),
        ("MY_PROVIDER_KEY", OWN),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    place.configure_passing(&tells_everything(&place), &["MY_PROVIDER_KEY"]);
    let server = place.serve();
    place.ask();
    place.wait_for_event("run-ended");
    // What it could see: its own, by environment and in no file.
    assert!(place.note("env").contains(OWN), "{}", place.note("env"));
    for seen in ["env", "environ", "files"] {
        let seen = place.note(seen);
        assert!(!seen.contains(FORGE) && !seen.contains(OTHER), "{seen}");
    }
    assert!(!place.note("files").contains(OWN), "{}", place.note("files"));
    // What orchd says of it.
    for path in ["/tasks/T-1", "/tasks/T-1/log", "/tasks/T-1/events", "/tasks/T-1/why", "/state"] {
        let said = place.answer(path);
        assert!(!said.contains("canary"), "{path}: {said}");
    }
    assert!(place.answer("/tasks/T-1/log").contains("out: ***"), "{}", place.answer("/tasks/T-1/log"));
    let session = place.session();
    assert!(session.contains("out: ***"), "{session}");
    assert!(!session.contains("canary"), "{session}");
    assert!(server.end(Signal::TERM).success());
    assert_eq!(place.files_with(&[FORGE, OTHER, OWN]), Vec::<String>::new());
}
