//! Findings of a review, each as a test that fails until its cause is mended. Real git, real runs, as beside.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orchd_core::id::{RefName, TaskId};
use orchd_core::job::{AgentOutcome, JobResult, SuiteOutcome, Work};
use orchd_core::policy::SandboxWish;
use orchd_core::port::executor::RunContext;
use orchd_core::stage::Role;
use orchd_core::time::{Span, Timestamp};
use orchd_runners::prune;
use uuid::{NoContext, Uuid};

use crate::agents::agent_run;
use crate::world::{World, run_git, suite, work_in};

/// The work of a stopped task is kept under the task's identity, which is as time-ordered as a run's: it says when the
/// task was born, not when it was stopped.
#[tokio::test]
async fn the_salvage_of_a_task_born_long_ago_stays() {
    let world = World::new().await;
    let head = world.commit_on(&world.base, &[("code", "x\n")]).await;
    let now = Timestamp(1_800_000_000_000);
    let born = uuid::Timestamp::from_unix(NoContext, u64::try_from(now.0 / 1000).unwrap() - 91 * 86_400, 0);
    let mut task = world.task("DEMO-1");
    task.id = TaskId(Uuid::new_v7(born));
    world.developed(&mut task, &head).await;
    let result = world.job(Some(&task), Work::CleanUp { branch: task.branch.clone() }).await;
    let JobResult::Cleaned { salvaged } = result else { panic!("{result:?}") };
    let days = |n: i64| Span::hours(24 * n);
    prune(&world.shop, &BTreeSet::new(), now, days(14), days(90)).await.unwrap();
    let kept = RefName::new(salvaged[0].clone());
    assert_eq!(world.mirror().await.resolve(&kept).await.unwrap(), Some(head));
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

/// After a restart with the forge out of reach: a suite that goes on under its shim is taken in all the same.
#[tokio::test]
async fn a_suite_that_outlives_orchd_is_adopted_without_the_forge() {
    let mut world = World::new().await;
    let head = world.commit_on(&world.base, &[("code", "x\n")]).await;
    let mut task = world.task("DEMO-1");
    world.developed(&mut task, &head).await;
    let waits = Waits::made(&mut world);
    let (context, _) = world.context(Some(&task), Work::Test { head });
    let at = world.shop.run_dir(context.run());
    let result = waits.outlived_without_the_forge(&world, context, &at).await;
    let JobResult::Suite(run) = result else { panic!("{result:?}") };
    assert_eq!((run.base, run.outcome), (world.base, SuiteOutcome::Green { tests: Some(1), warning: None }));
}

#[tokio::test]
async fn a_look_at_main_that_outlives_orchd_is_adopted_without_the_forge() {
    let mut world = World::new().await;
    let waits = Waits::made(&mut world);
    let (context, _) = world.context(None, Work::MainSuite { at: None, known: Vec::new() });
    let tree = run_git(&world.user, &["rev-parse", "HEAD^{tree}"]);
    let at = world.shop.run_dir(context.run()).join(&tree);
    let result = waits.outlived_without_the_forge(&world, context, &at).await;
    let JobResult::Main(report) = result else { panic!("{result:?}") };
    assert_eq!((&report.sha, report.tree.as_str()), (&world.base, tree.as_str()));
    assert!(matches!(report.suites[0].1, SuiteOutcome::Green { .. }), "{:?}", report.suites);
}

/// A suite that says when it is up, and waits for a word.
struct Waits {
    signals: PathBuf,
}

impl Waits {
    fn made(world: &mut World) -> Self {
        let signals = world.data.join("signals");
        std::fs::create_dir_all(&signals).unwrap();
        let at = signals.display();
        world.policy.test = Some(suite(&format!(
            "touch '{at}/up'; for i in $(seq 200); do test -e '{at}/go' && break; sleep 0.1; done; echo 'ok 1 - all'"
        )));
        Self { signals }
    }

    /// What the next process of orchd answers. `at`: the suite's directory.
    async fn outlived_without_the_forge(&self, world: &World, context: RunContext, at: &Path) -> JobResult {
        let (shop, first) = (world.shop.clone(), context.clone());
        let handle = tokio::spawn(async move { work_in(&shop, first).await });
        appears(&self.signals.join("up")).await;
        handle.abort();
        let _ = handle.await;
        std::fs::rename(world.forge.dir(), world.data.join("away")).unwrap();
        let shop = world.restarted();
        let handle = tokio::spawn(async move { work_in(&shop, context).await });
        tokio::time::sleep(Duration::from_secs(2)).await;
        let gave_up = handle.is_finished();
        let lives = !at.join("result.json").exists();
        std::fs::write(self.signals.join("go"), "").unwrap();
        let result = handle.await.unwrap();
        appears(&at.join("result.json")).await;
        assert!(!(gave_up && lives), "answered {result:?} while the suite still ran");
        result
    }
}

async fn appears(path: &Path) {
    for _ in 0..600 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} did not appear", path.display());
}
