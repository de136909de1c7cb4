//! Holding and ending a job: renewal, settlement, release, being told to end, expiry, taking over (I-3, I-4).

use orchd_core::event::Event;
use orchd_core::fact::{Address, Fact, Input};
use orchd_core::id::{InputId, JobId, RepoId};
use orchd_core::job::{JobKind, JobResult};
use orchd_core::port::store::{
    Claimed, Disposition, Expired, InputOutcome, JobRow, JobState, RenewOutcome, SettleOutcome, StoreError,
};
use orchd_core::task::Task;
use orchd_core::time::Span;

use super::lab::{Lab, TTL, answered, side_work, some_input, some_result, test_work, write};

/// A task with a running job.
async fn working(lab: &Lab, key: &str) -> (Task, Claimed) {
    let task = lab.task(key).await;
    let id = lab.enqueue(&task, test_work()).await;
    let claimed = lab.claim_one(lab.boot()).await;
    assert_eq!(claimed.job, id);
    (task, claimed)
}

fn is_queued(row: &JobRow) -> bool {
    let held = row.owner.is_some() || row.run.is_some() || row.until.is_some() || row.started_at.is_some();
    row.state == JobState::Queued && row.token.is_none() && !held
}

fn ended(job: JobId, kind: JobKind, result: JobResult) -> Input {
    Input::Fact { fact: Fact::JobEnded { job, kind, result: Box::new(result) } }
}

/// Answers in the order asked.
pub async fn a_lease_is_extended_by_its_holder_only(lab: &Lab) {
    let boot = lab.boot();
    for key in ["A", "B"] {
        lab.enqueue(&lab.task(key).await, test_work()).await;
    }
    let held = lab.claim(boot).await;
    let (a, b) = (&held[0], &held[1]);
    let now = lab.wait(Span::secs(20));
    let asked = [(b.job, b.token), (a.job, b.token), (lab.job_id(), a.token), (a.job, a.token)];
    let longer = Span::secs(90);
    let answers = answered(lab.store().renew(boot, &asked, longer).await);
    let (yes, no) = (RenewOutcome::Renewed, RenewOutcome::Lost);
    assert_eq!(answers, [yes, no, no, yes]);
    assert_eq!(lab.row(a.job).await.until, Some(now + longer));
    let stranger = answered(lab.store().renew(lab.boot(), &[(a.job, a.token)], TTL).await);
    assert_eq!(stranger, [no]);
    assert_eq!(lab.row(a.job).await.until, Some(now + longer));
    answered(lab.settle(a.job, a.token, lab.input_id()).await);
    assert_eq!(answered(lab.store().renew(boot, &[(a.job, a.token)], TTL).await), [no], "it is over");
}

/// Its holder can not know what was done since: it fails closed, though nobody took the job yet.
pub async fn an_expired_lease_is_not_extended(lab: &Lab) {
    let boot = lab.boot();
    lab.enqueue(&lab.task("A").await, test_work()).await;
    let held = lab.claim_one(boot).await;
    lab.wait(TTL);
    let renew = async || answered(lab.store().renew(boot, &[(held.job, held.token)], TTL).await);
    assert_eq!(renew().await, [RenewOutcome::Renewed], "at its deadline it still holds");
    lab.wait(Span(TTL.0 + 1));
    assert_eq!(renew().await, [RenewOutcome::Lost]);
    let row = lab.row(held.job).await;
    assert_eq!((row.state, row.owner), (JobState::Running, Some(boot)), "the reaper settles it");
}

/// At the next renewal, which extends the lease too; its own result still counts.
pub async fn a_running_job_that_is_told_to_end_hears_it(lab: &Lab) {
    let task = lab.task("A").await;
    let id = lab.enqueue(&task, test_work()).await;
    let boot = lab.boot();
    let held = lab.claim_one(boot).await;
    lab.tell_to_end(&task, id, "stopped").await;
    let row = lab.row(id).await;
    assert_eq!((row.state, row.job.ending.as_deref()), (JobState::Running, Some("stopped")));
    assert_eq!(lab.load(&task).await.inputs, []);
    let now = lab.wait(Span::secs(1));
    let answer = answered(lab.store().renew(boot, &[(id, held.token)], TTL).await);
    assert_eq!(answer, [RenewOutcome::ToldToEnd]);
    assert_eq!(lab.row(id).await.until, Some(now + TTL));
    assert_eq!(answered(lab.settle(id, held.token, lab.input_id()).await), SettleOutcome::Settled);
    assert_eq!(lab.row(id).await.state, JobState::Failed, "as its result says");
}

