//! Test and CI commands at a commit, and rebase-and-retest.

use orchd_core::job::{JobResult, ReadyOutcome, ReadyRun, SuiteOutcome, SuiteRun, Work};
use orchd_core::policy::Ci;
use orchd_core::task::Task;
use orchd_core::time::Span;

use crate::world::{World, suite, work_in};

fn suite_run(result: JobResult) -> SuiteRun {
    match result {
        JobResult::Suite(run) => run,
        other => panic!("not a suite's run: {other:?}"),
    }
}

fn ready(result: JobResult) -> ReadyRun {
    match result {
        JobResult::Ready(run) => *run,
        other => panic!("not rebase-and-retest: {other:?}"),
    }
}

async fn tested(world: &mut World, command: &str) -> SuiteOutcome {
    world.policy.test = Some(suite(command));
    let task = world.task("DEMO-1");
    suite_run(world.job(Some(&task), Work::Test { head: world.base.clone() }).await).outcome
}

#[tokio::test]
async fn suites_tell_what_ran() {
    let mut world = World::new().await;
    let green = tested(&mut world, "echo 'ok 1 - a'; echo 'ok 2 - b'").await;
    assert_eq!(green, SuiteOutcome::Green { tests: Some(2), warning: None });
    let unknown = tested(&mut world, "test -f README").await;
    assert!(matches!(unknown, SuiteOutcome::Green { tests: None, warning: Some(_) }), "{unknown:?}");
    let red = tested(&mut world, "echo 'ok 1 - a'; echo 'not ok 2 - b'; exit 1").await;
    let SuiteOutcome::Red { failing, output } = red else { panic!("{red:?}") };
    assert_eq!(failing.len(), 1);
    assert!(output.contains("not ok 2 - b"));
    let none = tested(
        &mut world,
        "echo 'running 0 tests'; echo; \
        echo 'test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s'",
    )
    .await;
    assert!(
        matches!(&none, SuiteOutcome::Red { output, .. } if output.contains("zero tests ran")),
        "{none:?}"
    );
}

/// INC-11: a runner called a program that the host lacks, and every task was sent back for it.
#[tokio::test]
async fn inc_11_a_missing_program_is_nobodys_code() {
    let mut world = World::new().await;
    let missing = tested(&mut world, "no-such-runner").await;
    assert!(matches!(&missing, SuiteOutcome::Infra { reason } if reason.contains("127")), "{missing:?}");
    let closed = tested(&mut world, "./README").await;
    assert!(matches!(&closed, SuiteOutcome::Infra { reason } if reason.contains("126")), "{closed:?}");
}

#[tokio::test]
async fn a_timed_out_suite_is_infrastructure() {
    let mut world = World::new().await;
    world.policy.test = Some(suite("echo half; exec sleep 600"));
    world.policy.test.as_mut().unwrap().timeout = Span::millis(300);
    let task = world.task("DEMO-1");
    let outcome = suite_run(world.job(Some(&task), Work::Test { head: world.base.clone() }).await).outcome;
    assert!(matches!(&outcome, SuiteOutcome::Infra { reason } if reason.contains("half")), "{outcome:?}");
}

#[tokio::test]
async fn a_suite_knows_its_subject_and_is_compared_with_where_it_forked() {
    let mut world = World::new().await;
    let head = world.commit_on(&world.base, &[("code", "1\n")]).await;
    world.advance_main(&[("other", "1\n")]);
    world.policy.ci = Ci::Command(suite(
        "test -f code && test ! -f other && echo \"ok 1 - $ORCHD_KEY $ORCHD_SHA $ORCHD_BASE\"; \
         test -z \"$ORCHD_SECRET\" || exit 1; exit 9",
    ));
    let task = world.task("DEMO-1");
    let run = suite_run(world.job(Some(&task), Work::Ci { head: head.clone() }).await);
    assert_eq!((&run.head, &run.base), (&head, &world.base));
    assert_eq!(run.base_tree, world.mirror().await.tree_of(&world.base).await.unwrap());
    let SuiteOutcome::Red { output, .. } = run.outcome else { panic!("{:?}", run.outcome) };
    assert!(output.contains(&format!("DEMO-1 {head} {}", world.base)), "{output}");
    let left = std::fs::read_dir(world.data.join("checkouts")).unwrap().count();
    assert_eq!(left, 0, "a checkout was left behind");
}

#[tokio::test]
async fn a_suite_told_to_end_says_nothing_and_one_that_went_on_is_taken_in() {
    let mut world = World::new().await;
    world.policy.test = Some(suite("exec sleep 600"));
    let task = world.task("DEMO-1");
    let (context, guard) = world.context(Some(&task), Work::Test { head: world.base.clone() });
    let started = world.shop.run_dir(context.run()).join("shim.json");
    let (result, ()) = tokio::join!(world.work(context), async {
        while !started.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        guard.tell("stopped");
    });
    assert_eq!(result, JobResult::ended("stopped"));

    world.policy.test = Some(suite("sleep 1; echo 'ok 1 - a'"));
    let (context, _) = world.context(Some(&task), Work::Test { head: world.base.clone() });
    let started = world.shop.run_dir(context.run()).join("shim.json");
    let (shop, first) = (world.shop.clone(), context.clone());
    let handle = tokio::spawn(async move { work_in(&shop, first).await });
    while !started.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    handle.abort();
    let _ = handle.await;
    let run = suite_run(work_in(&world.restarted(), context).await);
    assert_eq!(run.outcome, SuiteOutcome::Green { tests: Some(1), warning: None });
}

