//! What a decision is given: the admission view, dependencies, money; and the lists for people.

use orchd_core::account::Account;
use orchd_core::admission::Candidacy;
use orchd_core::docs::DocFacts;
use orchd_core::event::{Event, RepoEvent};
use orchd_core::fact::Address;
use orchd_core::id::{Key, RepoId, RunId};
use orchd_core::job::{AgentOutcome, AgentRun, JobKind};
use orchd_core::policy::Money;
use orchd_core::port::store::{CommitOutcome, Disposition, InputRow, Inventory, Queue, Rows};
use orchd_core::repo::Repo;
use orchd_core::stage::{Role, Stage};
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};
use orchd_core::view::{Candidate, Dep, DepState};

use super::lab::{Lab, actor, answered, some_input, test_work, write};
use crate::block_on;

async fn stand(lab: &Lab, task: &Task, candidacy: Candidacy) {
    let mut commit = lab.plan(task).await;
    commit.candidacy = candidacy;
    lab.committed(commit).await;
}

/// What the rows say, in the order of the sequence numbers.
pub async fn candidates_are_of_the_repository_and_stand_so_in_their_rows(lab: &Lab) {
    let (a, b, c) = (lab.task("A").await, lab.task("B").await, lab.task("C").await);
    let elsewhere = lab.task_elsewhere("D").await;
    stand(lab, &a, Candidacy::Returning).await;
    stand(lab, &b, Candidacy::None).await;
    let candidate = |task: &Task, returning| Candidate {
        task: task.id,
        key: task.key.clone(),
        seq: task.seq,
        returning,
        priority: 3,
        since: lab.now(),
    };
    let expected = [candidate(&a, true), candidate(&c, false)];
    assert_eq!(lab.load(&b).await.candidates, expected);
    assert_eq!(lab.load(&elsewhere).await.candidates, [candidate(&elsewhere, false)]);
    let mut commit = lab.plan(&c).await;
    write(&mut commit, Event::Prioritised { by: actor(), priority: -1 });
    lab.committed(commit).await;
    assert_eq!(lab.load(&b).await.candidates[1].priority, -1);
}

/// One that comes back was let in once: its dependencies were done then.
pub async fn a_created_task_is_a_candidate_when_its_dependencies_are_done(lab: &Lab) {
    let (a, b, on) = (lab.task("A").await, lab.task("B").await, lab.task("ON").await);
    for task in [&a, &b] {
        answered(lab.store().add_dependency(task.id, &on.key, "person", lab.now()).await);
    }
    stand(lab, &b, Candidacy::Returning).await;
    let ids = async || lab.load(&a).await.candidates.iter().map(|c| c.key.to_string()).collect::<Vec<_>>();
    assert_eq!(ids().await, ["B", "ON"]);
    lab.enter(&on, Stage::Done).await;
    assert_eq!(ids().await, ["A", "B"]);
}

/// A commit that leaves it alone does not start the wait anew.
pub async fn a_candidate_waits_since_its_candidacy_began(lab: &Lab) {
    let task = lab.task("A").await;
    let born = lab.now();
    let since = async || lab.load(&task).await.candidates.first().map(|c| c.since);
    lab.wait(Span::secs(5));
    stand(lab, &task, Candidacy::Created).await;
    assert_eq!(since().await, Some(born));
    stand(lab, &task, Candidacy::None).await;
    assert_eq!(since().await, None);
    let again = lab.wait(Span::secs(5));
    stand(lab, &task, Candidacy::Returning).await;
    lab.wait(Span::secs(5));
    stand(lab, &task, Candidacy::Returning).await;
    assert_eq!(since().await, Some(again));
}

/// Occupants, lane holder, those in its queue, deploying tasks: each once.
pub async fn names_are_of_those_in_the_repository(lab: &Lab) {
    let mut tasks = Vec::new();
    for key in ["A", "B", "C", "D", "E"] {
        tasks.push(lab.task(key).await);
    }
    let task = |n: usize| tasks[n].id;
    let events = vec![
        RepoEvent::LetIn { task: task(0) },
        RepoEvent::LaneTaken { task: task(1) },
        RepoEvent::LaneQueued { task: task(2) },
        RepoEvent::LaneQueued { task: task(0) },
        RepoEvent::DeployLaneTaken { task: task(3), environment: "live".to_owned() },
    ];
    lab.committed(lab.plan_with_repo(&tasks[0], events).await).await;
    let mut names = lab.load(&tasks[4]).await.names;
    names.sort();
    let mut expected: Vec<_> = tasks[..4].iter().map(|t| (t.id, t.key.clone())).collect();
    expected.sort();
    assert_eq!(names, expected);
}

