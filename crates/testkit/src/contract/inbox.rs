//! The inbox: an input is stored once, wakes its address, and is answered.

use orchd_core::command::{Command, Wanted};
use orchd_core::fact::{Address, Input};
use orchd_core::id::{RepoId, TaskId};
use orchd_core::port::store::{CommitOutcome, Disposition, InputOutcome, StoreError};
use orchd_core::stage::Stage;
use orchd_core::time::{Span, Timestamp};
use uuid::Uuid;

use super::lab::{Lab, actor, answered, some_input};

/// Due now, and a decision that is under way has not seen it.
pub async fn an_input_wakes_its_task(lab: &Lab) {
    let task = lab.task("ORCH-1").await;
    lab.quiet().await;
    let before = lab.load(&task).await;
    let at = lab.wait(Span::secs(1));
    let command = Command { what: Wanted::Stop, by: actor(), visit: Some(1), subject: None };
    let (id, input) = (lab.input_id(), Input::Command { command });
    answered(lab.store().put_input(&Address::Task(task.id), id, &input, at).await);
    let after = lab.load(&task).await;
    assert_eq!((after.version, after.wakes), (before.version, before.wakes + 1));
    assert_eq!(after.inputs.len(), 1);
    assert_eq!((after.inputs[0].id, &after.inputs[0].input, after.inputs[0].at), (id, &input, at));
    assert_eq!(lab.due().await, [task.id]);
}

/// The id is the dedupe key, whatever comes with it.
pub async fn a_duplicate_input_changes_nothing(lab: &Lab) {
    let (task, other) = (lab.task("ORCH-1").await, lab.task("ORCH-2").await);
    let id = lab.put(&Address::Task(task.id)).await;
    let before = (lab.load(&task).await, lab.load(&other).await);
    let command = Command { what: Wanted::Stop, by: actor(), visit: None, subject: None };
    let nowhere = Address::Task(TaskId(Uuid::nil()));
    for to in [Address::Task(task.id), Address::Task(other.id), nowhere] {
        let input = Input::Command { command: command.clone() };
        answered(lab.store().put_input(&to, id, &input, lab.now()).await);
    }
    assert_eq!((lab.load(&task).await, lab.load(&other).await), before);
    let mut commit = lab.plan(&task).await;
    commit.consumed.push((id, Disposition::Applied));
    lab.committed(commit).await;
    answered(lab.store().put_input(&Address::Task(task.id), id, &some_input(), lab.now()).await);
    assert_eq!(lab.load(&task).await.inputs, [], "nor does a consumed one come back");
}

/// Repositories have an inbox of their own.
pub async fn an_input_of_a_repository_makes_it_due(lab: &Lab) {
    let task = lab.task("ORCH-1").await;
    lab.quiet().await;
    assert_eq!(lab.due_repos(10).await, []);
    let id = lab.put(&Address::Repo(RepoId::new("repo"))).await;
    assert_eq!(lab.due_repos(10).await, [RepoId::new("repo")]);
    assert_eq!(lab.load_repo().await.inputs.iter().map(|i| i.id).collect::<Vec<_>>(), [id]);
    assert_eq!(lab.due().await, [], "its tasks sleep on");
    assert_eq!(lab.load(&task).await.inputs, []);
}

