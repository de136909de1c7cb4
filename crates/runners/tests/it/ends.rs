//! How a role's run may end otherwise, and what a restart of orchd makes of a run that went on.

use std::time::Duration;

use orchd_core::id::RefName;
use orchd_core::job::{AgentOutcome, JobResult};
use orchd_core::stage::Role;
use orchd_core::time::Span;

use crate::agents::{agent_run, why};
use crate::world::{World, run_git, work_in};

#[tokio::test]
async fn ends_are_classed() {
    let mut world = World::new().await;
    let task = world.task("DEMO-1");
    // Who plays the role is part of the work.
    let work = |world: &World| world.agent(Role::Developer, &world.base);
    world.plays(Role::Developer, "echo it broke; exit 3");
    let run = agent_run(world.job(Some(&task), work(&world)).await);
    assert!(why(&run).contains("exit 3") && why(&run).contains("it broke"), "{}", why(&run));
    assert!(run.branch.is_some());
    assert_eq!(run.salvage, None, "the request alone is no work to keep");
    world.plays(Role::Developer, "exit 75");
    let run = agent_run(world.job(Some(&task), work(&world)).await);
    assert!(matches!(run.outcome, AgentOutcome::Transient { .. }), "{:?}", run.outcome);
    for script in ["no-such-program", "kill -KILL $$"] {
        world.plays(Role::Developer, script);
        let run = agent_run(world.job(Some(&task), work(&world)).await);
        assert!(matches!(run.outcome, AgentOutcome::Infra { .. }), "{:?}", run.outcome);
    }
    world.plays(Role::Developer, "exec sleep 600");
    world.policy.agents.get_mut(&Role::Developer).unwrap().timeout = Span::millis(300);
    let run = agent_run(world.job(Some(&task), work(&world)).await);
    assert!(why(&run).contains("timeout"), "{}", why(&run));
    world.policy.agents.clear();
    let result = world.job(Some(&task), work(&world)).await;
    assert!(matches!(&result, JobResult::Infra { reason, .. } if reason.contains("developer")), "{result:?}");
}

#[tokio::test]
async fn a_run_told_to_end_ends_and_its_work_is_kept() {
    let mut world = World::new().await;
    world.plays(Role::Developer, "echo half > half; touch \"$ORCHD_RUN_DIR/up\"; exec sleep 600");
    let task = world.task("DEMO-1");
    let (context, guard) = world.context(Some(&task), world.agent(Role::Developer, &world.base));
    let up = world.shop.run_dir(context.run()).join("up");
    let kept = RefName::salvage(context.run());
    let (result, ()) = tokio::join!(world.work(context), async {
        appears(&up).await;
        guard.tell("stopped");
    });
    assert_eq!(result, JobResult::ended("stopped"));
    let mirror = world.mirror().await;
    let tip = mirror.resolve(&kept).await.unwrap().unwrap();
    assert!(mirror.changed_files(&world.base, &tip).await.unwrap().contains(&"half".to_owned()));
}

#[tokio::test]
async fn a_run_outlives_orchd_and_counts_afterwards() {
    let mut world = World::new().await;
    world.plays(
        Role::Developer,
        "echo x >> runs; touch \"$ORCHD_RUN_DIR/up\"; \
         until test -e \"$ORCHD_RUN_DIR/go\"; do sleep 0.05; done; say '{}'",
    );
    let task = world.task("DEMO-1");
    let (context, _) = world.context(Some(&task), world.agent(Role::Developer, &world.base));
    let dir = world.shop.run_dir(context.run());
    let (shop, first) = (world.shop.clone(), context.clone());
    let handle = tokio::spawn(async move { work_in(&shop, first).await });
    appears(&dir.join("up")).await;
    handle.abort();
    let _ = handle.await;
    // The next process takes the job over while the run still goes on.
    let shop = world.restarted();
    let second = context.clone();
    let handle = tokio::spawn(async move { work_in(&shop, second).await });
    std::fs::write(dir.join("go"), "").unwrap();
    let run = agent_run(handle.await.unwrap());
    assert!(matches!(run.outcome, AgentOutcome::Completed { .. }), "{:?}", run.outcome);
    let head = run.branch.clone().unwrap().head;
    let mirror = world.mirror().await;
    assert_eq!(mirror.read_file(&head, "runs", 100).await.unwrap().unwrap(), b"x\n");
    // Once more, after its end: the answer is the same, and nothing ran again.
    let again = agent_run(work_in(&world.restarted(), context).await);
    assert_eq!(again, run);
}