/// Missing and unfinished are open; only `done` is done. By key.
pub async fn a_dependency_stands_as_its_latest_life(lab: &Lab) {
    let task = lab.task("A").await;
    for key in ["NEVER", "DONE", "LIVE", "ENDED", "AGAIN"] {
        answered(lab.store().add_dependency(task.id, &Key::new(key), "person", lab.now()).await);
    }
    let (done, ended, again) = (lab.task("DONE").await, lab.task("ENDED").await, lab.task("AGAIN").await);
    lab.task("LIVE").await;
    // An issue of another project is another issue.
    let stranger = lab.create(lab.asking("second", "other", "NEVER")).await;
    for (task, stage) in [(&done, Stage::Done), (&ended, Stage::Cancelled), (&again, Stage::Done)] {
        lab.enter(task, stage).await;
    }
    lab.enter(&stranger, Stage::Done).await;
    lab.task("AGAIN").await;
    let dep = |key, state| Dep { on: Key::new(key), state };
    let expected = [
        dep("AGAIN", DepState::Open),
        dep("DONE", DepState::Done),
        dep("ENDED", DepState::Ended),
        dep("LIVE", DepState::Open),
        dep("NEVER", DepState::Open),
    ];
    assert_eq!(lab.load(&task).await.deps, expected);
    assert_eq!(lab.load(&done).await.deps, []);
}

fn run(lab: &Lab, cost: i64) -> Event {
    run_of(lab.runs(1).remove(0), cost)
}

/// A run that ended and cost something.
pub(super) fn run_of(run: RunId, cost: i64) -> Event {
    let run = AgentRun {
        run,
        role: Role::Developer,
        entry: 1,
        outcome: AgentOutcome::Failed { why: "exit code 1".to_owned() },
        branch: None,
        dropped: Vec::new(),
        ignored_fields: Vec::new(),
        docs: DocFacts::default(),
        account: Account { cost: Money(cost), tokens: (1, 2), ..Account::default() },
        took_ms: 3,
        salvage: None,
    };
    Event::RunEnded { run: Box::new(run) }
}

/// Finished tasks count too; other projects do not; the given moment is included.
pub async fn money_is_summed_over_the_project_since_a_moment(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task_elsewhere("B").await);
    let stranger = lab.create(lab.asking("second", "repo", "C")).await;
    let start = lab.now();
    for (task, cost) in [(&a, 1), (&b, 20), (&stranger, 300)] {
        let mut commit = lab.plan(task).await;
        write(&mut commit, run(lab, cost));
        lab.committed(commit).await;
    }
    let later = lab.wait(Span::secs(10));
    let mut commit = lab.plan(&b).await;
    write(&mut commit, run(lab, 4000));
    write(&mut commit, run(lab, 50_000));
    // One that left no result was paid for too.
    let account = Account { cost: Money(600_000), ..Account::default() };
    let (kind, why) = (JobKind::Agent, "stopped".to_owned());
    write(&mut commit, Event::JobFailed { kind, why, told: true, account: Some(Box::new(account)) });
    lab.committed(commit).await;
    lab.enter(&b, Stage::Cancelled).await;
    let since = async |at: Timestamp| answered(lab.store().load(a.id, at).await).map(|l| l.spent_since);
    assert_eq!(since(start).await, Some(Money(654_021)));
    assert_eq!(since(later).await, Some(Money(654_000)));
    assert_eq!(since(later + Span::millis(1)).await, Some(Money(0)));
}

/// The same rows that a decision loads.
pub async fn a_jobs_rows_are_those_of_its_address(lab: &Lab) {
    let task = lab.task_elsewhere("A").await;
    lab.enter(&task, Stage::Development).await;
    let loaded = lab.load(&task).await;
    let of_task = answered(lab.store().rows_of(&Address::Task(task.id)).await);
    assert_eq!(
        of_task,
        Some(Rows { task: Some(Task::clone(&loaded.task)), repo: Repo::clone(&loaded.repo) })
    );
    let of_repo = answered(lab.store().rows_of(&Address::Repo(loaded.repo.id.clone())).await);
    assert_eq!(of_repo, Some(Rows { task: None, repo: Repo::clone(&loaded.repo) }));
}