fn rebase_of(task: &Task, tested: bool) -> Work {
    let branch = task.branch_state.clone().unwrap();
    Work::RebaseAndRetest { head: branch.head, patch: branch.patch, tested }
}

#[tokio::test]
async fn two_branches_green_apart_are_red_together() {
    let mut world = World::new().await;
    // Red only where both files are.
    world.policy.test =
        Some(suite("if test -f a && test -f b; then echo 'not ok 1 - both'; exit 1; fi; echo 'ok 1 - both'"));
    let ours = world.commit_on(&world.base, &[("a", "1\n")]).await;
    let mut task = world.task("DEMO-1");
    world.developed(&mut task, &ours).await;
    let alone = suite_run(world.job(Some(&task), Work::Test { head: ours.clone() }).await);
    assert!(matches!(alone.outcome, SuiteOutcome::Green { .. }), "{:?}", alone.outcome);
    let main = world.advance_main(&[("b", "1\n")]);

    // Tests spoke for the head before the rebase; they do not for the combined tree.
    let (context, _) = world.context(Some(&task), rebase_of(&task, true));
    let run = ready(world.work(context.clone()).await);
    assert_eq!(run.main, main);
    let ReadyOutcome::Ready { branch, rebased: true, suite: Some(SuiteOutcome::Red { .. }) } = &run.outcome
    else {
        panic!("{:?}", run.outcome)
    };
    assert_eq!(branch.base, main);
    assert_eq!(branch.patch, run.patch_before, "a clean rebase keeps the patch");
    assert_ne!(branch.head, ours);
    let mirror = world.mirror().await;
    assert_eq!(mirror.remote_branch(&task.branch).await.unwrap().as_ref(), Some(&branch.head));
    assert_eq!(mirror.fetch_main().await.unwrap().sha, main, "only the task branch is pushed");
    // A restart after its end tells the same, though main has moved again.
    world.advance_main(&[("c", "1\n")]);
    assert_eq!(ready(work_in(&world.restarted(), context).await), run);
}

#[tokio::test]
async fn a_head_on_main_is_not_tested_twice_and_a_conflict_tells_its_files() {
    let mut world = World::new().await;
    world.policy.test = Some(suite("exit 1"));
    let head = world.commit_on(&world.base, &[("README", "mine\n")]).await;
    let mut task = world.task("DEMO-1");
    world.developed(&mut task, &head).await;
    let run = ready(world.job(Some(&task), rebase_of(&task, true)).await);
    let ReadyOutcome::Ready { rebased: false, suite: None, branch } = &run.outcome else {
        panic!("{:?}", run.outcome)
    };
    assert_eq!(
        branch,
        &task.branch_state.clone().map(|b| BranchOf { docs: branch.docs.clone(), ..b }).unwrap()
    );
    let run = ready(world.job(Some(&task), rebase_of(&task, false)).await);
    assert!(matches!(run.outcome, ReadyOutcome::Ready { suite: Some(SuiteOutcome::Red { .. }), .. }));
    world.advance_main(&[("README", "theirs\n")]);
    let run = ready(world.job(Some(&task), rebase_of(&task, true)).await);
    let ReadyOutcome::Conflict { files, hunks } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert_eq!(files, &["README"]);
    assert!(hunks.contains("mine") && hunks.contains("theirs"), "{hunks}");
}

use orchd_core::job::BranchState as BranchOf;

#[tokio::test]
async fn a_branch_that_somebody_else_moved_is_not_overwritten() {
    let world = World::new().await;
    let head = world.commit_on(&world.base, &[("a", "1\n")]).await;
    let mut task = world.task("DEMO-1");
    world.developed(&mut task, &head).await;
    world.advance_main(&[("b", "1\n")]);
    let person = world.data.join("person");
    std::fs::create_dir_all(&person).unwrap();
    let forge = world.forge.dir().to_str().unwrap().to_owned();
    crate::world::run_git(&person, &["init", "-q"]);
    crate::world::run_git(&person, &["fetch", "-q", &forge, "orchd/DEMO-1"]);
    crate::world::run_git(&person, &["checkout", "-q", "--detach", "FETCH_HEAD"]);
    let theirs = crate::world::commit(&person, &[("p", "1\n")], "a person's");
    crate::world::run_git(&person, &["push", "-q", &forge, "HEAD:refs/heads/orchd/DEMO-1"]);
    let run = ready(world.job(Some(&task), rebase_of(&task, true)).await);
    let ReadyOutcome::Infra { reason } = &run.outcome else { panic!("{:?}", run.outcome) };
    assert!(reason.contains(theirs.as_str()), "{reason}");
    let there = world.mirror().await.remote_branch(&task.branch).await.unwrap();
    assert_eq!(there, Some(theirs));
}
