//! Adoption of a person's repository; statuses, pull requests, records and branches.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use orchd_core::event::Birth;
use orchd_core::evolve::born;
use orchd_core::id::{Actor, Branch, Key, ProjectId, RepoId, TaskId};
use orchd_core::pipeline::TrackName;
use orchd_core::port::board::Board;
use orchd_core::port::forge::Forge;
use orchd_core::port::tracker::Tracker;
use orchd_core::task::{Request, Task};
use orchd_core::time::Timestamp;
use orchd_git::{ImportOutcome, Mirror, MirrorConfig, Remote};
use orchd_local::{AdoptError, GitForge, GitRepo, LocalTracker, adopt, open};

use crate::board::MemoryBoard;
use crate::fixture::{Place, commit, run};

#[tokio::test]
async fn the_main_of_a_person_is_found_under_its_usual_names() {
    for (branch, name) in [("main", "main"), ("master", "master"), ("trunk", "trunk")] {
        let place = Place::new().with_branch(branch);
        let adopted = adopt(&place.git, &place.path("forge.git"), &place.user, None).await.unwrap();
        assert_eq!(adopted.branch.as_str(), name);
        let head = run(&place.user, &["rev-parse", "HEAD"]);
        assert_eq!(adopted.forge.main().await.unwrap().unwrap().as_str(), head);
        // Nothing of ours lies in theirs.
        assert_eq!(
            run(&place.user, &["for-each-ref", "--format=%(refname)"]),
            format!("refs/heads/{branch}")
        );
        let again = adopt(&place.git, &place.path("forge.git"), &place.user, None).await.unwrap();
        assert_eq!(again.imported, ImportOutcome::UpToDate);
    }
}

#[tokio::test]
async fn main_is_followed_even_where_something_else_is_checked_out() {
    let place = Place::new().with_branch("main");
    run(&place.user, &["switch", "-q", "-c", "feature"]);
    commit(&place.user, "half");
    let adopted = adopt(&place.git, &place.path("forge.git"), &place.user, None).await.unwrap();
    assert_eq!(adopted.branch.as_str(), "main");
    let feature = Branch::new("feature");
    let adopted = adopt(&place.git, &place.path("forge2.git"), &place.user, Some(&feature)).await.unwrap();
    assert_eq!(adopted.branch, feature);
    assert_eq!(
        adopted.forge.main().await.unwrap().unwrap().as_str(),
        run(&place.user, &["rev-parse", "feature"])
    );
}

#[tokio::test]
async fn a_repository_without_a_commit_is_refused_by_name() {
    let place = Place::new();
    run(&place.user, &["init", "-q", "-b", "main"]);
    let error = adopt(&place.git, &place.path("forge.git"), &place.user, None).await.unwrap_err();
    assert!(matches!(&error, AdoptError::NoBranch { wanted, .. } if wanted == "main or master"), "{error}");
}

#[tokio::test]
async fn a_lock_of_a_killed_git_is_gone_after_the_start() {
    let place = Place::new().with_branch("main");
    let dir = place.path("forge.git");
    adopt(&place.git, &dir, &place.user, None).await.unwrap();
    std::fs::write(dir.join("refs/heads/main.lock"), "").unwrap();
    open(&place.git, &dir).await.unwrap();
    assert!(!dir.join("refs/heads/main.lock").exists());
}

async fn forge_of(place: &Place, board: Arc<MemoryBoard>) -> GitForge {
    let adopted = adopt(&place.git, &place.path("forge.git"), &place.user, None).await.unwrap();
    let config = MirrorConfig::new(place.path("mirror.git"), Remote::Path(adopted.forge.dir().to_owned()));
    let mirror = Mirror::open_or_init(&place.git, config).await.unwrap();
    let repos = BTreeMap::from([(RepoId::new("demo"), GitRepo { mirror, pulls: true })]);
    GitForge::new(board, repos)
}

fn task() -> Task {
    let birth = Birth {
        id: TaskId(uuid::Uuid::from_u128(7)),
        seq: 1,
        project: ProjectId::new("demo"),
        repo: RepoId::new("demo"),
        key: Key::new("DEMO-1"),
        life: 1,
        branch: Branch::new("orchd/DEMO-1"),
        request: Request::default(),
        track: TrackName::from("full"),
        by: Actor::new("test"),
    };
    born(&birth, Timestamp(0))
}