/// Nothing is guessed.
pub async fn what_is_unknown_is_not_loaded(lab: &Lab) {
    assert_eq!(answered(lab.store().load(lab.task_id(), lab.now()).await), None);
    assert_eq!(answered(lab.store().load_repo(&RepoId::new("nowhere")).await), None);
    assert_eq!(answered(lab.store().rows_of(&Address::Task(lab.task_id())).await), None);
    assert_eq!(answered(lab.store().rows_of(&Address::Repo(RepoId::new("nowhere"))).await), None);
    assert!(!answered(lab.store().was_committed(lab.transition()).await));
    assert_eq!(answered(lab.store().task_events(lab.task_id(), 0, 10).await), []);
    assert_eq!(answered(lab.store().jobs(Some(lab.task_id()), 10).await), []);
    assert_eq!(answered(lab.store().ledger(Some(lab.task_id())).await), []);
}

/// Tasks by number, jobs by age with the newest kept, dependencies by task and key.
pub async fn lists_are_in_a_fixed_order(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task("B").await);
    let listed = answered(lab.store().tasks().await);
    assert_eq!(listed.iter().map(|(t, v)| (t.id, *v)).collect::<Vec<_>>(), [(a.id, 1), (b.id, 1)]);
    let first = lab.enqueue(&b, test_work()).await;
    let second = lab.enqueue(&a, test_work()).await;
    let third = lab.enqueue_look().await;
    let ids = async |task, limit| {
        answered(lab.store().jobs(task, limit).await).iter().map(|j| j.job.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 10).await, [first, second, third]);
    assert_eq!(ids(None, 2).await, [second, third]);
    assert_eq!(ids(Some(a.id), 10).await, [second]);
    for (task, on) in [(&a, "Z"), (&a, "Y")] {
        answered(lab.store().add_dependency(task.id, &Key::new(on), "tracker", lab.now()).await);
    }
    let declared = |on| (a.id, Key::new(on), "tracker".to_owned());
    assert_eq!(answered(lab.store().dependencies().await), [declared("Y"), declared("Z")]);
}

/// After a place in the log, so many at most, the oldest first.
pub async fn events_are_read_in_pages(lab: &Lab) {
    let task = lab.task("A").await;
    let mut commit = lab.plan_with_repo(&task, vec![RepoEvent::LetIn { task: task.id }]).await;
    for _ in 0..3 {
        write(&mut commit, Event::MainAsked);
    }
    lab.committed(commit).await;
    let all = answered(lab.store().task_events(task.id, 0, 10).await);
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|e| e.of == Address::Task(task.id)));
    let page = answered(lab.store().task_events(task.id, all[0].seq, 2).await);
    assert_eq!(page, all[1..3]);
    let repo = RepoId::new("repo");
    let of_repo = answered(lab.store().repo_events(&repo, 0, 10).await);
    assert_eq!(of_repo.len(), 1);
    assert_eq!(of_repo[0].event, RepoEvent::LetIn { task: task.id });
    assert_eq!(of_repo[0].of, Address::Repo(repo.clone()));
    assert_eq!(answered(lab.store().repo_events(&repo, of_repo[0].seq, 10).await), []);
}

async fn inventory(lab: &Lab) -> Inventory {
    answered(lab.store().inventory().await)
}