/// orchd was killed while it made a run ready. Where its shim may have been on its way, the run is not begun a second
/// time; before that, it is as if nothing had been.
#[tokio::test]
async fn a_run_that_was_made_ready_in_vain_begins_where_no_shim_could_know_of_it() {
    let mut world = World::new().await;
    world.plays(Role::Developer, "echo x > x; say '{}'");
    let task = world.task("DEMO-1");
    let (begun, _) = world.context(Some(&task), world.agent(Role::Developer, &world.base));
    let (lost, _) = world.context(Some(&task), world.agent(Role::Developer, &world.base));
    for (context, file) in [(&begun, "prompt.md"), (&lost, "spec.json")] {
        let dir = world.shop.run_dir(context.run());
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(file), "{}").unwrap();
    }
    let run = agent_run(work_in(&world.restarted(), begun).await);
    assert!(matches!(run.outcome, AgentOutcome::Completed { .. }), "{:?}", run.outcome);
    let result = work_in(&world.restarted(), lost).await;
    assert!(
        matches!(&result, JobResult::Lost { reason, .. } if reason.contains("before the run began")),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_former_run_that_still_lives_is_ended_before_its_clone_is_entered() {
    let mut world = World::new().await;
    world.plays(Role::Developer, "touch \"$ORCHD_RUN_DIR/up\"; echo old > old; exec sleep 600");
    let task = world.task("DEMO-1");
    let (context, _) = world.context(Some(&task), world.agent(Role::Developer, &world.base));
    let dir = world.shop.run_dir(context.run());
    let shop = world.shop.clone();
    let handle = tokio::spawn(async move { work_in(&shop, context).await });
    appears(&dir.join("up")).await;
    handle.abort();
    let _ = handle.await;
    assert!(!dir.join("result.json").exists());
    // Its job was given up elsewhere; another one of the same task starts.
    world.plays(Role::Developer, "test ! -e old && echo new > new && say '{}'");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Developer, &world.base)).await);
    assert!(matches!(run.outcome, AgentOutcome::Completed { .. }), "{:?}", run.outcome);
    assert!(dir.join("result.json").exists(), "the former run was not ended");
}

#[tokio::test]
async fn commits_of_a_run_that_was_never_taken_in_are_kept() {
    let mut world = World::new().await;
    world.plays(
        Role::Developer,
        "echo own > own; git add own; git commit -q -m own; cd \"$ORCHD_RUN_DIR\"; touch up; \
         until test -e go; do sleep 0.02; done; exit 0",
    );
    let task = world.task("DEMO-1");
    let (context, _) = world.context(Some(&task), world.agent(Role::Developer, &world.base));
    let dir = world.shop.run_dir(context.run());
    let shop = world.shop.clone();
    let handle = tokio::spawn(async move { work_in(&shop, context).await });
    appears(&dir.join("up")).await;
    handle.abort();
    let _ = handle.await;
    std::fs::write(dir.join("go"), "").unwrap();
    appears(&dir.join("result.json")).await;
    world.plays(Role::Developer, "echo new > new; say '{}'");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Developer, &world.base)).await);
    assert!(matches!(run.outcome, AgentOutcome::Completed { .. }), "{:?}", run.outcome);
    let refs = run_git(world.mirror().await.dir(), &["for-each-ref", "refs/orchd/salvage"]);
    assert_eq!(refs.lines().count(), 1, "{refs}");
}

