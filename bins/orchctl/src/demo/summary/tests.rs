//! The last words: for people, and the line that programs read.

use orchd_http::dto::{Hold, Task};

use super::*;

fn report() -> Report {
    let tasks = vec![TaskReport {
        key: "DEMO-1".to_owned(),
        id: "id".to_owned(),
        stage: "done".to_owned(),
        rework: 1,
        cost_usd: 0.0345,
    }];
    Report {
        repo: "/d/project".into(),
        base_sha: "a".repeat(40),
        red_sha: Some("b".repeat(40)),
        main_sha: "c".repeat(40),
        tasks,
        chaos: None,
    }
}

/// Only the fields that the text reads are given.
fn task(stage: &str) -> Task {
    let mut value = serde_json::json!({
        "id": "id", "key": "DEMO-1", "life": 1, "project": "demo", "repo": "demo", "title": "Count letters",
        "track": "full", "stage": stage, "visit": 1, "created_at": 0, "entered_at": 0, "status": "", "waiting": null,
        "sentence": "It waits.", "waiting_since": 0, "hold": null, "job": null, "questions": [], "branch": "b",
        "head": null, "base": null, "landed": [], "proven_in": null, "rework": 1, "runs": 7, "cost_usd": 0.0345,
        "tokens": [1, 2], "stages": [], "walks": [], "gates": [], "commands": [], "depends_on": [], "version": 1
    });
    let task = serde_json::from_value(value.take()).unwrap();
    assert_eq!(TaskReport::from(&task).rework, 1);
    task
}

#[test]
fn the_last_line_has_exactly_the_documented_fields() {
    let line = serde_json::to_string(&report()).unwrap();
    assert!(!line.contains('\n'));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&value), ["base_sha", "main_sha", "red_sha", "repo", "tasks"]);
    assert_eq!(keys(&value["tasks"][0]), ["cost_usd", "id", "key", "rework", "stage"]);
}

#[test]
fn people_read_what_was_done_and_what_to_do_next() {
    let report = report();
    let facts = Facts {
        dir: Path::new("/d"),
        report: &report,
        tasks: &[task("done")],
        commits: "ccc two\nddd one",
        tests: "17 passed, 0 failed",
    };
    let text = text(&facts);
    for wanted in [
        "DEMO-1  Count letters\n      done: sent back 1 time, 7 runs, $0.0345\n",
        "no model was asked and nothing was spent",
        "Main went from aaaaaaaaaa to cccccccccc; its tests: 17 passed, 0 failed\n  ccc two\n  ddd one\n",
        "git -C /d/project show bbbbbbbbbb",
        "docs/guide/own-repository.md",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is missing in\n{text}");
    }
}

#[test]
fn a_hold_says_who_must_do_what() {
    let hold = Hold {
        code: "infra".to_owned(),
        detail: "disk full".to_owned(),
        who: "operator".to_owned(),
        todo: "make room".to_owned(),
    };
    let task = Task { hold: Some(hold), ..task("testing") };
    let mut out = String::new();
    task_line(&mut out, &task);
    assert!(out.contains("on Hold (infra): disk full\n      the operator must act: make room\n"), "{out}");
}
