//! Runs in a sandbox: what they see of orchd, and how they hand in what they made. Told, not failed, where the host has
//! none.

use orchd_core::job::{AgentOutcome, Work};
use orchd_core::policy::SandboxWish;
use orchd_core::stage::Role;
use orchd_core::verdict::{Finding, Priority};

use crate::agents::agent_run;
use crate::world::World;

fn sandboxed(world: &mut World) -> bool {
    world.policy.confinement.sandbox = SandboxWish::Require;
    match orchd_launcher::sandbox::probe() {
        Ok(_) => true,
        Err(why) => {
            eprintln!("not run: {why}");
            false
        }
    }
}

/// The prompt offers the report in the run's directory in place of a submission.
#[tokio::test]
async fn a_judge_in_a_sandbox_may_hand_in_its_report() {
    let mut world = World::new().await;
    if !sandboxed(&mut world) {
        return;
    }
    let report = "printf -- '---\\nverdict: APPROVED\\n---\\nfine\\n' > \"$ORCHD_RUN_DIR/12-review.md\"";
    world.plays(Role::Reviewer, report);
    let task = world.task("DEMO-1");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Reviewer, &world.base)).await);
    assert!(matches!(run.outcome, AgentOutcome::Completed { .. }), "{:?}", run.outcome);
}

/// A data directory below a folder that is readable (`/opt` always is; a home by `read`) is nobody's in a sandbox.
#[tokio::test]
async fn a_run_in_a_sandbox_never_sees_the_data_directory() {
    let mut world = World::new().await;
    if !sandboxed(&mut world) {
        return;
    }
    let data = world.data.canonicalize().unwrap();
    std::fs::write(data.join("orchd.db"), "other tasks").unwrap();
    world.policy.confinement.read = vec![data.parent().unwrap().display().to_string()];
    world.plays(Role::Developer, "cat ../../orchd.db > seen; test -s seen || echo nothing > seen; say '{}'");
    let task = world.task("DEMO-1");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Developer, &world.base)).await);
    let head = run.branch.clone().unwrap().head;
    let seen = world.mirror().await.read_file(&head, "seen", 100).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&seen), "nothing\n");
}

/// The prompt names the file in which all findings are.
#[tokio::test]
async fn a_run_in_a_sandbox_reads_what_must_be_fixed() {
    let mut world = World::new().await;
    if !sandboxed(&mut world) {
        return;
    }
    world.plays(Role::Developer, "cp \"$ORCHD_RUN_DIR/must-fix.json\" seen && say '{}'");
    let task = world.task("DEMO-1");
    let mut work = world.agent(Role::Developer, &world.base);
    let Work::Agent { must_fix, .. } = &mut work else { panic!() };
    must_fix.push(Finding {
        priority: Priority::P0,
        file: None,
        line: None,
        text: "it greets nobody".to_owned(),
    });
    let run = agent_run(world.job(Some(&task), work).await);
    let head = run.branch.clone().unwrap().head;
    let seen = world.mirror().await.read_file(&head, "seen", 1000).await.unwrap().expect("it was copied");
    assert!(String::from_utf8_lossy(&seen).contains("it greets nobody"));
}