/// Nobody holds it, so nobody could settle it: the commit that tells it ends it. The fact's id is the job's.
pub async fn a_queued_job_that_is_told_to_end_is_over(lab: &Lab) {
    let task = lab.task("A").await;
    let id = lab.enqueue(&task, test_work()).await;
    let before = lab.load(&task).await;
    lab.tell_to_end(&task, id, "stopped").await;
    let result = JobResult::ended("stopped");
    let row = lab.row(id).await;
    assert_eq!((row.state, row.result.as_ref()), (JobState::Cancelled, Some(&result)));
    assert_eq!(row.job.ending.as_deref(), Some("stopped"));
    assert_eq!((row.owner, row.run, row.until, row.attempt), (None, None, None, 0));
    let after = lab.load(&task).await;
    assert_eq!(after.wakes, before.wakes + 1);
    assert_eq!(after.inputs.len(), 1);
    assert_eq!((after.inputs[0].id, after.inputs[0].at), (InputId(id.0), lab.now()));
    assert_eq!(after.inputs[0].input, ended(id, JobKind::Test, result));
    assert_eq!(lab.due().await, [task.id]);
    assert_eq!(lab.claim(lab.boot()).await, []);
}

/// The result that it has is the one that counts.
pub async fn a_finished_job_is_not_told_to_end(lab: &Lab) {
    let (task, held) = working(lab, "A").await;
    answered(lab.settle(held.job, held.token, lab.input_id()).await);
    let before = lab.row(held.job).await;
    lab.tell_to_end(&task, held.job, "stopped").await;
    assert_eq!(lab.row(held.job).await, before);
    assert_eq!(lab.load(&task).await.inputs.len(), 1);
}

/// Job, fact and wake in one transaction; for a task and for a repository.
pub async fn a_settled_job_is_a_fact_and_wakes(lab: &Lab) {
    let (task, held) = working(lab, "A").await;
    lab.quiet().await;
    let (before, at, fact) = (lab.load(&task).await, lab.wait(Span::secs(1)), lab.input_id());
    assert_eq!(answered(lab.settle(held.job, held.token, fact).await), SettleOutcome::Settled);
    let row = lab.row(held.job).await;
    assert_eq!((row.state, row.result), (JobState::Failed, Some(some_result())));
    assert_eq!((row.owner, row.until), (None, None));
    assert_eq!((row.run, row.token), (Some(held.run), Some(held.token)), "kept for people");
    assert!(row.started_at.is_some());
    let after = lab.load(&task).await;
    assert_eq!((after.version, after.wakes), (before.version, before.wakes + 1));
    assert_eq!(lab.due().await, [task.id]);
    assert_eq!((after.inputs[0].id, after.inputs[0].at), (fact, at));
    assert_eq!(after.inputs[0].input, ended(held.job, JobKind::Test, some_result()));
    let look = lab.enqueue_look().await;
    let held = lab.claim_one(lab.boot()).await;
    answered(lab.settle(look, held.token, lab.input_id()).await);
    assert_eq!(lab.due_repos(9).await, [RepoId::new("repo")]);
    let inputs = lab.load_repo().await.inputs;
    assert_eq!(inputs[0].input, ended(look, JobKind::MainSuite, some_result()));
}

