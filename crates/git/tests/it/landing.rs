//! Landing, its repeat, its race with others and with STOP, and the proof.

use orchd_core::id::{RefName, Sha};
use orchd_git::{CloseOutcome, LandOutcome, ProbeOutcome};

use crate::fixture::{Person, World, open_mirror, script, task};

#[tokio::test]
async fn a_landing_is_applied_once_and_a_repeat_is_harmless() {
    let world = World::new().await;
    let (mirror, name) = (&world.mirror, RefName::merge(task(), 1));
    let head = world.commit_on(&world.base, "a", "1").await;
    let absent = mirror.probe_landing(&name, &head).await.unwrap();
    assert_eq!(absent, ProbeOutcome::Absent { main: world.base.clone() });
    let landed = mirror.land(&world.base, &head, &name).await.unwrap();
    assert_eq!(landed, LandOutcome::Applied { main: head.clone() });
    let again = mirror.land(&world.base, &head, &name).await.unwrap();
    assert_eq!(again, LandOutcome::AlreadyLanded { main: head.clone() });
    // Main moved further: git now calls the repeat "stale info", and it is not.
    let main = world.advance_main("b", "2").await;
    let again = mirror.land(&world.base, &head, &name).await.unwrap();
    assert_eq!(again, LandOutcome::AlreadyLanded { main: main.clone() });
    assert_eq!(mirror.probe_landing(&name, &head).await.unwrap(), ProbeOutcome::Landed { main });
}

#[tokio::test]
async fn a_moved_main_is_a_stale_base() {
    let world = World::new().await;
    let head = world.commit_on(&world.base, "a", "1").await;
    let main = world.advance_main("b", "2").await;
    let name = RefName::merge(task(), 1);
    let outcome = world.mirror.land(&world.base, &head, &name).await.unwrap();
    assert_eq!(outcome, LandOutcome::StaleBase { main: main.clone() });
    assert_eq!(world.mirror.probe_landing(&name, &head).await.unwrap(), ProbeOutcome::Absent { main });
}

#[tokio::test]
async fn inc_46_an_unrelated_history_never_replaces_main() {
    let world = World::new().await;
    // A remote without a guard of its own: nothing but the check stands before main.
    let bare = Person::new(&world.path("plain"));
    bare.run(["init", "-q", "--bare", "remote.git"]);
    let remote = bare.dir.join("remote.git");
    world.user.run(["push".as_ref(), "-q".as_ref(), remote.as_os_str(), "main:refs/heads/main".as_ref()]);
    let mirror = open_mirror(&world.git, &world.path("mirror2"), &remote).await;
    let base = mirror.fetch_main().await.unwrap().sha;

    let stranger = Person::new(&world.path("stranger"));
    let foreign = stranger.commit("x", "y", "another root");
    stranger.run([
        "push".as_ref(),
        "-q".as_ref(),
        mirror.dir().as_os_str(),
        "HEAD:refs/test/foreign".as_ref(),
    ]);
    let outcome = mirror.land(&base, &foreign, &RefName::merge(task(), 1)).await.unwrap();
    assert_eq!(outcome, LandOutcome::NotDescendant);
    assert_eq!(mirror.fetch_main().await.unwrap().sha, base);
}

