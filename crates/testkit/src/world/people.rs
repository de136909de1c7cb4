//! People and the world's other movers: they request, command at any moment, push to main, and in the calm phase
//! answer whatever they are asked, so that everything can come to its end.

use std::sync::Arc;

use orchd_core::command::{Command, RepoCommand, RepoWanted, Shown, Wanted};
use orchd_core::fact::{Address, Fact, Input};
use orchd_core::hold::HoldCode;
use orchd_core::id::{Actor, InputId, Key, TaskId};
use orchd_core::job::SuiteOutcome;
use orchd_core::policy::Ci;
use orchd_core::reason::{Ask, Reason, Wait};
use orchd_core::task::{CiState, Request, Task};
use orchd_core::time::Span;
use orchd_engine::{CommandError, Engine, NewRequest};

use super::deliver::{Delivery, on_the_way};
use super::sched::{Owner, sleep};
use super::sim::Sim;
use super::spot::Spot;

/// Retries of one task in the calm phase before its person gives up and stops it.
const PATIENCE: u32 = 8;

fn ada() -> Actor {
    Actor::new("ada")
}

/// Requests an issue, and sometimes again when it was stopped.
pub(super) async fn requests(sim: Arc<Sim>, key: Key) {
    sleep(&sim, sim.between(0, 400_000)).await;
    for life in 1..=2 {
        if life > 1 && (sim.is_calm() || !sim.one_in(3)) {
            return;
        }
        let task = loop {
            if let Some(task) = request(&sim, &key).await {
                break task;
            }
            sleep(&sim, Span::secs(20)).await;
        };
        depends(&sim, task, &key).await;
        while sim.store.inspect(|s| s.tasks.get(&task).is_some_and(|row| !row.task.stage.is_terminal())) {
            sleep(&sim, Span::secs(200)).await;
        }
    }
}

async fn request(sim: &Arc<Sim>, key: &Key) -> Option<TaskId> {
    let (replica, engine) = sim.some_engine()?;
    let track = sim.with(|i| i.chance.pick(&["full", "bug", "express", "express"]).copied());
    let new = NewRequest {
        project: sim.shape.project(),
        key: key.clone(),
        request: Request {
            title: if sim.one_in(30) { "x".to_owned() } else { format!("Do {key}") },
            description: "What is wanted.".to_owned(),
            priority: i32::try_from(sim.below(3)).unwrap_or(0),
            ..Request::default()
        },
        track: track.map(str::to_owned),
        repair: false,
        by: ada(),
    };
    // The surface lives in the process: it dies with it, and the person tries again.
    let _ = asked(sim, replica, async move { engine.start(new).await.map(|_| ()) }).await;
    let found = sim.rows().find_task(&sim.shape.project(), key).await.ok().flatten()?;
    let alive = sim.store.inspect(|s| s.tasks.get(&found).is_some_and(|r| !r.task.stage.is_terminal()));
    alive.then_some(found)
}

async fn depends(sim: &Arc<Sim>, task: TaskId, key: &Key) {
    if !sim.one_in(5) {
        return;
    }
    let others: Vec<Key> = sim.shape.keys().filter(|other| other != key).collect();
    let on = sim.with(|i| i.chance.pick(&others).cloned());
    let (Some((replica, engine)), Some(on)) = (sim.some_engine(), on) else { return };
    let _ = asked(sim, replica, async move { engine.depend(task, &on, &ada()).await }).await;
}

/// Runs a call inside a replica; `None` where the replica died or did not answer in time.
async fn asked<T: Send + Clone + 'static>(
    sim: &Arc<Sim>,
    replica: usize,
    call: impl Future<Output = Result<T, CommandError>> + Send + 'static,
) -> Option<Result<T, String>> {
    let letter: Arc<std::sync::Mutex<Option<Result<T, String>>>> = Arc::default();
    let answer = Arc::clone(&letter);
    sim.spawn(Owner::Replica(replica), async move {
        let result = call.await.map_err(|error| error.to_string());
        *answer.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(result);
    });
    for _ in 0..40 {
        let arrived = letter.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if arrived.is_some() {
            return arrived;
        }
        sleep(sim, Span::millis(500)).await;
    }
    None
}

