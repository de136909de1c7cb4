//! What no commit can write, whoever asks: the constraints of a real store's schema. A broken one is a bug of
//! the caller; the answer is Conflict, and nothing is changed.

use std::sync::Arc;

use orchd_core::event::{Event, RepoEvent};
use orchd_core::fact::Address;
use orchd_core::id::{Key, ProjectId, RepoId};
use orchd_core::job::JobClass;
use orchd_core::port::store::{CommitOutcome, Disposition, JobState, Surface};
use orchd_core::stage::Stage;
use orchd_core::time::Span;

use super::lab::{Lab, actor, answered, look_work, queue, row, side_work, test_work, write};
use super::ledger::{landing, open};
use super::observe::{Known, assert_same, observe};

/// I-1.
pub async fn nothing_leaves_a_terminal_stage(lab: &Lab) {
    for (key, end) in [("A", Stage::Done), ("B", Stage::Cancelled)] {
        let task = lab.task(key).await;
        lab.enter(&task, end).await;
        let after = lab.load(&task).await;
        for to in Stage::ALL.into_iter().filter(|s| *s != end) {
            let mut commit = lab.plan(&task).await;
            row(&mut commit).stage = to;
            lab.conflicts(commit).await;
        }
        assert_eq!(lab.load(&task).await, after);
    }
}

/// Clean-up and late facts are written on finished tasks too.
pub async fn a_terminal_row_may_still_change(lab: &Lab) {
    let task = lab.task("A").await;
    lab.enter(&task, Stage::Done).await;
    let mut commit = lab.plan(&task).await;
    write(&mut commit, Event::CleanedUp { salvaged: Vec::new() });
    queue(&mut commit, lab.job(side_work()));
    commit.dirty.push(Surface::Board);
    lab.committed(commit).await;
    assert!(lab.load(&task).await.task.cleaned);
}

/// Number, project, repository, key and life are fixed at birth.
pub async fn a_row_keeps_its_identity(lab: &Lab) {
    let task = lab.task("A").await;
    let plain = lab.plan(&task).await;
    let mut changed = vec![plain.clone(); 5];
    row(&mut changed[0]).seq += 1;
    row(&mut changed[1]).project = ProjectId::new("second");
    row(&mut changed[2]).repo = RepoId::new("other");
    row(&mut changed[3]).key = Key::new("B");
    row(&mut changed[4]).life += 1;
    for commit in changed {
        lab.conflicts(commit).await;
    }
    let mut moved = lab.about_repo(&lab.load_repo().await, Vec::new());
    Arc::make_mut(&mut moved.change.repo).project = ProjectId::new("second");
    assert_eq!(lab.store().commit_repo(moved).await, CommitOutcome::Conflict);
    let mut foreign = lab.plan_with_repo(&lab.task_elsewhere("B").await, Vec::new()).await;
    (foreign.task, foreign.version) = (plain.task.clone(), plain.version);
    lab.conflicts(foreign).await;
    lab.committed(plain).await;
}

/// A commit makes no task.
pub async fn an_unknown_task_is_not_committed(lab: &Lab) {
    let task = lab.task("A").await;
    let mut commit = lab.plan(&task).await;
    row(&mut commit).id = lab.task_id();
    lab.conflicts(commit).await;
    assert_eq!(answered(lab.store().tasks().await).len(), 1);
}

/// Whoever answers an input is who was asked.
pub async fn an_input_of_another_address_is_not_consumed(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let repo = Address::Repo(RepoId::new("repo"));
    for id in [lab.put(&Address::Task(b.id)).await, lab.put(&repo).await] {
        let mut commit = lab.plan(&a).await;
        commit.consumed.push((id, Disposition::Applied));
        lab.conflicts(commit).await;
    }
    assert_eq!(lab.load(&b).await.inputs.len() + lab.load_repo().await.inputs.len(), 2);
}

