//! What holds a run, with the mechanism that this host permits: a cgroup where one can be made, else the subreaper.
//! What needs a cgroup says on standard error when it was not run.

use std::fs;
use std::path::PathBuf;

use orchd_launcher::containment::{Mechanism, probe};
use orchd_launcher::ended::Ended;
use orchd_launcher::lost::Survivors;
use orchd_launcher::{Containment, Found, Waited};
use rustix::process::{Pid, Signal, kill_process};

use super::{Place, alive, ended, inside, launcher, until, within};

/// The group of a running run; `None`, and a word about it, where this host permits none.
fn group(place: &Place) -> Option<PathBuf> {
    let group = place.dir.identity().expect("read").expect("written").containment.expect("known").group;
    if group.is_none() {
        eprintln!("not run: {}", probe());
    }
    group
}

#[tokio::test]
async fn what_the_probe_promises_is_what_a_run_gets() {
    let place = Place::new();
    let result = place.end(&place.spec("cat /proc/self/cgroup")).await;
    let (promised, got) = (probe(), result.containment.clone().expect("recorded"));
    assert_eq!(promised.mechanism, got.mechanism, "{promised}; {got}");
    assert_eq!(promised.controllers, got.controllers);
    let name = format!("/orchd-run-{}", place.run);
    assert_eq!(place.stdout().contains(&name), got.mechanism != Mechanism::Subreaper, "{}", place.stdout());
    match &got {
        Containment { mechanism: Mechanism::Subreaper, group, lacking, .. } => {
            assert!(group.is_none() && lacking.is_some(), "{got:?}");
        }
        Containment { group, .. } => assert!(!group.clone().expect("its path").exists()),
    }
    assert!(promised.to_string().starts_with("each run"), "{promised}");
}

#[tokio::test]
async fn the_shim_is_outside_of_the_group_and_all_of_the_run_is_inside() {
    let place = Place::new();
    let script = "(setsid env -i sleep 600 &); echo up > up; sleep 600";
    let mut running = launcher().start(&place.dir, &place.spec(script)).await.expect("started");
    place.appears(&place.work().join("up")).await;
    if let Some(group) = group(&place) {
        let identity = place.dir.identity().expect("read").expect("written");
        let pids = until(|| {
            let pids = fs::read_to_string(group.join("cgroup.procs")).expect("read");
            let pids: Vec<i32> = pids.lines().map(|line| line.parse().expect("a pid")).collect();
            (pids.len() >= 3).then_some(pids)
        })
        .await;
        assert!(pids.contains(&identity.child.expect("started").pid), "{pids:?}");
        assert!(!pids.contains(&identity.shim.pid), "{pids:?}");
    }
    running.stop("seen").expect("asked");
    ended(within(running.wait()).await.expect("waited"));
    assert_eq!(inside(&place), Vec::<String>::new());
}

#[tokio::test]
async fn a_run_whose_shim_was_killed_cannot_hide_in_its_group() {
    let place = Place::new();
    // No mark, no session, no parent: nothing but the group says whose it is.
    let script = "setsid sh -c 'setsid env -i sh -c \"echo up > up; exec sleep 600\" & exit' ; \
        while [ ! -s up ]; do sleep 0.05; done; sleep 600";
    let mut running = launcher().start(&place.dir, &place.spec(script)).await.expect("started");
    place.appears(&place.work().join("up")).await;
    let group = group(&place);
    let shim = place.dir.identity().expect("read").expect("written").shim;
    kill_process(Pid::from_raw(shim.pid).expect("a pid"), Signal::KILL).expect("killed");
    let Waited::Lost(lost) = within(running.wait()).await.expect("waited") else { panic!("a result") };
    assert!(matches!(lost.survivors, Survivors::None), "{:?}", lost.survivors);
    assert!(lost.killed >= 1, "{lost:?}");
    assert_eq!(alive(place.run), Vec::<String>::new());
    match group {
        Some(group) => {
            assert_eq!(inside(&place), Vec::<String>::new());
            assert!(!group.exists(), "{} is left", group.display());
        }
        // Out of reach, as `lost` says: the test cleans up after itself.
        None => inside(&place).iter().for_each(|pid| {
            let pid = Pid::from_raw(pid.parse().expect("a pid")).expect("a pid");
            kill_process(pid, Signal::KILL).expect("killed");
        }),
    }
    assert!(matches!(launcher_finds(&place).await, Found::Lost(_)));
}

