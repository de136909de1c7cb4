//! What git must say before the demonstration says it.

use super::*;

/// A place whose engine's repository has one commit more than the project, and that commit.
fn place() -> (tempfile::TempDir, Place, String) {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::prepare(Some(dir.path().join("demo"))).unwrap();
    let forge = place.data.join("forge/demo.git");
    fs::create_dir_all(&forge).unwrap();
    let project = place.project.to_string_lossy().into_owned();
    files::owner(&forge).ask(&["clone", "-q", "--bare", &project, "."]).unwrap();
    let tree = files::owner(&forge).ask(&["rev-parse", "main^{tree}"]).unwrap();
    let commit = ["commit-tree", &tree, "-p", &place.base, "-m", "landed"];
    let landed = files::owner(&forge).ask(&commit).unwrap();
    (dir, place, landed)
}

fn task(landed: &[&str], proven_in: Option<&str>) -> Task {
    serde_json::from_value(serde_json::json!({
        "id": "id", "key": "DEMO-1", "life": 1, "project": "demo", "repo": "demo", "title": "t", "track": "full",
        "stage": "done", "visit": 1, "created_at": 0, "entered_at": 0, "status": "", "waiting": null, "sentence": "",
        "waiting_since": 0, "hold": null, "job": null, "questions": [], "branch": "b", "head": null, "base": null,
        "landed": landed, "proven_in": proven_in, "rework": 0, "runs": 0, "cost_usd": 0.0, "tokens": [0, 0],
        "stages": [], "walks": [], "gates": [], "commands": [], "depends_on": [], "version": 1
    }))
    .unwrap()
}

#[test]
fn what_landed_is_brought_home_and_the_project_goes_forward() {
    let (_dir, place, landed) = place();
    let tasks = [task(&[&landed], Some(&landed))];
    let proven = prove(&place, &tasks, Some(&landed)).unwrap();
    assert_eq!(proven.main, landed);
    assert!(proven.commits.ends_with("landed (Demo Owner)"), "{}", proven.commits);
    assert_eq!(proven.tests, "10 passed, 0 failed");
    let git = files::owner(&place.project);
    for name in ["HEAD", "refs/heads/main", "refs/remotes/orchd/main", RED] {
        assert_eq!(git.ask(&["rev-parse", name]).unwrap(), landed, "{name}");
    }
    // Once more changes nothing.
    assert_eq!(prove(&place, &tasks, Some(&landed)).unwrap().main, landed);
}

#[test]
fn a_landing_that_git_does_not_know_is_told() {
    let (_dir, place, landed) = place();
    let error = prove(&place, &[task(&[&landed], None)], None).unwrap_err();
    assert!(error.to_string().contains("is not in"), "{error}");
    let error = prove(&place, &[task(&[&"f".repeat(40)], None)], None).unwrap_err();
    assert!(error.to_string().contains("no repository has"), "{error}");
}

#[test]
fn nothing_landed_is_the_base() {
    let (_dir, place, _) = place();
    let proven = prove(&place, &[task(&[], None)], None).unwrap();
    assert_eq!(proven.main, place.base);
    assert_eq!(proven.commits, "");
}