/// Nothing is kept for an address that is not there.
pub async fn an_input_needs_a_known_address(lab: &Lab) {
    let nobody = TaskId(Uuid::nil());
    for (to, table) in [(Address::Task(nobody), "tasks"), (Address::Repo(RepoId::new("nowhere")), "repos")] {
        let id = lab.input_id();
        let refused = lab.store().put_input(&to, id, &some_input(), lab.now()).await;
        let Err(StoreError::Inconsistent { table: named, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(named, table);
        assert_eq!(answered(lab.store().input_outcome(id).await), InputOutcome::Unknown);
    }
}

/// In the order they were stored, whatever their times say.
pub async fn inputs_are_read_oldest_first(lab: &Lab) {
    let task = lab.task("ORCH-1").await;
    let to = Address::Task(task.id);
    let mut ids = Vec::new();
    for secs in [50, 10, 30, 30] {
        let id = lab.input_id();
        answered(lab.store().put_input(&to, id, &some_input(), Timestamp(secs)).await);
        ids.push(id);
    }
    let read: Vec<_> = lab.load(&task).await.inputs.iter().map(|i| i.id).collect();
    assert_eq!(read, ids);
}

/// A command to a finished task is refused with an answer, so the task must be due for it.
pub async fn a_terminal_task_answers_its_inputs(lab: &Lab) {
    let task = lab.task("ORCH-1").await;
    lab.enter(&task, Stage::Done).await;
    lab.quiet().await;
    let id = lab.put(&Address::Task(task.id)).await;
    assert_eq!(lab.due().await, [task.id]);
    let mut commit = lab.plan(&task).await;
    let refused = Disposition::Refused { code: "ended".to_owned(), why: "it has ended".to_owned() };
    commit.consumed.push((id, refused.clone()));
    lab.committed(commit).await;
    assert_eq!(lab.due().await, []);
    assert_eq!(answered(lab.store().input_outcome(id).await), InputOutcome::Done(refused));
}

/// A commit that looks away from an input does not lose it.
pub async fn an_unconsumed_input_keeps_its_task_due(lab: &Lab) {
    let task = lab.task("ORCH-1").await;
    let id = lab.put(&Address::Task(task.id)).await;
    let mut commit = lab.plan(&task).await;
    commit.due_at = Some(lab.now() + Span::hours(1));
    lab.committed(commit).await;
    assert_eq!(lab.due().await, [task.id]);
    let mut commit = lab.plan(&task).await;
    commit.consumed.push((id, Disposition::Applied));
    lab.committed(commit).await;
    assert_eq!(lab.due().await, []);
}

/// Unknown, waiting, done.
pub async fn what_became_of_an_input_can_be_asked(lab: &Lab) {
    let task = lab.task("ORCH-1").await;
    assert_eq!(answered(lab.store().input_outcome(lab.input_id()).await), InputOutcome::Unknown);
    let id = lab.put(&Address::Task(task.id)).await;
    assert_eq!(answered(lab.store().input_outcome(id).await), InputOutcome::Waiting);
    let mut commit = lab.plan(&task).await;
    commit.consumed.push((id, Disposition::Applied));
    assert_eq!(lab.commit(commit).await, CommitOutcome::Committed);
    assert_eq!(answered(lab.store().input_outcome(id).await), InputOutcome::Done(Disposition::Applied));
}

/// By the moment, which is an input's where that is earlier; then by age; no more than asked for.
pub async fn tasks_are_decided_in_the_order_they_became_due(lab: &Lab) {
    let mut tasks = Vec::new();
    for key in ["K-1", "K-2", "K-3", "K-4", "K-5"] {
        tasks.push(lab.task(key).await);
    }
    let start = lab.now();
    for (task, secs) in tasks.iter().zip([Some(30), Some(20), Some(20), None, Some(99)]) {
        let mut commit = lab.plan(task).await;
        commit.due_at = secs.map(|s| start + Span::secs(s));
        lab.committed(commit).await;
    }
    assert_eq!(lab.due().await, []);
    lab.wait(Span::secs(25));
    lab.put(&Address::Task(tasks[3].id)).await;
    let mut commit = lab.plan(&tasks[3]).await;
    commit.due_at = Some(start + Span::secs(98));
    lab.committed(commit).await;
    lab.wait(Span::secs(5));
    let expected = [tasks[1].id, tasks[2].id, tasks[3].id, tasks[0].id];
    assert_eq!(lab.due().await, expected);
    assert_eq!(lab.due_at(lab.now(), 2).await, expected[..2]);
}

/// Who is woken again and again is not put behind the others for it.
pub async fn a_wake_leaves_an_earlier_due_time(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    for (task, secs) in [(&a, 10), (&b, 20)] {
        let mut commit = lab.plan(task).await;
        commit.due_at = Some(lab.now() + Span::secs(secs));
        lab.committed(commit).await;
    }
    lab.wait(Span::secs(30));
    lab.put(&Address::Task(a.id)).await;
    assert_eq!(lab.due().await, [a.id, b.id]);
}

/// By the oldest input that waits; no more than asked for.
pub async fn the_longest_waiting_repository_goes_first(lab: &Lab) {
    lab.put(&Address::Repo(RepoId::new("repo"))).await;
    lab.put(&Address::Repo(RepoId::new("other"))).await;
    lab.put(&Address::Repo(RepoId::new("repo"))).await;
    let due = lab.due_repos(10).await;
    assert_eq!(due, [RepoId::new("repo"), RepoId::new("other")]);
    assert_eq!(lab.due_repos(1).await, [RepoId::new("repo")]);
}
