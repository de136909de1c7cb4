//! Housekeeping removes what is old by the runs' own identities, and nothing that anybody may still ask for.

use std::collections::BTreeSet;

use orchd_core::id::{RefName, RunId, TaskId};
use orchd_core::job::{JobResult, Work};
use orchd_core::stage::Role;
use orchd_core::time::{Span, Timestamp};
use orchd_runners::{Pruned, prune};
use uuid::{NoContext, Uuid};

use crate::world::World;

const DAY: Span = Span::hours(24);
/// Some day.
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn run_at(days_ago: i64, n: u16) -> RunId {
    let seconds = u64::try_from(NOW.0 / 1000 - days_ago * 86_400).unwrap();
    let at = uuid::Timestamp::from_unix(NoContext, seconds, u32::from(n));
    RunId(Uuid::new_v7(at))
}

fn leave(world: &World, run: RunId) {
    std::fs::create_dir_all(world.shop.run_dir(run)).unwrap();
}

fn there(world: &World, run: RunId) -> bool {
    world.shop.run_dir(run).exists()
}

#[tokio::test]
async fn old_runs_go_and_held_ones_stay() {
    let world = World::new().await;
    let (old, held, young) = (run_at(15, 1), run_at(15, 2), run_at(13, 3));
    for run in [old, held, young] {
        leave(&world, run);
    }
    let stranger = world.shop.runs_dir().join("notes");
    std::fs::create_dir(&stranger).unwrap();
    let busy = BTreeSet::from([held]);
    let days = |n| Span(DAY.0 * n);
    let pruned = prune(&world.shop, &busy, NOW, days(14), days(90)).await.unwrap();
    assert_eq!(pruned, Pruned { runs: 1, folders: 0, refs: 0 });
    assert!(!there(&world, old) && there(&world, held) && there(&world, young));
    assert!(stranger.exists(), "what is no run's is left alone");
}

/// Sessions can only be gone on with in their clone.
#[tokio::test]
async fn what_programs_keep_stays_as_long_as_the_clone_does() {
    let world = World::new().await;
    let (cloned, bare) = (world.task("DEMO-1").id, world.task("DEMO-2").id);
    std::fs::create_dir_all(world.shop.clone_dir(cloned)).unwrap();
    for task in [cloned, bare] {
        std::fs::create_dir_all(world.shop.state_dir(task)).unwrap();
    }
    let days = |n| Span(DAY.0 * n);
    for (now, folders) in [(Timestamp(0), 0), (Timestamp(4_000_000_000_000), 1)] {
        let pruned = prune(&world.shop, &BTreeSet::new(), now, days(14), days(90)).await.unwrap();
        assert_eq!(pruned, Pruned { runs: 0, folders, refs: 0 });
    }
    assert!(world.shop.state_dir(cloned).exists() && !world.shop.state_dir(bare).exists());
}

#[tokio::test]
async fn old_salvage_of_runs_goes_and_that_of_tasks_stays() {
    let world = World::new().await;
    let mirror = world.mirror().await;
    mirror.fetch_main().await.unwrap();
    let task = world.task("DEMO-1");
    let name = |run: RunId| RefName::salvage(run);
    let (old, young) = (name(run_at(91, 1)), name(run_at(89, 2)));
    let of_task = RefName::new(format!("refs/orchd/salvage/task/{}", task.id));
    let beside = RefName::new(format!("{old}-branch"));
    for name in [&old, &beside, &young, &of_task] {
        mirror.set_ref(name, &world.base).await.unwrap();
    }
    let days = |n| Span(DAY.0 * n);
    let pruned = prune(&world.shop, &BTreeSet::new(), NOW, days(14), days(90)).await.unwrap();
    assert_eq!(pruned, Pruned { runs: 0, folders: 0, refs: 2 });
    assert_eq!(mirror.resolve(&old).await.unwrap(), None);
    assert_eq!(mirror.resolve(&beside).await.unwrap(), None);
    for name in [&young, &of_task] {
        assert_eq!(mirror.resolve(name).await.unwrap(), Some(world.base.clone()));
    }
}

