//! When nothing moves any more, from fixed values of the API.

use orchd_http::dto::{Job, Repo};

use serde_json::json;

use super::*;

fn waits(id: &str, word: &str) -> Task {
    let task = json!({
        "id": id, "key": "DEMO-1", "life": 1, "project": "demo", "repo": "demo", "title": "Count", "track": "express",
        "stage": "created", "visit": 1, "created_at": 0, "entered_at": 0, "status": "New", "waiting": word, "sentence": "",
        "waiting_since": 0, "hold": null, "job": null, "questions": [], "branch": "orchd/DEMO-1", "head": null, "base": null,
        "landed": [], "proven_in": null, "rework": 0, "runs": 0, "cost_usd": 0.0, "tokens": [0, 0], "stages": [], "walks": [],
        "gates": [], "commands": [], "depends_on": [], "version": 1
    });
    serde_json::from_value(task).expect("a task of the API")
}

fn state(tasks: &[Task]) -> State {
    State {
        v: 1,
        now: 6_000,
        drained: false,
        short: None,
        configured: None,
        containment: String::new(),
        providers: Vec::new(),
        tasks: tasks.to_vec(),
        repos: Vec::new(),
        jobs: Vec::new(),
        pending: 0,
    }
}

/// A repository that is frozen, and these tasks; long after the watch began.
fn frozen(tasks: &[Task]) -> State {
    let repo = Repo {
        id: "demo".to_owned(),
        project: "demo".to_owned(),
        occupants: Vec::new(),
        landing: None,
        lane: Vec::new(),
        frozen: Some("main is red".to_owned()),
        main: None,
        main_failure: None,
    };
    State { repos: vec![repo], ..state(tasks) }
}

fn job(of: &str, word: &str) -> Job {
    Job {
        id: "1".to_owned(),
        kind: "main-suite".to_owned(),
        state: word.to_owned(),
        of: of.to_owned(),
        run: None,
        since: 0,
        started_at: None,
        lease_until: None,
    }
}

fn rests(state: &State, tasks: &[Task]) -> bool {
    let mut seen = Seen { since: Some(state.now - SETTLES), ..Seen::default() };
    seen.rests(state, tasks)
}

#[test]
fn a_frozen_repository_is_a_persons_to_mend_unless_somebody_is_at_it() {
    let mine = waits("mine", "frozen");
    let alone = frozen(std::slice::from_ref(&mine));
    let watched = std::slice::from_ref(&mine);
    assert!(rests(&alone, watched));
    assert!(!Seen::default().rests(&alone, watched), "an engine that starts looks at what waits");
    assert!(!rests(&State { pending: 1, ..alone.clone() }, watched));
    assert!(!rests(&State { jobs: vec![job("demo", "queued")], ..alone.clone() }, watched));
    assert!(rests(&State { jobs: vec![job("OTHER-1", "running")], ..alone }, watched));
    // Another mends it, or waits as well.
    assert!(!rests(&frozen(&[mine.clone(), waits("fix", "working")]), watched));
    assert!(rests(&frozen(&[mine.clone(), waits("too", "frozen"), waits("asks", "person")]), watched));
    // It was unfrozen, and the task does not know yet.
    let mut open = frozen(watched);
    open.repos.iter_mut().for_each(|repo| repo.frozen = None);
    assert!(!rests(&open, watched));
}

#[test]
fn what_moves_by_itself_is_waited_for() {
    for word in ["working", "main", "provider", "quota", "deferred", "predecessor", "drained"] {
        let mine = waits("mine", word);
        assert!(!rests(&frozen(std::slice::from_ref(&mine)), &[mine]), "{word}");
    }
    let mine = waits("mine", "drained");
    assert!(rests(&State { drained: true, ..state(std::slice::from_ref(&mine)) }, &[mine]));
}

#[test]
fn room_is_waited_for_a_while() {
    let mine = waits("mine", "working");
    let full =
        |now, jobs| State { now, jobs, short: Some("full".to_owned()), ..state(std::slice::from_ref(&mine)) };
    let mut seen = Seen::default();
    let queued = || vec![job("mine", "queued")];
    assert!(!seen.rests(&full(0, queued()), std::slice::from_ref(&mine)));
    assert!(!seen.rests(&full(ROOM_COMES - 1, queued()), std::slice::from_ref(&mine)));
    // What runs may make room.
    assert!(!seen.rests(&full(ROOM_COMES, vec![job("mine", "running")]), std::slice::from_ref(&mine)));
    assert!(!seen.rests(&full(ROOM_COMES + 1, queued()), std::slice::from_ref(&mine)));
    assert!(seen.rests(&full(2 * ROOM_COMES + 1, queued()), std::slice::from_ref(&mine)));
    assert_eq!(seen.news(&full(0, queued()), &[]), ["Nothing new is started: full"]);
    assert!(seen.news(&full(1, queued()), &[]).is_empty(), "it is said once");
}

#[test]
fn people_are_told_within_a_bound_that_begins_anew_when_a_task_moves_on() {
    let telling = |now, word| {
        let mine = waits("mine", word);
        (State { now, pending: 1, ..state(std::slice::from_ref(&mine)) }, mine)
    };
    let mut seen = Seen::default();
    let mut rests = |now, word| {
        let (state, mine) = telling(now, word);
        seen.rests(&state, &[mine])
    };
    assert!(!rests(0, "person"));
    // It was answered, and works for longer than the bound.
    assert!(!rests(1, "working"));
    assert!(!rests(TOLD_WITHIN + 1, "person"), "of what it asks now nobody has heard");
    assert!(rests(2 * TOLD_WITHIN + 1, "person"));
}