/// Sends a command to a task through some replica; what becomes of it on the way is the delivery's business.
async fn commands(sim: &Arc<Sim>, task: &Task, what: Wanted, stale: bool) {
    let visit = match sim.below(3) {
        0 => None,
        _with if stale => Some(task.visit.saturating_sub(1)),
        _with => Some(task.visit),
    };
    let subject = task.head().filter(|_| sim.one_in(3)).cloned().map(Shown::Head);
    let command = Command { what, by: ada(), visit, subject };
    sim.say(|| format!("ada: {} {command:?}", task.key));
    let Some(delivery) = on_the_way(sim, Spot::Row(task)) else { return };
    if delivery.after.0 > 0 {
        sleep(sim, delivery.after).await;
    }
    for id in delivery.ids {
        let Some((replica, engine)) = sim.some_engine() else { return };
        let (task, command) = (task.id, command.clone());
        let answer = asked(sim, replica, send(engine, task, id, command)).await;
        if matches!(answer, Some(Ok(()))) {
            sim.with(|i| i.accepted.push(id));
        }
    }
}

async fn send(engine: Arc<Engine>, task: TaskId, id: InputId, command: Command) -> Result<(), CommandError> {
    match engine.command(task, id, command).await {
        Ok(_) | Err(CommandError::Refused { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn repo_commands(sim: &Arc<Sim>, what: RepoWanted) {
    let Some((replica, engine)) = sim.some_engine() else { return };
    let repo = sim.shape.policy().repo.clone();
    let id = sim.mint_input();
    sim.say(|| format!("ada: {what:?}"));
    let command = RepoCommand { what, by: ada() };
    let _ =
        asked(sim, replica, async move { engine.repo_command(&repo, id, command).await.map(|_| ()) }).await;
}

/// Those that go on, and now and then one that is over: people's commands come whenever they come.
fn somebody(sim: &Sim) -> Vec<Arc<Task>> {
    let over = sim.one_in(12);
    sim.store.inspect(|s| {
        let rows = s.tasks.values().map(|row| &row.task);
        rows.filter(|t| t.stage.is_terminal() == over).cloned().collect()
    })
}

fn live(sim: &Sim) -> Vec<Arc<Task>> {
    sim.store.inspect(|s| {
        let rows = s.tasks.values().map(|row| &row.task);
        rows.filter(|t| !t.stage.is_terminal()).cloned().collect()
    })
}

/// A person does something at any moment: fitting, stale, doubled, or pointless.
pub(super) async fn meddles(sim: Arc<Sim>) {
    let every = sim.shape.people_every * 1000;
    loop {
        sleep(&sim, sim.between(every / 4, every * 2)).await;
        if sim.is_calm() {
            return;
        }
        let tasks = somebody(&sim);
        let Some(task) = sim.with(|i| i.chance.pick(&tasks).cloned()) else { continue };
        match sim.below(20) {
            0 => repo_commands(&sim, RepoWanted::Freeze { why: "a person says so".to_owned() }).await,
            1 | 2 => repo_commands(&sim, RepoWanted::Unfreeze).await,
            3 => drains(&sim, true).await,
            4 | 5 => drains(&sim, false).await,
            _command => {
                let what = any_command(&sim, &task);
                commands(&sim, &task, what, sim.one_in(4)).await;
            }
        }
    }
}

async fn drains(sim: &Arc<Sim>, drained: bool) {
    let Some((replica, engine)) = sim.some_engine() else { return };
    sim.say(|| format!("ada: drained {drained}"));
    sim.with(|i| i.drained_at = Some(sim.now()));
    let _ = asked(sim, replica, async move { engine.drain(drained, &ada()).await }).await;
}

fn any_command(sim: &Sim, task: &Task) -> Wanted {
    if let Some(what) = fitting(task).filter(|_| sim.one_in(2)) {
        return what;
    }
    match sim.below(20) {
        0 => Wanted::Stop,
        1..=3 => Wanted::Pause { why: "wait".to_owned(), now: sim.one_in(2) },
        4..=7 => Wanted::Resume { answers: None },
        8 => Wanted::Reject { reason: "not like this".to_owned() },
        9 | 10 => Wanted::Retry { repair: sim.one_in(3), answers: None },
        11 => Wanted::Escalate,
        12..=15 => Wanted::Prioritise { priority: i32::try_from(sim.below(5)).unwrap_or(0) - 2 },
        16 | 17 => Wanted::ConfirmDeploy,
        _approve => Wanted::Approve,
    }
}

/// What the task asks of people, if anything.
fn fitting(task: &Task) -> Option<Wanted> {
    if task.stopping.is_some() {
        return None;
    }
    if let Some(held) = &task.hold {
        let approve = held.code == HoldCode::DeployUnknown;
        return Some(if approve { Wanted::Approve } else { Wanted::Retry { repair: false, answers: None } });
    }
    if let Some(pause) = &task.pause {
        // Words are for a role that asked; where none did, nobody may be there to hear them.
        let answers = (!pause.questions.is_empty()).then(|| "blue".to_owned());
        return Some(Wanted::Resume { answers });
    }
    match &task.reason {
        Some(Reason::Wait(Wait::Person { ask: Ask::Approve, .. })) => Some(Wanted::Approve),
        Some(Reason::Wait(Wait::Person { ask: Ask::ConfirmDeploy, .. })) => Some(Wanted::ConfirmDeploy),
        Some(_) | None => None,
    }
}

/// Somebody else pushes to main, and sometimes breaks or mends it.
pub(super) async fn others_push(sim: Arc<Sim>) {
    let every = sim.shape.pushes_every * 1000;
    if every == 0 {
        return;
    }
    loop {
        sleep(&sim, sim.between(every / 4, every * 2)).await;
        if sim.is_calm() {
            return;
        }
        let (red, bad) = (sim.with(|i| i.git.main_is_red()), sim.one_in(5));
        let mends = red && sim.one_in(2);
        sim.say(|| format!("somebody pushes to main (mends {mends}, bad {bad})"));
        sim.with(|i| if mends { i.git.mend() } else { i.git.outside_push(bad, false) });
        sim.wrote(9);
    }
}

/// The forge's CI reports heads that are waited for; a report may be lost, late or pending first.
pub(super) async fn ci_reports(sim: Arc<Sim>) {
    if sim.shape.policy().ci != Ci::Forge {
        return;
    }
    loop {
        sleep(&sim, sim.between(5_000, 40_000)).await;
        for task in live(&sim) {
            let Some(Reason::Wait(Wait::Ci { head, .. })) = &task.reason else { continue };
            let known = task.evidence.ci.as_ref().is_some_and(|ci| ci.head == *head);
            let sent = sim.with(|i| !i.reported.insert(head.clone()));
            if sent && known && !sim.is_calm() {
                continue;
            }
            let Some(delivery) = on_the_way(&sim, Spot::Row(&task)) else { continue };
            let state = match sim.with(|i| i.git.suite(head)) {
                SuiteOutcome::Green { .. } if !sim.is_calm() && sim.one_in(6) => CiState::Pending,
                SuiteOutcome::Green { .. } => CiState::Success,
                SuiteOutcome::Red { output, .. } => CiState::Failure { output },
                SuiteOutcome::Infra { reason } => CiState::Infra { why: reason },
            };
            if matches!(state, CiState::Pending) {
                sim.with(|i| i.reported.remove(head));
            }
            let fact = Input::Fact { fact: Fact::Ci { head: head.clone(), state } };
            sim.spawn(Owner::World, arrives(Arc::clone(&sim), task.id, delivery, fact));
        }
    }
}

/// A report arrives, at its time and as often as it does.
async fn arrives(sim: Arc<Sim>, task: TaskId, delivery: Delivery, fact: Input) {
    if delivery.after.0 > 0 {
        sleep(&sim, delivery.after).await;
    }
    for id in delivery.ids {
        // The model's own store never fails.
        let _ = sim.rows().put_input(&Address::Task(task), id, &fact, sim.now()).await;
    }
    sim.wrote(10);
}

/// In the calm phase a patient person answers everything, and gives up on what does not move.
pub(super) async fn answers(sim: Arc<Sim>) {
    loop {
        sleep(&sim, Span::secs(45)).await;
        if !sim.is_calm() {
            continue;
        }
        drains_if_needed(&sim).await;
        unfreezes(&sim).await;
        for task in live(&sim) {
            if let Some(what) = answer(&sim, &task) {
                commands(&sim, &task, what, false).await;
            }
        }
    }
}

async fn drains_if_needed(sim: &Arc<Sim>) {
    if sim.store.inspect(|s| s.drained) {
        drains(sim, false).await;
    }
}

async fn unfreezes(sim: &Arc<Sim>) {
    if sim.with(|i| i.git.main_is_red()) {
        sim.say(|| "somebody mends main".to_owned());
        sim.with(|i| i.git.mend());
        sim.wrote(11);
    }
    let frozen = sim.store.inspect(|s| s.repos.values().any(|row| row.repo.frozen.is_some()));
    if frozen {
        repo_commands(sim, RepoWanted::Unfreeze).await;
    }
}

fn answer(sim: &Sim, task: &Task) -> Option<Wanted> {
    let what = fitting(task)?;
    if task.hold.is_some() {
        let tried = sim.with(|i| {
            let tried = i.retried.entry(task.id).or_default();
            *tried += 1;
            *tried
        });
        let hopeless = matches!(
            task.hold.as_ref().map(|held| held.code),
            Some(HoldCode::Entry | HoldCode::DependencyEnded)
        );
        if tried > PATIENCE || hopeless {
            return Some(Wanted::Stop);
        }
    }
    Some(what)
}
