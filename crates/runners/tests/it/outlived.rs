//! Suites that go on while orchd is restarted, with nobody else in reach: they are found and taken in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use orchd_core::job::{JobResult, SuiteOutcome, Work};
use orchd_core::port::executor::RunContext;

use crate::ends::appears;
use crate::world::{World, run_git, suite, work_in};

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
