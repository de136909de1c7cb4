//! The look at main: import of the person's commits, suites by tree, divergence.

use orchd_core::job::{JobResult, MainReport, SuiteOutcome, Work};

use crate::world::{World, commit, run_git, suite};

async fn look(world: &World, at: Option<&orchd_core::id::Sha>, known: &[orchd_core::id::Sha]) -> MainReport {
    let work = Work::MainSuite { at: at.cloned(), known: known.to_vec() };
    match world.job(None, work).await {
        JobResult::Main(report) => report,
        other => panic!("not a look at main: {other:?}"),
    }
}

#[tokio::test]
async fn a_persons_commits_are_imported_and_only_unknown_trees_are_tested() {
    let mut world = World::new().await;
    world.policy.test = Some(suite("test ! -f bad || { echo 'not ok 1 - bad'; exit 1; }; echo 'ok 1 - bad'"));
    let bad = commit(&world.user, &[("bad", "1\n")], "a person's");
    let report = look(&world, Some(&world.base), &[]).await;
    assert_eq!((&report.sha, report.at.0, &report.diverged), (&bad, 1_000, &None));
    assert_eq!(report.suites.len(), 2);
    assert_eq!(report.suites[0].0, report.tree);
    assert!(matches!(report.suites[0].1, SuiteOutcome::Red { .. }));
    assert!(matches!(report.suites[1].1, SuiteOutcome::Green { .. }));
    let known: Vec<_> = report.suites.iter().map(|(tree, _)| tree.clone()).collect();
    assert_eq!(look(&world, Some(&world.base), &known).await.suites, []);
    assert_eq!(look(&world, Some(&bad), &[]).await.suites.len(), 1);
    world.policy.test = None;
    assert_eq!(look(&world, None, &[]).await.suites, []);
}

#[tokio::test]
async fn diverged_mains_are_told_with_the_command_that_mends_them() {
    let mut world = World::new().await;
    world.policy.test = None;
    let theirs = world.advance_main(&[("landed", "1\n")]);
    commit(&world.user, &[("own", "1\n")], "a person's");
    let report = look(&world, None, &[]).await;
    assert_eq!(report.sha, theirs);
    let said = report.diverged.unwrap();
    assert!(said.contains("merge orchd/main"), "{said}");
    run_git(&world.user, &["merge", "-q", "--no-edit", "orchd/main"]);
    assert_eq!(look(&world, None, &[]).await.diverged, None);
}