/// A settlement whose answer was lost is repeated; another result under the same token is not a repeat.
pub async fn a_settlement_is_counted_once(lab: &Lab) {
    let (task, held) = working(lab, "A").await;
    let fact = lab.input_id();
    answered(lab.settle(held.job, held.token, fact).await);
    let after = (lab.load(&task).await, lab.row(held.job).await);
    assert_eq!(answered(lab.settle(held.job, held.token, fact).await), SettleOutcome::Settled);
    let second = answered(lab.settle(held.job, held.token, lab.input_id()).await);
    assert_eq!(second, SettleOutcome::Stale);
    assert_eq!((lab.load(&task).await, lab.row(held.job).await), after);
    let mut commit = lab.plan(&task).await;
    commit.consumed.push((fact, Disposition::Applied));
    lab.committed(commit).await;
    assert_eq!(answered(lab.settle(held.job, held.token, fact).await), SettleOutcome::Settled);
    assert_eq!(lab.load(&task).await.inputs, [], "nor does the fact come back");
}

/// I-3: of a queued job, a job taken by another, a job that is not there.
pub async fn a_stale_token_settles_nothing(lab: &Lab) {
    let (task, held) = working(lab, "A").await;
    let stale = async |job| {
        let fact = lab.input_id();
        let settled = answered(lab.settle(job, held.token, fact).await);
        assert_eq!(answered(lab.store().input_outcome(fact).await), InputOutcome::Unknown);
        settled == SettleOutcome::Stale
            && answered(lab.store().release(job, held.token).await) == SettleOutcome::Stale
    };
    assert!(stale(lab.job_id()).await);
    answered(lab.store().release(held.job, held.token).await);
    assert!(stale(held.job).await, "it is queued");
    let now = lab.claim_one(lab.boot()).await;
    assert!(stale(held.job).await, "another has it");
    let row = lab.row(held.job).await;
    assert_eq!((row.state, row.token), (JobState::Running, Some(now.token)));
    assert_eq!(lab.load(&task).await.inputs, []);
}

/// A late result is better than a lost one; the reaper then does nothing at all.
pub async fn an_expired_lease_may_settle_until_it_is_taken(lab: &Lab) {
    let (task, held) = working(lab, "A").await;
    lab.wait(Span(TTL.0 * 3));
    assert_eq!(answered(lab.settle(held.job, held.token, lab.input_id()).await), SettleOutcome::Settled);
    let lost = JobResult::lost("its lease is over");
    let reaped = lab.store().settle(held.job, held.token, &lost, lab.input_id(), lab.now()).await;
    assert_eq!(answered(reaped), SettleOutcome::Stale);
    assert_eq!(lab.row(held.job).await.result, Some(some_result()));
    assert_eq!(lab.load(&task).await.inputs.len(), 1);
}

