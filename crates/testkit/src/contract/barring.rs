//! Claims of jobs that were queued before their provider was unwell: passed over, as no decision would start them now,
//! and claimed when it is well again, or when its time has come and somebody has to try.

use orchd_core::id::{JobId, ProviderId, TaskId};
use orchd_core::job::{JobKind, JobSpec};
use orchd_core::port::store::{Claimed, JobState, ProviderChange};
use orchd_core::provider::{Breaker, Down, Health, Probe, UsedUp};
use orchd_core::time::{Span, Timestamp};

use super::lab::{Lab, agent_work, answered, test_work};

const NORTH: &str = "north";

/// A job of each task, queued for this provider, oldest first.
async fn queued(lab: &Lab, keys: &[&str], provider: &str) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for key in keys {
        jobs.push(lab.enqueue(&lab.task(key).await, agent_work(provider)).await);
    }
    jobs
}

/// Some task's run makes this of a provider.
async fn becomes(lab: &Lab, health: Health) {
    let epochs = answered(lab.store().providers().await);
    let known = epochs.iter().find(|(known, _)| known.provider == health.provider);
    let epoch = known.map_or(0, |(_, epoch)| *epoch);
    let mut commit = lab.plan(&lab.task(&format!("Z-{epoch}-{}", health.failures)).await).await;
    commit.providers.insert(health.provider.clone(), ProviderChange { epoch, health: Some(health) });
    lab.committed(commit).await;
}

fn well() -> Health {
    Health::new(ProviderId::new(NORTH))
}

fn down(since: Timestamp) -> Down {
    Down { since, why: "529".to_owned(), times: 1 }
}

fn open(lab: &Lab, span: Span) -> Health {
    let (now, until) = (lab.now(), lab.now() + span);
    Health { failures: 5, breaker: Breaker::Open { down: down(now), until }, ..well() }
}

fn half_open(lab: &Lab, job: JobId, span: Span) -> Health {
    let probe = Probe { task: TaskId(uuid::Uuid::nil()), job, until: lab.now() + span };
    Health { failures: 6, breaker: Breaker::HalfOpen { down: down(lab.now()), probe }, ..well() }
}

async fn claim(lab: &Lab) -> Vec<JobId> {
    lab.claim(lab.boot()).await.iter().map(|claimed| claimed.job).collect()
}

/// Another provider's jobs and those of none go on; its own stay as they were queued.
pub async fn jobs_of_an_open_provider_are_passed_over(lab: &Lab) {
    let north = queued(lab, &["A", "B"], NORTH).await;
    let south = queued(lab, &["C"], "south").await;
    let none = lab.enqueue(&lab.task("D").await, test_work()).await;
    becomes(lab, open(lab, Span::mins(5))).await;
    assert_eq!(claim(lab).await, [south[0], none]);
    assert_eq!(claim(lab).await, []);
    let row = lab.row(north[0]).await;
    assert_eq!((row.state, row.attempt, row.job.kind), (JobState::Queued, 0, JobKind::Agent));
    assert_eq!(row.job.provider, Some(ProviderId::new(NORTH)));
    becomes(lab, Health { failures: 1, ..well() }).await;
    assert_eq!(claim(lab).await, north, "it is well: all of them, in their old order");
}

/// Nobody decides for them, so that one of them has to try; the next one once that came to nothing.
pub async fn when_its_time_has_come_they_go_one_by_one(lab: &Lab) {
    let north = queued(lab, &["A", "B", "C"], NORTH).await;
    becomes(lab, open(lab, Span::secs(30))).await;
    lab.wait(Span::millis(29_999));
    assert_eq!(claim(lab).await, []);
    lab.wait(Span::millis(1));
    let late = queued(lab, &["D"], "south").await;
    let first = lab.claim(lab.boot()).await;
    assert_eq!(ids(&first), [north[0], late[0]], "it holds nobody else up");
    lab.wait(Span::secs(3));
    assert_eq!(claim(lab).await, []);
    answered(lab.settle(first[0].job, first[0].token, lab.input_id()).await);
    assert_eq!(claim(lab).await, [north[1]]);
}

/// It began when nobody knew yet, and tells nothing about now.
pub async fn a_run_from_before_is_not_the_one_that_tries(lab: &Lab) {
    let north = queued(lab, &["A", "B"], NORTH).await;
    let boot = lab.boot();
    let filter = orchd_core::port::store::ClaimFilter { limit: 1, ..lab.filter(boot) };
    assert_eq!(ids(&answered(lab.store().claim(&filter, &lab.runs(1)).await)), [north[0]]);
    becomes(lab, open(lab, Span::secs(30))).await;
    lab.wait(Span::secs(30));
    assert_eq!(claim(lab).await, [north[1]]);
}

/// A claim of few is not spent on those that it may not take.
pub async fn a_claim_looks_behind_those_it_passes_over(lab: &Lab) {
    let north = queued(lab, &["A", "B", "C"], NORTH).await;
    let south = queued(lab, &["D"], "south").await;
    becomes(lab, open(lab, Span(0))).await;
    let filter = orchd_core::port::store::ClaimFilter { limit: 2, ..lab.filter(lab.boot()) };
    assert_eq!(ids(&answered(lab.store().claim(&filter, &lab.runs(2)).await)), [north[0], south[0]]);
}

/// While a run tries it, no other is claimed but that very one; a lost one does not block for ever.
pub async fn of_a_half_open_provider_only_the_probe_is_claimed(lab: &Lab) {
    let north = queued(lab, &["A", "B", "C"], NORTH).await;
    becomes(lab, half_open(lab, north[1], Span::mins(60))).await;
    assert_eq!(claim(lab).await, [north[1]]);
    assert_eq!(claim(lab).await, []);
    lab.wait(Span::mins(60));
    assert_eq!(claim(lab).await, [north[0]], "silent for too long: the next one tries");
    assert_eq!(claim(lab).await, []);
}

/// Then all of them: the provider answers.
pub async fn a_used_up_quota_keeps_them_until_it_resets(lab: &Lab) {
    let north = queued(lab, &["A", "B"], NORTH).await;
    let resets_at = lab.now() + Span::mins(10);
    let quota = Some(UsedUp { since: lab.now(), resets_at, reported: None });
    becomes(lab, Health { quota, ..well() }).await;
    lab.wait(Span::mins(9));
    assert_eq!(claim(lab).await, []);
    lab.wait(Span::mins(1));
    assert_eq!(claim(lab).await, north);
}

/// The rest of what keeps a job back, or lets it go first, is as ever.
pub async fn what_else_a_claim_obeys_still_counts(lab: &Lab) {
    let task = lab.task("A").await;
    let mut commit = lab.plan(&task).await;
    let mut job = lab.job(agent_work(NORTH));
    job.spec = JobSpec { not_before: Some(lab.now() + Span::secs(10)), ..job.spec };
    let id = job.id;
    super::lab::queue(&mut commit, job);
    lab.committed(commit).await;
    becomes(lab, half_open(lab, id, Span::mins(1))).await;
    assert_eq!(claim(lab).await, [], "not before its own time, probe or not");
    lab.wait(Span::secs(10));
    answered(lab.store().set_drained(true, &super::lab::actor(), lab.now()).await);
    assert_eq!(claim(lab).await, []);
    answered(lab.store().set_drained(false, &super::lab::actor(), lab.now()).await);
    assert_eq!(claim(lab).await, [id]);
}

fn ids(claimed: &[Claimed]) -> Vec<JobId> {
    claimed.iter().map(|c| c.job).collect()
}