#[tokio::test]
async fn of_eight_landings_at_once_exactly_one_wins() {
    let world = World::new().await;
    for round in 0..3 {
        let base = world.mirror.fetch_main().await.unwrap().sha;
        let mut landings = Vec::new();
        for n in 0..8 {
            let head = world.commit_on(&base, &format!("{round}-{n}"), "x").await;
            let (mirror, base, name) = (world.mirror.clone(), base.clone(), RefName::merge(task(), 1));
            landings.push(tokio::spawn(async move { mirror.land(&base, &head, &name).await }));
        }
        let mut winners = 0;
        for landing in landings {
            match landing.await.unwrap().unwrap() {
                LandOutcome::Applied { .. } => winners += 1,
                LandOutcome::StaleBase { main } => assert_ne!(main, base),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(winners, 1);
    }
}

#[tokio::test]
async fn a_tombstone_closes_the_door_and_comes_too_late_after_a_landing() {
    let world = World::new().await;
    let (mirror, head) = (&world.mirror, world.commit_on(&world.base, "a", "1").await);
    let (closed, landed) = (RefName::merge(task(), 1), RefName::merge(task(), 1));
    assert_eq!(mirror.tombstone(&closed).await.unwrap(), CloseOutcome::Closed);
    assert_eq!(mirror.tombstone(&closed).await.unwrap(), CloseOutcome::Closed);
    assert_eq!(mirror.land(&world.base, &head, &closed).await.unwrap(), LandOutcome::Tombstoned);
    let main = world.base.clone();
    assert_eq!(mirror.probe_landing(&closed, &head).await.unwrap(), ProbeOutcome::Tombstoned { main });

    assert!(matches!(mirror.land(&world.base, &head, &landed).await.unwrap(), LandOutcome::Applied { .. }));
    let late = mirror.tombstone(&landed).await.unwrap();
    assert_eq!(late, CloseOutcome::Landed { main: head });
}

#[tokio::test]
async fn a_landing_and_a_stop_at_once_agree_on_who_was_first() {
    let world = World::new().await;
    let mut base = world.base.clone();
    for n in 0..6 {
        let head = world.commit_on(&base, &format!("f{n}"), "x").await;
        let name = RefName::merge(task(), 1);
        let (landed, closed) =
            tokio::join!(world.mirror.land(&base, &head, &name), world.mirror.tombstone(&name));
        match (landed.unwrap(), closed.unwrap()) {
            (LandOutcome::Applied { .. }, CloseOutcome::Landed { main }) => {
                assert_eq!(main, head);
                base = head;
            }
            (LandOutcome::Tombstoned, CloseOutcome::Closed) => {
                assert_eq!(world.mirror.fetch_main().await.unwrap().sha, base);
            }
            both => panic!("{both:?}"),
        }
    }
}

#[tokio::test]
async fn the_proof_is_ancestry_and_a_lost_main_is_told() {
    let world = World::new().await;
    let (mirror, name) = (&world.mirror, RefName::merge(task(), 1));
    let head = world.commit_on(&world.base, "a", "1").await;
    mirror.land(&world.base, &head, &name).await.unwrap();
    // Somebody with the keys to the machine takes the landing back.
    let forge = Person { dir: world.forge.dir().to_owned() };
    forge.run(["update-ref", "refs/heads/main", world.base.as_str()]);
    let found = mirror.probe_landing(&name, &head).await.unwrap();
    assert_eq!(found, ProbeOutcome::Contradicted { main: world.base.clone(), holder: head.clone() });
    assert!(matches!(mirror.tombstone(&name).await.unwrap(), CloseOutcome::Refused { .. }));
    // Landed by another way: the proof does not ask how.
    forge.run(["update-ref", "refs/heads/main", head.as_str()]);
    let other = RefName::merge(task(), 1);
    let found = mirror.probe_landing(&other, &head).await.unwrap();
    assert_eq!(found, ProbeOutcome::Landed { main: head.clone() });
    let outcome = mirror.land(&world.base, &head, &other).await.unwrap();
    assert_eq!(outcome, LandOutcome::AlreadyLanded { main: head });
}

#[tokio::test]
async fn a_landing_without_an_answer_is_unknown() {
    let world = World::new().await;
    let head = world.commit_on(&world.base, "a", "1").await;
    std::fs::rename(world.forge.dir(), world.path("away")).unwrap();
    let name = RefName::merge(task(), 1);
    let outcome = world.mirror.land(&world.base, &head, &name).await.unwrap();
    assert!(matches!(outcome, LandOutcome::Unknown { .. }), "{outcome:?}");
    assert!(matches!(world.mirror.tombstone(&name).await.unwrap(), CloseOutcome::Unknown { .. }));
    std::fs::rename(world.path("away"), world.forge.dir()).unwrap();
    assert!(matches!(world.mirror.probe_landing(&name, &head).await.unwrap(), ProbeOutcome::Absent { .. }));
    assert!(world.mirror.land(&Sha::parse(&"0".repeat(40)).unwrap(), &head, &name).await.is_err());
}

#[tokio::test]
async fn a_receiver_that_refuses_is_quoted() {
    let world = World::new().await;
    let hook = world.forge.dir().join("hooks/pre-receive");
    script(&hook, "echo 'protected by policy' >&2; exit 1");
    let head = world.commit_on(&world.base, "a", "1").await;
    let outcome = world.mirror.land(&world.base, &head, &RefName::merge(task(), 1)).await.unwrap();
    let LandOutcome::Refused { why } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("protected by policy"), "{why}");
}