/// I-3: queued or running. Side jobs and other tasks are free; an ended one makes room.
pub async fn at_most_one_active_pipeline_job_per_task(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let second = async |ended| {
        let mut commit = lab.plan(&a).await;
        queue(&mut commit, lab.job(test_work()));
        commit.end_job = ended;
        lab.commit(commit).await
    };
    let first = lab.enqueue(&a, test_work()).await;
    lab.enqueue(&a, side_work()).await;
    lab.enqueue(&b, test_work()).await;
    assert_eq!(second(None).await, CommitOutcome::Conflict, "one is queued");
    let boot = lab.boot();
    let claimed = lab.claim(boot).await;
    assert_eq!(second(None).await, CommitOutcome::Conflict, "one runs");
    assert_eq!(second(Some(first)).await, CommitOutcome::Conflict, "it runs until it has ended");
    let token = claimed.iter().find(|c| c.job == first).map(|c| c.token);
    let token = token.unwrap_or_else(|| panic!("the job was not claimed: {claimed:?}"));
    answered(lab.settle(first, token, lab.input_id()).await);
    assert_eq!(second(None).await, CommitOutcome::Committed);
    let queued = answered(lab.store().jobs(Some(a.id), 1).await);
    let queued = queued.first().map(|row| row.job.id);
    assert_eq!(second(queued).await, CommitOutcome::Committed, "a queued one is over at once");
    let active = answered(lab.store().jobs(Some(a.id), 100).await);
    let active = active.iter().filter(|j| j.class == JobClass::Pipeline);
    let active = active.filter(|j| matches!(j.state, JobState::Queued | JobState::Running));
    assert_eq!(active.count(), 1);
}

/// There is no task that such a job could move on.
pub async fn a_repository_has_no_pipeline_job(lab: &Lab) {
    let mut commit = lab.about_repo(&lab.load_repo().await, Vec::new());
    commit.change.job = Some(lab.job(test_work()));
    assert_eq!(lab.store().commit_repo(commit).await, CommitOutcome::Conflict);
    assert_eq!(answered(lab.store().jobs(None, 10).await), []);
}

/// By tasks and repositories together.
pub async fn a_job_id_is_used_once(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let id = lab.enqueue(&a, side_work()).await;
    let mut again = lab.plan(&b).await;
    let mut job = lab.job(side_work());
    job.id = id;
    again.job = Some(job);
    lab.conflicts(again).await;
    let mut twice = lab.plan_with_repo(&b, Vec::new()).await;
    let (task_job, mut repo_job) = (lab.job(side_work()), lab.job(look_work()));
    repo_job.id = task_job.id;
    twice.job = Some(task_job);
    if let Some(change) = &mut twice.repo {
        change.job = Some(repo_job);
    }
    lab.conflicts(twice).await;
    let mut of_repo = lab.about_repo(&lab.load_repo().await, Vec::new());
    let mut look = lab.job(look_work());
    look.id = id;
    of_repo.change.job = Some(look);
    assert_eq!(lab.store().commit_repo(of_repo).await, CommitOutcome::Conflict);
    assert_eq!(answered(lab.store().jobs(None, 10).await).len(), 1);
}

/// Another task's job, a repository's, and one that is not there.
pub async fn only_its_own_job_is_told_to_end(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let (foreign, look) = (lab.enqueue(&b, test_work()).await, lab.enqueue_look().await);
    for job in [foreign, look, lab.job_id()] {
        let mut commit = lab.plan(&a).await;
        commit.end_job = Some(job);
        lab.conflicts(commit).await;
    }
    assert_eq!(lab.row(foreign).await.state, JobState::Queued);
    assert_eq!(lab.row(look).await.state, JobState::Queued);
}

/// Everything a commit can carry, and one constraint broken at its end.
pub async fn a_refused_commit_leaves_no_trace(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    answered(lab.store().add_dependency(b.id, &a.key, "person", lab.now()).await);
    let input = lab.put(&Address::Task(a.id)).await;
    let queued = lab.enqueue(&a, test_work()).await;
    let known = Known { inputs: vec![input], ..Known::default() };
    let mut commit = lab.plan_with_repo(&a, vec![RepoEvent::LetIn { task: a.id }]).await;
    commit.at = lab.wait(Span::secs(1));
    write(&mut commit, Event::Prioritised { by: actor(), priority: 1 });
    queue(&mut commit, lab.job(test_work()));
    if let Some(change) = &mut commit.repo {
        change.job = Some(lab.job(look_work()));
    }
    commit.end_job = Some(queued);
    commit.consumed.push((input, Disposition::Applied));
    commit.dirty = Surface::ALL.to_vec();
    (commit.wake_repo, commit.wake_dependents) = (true, true);
    commit.ledger.push(open(landing(lab, 1)));
    let mut broken = commit.clone();
    broken.ledger.push(open(landing(lab, 2)));
    let known = Known { transitions: vec![commit.transition], ..known };
    let before = observe(lab.store(), lab.now(), &known).await;
    lab.conflicts(broken).await;
    assert_same(&before, &observe(lab.store(), lab.now(), &known).await, "after a refused commit");
    lab.committed(commit).await;
}