/// What it left uncommitted lies on the salvage branch of its clone.
#[tokio::test]
async fn uncommitted_work_of_a_run_that_was_never_taken_in_is_kept() {
    let mut world = World::new().await;
    world.plays(
        Role::Developer,
        "echo half > half; cd \"$ORCHD_RUN_DIR\"; touch up; until test -e go; do sleep 0.02; done; exit 3",
    );
    let task = world.task("DEMO-1");
    let (context, _) = world.context(Some(&task), world.agent(Role::Developer, &world.base));
    let (dir, kept) = (world.shop.run_dir(context.run()), RefName::salvage(context.run()));
    let shop = world.shop.clone();
    let handle = tokio::spawn(async move { work_in(&shop, context).await });
    appears(&dir.join("up")).await;
    handle.abort();
    let _ = handle.await;
    std::fs::write(dir.join("go"), "").unwrap();
    appears(&dir.join("result.json")).await;
    world.plays(Role::Developer, "test ! -e half && echo new > new && say '{}'");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Developer, &world.base)).await);
    assert!(matches!(run.outcome, AgentOutcome::Completed { .. }), "{:?}", run.outcome);
    let mirror = world.mirror().await;
    let tip = mirror.resolve(&kept).await.unwrap().expect("its work has a ref");
    assert_eq!(mirror.read_file(&tip, "half", 100).await.unwrap().unwrap(), b"half\n");
}

/// What goes wrong here for a moment (a full disk, say) is no reason to throw away what a run did.
#[tokio::test]
async fn a_finished_run_is_not_lost_over_trouble_that_passes() {
    let mut world = World::new().await;
    world.plays(Role::Developer, "echo code > code; say '{}'");
    let task = world.task("DEMO-1");
    let (context, _) = world.context(Some(&task), world.agent(Role::Developer, &world.base));
    let ended = world.shop.run_dir(context.run()).join("result.json");
    // In the place of the folder into which work is taken.
    let trouble = world.mirror().await.dir().join("orchd-intake");
    std::fs::write(&trouble, "").unwrap();
    let (result, ()) = tokio::join!(world.work(context), async {
        appears(&ended).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        std::fs::remove_file(&trouble).unwrap();
    });
    let run = agent_run(result);
    assert!(matches!(run.outcome, AgentOutcome::Completed { .. }), "{:?}", run.outcome);
}

/// Nobody asked for the end: were it "told to end", the role would run again at once, without budget and for ever.
#[tokio::test]
async fn a_run_that_signals_its_shim_was_not_told_to_end() {
    let mut world = World::new().await;
    world.plays(Role::Developer, "kill -TERM $PPID; exec sleep 600");
    let task = world.task("DEMO-1");
    let result = world.job(Some(&task), world.agent(Role::Developer, &world.base)).await;
    assert!(!matches!(result, JobResult::Ended { .. }), "{result:?}");
}

/// The same through the file with which a stop is asked for.
#[tokio::test]
async fn a_run_that_writes_a_stop_was_not_told_to_end() {
    let mut world = World::new().await;
    world.plays(Role::Developer, "echo enough > \"$ORCHD_RUN_DIR/stop\"; exec sleep 600");
    let task = world.task("DEMO-1");
    let result = world.job(Some(&task), world.agent(Role::Developer, &world.base)).await;
    assert!(!matches!(result, JobResult::Ended { .. }), "{result:?}");
}

/// As one that was killed in the middle of a `git bisect` leaves it: the branch has its commits, HEAD is elsewhere.
#[tokio::test]
async fn commits_of_a_failed_run_are_kept_wherever_its_head_was() {
    let mut world = World::new().await;
    world.plays(
        Role::Developer,
        "echo hours > hours; git add hours; git commit -q -m hours; \
         git checkout -q --detach HEAD~1; echo half > half; exit 3",
    );
    let task = world.task("DEMO-1");
    let run = agent_run(world.job(Some(&task), world.agent(Role::Developer, &world.base)).await);
    let mirror = world.mirror().await;
    let refs = run_git(mirror.dir(), &["for-each-ref", "--format=%(refname)"]);
    let kept = refs.lines().any(|name| {
        run_git(mirror.dir(), &["ls-tree", "-r", "--name-only", name]).lines().any(|file| file == "hours")
    });
    assert!(kept, "its commit is in none of these refs (said: {:?}):\n{refs}", run.salvage);
}

pub(crate) async fn appears(path: &std::path::Path) {
    for _ in 0..1200 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} did not appear", path.display());
}
