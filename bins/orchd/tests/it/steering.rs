//! A person's words to an agent, over the API: one turn at a time, and the next run reads them.

use orchd_http::dto::Command;
use rustix::process::Signal;

use crate::place::{ANALYSIS, Place};

fn say(command: &str, words: &str) -> Command {
    Command { command: command.to_owned(), answers: Some(words.to_owned()), ..Command::default() }
}

#[test]
fn words_are_refused_while_a_run_is_under_way_and_read_by_the_next_one() {
    let place = Place::new();
    let notes = place.notes().display().to_string();
    // It waits for its end; it delivers only once somebody has told it the colour.
    place.configure(&format!(
        "echo started >> {notes}/started; until [ -e {notes}/go ]; do sleep 0.1; done; \
         grep -q 'in blue' \"$ORCHD_PROMPT\" || exit 3; {ANALYSIS}"
    ));
    let server = place.serve();
    place.ask();
    place.wait_for_note("started", 1);
    let pause = Command { command: "pause".to_owned(), ..Command::default() };
    place.command(&pause).unwrap();
    assert_eq!(place.command(&say("resume", "in blue")), Err("turn-running".to_owned()));
    place.let_go();
    place.wait_for_event("run-ended");
    // The first run failed; what a person says now is the next turn, and it delivers.
    place.command(&say("resume", "in blue")).unwrap();
    place.wait_for_text("\"ended\":\"completed\"");
    assert_eq!(place.note("started").lines().count(), 2);
    assert!(server.end(Signal::TERM).success());
}