/// An id is drawn once; a result is never swallowed as a duplicate of something else.
pub async fn a_fact_never_replaces_another_input(lab: &Lab) {
    let (task, held) = working(lab, "A").await;
    let taken = lab.put(&Address::Task(task.id)).await;
    let before = (lab.load(&task).await, lab.row(held.job).await);
    let refused = lab.settle(held.job, held.token, taken).await;
    let Err(StoreError::Inconsistent { table: "inputs", .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((lab.load(&task).await, lab.row(held.job).await), before);
    assert_eq!(answered(lab.settle(held.job, held.token, lab.input_id()).await), SettleOutcome::Settled);
}

/// The fact of a job that ends in the queue has the job's own id: nobody else's input gives way to it.
pub async fn a_queued_jobs_fact_never_replaces_another_input(lab: &Lab) {
    let task = lab.task("A").await;
    let job = lab.enqueue(&task, test_work()).await;
    let taken = InputId(job.0);
    answered(lab.store().put_input(&Address::Task(task.id), taken, &some_input(), lab.now()).await);
    let mut commit = lab.plan(&task).await;
    write(&mut commit, Event::JobToldToEnd { job, why: "told so".to_owned() });
    commit.end_job = Some(job);
    commit.consumed = vec![(taken, Disposition::Applied)];
    lab.conflicts(commit).await;
    assert!(is_queued(&lab.row(job).await));
}

/// Unstarted: no result, no fact, its place and its count of claims kept.
pub async fn a_released_job_is_queued_again(lab: &Lab) {
    let (task, held) = working(lab, "A").await;
    let second = lab.enqueue(&lab.task("B").await, test_work()).await;
    assert_eq!(answered(lab.store().release(held.job, held.token).await), SettleOutcome::Settled);
    let row = lab.row(held.job).await;
    assert!(is_queued(&row), "{row:?}");
    assert_eq!((row.attempt, row.result), (1, None));
    assert_eq!(lab.load(&task).await.inputs, []);
    assert_eq!(answered(lab.store().release(held.job, held.token).await), SettleOutcome::Stale);
    let claimed = lab.claim(lab.boot()).await;
    assert_eq!(claimed.iter().map(|c| c.job).collect::<Vec<_>>(), [held.job, second]);
    assert_eq!(claimed[0].attempt, 2);
    assert!(claimed[0].token > held.token && claimed[0].run != held.run);
}

/// It would be a queued job that was told to end, and there is none.
pub async fn a_released_job_that_was_told_to_end_is_over(lab: &Lab) {
    let (task, held) = working(lab, "A").await;
    lab.tell_to_end(&task, held.job, "paused").await;
    lab.quiet().await;
    assert_eq!(answered(lab.store().release(held.job, held.token).await), SettleOutcome::Settled);
    let result = JobResult::ended("paused");
    let row = lab.row(held.job).await;
    assert_eq!((row.state, row.result.as_ref()), (JobState::Cancelled, Some(&result)));
    let inputs = lab.load(&task).await.inputs;
    assert_eq!((inputs.len(), inputs[0].id), (1, InputId(held.job.0)));
    assert_eq!(inputs[0].input, ended(held.job, JobKind::Test, result));
    assert_eq!(lab.due().await, [task.id]);
    assert_eq!(lab.claim(lab.boot()).await, []);
}

/// The longest over first, no more than asked for; a renewed one and a queued one are not.
pub async fn leases_expire_by_the_stores_own_time(lab: &Lab) {
    let (_, a) = working(lab, "A").await;
    lab.wait(Span::secs(1));
    let boot = lab.boot();
    for key in ["B", "C"] {
        lab.enqueue(&lab.task(key).await, test_work()).await;
    }
    let (b, c) = match &lab.claim(boot).await[..] {
        [b, c] => (b.clone(), c.clone()),
        other => panic!("{other:?}"),
    };
    lab.enqueue(&lab.task("D").await, side_work()).await;
    let expired = async |limit| answered(lab.store().expired(limit).await);
    lab.wait(Span(TTL.0 - 1000));
    answered(lab.store().renew(boot, &[(c.job, c.token)], TTL).await);
    assert_eq!(expired(9).await, [], "a lease holds at its deadline");
    lab.wait(Span::secs(2));
    let jobs = expired(9).await.iter().map(|e| e.job).collect::<Vec<_>>();
    assert_eq!(jobs, [a.job, b.job]);
    let owner = lab.row(a.job).await.owner.unwrap_or(boot);
    let first = Expired { job: a.job, run: a.run, token: a.token, owner };
    assert_eq!(expired(1).await, [first]);
}

/// New tokens, the same runs; former holders are fenced off; a lost answer may be asked for again.
pub async fn a_new_process_takes_over_running_jobs(lab: &Lab) {
    let (_, a) = working(lab, "A").await;
    let (_, b) = working(lab, "B").await;
    let queued = lab.enqueue(&lab.task("C").await, test_work()).await;
    let now = lab.wait(Span(TTL.0 * 2));
    let boot = lab.boot();
    let taken = answered(lab.store().take_over(boot, TTL).await);
    assert_eq!(taken.len(), 2);
    for (was, is) in [&a, &b].into_iter().zip(&taken) {
        let same = Claimed { token: is.token, until: now + TTL, ..was.clone() };
        assert_eq!(*is, same, "the run goes on: no new claim");
        assert!(is.token > b.token);
        let row = lab.row(is.job).await;
        assert_eq!((row.owner, row.token, row.until), (Some(boot), Some(is.token), Some(is.until)));
        assert_eq!(answered(lab.settle(was.job, was.token, lab.input_id()).await), SettleOutcome::Stale);
    }
    assert!(is_queued(&lab.row(queued).await));
    assert_eq!(answered(lab.store().take_over(boot, TTL).await), taken, "nothing is taken from itself");
    let renewed = answered(lab.store().renew(boot, &[(a.job, taken[0].token)], TTL).await);
    assert_eq!(renewed, [RenewOutcome::Renewed]);
}
