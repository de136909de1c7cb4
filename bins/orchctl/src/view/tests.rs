//! The block and the facts, from fixed values of the API.

use orchd_http::dto::{Event, Hold, StageTotals, State, Task};
use serde_json::json;

use super::*;

fn totals(stage: &str, visits: u32, ms: i64) -> StageTotals {
    StageTotals { stage: stage.to_owned(), visits, attempts: visits, ms, cost_usd: 0.0 }
}

fn task() -> Task {
    let strings = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    Task {
        id: "id".to_owned(),
        key: "DEMO-1".to_owned(),
        life: 1,
        project: "demo".to_owned(),
        repo: "demo".to_owned(),
        title: "Count capital letters".to_owned(),
        track: "bug".to_owned(),
        stage: "development".to_owned(),
        visit: 5,
        created_at: 1_000,
        entered_at: 5_000,
        status: "Development".to_owned(),
        waiting: Some("working".to_owned()),
        sentence: "A job of it runs.".to_owned(),
        waiting_since: 5_200,
        hold: None,
        job: Some("developer".to_owned()),
        questions: Vec::new(),
        branch: "orchd/DEMO-1".to_owned(),
        head: None,
        base: None,
        landed: Vec::new(),
        proven_in: None,
        rework: 1,
        runs: 3,
        cost_usd: 0.0123,
        tokens: (1, 2),
        stages: vec![totals("analysis", 1, 900), totals("development", 2, 61_500), totals("review", 1, 700)],
        walks: strings(&["analysis", "development", "review", "testing", "deploy"]),
        gates: Vec::new(),
        commands: Vec::new(),
        depends_on: Vec::new(),
        version: 9,
    }
}

fn state(task: Task) -> State {
    State {
        v: 1,
        now: 6_000,
        drained: false,
        short: None,
        configured: None,
        containment: String::new(),
        providers: Vec::new(),
        tasks: vec![task],
        repos: Vec::new(),
        jobs: Vec::new(),
        pending: 0,
    }
}

#[test]
fn a_task_sent_back_shows_what_stands_and_what_does_not() {
    assert_eq!(
        block(&state(task()), 120, Dress::Plain),
        [
            "DEMO-1  Count capital letters",
            "  ✓ analysis 0.9s ▶ development 2× 1m01s ↺ review 0.7s · testing · deploy",
            "  A job of it runs. (developer, 0.8s); rework 1, runs 3, $0.0123",
        ]
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [20, 33, 50, 79] {
        for line in block(&state(task()), width, Dress::Plain) {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        let plain = block(&state(task()), width, Dress::Plain);
        let colour = block(&state(task()), width, Dress::Colour);
        assert_eq!(plain.len(), colour.len(), "colours change no layout");
        let stripped: Vec<String> = colour.iter().map(|line| strip(line)).collect();
        assert_eq!(plain, stripped);
    }
}

fn strip(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let mut text = parts.next().unwrap().to_owned();
    text.extend(parts.map(|part| part.split_once('m').unwrap().1));
    text
}

#[test]
fn the_end_and_a_hold_say_so() {
    let done = Task { stage: "done".to_owned(), landed: vec!["0123456789abcdef".to_owned()], ..task() };
    let lines = block(&state(done), 120, Dress::Plain);
    assert!(lines[1].starts_with("  ✓ analysis 0.9s ✓ development"), "{lines:?}");
    assert!(lines[2].contains("0123456789 is proven to be in main"), "{lines:?}");
    let hold = Hold {
        code: "no-progress".to_owned(),
        detail: "the same\nfindings".to_owned(),
        who: "operator".to_owned(),
        todo: "help".to_owned(),
    };
    let held = Task { hold: Some(hold), ..task() };
    let lines = block(&state(held), 120, Dress::Plain);
    assert!(lines[2].contains("on Hold (no-progress): the same findings"), "{lines:?}");
}

fn event(name: &str, line: &str, data: Value) -> Event {
    Event { seq: 1, at: 4_250, event: name.to_owned(), line: line.to_owned(), data }
}

fn told(event: &Event) -> Option<String> {
    fact("DEMO-1", event, 1_000, Dress::Plain)
}

#[test]
fn a_fact_is_a_line_with_its_time() {
    let entered = event("entered", "development → review", json!({}));
    assert_eq!(told(&entered).unwrap(), "  3.2s  DEMO-1  development → review");
    let coloured = fact("DEMO-1", &entered, 1_000, Dress::Colour).unwrap();
    assert_eq!(strip(&coloured), told(&entered).unwrap());
}

#[test]
fn bookkeeping_and_what_is_said_twice_are_left_out() {
    assert_eq!(told(&event("decided", "", json!({}))), None);
    let gate = |gate: &str, outcome: &str| {
        let data = json!({"result": {"gate": gate, "outcome": {"outcome": outcome}}});
        told(&event("gate-judged", "a line", data)).is_some()
    };
    assert!(gate("tests-verdict", "pass"));
    assert!(!gate("entry", "pass"));
    assert!(!gate("tests-verdict", "reject"));
    assert!(!gate("security", "not-applicable"));
    assert!(gate("ci-green", "defer"));
}

#[test]
fn control_characters_never_reach_the_terminal() {
    assert_eq!(cut("a\x1b[2Jb\nc", 80), "a [2Jb c");
    assert_eq!(cut("abcdef", 4), "abc…");
    let hostile = event("run-ended", "says no: \x1b[2J", json!({}));
    assert!(!told(&hostile).unwrap().contains('\x1b'));
}
