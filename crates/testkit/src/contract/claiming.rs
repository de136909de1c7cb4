//! Claims: which job goes next, to how many, and what its holder is given (I-3, I-4).

use std::collections::BTreeSet;

use orchd_core::event::Event;
use orchd_core::fact::Address;
use orchd_core::id::{JobId, RepoId};
use orchd_core::job::{JobClass, JobKind, JobSpec};
use orchd_core::port::store::{ClaimFilter, Claimed, JobState};
use orchd_core::task::Task;
use orchd_core::time::Span;

use super::lab::{Lab, TTL, actor, answered, look_work, queue, side_work, test_work, write};
use crate::block_on;

fn ids(claimed: &[Claimed]) -> Vec<JobId> {
    claimed.iter().map(|c| c.job).collect()
}

async fn prioritise(lab: &Lab, task: &Task, priority: i32) {
    let mut commit = lab.plan(task).await;
    write(&mut commit, Event::Prioritised { by: actor(), priority });
    lab.committed(commit).await;
}

/// I-4.
pub async fn a_queued_job_has_no_owner_run_or_start(lab: &Lab) {
    let task = lab.task("A").await;
    let id = lab.enqueue(&task, test_work()).await;
    let row = lab.row(id).await;
    assert_eq!(
        (row.state, row.class, &row.of),
        (JobState::Queued, JobClass::Pipeline, &Address::Task(task.id))
    );
    assert_eq!((row.job.kind, row.job.since, row.job.not_before), (JobKind::Test, lab.now(), None));
    assert_eq!((row.owner, row.run, row.token), (None, None, None));
    assert_eq!((row.until, row.started_at, row.attempt), (None, None, 0));
    assert_eq!((row.result, row.job.ending), (None, None));
    let look = lab.row(lab.enqueue_look().await).await;
    assert_eq!((look.class, look.of), (JobClass::Side, Address::Repo(RepoId::new("repo"))));
}

/// Owner, run, token, deadline: all of them, in the answer and in the row.
pub async fn a_claim_gives_a_lease(lab: &Lab) {
    let task = lab.task("A").await;
    let id = lab.enqueue(&task, test_work()).await;
    let now = lab.wait(Span::secs(1));
    let (boot, runs) = (lab.boot(), lab.runs(2));
    let claimed = answered(lab.store().claim(&lab.filter(boot), &runs).await);
    assert_eq!(claimed.len(), 1);
    let (claim, row) = (&claimed[0], lab.row(id).await);
    assert_eq!((claim.job, &claim.of, claim.kind), (id, &Address::Task(task.id), JobKind::Test));
    assert_eq!(claim.spec, JobSpec { work: test_work(), not_before: None });
    assert_eq!((claim.run, claim.until, claim.attempt), (runs[0], now + TTL, 1));
    assert_eq!((row.state, row.owner, row.run), (JobState::Running, Some(boot), Some(claim.run)));
    assert_eq!((row.token, row.until), (Some(claim.token), Some(claim.until)));
    assert_eq!((row.started_at, row.attempt), (Some(now), 1));
    assert_eq!(lab.claim(boot).await, [], "it is taken");
}

/// Lower goes first; the older of two.
pub async fn side_jobs_go_first_then_priority_then_age(lab: &Lab) {
    let mut tasks = Vec::new();
    for (key, priority) in [("A", 5), ("B", 1), ("C", 5), ("D", 9), ("E", 0)] {
        let task = lab.task(key).await;
        prioritise(lab, &task, priority).await;
        tasks.push(task);
    }
    let mut jobs = Vec::new();
    for task in &tasks[..3] {
        jobs.push(lab.enqueue(task, test_work()).await);
    }
    jobs.push(lab.enqueue(&tasks[3], side_work()).await);
    jobs.push(lab.enqueue(&tasks[4], side_work()).await);
    jobs.push(lab.enqueue_look().await);
    // A repository's job counts as priority 0.
    let expected = [jobs[4], jobs[5], jobs[3], jobs[1], jobs[0], jobs[2]];
    assert_eq!(ids(&lab.claim(lab.boot()).await), expected);
}

/// A person may move a task forward while its job waits.
pub async fn the_present_priority_of_the_task_counts(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let (first, second) = (lab.enqueue(&a, test_work()).await, lab.enqueue(&b, test_work()).await);
    prioritise(lab, &b, -7).await;
    assert_eq!(ids(&lab.claim(lab.boot()).await), [second, first]);
}

/// By the store's own time.
pub async fn a_job_is_not_claimed_before_its_time(lab: &Lab) {
    let task = lab.task("A").await;
    let mut commit = lab.plan(&task).await;
    let mut job = lab.job(test_work());
    let at = lab.now() + Span::secs(10);
    job.spec.not_before = Some(at);
    let id = job.id;
    queue(&mut commit, job);
    lab.committed(commit).await;
    assert_eq!(lab.row(id).await.job.not_before, Some(at));
    lab.wait(Span::millis(9_999));
    assert_eq!(lab.claim(lab.boot()).await, []);
    lab.wait(Span::millis(1));
    assert_eq!(ids(&lab.claim(lab.boot()).await), [id]);
}

