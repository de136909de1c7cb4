//! The landing, its repeat, its probe, and STOP's closed door.

use orchd_core::effect::{LandingAnswer, ProbeAnswer};
use orchd_core::id::{EffectId, Sha};
use orchd_core::job::{JobResult, ProbeOf, Work};
use orchd_core::repo::Marker;
use orchd_core::task::Task;

use crate::world::{World, fresh, run_git};

fn push(task: &Task) -> Work {
    let branch = task.branch_state.clone().unwrap();
    let effect = EffectId(fresh());
    Work::Push { effect, landing: task.landing.number, base: branch.base, head: branch.head }
}

fn probe(task: &Task, close: bool) -> Work {
    let head = task.head().unwrap().clone();
    let of = ProbeOf::Landing { landing: task.landing.number, head };
    Work::Probe { effect: EffectId(fresh()), of, close }
}

async fn main_of(world: &World) -> Sha {
    world.forge.main().await.unwrap().unwrap()
}

async fn ready_task(world: &World) -> Task {
    let head = world.commit_on(&world.base, &[("code", "keep this line\n")]).await;
    let mut task = world.task("DEMO-1");
    world.developed(&mut task, &head).await;
    task
}

#[tokio::test]
async fn a_landing_is_proven_and_a_repeat_is_harmless() {
    let mut world = World::new().await;
    let task = ready_task(&world).await;
    for (path, text) in [("code", "this line"), ("README", "gone")] {
        let (path, text) = (path.to_owned(), text.to_owned());
        world.repo.markers.push(Marker { task: task.id, path, text });
    }
    let head = task.head().unwrap().clone();
    let (context, _) = world.context(Some(&task), push(&task));
    let JobResult::Landing(LandingAnswer::Landed { proof }) = world.work(context.clone()).await else {
        panic!("not landed")
    };
    assert_eq!((&proof.head, &proof.main), (&head, &head));
    assert_eq!(proof.missing_markers, ["README: gone"]);
    assert_eq!(proof.marker_warning, None);
    assert_eq!(main_of(&world).await, head);
    assert_eq!(run_git(&world.user, &["rev-parse", "refs/remotes/orchd/main"]), head.as_str());
    assert_eq!(run_git(&world.user, &["rev-parse", "main"]), world.base.as_str());

    // The same job again, taken over: the ledger says sent, so nothing is pushed and main is to be asked.
    let again = world.work(context).await;
    assert!(matches!(again, JobResult::Landing(LandingAnswer::Unknown { .. })), "{again:?}");
    let JobResult::Probe(ProbeAnswer::Landed { proof: probed }) =
        world.job(Some(&task), probe(&task, false)).await
    else {
        panic!("the probe did not find it")
    };
    assert_eq!(probed, proof);
    // And sent again where the ledger allows it, with main moved on: straight to the proof.
    let main = world.advance_main(&[("later", "1\n")]);
    let JobResult::Landing(LandingAnswer::Landed { proof }) = world.job(Some(&task), push(&task)).await
    else {
        panic!("not landed")
    };
    assert_eq!((proof.head, proof.main), (head, main));
}

#[tokio::test]
async fn a_moved_main_and_a_foreign_history_are_not_pushed_over() {
    let world = World::new().await;
    let task = ready_task(&world).await;
    let main = world.advance_main(&[("b", "1\n")]);
    let answer = world.job(Some(&task), push(&task)).await;
    assert_eq!(answer, JobResult::Landing(LandingAnswer::StaleBase { main: main.clone() }));
    // A base that the head does not contain.
    let Work::Push { effect, landing, head, .. } = push(&task) else { panic!() };
    let answer = world.job(Some(&task), Work::Push { effect, landing, base: main.clone(), head }).await;
    assert!(matches!(answer, JobResult::Landing(LandingAnswer::Refused { .. })), "{answer:?}");
    assert_eq!(main_of(&world).await, main);
}

#[tokio::test]
async fn a_closed_door_stays_closed() {
    let world = World::new().await;
    let task = ready_task(&world).await;
    let absent = world.job(Some(&task), probe(&task, false)).await;
    assert_eq!(absent, JobResult::Probe(ProbeAnswer::Absent { main: world.base.clone() }));
    for _ in 0..2 {
        let closed = world.job(Some(&task), probe(&task, true)).await;
        assert_eq!(closed, JobResult::Probe(ProbeAnswer::Closed { main: world.base.clone() }));
    }
    let late = world.job(Some(&task), push(&task)).await;
    assert!(matches!(late, JobResult::Landing(LandingAnswer::Refused { .. })), "{late:?}");
    assert_eq!(main_of(&world).await, world.base);
    let again = world.job(Some(&task), probe(&task, false)).await;
    assert_eq!(again, JobResult::Probe(ProbeAnswer::Closed { main: world.base.clone() }));
}

#[tokio::test]
async fn closing_a_landing_that_happened_finds_it() {
    let world = World::new().await;
    let task = ready_task(&world).await;
    world.job(Some(&task), push(&task)).await;
    let answer = world.job(Some(&task), probe(&task, true)).await;
    assert!(matches!(answer, JobResult::Probe(ProbeAnswer::Landed { .. })), "{answer:?}");
}

#[tokio::test]
async fn inc_13_another_merge_of_the_branch_is_no_proof_of_the_head() {
    let world = World::new().await;
    // The branch's first commit is its documents; somebody merged just that, and called the branch merged.
    let docs = world.commit_on(&world.base, &[("docs/work-items/DEMO-1/01-brd.md", "# Goal\nx\n")]).await;
    let head = world.commit_on(&docs, &[("code", "1\n")]).await;
    let mut task = world.task("DEMO-1");
    world.developed(&mut task, &head).await;
    let forge = world.forge.dir().to_str().unwrap().to_owned();
    let mirror = world.mirror().await;
    run_git(mirror.dir(), &["push", "-q", &forge, &format!("{docs}:refs/heads/main")]);
    assert_eq!(main_of(&world).await, docs);
    let answer = world.job(Some(&task), probe(&task, true)).await;
    assert_eq!(answer, JobResult::Probe(ProbeAnswer::Closed { main: docs }));
}

#[tokio::test]
async fn an_unreachable_remote_before_the_push_is_not_sent() {
    let world = World::new().await;
    let task = ready_task(&world).await;
    std::fs::rename(world.forge.dir(), world.data.join("away")).unwrap();
    let answer = world.job(Some(&task), push(&task)).await;
    assert!(matches!(answer, JobResult::Landing(LandingAnswer::NotSent { .. })), "{answer:?}");
    let answer = world.job(Some(&task), probe(&task, false)).await;
    assert!(matches!(answer, JobResult::Probe(ProbeAnswer::Infra { .. })), "{answer:?}");
}