/// The work of a stopped task is kept under the task's identity, which is as time-ordered as a run's: it says when the
/// task was born, not when it was stopped.
#[tokio::test]
async fn the_salvage_of_a_task_born_long_ago_stays() {
    let world = World::new().await;
    let head = world.commit_on(&world.base, &[("code", "x\n")]).await;
    let mut task = world.task("DEMO-1");
    task.id = TaskId(run_at(91, 1).0);
    world.developed(&mut task, &head).await;
    let result = world.job(Some(&task), Work::CleanUp { branch: task.branch.clone() }).await;
    let JobResult::Cleaned { salvaged } = result else { panic!("{result:?}") };
    let days = |n| Span(DAY.0 * n);
    prune(&world.shop, &BTreeSet::new(), NOW, days(14), days(90)).await.unwrap();
    let kept = RefName::new(salvaged[0].clone());
    assert_eq!(world.mirror().await.resolve(&kept).await.unwrap(), Some(head));
}

/// A killed orchd leaves checkouts and drafts; read-only folders in them stand in nobody's way.
#[tokio::test]
async fn old_checkouts_drafts_and_clones_moved_aside_go() {
    let world = World::new().await;
    let (old, held, young) = (run_at(15, 1), run_at(15, 2), run_at(13, 3));
    let (checkouts, clones) = (world.data.join("checkouts"), world.data.join("clones"));
    for run in [old, held, young] {
        std::fs::create_dir_all(checkouts.join(run.to_string()).join("cache/x")).unwrap();
    }
    let closed = checkouts.join(old.to_string()).join("cache");
    std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    let task = world.task("DEMO-1").id;
    let aside = |run: RunId| clones.join(format!("{task}.aside-{run}"));
    let clone = clones.join(task.to_string());
    let (old_draft, draft) = (clones.join("a.new"), clones.join(format!("{task}.new")));
    let (gone, kept) = (aside(run_at(91, 4)), aside(run_at(89, 5)));
    for (dir, days_ago) in [(&old_draft, 15), (&draft, 13), (&clone, 1000), (&gone, 1), (&kept, 1000)] {
        std::fs::create_dir_all(dir).unwrap();
        let at = u64::try_from(NOW.0).unwrap() - days_ago * 86_400_000;
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(at);
        std::fs::File::open(dir).unwrap().set_modified(at).unwrap();
    }
    let days = |n| Span(DAY.0 * n);
    let busy = BTreeSet::from([held]);
    let pruned = prune(&world.shop, &busy, NOW, days(14), days(90)).await.unwrap();
    assert_eq!(pruned, Pruned { runs: 0, folders: 3, refs: 0 });
    assert!(!old_draft.exists() && draft.exists());
    let left = |run: RunId| checkouts.join(run.to_string()).exists();
    assert!(!left(old) && left(held) && left(young));
    assert!(!gone.exists() && kept.exists() && clone.exists());
}

/// A shim that lives keeps its directory, even where no job knows it any more.
#[tokio::test]
async fn a_run_that_still_lives_is_never_removed() {
    let mut world = World::new().await;
    world.plays(Role::Developer, "sleep 60");
    let task = world.task("DEMO-1");
    let work = world.agent(Role::Developer, &world.base);
    let (mut context, guard) = world.context(Some(&task), work);
    let run = run_at(100, 1);
    context.claimed.run = run;
    let dir = world.shop.run_dir(run);
    let working = world.work(context);
    let looking = async {
        while !dir.join("shim.json").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        prune(&world.shop, &BTreeSet::new(), NOW, Span::millis(0), Span::millis(0)).await.unwrap();
        assert!(dir.exists());
        guard.tell("the test is over");
    };
    tokio::join!(working, looking);
}
