//! A clone in which git finds something missing or broken: its task goes on, and can be stopped.

use orchd_core::job::{AgentOutcome, JobResult, Work};
use orchd_core::stage::Role;

use crate::world::World;

/// Also what a power cut leaves: a ref whose object never reached the disk.
const BREAKS_ITS_BRANCH: &str =
    "echo 1111111111111111111111111111111111111111 > .git/refs/heads/orchd/DEMO-1; say '{}'";

#[tokio::test]
async fn a_broken_branch_in_a_clone_does_not_keep_the_next_run_from_starting() {
    let mut world = World::new().await;
    world.plays(Role::Developer, BREAKS_ITS_BRANCH);
    let task = world.task("DEMO-1");
    let first = world.job(Some(&task), world.agent(Role::Developer, &world.base)).await;
    world.plays(Role::Developer, "echo code > code; say '{}'");
    let result = world.job(Some(&task), world.agent(Role::Developer, &world.base)).await;
    let JobResult::Agent(run) = result else { panic!("first {first:?}, then {result:?}") };
    assert!(matches!(run.outcome, AgentOutcome::Completed { .. }), "{:?}", run.outcome);
}

#[tokio::test]
async fn a_broken_branch_in_a_clone_does_not_keep_its_task_from_being_cancelled() {
    let mut world = World::new().await;
    world.plays(Role::Developer, BREAKS_ITS_BRANCH);
    let task = world.task("DEMO-1");
    world.job(Some(&task), world.agent(Role::Developer, &world.base)).await;
    let result = world.job(Some(&task), Work::CleanUp { branch: task.branch.clone() }).await;
    assert!(matches!(result, JobResult::Cleaned { .. }), "{result:?}");
}