#[tokio::test]
async fn a_pull_request_is_one_row_per_head_and_written_when_it_changes() {
    let place = Place::new().with_branch("main");
    let board = Arc::new(MemoryBoard::default());
    let forge = forge_of(&place, board.clone()).await;
    let (repo, head) = (RepoId::new("demo"), Branch::new("orchd/DEMO-1"));
    for _ in 0..2 {
        forge.ensure_pull(&repo, &head, "title", "text", true).await.unwrap();
    }
    assert_eq!(*board.pull_writes.lock().unwrap(), 1);
    forge.ensure_pull(&repo, &head, "title", "text", false).await.unwrap();
    let pulls = board.pulls(&repo).await.unwrap();
    assert_eq!(pulls.len(), 1);
    assert!(!pulls[0].open);
    let error = forge.ensure_pull(&RepoId::new("other"), &head, "t", "x", true).await.unwrap_err();
    assert!(error.why.contains("other"), "{error}");
}

/// A remote that is only git has none, and is not asked for any.
#[tokio::test]
async fn without_pull_requests_none_is_written() {
    let place = Place::new().with_branch("main");
    let board = Arc::new(MemoryBoard::default());
    let adopted = adopt(&place.git, &place.path("forge.git"), &place.user, None).await.unwrap();
    let remote = Remote::Url(adopted.forge.dir().to_str().unwrap().to_owned());
    let mirror = Mirror::open_or_init(&place.git, MirrorConfig::new(place.path("mirror.git"), remote));
    let repo = GitRepo { mirror: mirror.await.unwrap(), pulls: false };
    let forge = GitForge::new(board.clone(), BTreeMap::from([(RepoId::new("demo"), repo)]));
    let (repo, head) = (RepoId::new("demo"), Branch::new("orchd/DEMO-1"));
    forge.ensure_pull(&repo, &head, "title", "text", true).await.unwrap();
    assert_eq!(board.pulls(&repo).await.unwrap(), []);
}

#[tokio::test]
async fn records_are_commits_beside_the_code() {
    let place = Place::new().with_branch("main");
    let forge = forge_of(&place, Arc::default()).await;
    let task = task();
    let file = |text: &str| vec![("12-review.md".to_owned(), text.to_owned())];
    forge.write_records(&task, &file("one")).await.unwrap();
    forge.write_records(&task, &file("one")).await.unwrap();
    forge.write_records(&task, &file("two")).await.unwrap();
    let at = place.path("forge.git");
    let name = format!("refs/orchd/records/{}", task.id);
    let count = |at: &Path| run(at, &["rev-list", "--count", &name]);
    assert_eq!(count(&at), "2", "the same records again are no commit");
    assert_eq!(run(&at, &["show", &format!("{name}:12-review.md")]), "two");
    assert_eq!(run(&at, &["for-each-ref", "--format=%(refname)", "refs/heads"]), "refs/heads/main");
}

#[tokio::test]
async fn a_branch_is_told_where_it_stands() {
    let place = Place::new().with_branch("main");
    let forge = forge_of(&place, Arc::default()).await;
    let repo = RepoId::new("demo");
    assert_eq!(forge.branch_head(&repo, &Branch::new("orchd/DEMO-1")).await.unwrap(), None);
    let main = forge.branch_head(&repo, &Branch::new("main")).await.unwrap();
    let there = open(&place.git, &place.path("forge.git")).await.unwrap();
    assert_eq!(main, there.main().await.unwrap());
    assert!(main.is_some());
}

#[tokio::test]
async fn a_status_is_shown_on_the_board() {
    let board = Arc::new(MemoryBoard::default());
    let project = ProjectId::new("demo");
    let issue = board.add_issue(&project, "DEMO", "t", "d", Timestamp(0)).await.unwrap();
    let tracker = LocalTracker::new(board.clone());
    tracker.set_status(&project, &issue.key, "development", "attempt 1").await.unwrap();
    let shown = board.issue(&project, &issue.key).await.unwrap().unwrap();
    assert_eq!((shown.status.as_str(), shown.line.as_str()), ("development", "attempt 1"));
    let error = tracker.set_status(&project, &Key::new("DEMO-9"), "done", "").await.unwrap_err();
    assert!(error.why.contains("DEMO-9"), "{error}");
}
