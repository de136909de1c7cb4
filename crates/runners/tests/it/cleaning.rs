//! What is left of a stopped task: one salvage ref.

use orchd_core::job::{JobResult, Work};
use orchd_core::stage::Role;

use crate::agents::agent_run;
use crate::world::{World, run_git};

fn refs(at: &std::path::Path) -> Vec<String> {
    run_git(at, &["for-each-ref", "--format=%(refname)"]).lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn nothing_is_left_of_a_stopped_task_but_its_salvage_ref() {
    let mut world = World::new().await;
    world.plays(Role::Developer, "echo code > code; say '{}'");
    let task = world.task("DEMO-1");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Developer, &world.base)).await);
    let head = run.branch.unwrap().head;
    assert!(world.shop.clone_dir(task.id).exists());
    let salvage = format!("refs/orchd/salvage/task/{}", task.id);
    for _ in 0..2 {
        let result = world.job(Some(&task), Work::CleanUp { branch: task.branch.clone() }).await;
        assert_eq!(result, JobResult::Cleaned { salvaged: vec![salvage.clone()] });
    }
    let mirror = world.mirror().await;
    assert_eq!(refs(mirror.dir()), [salvage.as_str(), "refs/remotes/origin/main"]);
    assert_eq!(run_git(mirror.dir(), &["rev-parse", &salvage]), head.as_str());
    assert!(!refs(world.forge.dir()).contains(&"refs/heads/orchd/DEMO-1".to_owned()));
    assert_eq!(std::fs::read_dir(world.data.join("clones")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_cannot_be_reached_keeps_nobody_from_being_cleaned_up() {
    let mut world = World::new().await;
    world.plays(Role::Developer, "echo code > code; say '{}'");
    let task = world.task("DEMO-1");
    agent_run(world.job(Some(&task), world.agent(Role::Developer, &world.base)).await);
    std::fs::rename(world.forge.dir(), world.data.join("away")).unwrap();
    let result = world.job(Some(&task), Work::CleanUp { branch: task.branch.clone() }).await;
    assert!(matches!(&result, JobResult::Cleaned { salvaged } if salvaged.len() == 1), "{result:?}");
    assert!(!world.shop.clone_dir(task.id).exists());
    // A task that never had anything.
    let result = world.job(Some(&world.task("DEMO-2")), Work::CleanUp { branch: task.branch.clone() }).await;
    assert_eq!(result, JobResult::Cleaned { salvaged: Vec::new() });
}

/// A developer that leaves commits which nobody can have.
#[tokio::test]
async fn a_clone_that_was_broken_keeps_nobody_from_being_cleaned_up() {
    for broken in ["rm -rf .git/objects/??", "head -c 9999 /dev/zero > .git/refs/heads/orchd/DEMO-1"] {
        let mut world = World::new().await;
        let script = format!("echo code > code; git add code; git commit -q -m own; {broken}; exit 3");
        world.plays(Role::Developer, &script);
        let task = world.task("DEMO-1");
        agent_run(world.job(Some(&task), world.agent(Role::Developer, &world.base)).await);
        let result = world.job(Some(&task), Work::CleanUp { branch: task.branch.clone() }).await;
        assert!(matches!(&result, JobResult::Cleaned { .. }), "{broken}: {result:?}");
        assert!(!world.shop.clone_dir(task.id).exists(), "{broken}");
    }
}