async fn launcher_finds(place: &Place) -> Found {
    orchd_launcher::launcher::find(&place.dir, place.run).await.expect("looked")
}

#[tokio::test]
async fn groups_that_a_run_makes_within_its_own_end_with_it() {
    let place = Place::new();
    // As a container engine does; where it may not, it is an ordinary run.
    let script = "g=$(sed -n 's/^0:://p' /proc/self/cgroup); m=$(sed -n 's/.* \\([^ ]*\\) [^-]*- cgroup2 .*/\\1/p' \
        /proc/self/mountinfo | head -n 1); mkdir \"$m$g/inner\" && (echo 0 > \"$m$g/inner/cgroup.procs\"; \
        trap '' TERM; echo in > in; sleep 600) & sleep 600";
    let mut spec = place.spec(script);
    spec.deadline = orchd_core::time::Span::secs(2);
    let mut running = launcher().start(&place.dir, &spec).await.expect("started");
    let group = group(&place);
    let result = ended(within(running.wait()).await.expect("waited"));
    assert_eq!(result.ended, Ended::DeadlineExceeded);
    assert_eq!(inside(&place), Vec::<String>::new());
    assert!(!group.is_some_and(|group| group.exists()));
}

#[tokio::test]
async fn a_run_goes_before_its_shim_where_memory_or_cpu_is_short() {
    let place = Place::new();
    let mut running = launcher().start(&place.dir, &place.spec("sleep 600")).await.expect("started");
    let identity = place.dir.identity().expect("read").expect("written");
    let child = identity.child.expect("started");
    let score = |pid: i32| -> i32 {
        let text = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).expect("it lives");
        text.trim().parse().expect("a number")
    };
    let place_of = |pid: i32| rustix::process::getpriority_process(Pid::from_raw(pid)).expect("it lives");
    assert!(score(child.pid) > score(identity.shim.pid) || score(identity.shim.pid) >= 500);
    assert!(place_of(child.pid) > place_of(identity.shim.pid));
    running.stop("seen").expect("asked");
    within(running.wait()).await.expect("waited");
}

#[tokio::test]
async fn a_group_written_by_the_run_itself_is_not_believed() {
    let place = Place::new();
    let bystander = Place::new();
    let mut other = launcher().start(&bystander.dir, &bystander.spec("sleep 600")).await.expect("started");
    let foreign = bystander.dir.identity().expect("read").expect("written").containment.expect("known");
    let mut running = launcher().start(&place.dir, &place.spec("sleep 600")).await.expect("started");
    let mut identity = place.dir.identity().expect("read").expect("written");
    let shim = identity.shim.pid;
    identity.containment = Some(foreign);
    fs::write(place.dir.file("shim.json"), serde_json::to_vec(&identity).expect("serialises"))
        .expect("forged");
    kill_process(Pid::from_raw(shim).expect("a pid"), Signal::KILL).expect("killed");
    assert!(matches!(within(running.wait()).await.expect("waited"), Waited::Lost(_)));
    assert!(!alive(bystander.run).is_empty(), "another run was killed in its place");
    other.stop("seen").expect("asked");
    ended(within(other.wait()).await.expect("waited"));
    // The forged name left its own group behind, empty.
    if let Some(group) = probe().group {
        let _ = fs::remove_dir(group.join(format!("orchd-run-{}", place.run)));
    }
}