/// The same rows that the lists have, in their order; inputs as they came, consumed or not.
pub async fn an_inventory_has_every_row(lab: &Lab) {
    let (a, b) = (lab.task("A").await, lab.task_elsewhere("B").await);
    lab.committed(lab.plan_with_repo(&a, vec![RepoEvent::LetIn { task: a.id }]).await).await;
    lab.enqueue(&b, test_work()).await;
    let look = lab.enqueue_look().await;
    answered(lab.store().add_dependency(b.id, &a.key, "person", lab.now()).await);
    answered(lab.store().set_drained(true, &actor(), lab.now()).await);
    let to = [Address::Task(b.id), Address::Repo(RepoId::new("repo")), Address::Task(a.id)];
    let mut inputs: Vec<InputRow> = Vec::new();
    for to in to {
        let (id, input, at) = (lab.put(&to).await, some_input(), lab.now());
        inputs.push(InputRow { id, to, input, at, disposition: None });
        lab.wait(Span::secs(1));
    }
    let refused = Disposition::Refused { code: "no".to_owned(), why: "because".to_owned() };
    for (task, n, said) in [(&b, 0, refused), (&a, 2, Disposition::Applied)] {
        let mut commit = lab.plan(task).await;
        commit.consumed = vec![(inputs[n].id, said.clone())];
        lab.committed(commit).await;
        inputs[n].disposition = Some(said);
    }
    let all = inventory(lab).await;
    assert_eq!(all.inputs, inputs);
    let tasks: Vec<_> = all.tasks.iter().map(|record| (record.task.clone(), record.version)).collect();
    assert_eq!(Ok(tasks), lab.store().tasks().await);
    for record in &all.tasks {
        assert_eq!(Ok(record.events.clone()), lab.store().task_events(record.task.id, 0, u32::MAX).await);
    }
    let repos: Vec<_> = all.repos.iter().map(|record| (record.repo.clone(), record.epoch)).collect();
    assert_eq!(Ok(repos), lab.store().repos().await);
    for record in &all.repos {
        assert_eq!(Ok(record.events.clone()), lab.store().repo_events(&record.repo.id, 0, u32::MAX).await);
    }
    assert_eq!(Ok(all.jobs.clone()), lab.store().jobs(None, u32::MAX).await);
    assert_eq!(all.jobs.last().map(|row| row.job.id), Some(look));
    assert_eq!((all.dependencies, all.drained), (vec![(b.id, a.key)], true));
    // What a job's end says is an input as any other.
    let claimed = lab.claim_one(lab.boot()).await;
    let fact = lab.input_id();
    answered(lab.settle(claimed.job, claimed.token, fact).await);
    let last = inventory(lab).await.inputs.pop().map(|row| (row.id, row.to, row.disposition));
    assert_eq!(last, Some((fact, claimed.of, None)));
}

/// When it is due, and since when it asks to be let in.
pub async fn an_inventory_has_the_queue_beside_the_row(lab: &Lab) {
    let task = lab.task("A").await;
    let born = lab.now();
    let queue = async || inventory(lab).await.tasks.first().map(|record| record.queue);
    let (due_at, candidate_since) = (Some(born), Some(born));
    assert_eq!(queue().await, Some(Queue { due_at, candidacy: Candidacy::Created, candidate_since }));
    lab.wait(Span::secs(5));
    stand(lab, &task, Candidacy::None).await;
    let none = Queue { due_at: None, candidacy: Candidacy::None, candidate_since: None };
    assert_eq!(queue().await, Some(none));
    let again = lab.wait(Span::secs(5));
    let mut commit = lab.plan(&task).await;
    commit.candidacy = Candidacy::Returning;
    commit.due_at = Some(again + Span::secs(60));
    lab.committed(commit).await;
    let (due_at, candidate_since) = (Some(again + Span::secs(60)), Some(again));
    assert_eq!(queue().await, Some(Queue { due_at, candidacy: Candidacy::Returning, candidate_since }));
}

/// A commit that another thread makes meanwhile is in it whole or not at all.
pub async fn an_inventory_is_of_one_moment(lab: &Lab) {
    let task = lab.task("A").await;
    let mut commit = lab.plan(&task).await;
    let mut commits = Vec::new();
    for priority in 0..100 {
        (commit.transition, commit.events) = (lab.transition(), Vec::new());
        write(&mut commit, Event::Prioritised { by: actor(), priority });
        commits.push(commit.clone());
        commit.version += 1;
    }
    let store = lab.shared();
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for commit in commits {
                assert_eq!(block_on(store.commit(commit)), CommitOutcome::Committed);
            }
        });
        while !writer.is_finished() {
            let all = answered(block_on(lab.store().inventory()));
            let record = &all.tasks[0];
            // Born with one event, and one more with each commit.
            assert_eq!(record.events.len() as u64, record.version);
            let said = record.events.last().map(|logged| &logged.event);
            let priority = record.task.request.priority;
            let told = matches!(said, Some(Event::Prioritised { priority: told, .. }) if *told == priority);
            assert!(told || record.version == 1, "the row has priority {priority}, its log says {said:?}");
        }
    });
    assert_eq!(inventory(lab).await.tasks[0].version, 101);
}
