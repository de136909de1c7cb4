//! Task branches in the mirror and at the remote, and orchd's own refs.

use orchd_core::id::{Branch, RefName};
use orchd_git::{DeleteOutcome, GitError, PushOutcome, RecordOutcome, RefUpdate};

use crate::fixture::{World, empty, open_mirror, task};

#[tokio::test]
async fn the_mirrors_branch_moves_by_compare_and_swap() {
    let world = World::new().await;
    let (mirror, base, branch) = (&world.mirror, &world.base, Branch::new("orchd/KEY-1"));
    let next = world.commit_on(base, "a", "1").await;
    assert_eq!(mirror.ensure_branch(&branch, base).await.unwrap(), *base);
    assert_eq!(mirror.update_branch(&branch, &next, Some(base)).await.unwrap(), RefUpdate::Updated);
    assert_eq!(mirror.update_branch(&branch, &next, Some(base)).await.unwrap(), RefUpdate::Unchanged);
    assert_eq!(mirror.ensure_branch(&branch, base).await.unwrap(), next, "an existing branch stays");
    let stale = mirror.update_branch(&branch, base, Some(base)).await.unwrap();
    assert_eq!(stale, RefUpdate::Stale { actual: Some(next.clone()) });
    assert_eq!(mirror.branch_head(&branch).await.unwrap(), Some(next));
    assert_eq!(mirror.branch_head(&Branch::new("none")).await.unwrap(), None);
}

#[tokio::test]
async fn the_remotes_branch_moves_with_a_lease() {
    let world = World::new().await;
    let (mirror, base, branch) = (&world.mirror, &world.base, Branch::new("orchd/KEY-1"));
    let one = world.commit_on(base, "a", "1").await;
    let two = world.commit_on(base, "a", "2").await;
    assert_eq!(mirror.push_branch(&branch, &one, None).await.unwrap(), PushOutcome::Pushed);
    assert_eq!(mirror.push_branch(&branch, &one, None).await.unwrap(), PushOutcome::UpToDate);
    let stale = mirror.push_branch(&branch, &two, Some(base)).await.unwrap();
    assert_eq!(stale, PushOutcome::Stale { actual: Some(one.clone()) });
    let stale = mirror.push_branch(&branch, &two, None).await.unwrap();
    assert_eq!(stale, PushOutcome::Stale { actual: Some(one.clone()) });
    // Not a fast-forward: what a rebase makes. The local forge takes it on a task branch.
    assert_eq!(mirror.push_branch(&branch, &two, Some(&one)).await.unwrap(), PushOutcome::Pushed);
    assert_eq!(mirror.fetch_branch(&branch).await.unwrap(), Some(two.clone()));
    assert_eq!(mirror.fetch_branch(&Branch::new("none")).await.unwrap(), None);

    let kept = mirror.delete_remote_branch(&branch, &one).await.unwrap();
    assert_eq!(kept, DeleteOutcome::Stale { actual: two.clone() });
    assert_eq!(mirror.delete_remote_branch(&branch, &two).await.unwrap(), DeleteOutcome::Deleted);
    assert_eq!(mirror.delete_remote_branch(&branch, &two).await.unwrap(), DeleteOutcome::Absent);
}

#[tokio::test]
async fn main_is_no_task_branch() {
    let world = World::new().await;
    let main = Branch::new("main");
    let next = world.commit_on(&world.base, "a", "1").await;
    let pushed = world.mirror.push_branch(&main, &next, Some(&world.base)).await;
    assert!(matches!(pushed, Err(GitError::MainIsLandings { .. })));
    assert!(world.mirror.delete_remote_branch(&main, &world.base).await.is_err());
    assert!(world.mirror.update_branch(&main, &next, None).await.is_err());
    assert_eq!(world.forge.main().await.unwrap(), Some(world.base));
}

#[tokio::test]
async fn an_unreachable_remote_is_unknown_and_an_empty_one_has_no_main() {
    let (_temp, dir, git) = empty();
    let nowhere = open_mirror(&git, &dir.join("m1"), &dir.join("nowhere")).await;
    assert!(matches!(nowhere.fetch_main().await, Err(GitError::Failed { .. })));
    let world = World::new().await;
    std::fs::rename(world.forge.dir(), world.path("moved")).unwrap();
    let outcome = world.mirror.push_branch(&Branch::new("b"), &world.base, None).await.unwrap();
    assert!(matches!(outcome, PushOutcome::Unknown { .. }), "{outcome:?}");

    let forge = orchd_git::ForgeRepo::init(&git, &dir.join("forge")).await.unwrap();
    let mirror = open_mirror(&git, &dir.join("m2"), forge.dir()).await;
    assert!(matches!(mirror.fetch_main().await, Err(GitError::NoMain { .. })));
    assert_eq!(mirror.main().await.unwrap(), None);
}

#[tokio::test]
async fn records_are_a_ref_of_their_own_and_idempotent() {
    let world = World::new().await;
    let (mirror, name) = (&world.mirror, RefName::records(task()));
    let files = vec![("12-review.md".to_owned(), b"ok".to_vec()), ("a b/ö\n.md".to_owned(), vec![0, 1])];
    let first = mirror.commit_tree_ref(&name, &files, "records").await.unwrap();
    assert_eq!(mirror.commit_tree_ref(&name, &files, "records").await.unwrap(), first);
    assert_eq!(mirror.read_file(&first, "a b/ö\n.md", 10).await.unwrap(), Some(vec![0, 1]));
    let second = mirror.commit_tree_ref(&name, &files[..1], "records").await.unwrap();
    assert_eq!(mirror.read_file(&second, "a b/ö\n.md", 10).await.unwrap(), None);
    assert_eq!(mirror.publish_records(&name).await.unwrap(), RecordOutcome::Published);
    assert_eq!(mirror.publish_records(&name).await.unwrap(), RecordOutcome::Published);
    assert!(mirror.commit_tree_ref(&RefName::new("refs/heads/main"), &files, "x").await.is_err());
    assert!(mirror.commit_tree_ref(&name, &[("../x".into(), vec![])], "x").await.is_err());

    mirror.delete_ref(&name).await.unwrap();
    mirror.delete_ref(&name).await.unwrap();
    assert_eq!(mirror.resolve(&name).await.unwrap(), None);
    mirror.set_ref(&name, &first).await.unwrap();
    assert_eq!(mirror.resolve(&name).await.unwrap(), Some(first));
}