/// The limit, and the runs that were drawn.
pub async fn a_claim_takes_no_more_than_it_may(lab: &Lab) {
    for key in ["A", "B", "C", "D"] {
        lab.enqueue(&lab.task(key).await, test_work()).await;
    }
    let boot = lab.boot();
    let claim = async |limit, runs| {
        let filter = ClaimFilter { limit, ..lab.filter(boot) };
        answered(lab.store().claim(&filter, &lab.runs(runs)).await).len()
    };
    assert_eq!(claim(0, 5).await, 0);
    assert_eq!(claim(5, 0).await, 0);
    assert_eq!(claim(2, 5).await, 2);
    assert_eq!(claim(5, 1).await, 1);
    assert_eq!(claim(5, 5).await, 1);
}

/// Side jobs are not counted and not held up.
pub async fn running_pipeline_jobs_are_limited_over_all_owners(lab: &Lab) {
    let mut tasks = Vec::new();
    for key in ["A", "B", "C"] {
        let task = lab.task(key).await;
        lab.enqueue(&task, test_work()).await;
        tasks.push(task);
    }
    let claim = async |max_running| {
        let filter = ClaimFilter { max_running, ..lab.filter(lab.boot()) };
        answered(lab.store().claim(&filter, &lab.runs(9)).await)
    };
    assert_eq!(claim(Some(0)).await, []);
    let first = claim(Some(2)).await;
    assert_eq!(first.len(), 2);
    assert_eq!(claim(Some(2)).await, []);
    assert_eq!(claim(Some(1)).await, [], "more may run already");
    let side = lab.enqueue(&tasks[0], side_work()).await;
    assert_eq!(ids(&claim(Some(2)).await), [side]);
    answered(lab.settle(first[0].job, first[0].token, lab.input_id()).await);
    assert_eq!(claim(Some(2)).await.len(), 1);
}

/// Clean-up, probes and looks go on.
pub async fn while_drained_only_side_jobs_are_claimed(lab: &Lab) {
    let task = lab.task("A").await;
    let pipeline = lab.enqueue(&task, test_work()).await;
    let (side, look) = (lab.enqueue(&task, side_work()).await, lab.enqueue_look().await);
    answered(lab.store().set_drained(true, &actor(), lab.now()).await);
    let mut claimed = ids(&lab.claim(lab.boot()).await);
    claimed.sort();
    let mut expected = [side, look];
    expected.sort();
    assert_eq!(claimed, expected);
    assert_eq!(lab.row(pipeline).await.state, JobState::Queued);
    answered(lab.store().set_drained(false, &actor(), lab.now()).await);
    assert_eq!(ids(&lab.claim(lab.boot()).await), [pipeline]);
}

/// Over all jobs, and over the lives of one.
pub async fn tokens_only_grow(lab: &Lab) {
    for key in ["A", "B"] {
        lab.enqueue(&lab.task(key).await, test_work()).await;
    }
    let mut tokens = Vec::new();
    for _ in 0..3 {
        for claimed in lab.claim(lab.boot()).await {
            tokens.push(claimed.token);
            answered(lab.store().release(claimed.job, claimed.token).await);
        }
    }
    let job = lab.claim(lab.boot()).await;
    tokens.extend(job.iter().map(|c| c.token));
    tokens.extend(answered(lab.store().take_over(lab.boot(), TTL).await).iter().map(|c| c.token));
    assert_eq!(tokens.len(), 10);
    assert!(tokens.is_sorted_by(|a, b| a < b), "{tokens:?}");
}

/// Several processes at once.
pub async fn concurrent_claims_never_share_a_job(lab: &Lab) {
    const JOBS: usize = 24;
    for n in 0..JOBS {
        let mut commit = lab.plan(&lab.task(&format!("K-{n}")).await).await;
        let work = if n % 3 == 0 { look_work() } else { test_work() };
        commit.job = Some(lab.job(work));
        lab.committed(commit).await;
    }
    let claims: Vec<Vec<Claimed>> = std::thread::scope(|scope| {
        let claimers = (0..4).map(|_| {
            let (store, runs) = (lab.shared(), lab.runs(JOBS));
            let filter = ClaimFilter { limit: 3, max_running: Some(9), ..lab.filter(lab.boot()) };
            scope.spawn(move || {
                let claim = |n: usize| answered(block_on(store.claim(&filter, &runs[n * 3..])));
                (0..6).flat_map(claim).collect()
            })
        });
        let running: Vec<_> = claimers.collect();
        running.into_iter().map(|t| t.join().unwrap_or_else(|e| std::panic::resume_unwind(e))).collect()
    });
    let all: Vec<Claimed> = claims.into_iter().flatten().collect();
    let jobs: BTreeSet<JobId> = all.iter().map(|c| c.job).collect();
    let tokens: BTreeSet<_> = all.iter().map(|c| c.token).collect();
    assert_eq!((jobs.len(), tokens.len()), (all.len(), all.len()));
    let pipeline = all.iter().filter(|c| c.kind.class() == JobClass::Pipeline).count();
    assert_eq!((pipeline, all.len()), (9, 9 + JOBS / 3));
}
