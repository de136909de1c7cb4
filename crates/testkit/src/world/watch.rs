//! Drives a run: turns the schedule, asks the invariants after every commit, ends the faults at the horizon, and
//! demands in the calm that follows that everything comes to its end.

use std::sync::Arc;

use orchd_core::admission::Candidacy;
use orchd_core::audit::{self, Auditor, InputFile, RepoFile, TaskFile, Truth, Violation, World};
use orchd_core::event::{Event, How};
use orchd_core::id::{InputId, TaskId};
use orchd_core::job::JobResult;
use orchd_core::port::clock::Clock;
use orchd_core::port::store::{JobRow, JobState, Queue};
use orchd_core::time::{Span, Timestamp};

use super::replica;
use super::sched::{Owner, Schedule, Turned};
use super::sim::{START, Sim, fold};
use super::{Outcome, Policies, Rest};
use crate::memory::{InputRow, State};

/// The longest that a world may need to come to rest once nothing goes wrong any more.
const CALM: Span = Span::hours(40);
/// Polls after which a run is given up: it does not come to rest, it spins.
const POLLS: u64 = 60_000;

/// What was counted in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Store transactions that wrote what invariants speak about: decisions of tasks and repositories, claims,
    /// settlements, releases, sends, creations, inputs. Renewals, acknowledged projections and decisions that
    /// only say when to look again are not among them.
    pub commits: u64,
    /// Decisions of tasks and repositories that said something, of those.
    pub decisions: u64,
    /// Faults that struck.
    pub faults: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Landings that really happened.
    pub landings: u64,
    /// Rollbacks that spent a rework.
    pub reworks: u64,
    /// Holds.
    pub holds: u64,
    /// Tasks that ended in `done`.
    pub done: u64,
    /// Tasks that were cancelled.
    pub cancelled: u64,
    /// Polls of futures.
    pub polls: u64,
}

impl Totals {
    /// Adds what was counted elsewhere.
    pub const fn add(&mut self, other: &Self) {
        let Self { commits, decisions, faults, crashes, landings, reworks, holds, done, cancelled, polls } =
            other;
        self.commits += *commits;
        self.decisions += *decisions;
        self.faults += *faults;
        self.crashes += *crashes;
        self.landings += *landings;
        self.reworks += *reworks;
        self.holds += *holds;
        self.done += *done;
        self.cancelled += *cancelled;
        self.polls += *polls;
    }
}

/// What only the watcher knows.
struct Watch {
    auditor: Auditor,
    truth: Truth,
    violations: Vec<Violation>,
    polls: u64,
    /// Every look is at the whole world.
    whole: bool,
}

/// Runs the world to its rest, or to the first violation.
pub(super) fn drive(sim: &Arc<Sim>, schedule: &mut Schedule, whole: bool) {
    let mut watch = Watch {
        auditor: Auditor::new(&sim.policies),
        truth: Truth::default(),
        violations: Vec::new(),
        polls: 0,
        whole,
    };
    let horizon = START + sim.shape.horizon();
    let end = horizon + CALM;
    while watch.violations.is_empty() && !sim.has_parted() && !at_rest(sim) {
        match schedule.turn(sim) {
            Turned::Polled => watch.after_poll(sim, schedule),
            Turned::Idle(None) => break,
            Turned::Idle(Some(at)) => sim.clock.set(at),
        }
        if sim.now() >= horizon && !sim.is_calm() {
            calm_down(sim);
        }
        if sim.now() >= end || watch.polls > POLLS {
            break;
        }
    }
    if watch.violations.is_empty() && !sim.has_parted() {
        watch.ask_rest(sim);
    }
    sim.with(|i| i.verdict = Some((watch.violations, watch.truth, watch.polls)));
}

fn calm_down(sim: &Sim) {
    sim.say(|| "no more faults; people answer".to_owned());
    sim.with(|i| {
        i.faults.end();
        i.calm = true;
        i.outage_until = START;
        for replica in &mut i.replicas {
            replica.stopped_until = START;
        }
    });
    for replica in 0..sim.shape.replicas {
        sim.skew(replica, Span(0));
    }
}

/// Everything has ended and every surface and inbox is up to date.
fn at_rest(sim: &Sim) -> bool {
    sim.is_calm()
        && sim.store.inspect(|state| {
            state.tasks.values().all(|row| row.task.stage.is_terminal())
                && state.waiting.is_empty()
                && state.active.is_empty()
                && state.projections.values().all(|p| p.shown_version >= p.wanted)
        })
}

impl Watch {
    fn after_poll(&mut self, sim: &Arc<Sim>, schedule: &mut Schedule) {
        self.polls += 1;
        for dead in sim.take_dead() {
            schedule.bury(dead);
            sim.spawn(Owner::World, replica::revive(Arc::clone(sim), dead));
        }
        if sim.take_written() {
            schedule.hint();
            self.refresh(sim);
            self.ask(sim);
        }
    }

    /// Asks the invariants about what changed; where one is broken, or if every look is to be a whole one, about
    /// everything, and once more as `orchctl doctor` does: at the first look, and without a word from outside.
    fn ask(&mut self, sim: &Sim) {
        let (policies, truth, now) = (&sim.policies, &self.truth, sim.now());
        let found = sim.store.inspect(|state| {
            let versions = state.tasks.values().map(|row| row.version).sum();
            sim.with(|i| fold(&mut i.hash, versions));
            let changes = || World {
                jobs: open_jobs(state, &self.auditor),
                inputs: Some(waiting_inputs(state)),
                ..rows(state, policies, truth, now)
            };
            let found = match self.whole {
                true => self.auditor.check(&world(state, policies, truth, now)),
                false => self.auditor.check_changes(&changes()),
            };
            match found.is_empty() {
                true if self.whole => {
                    audit::audit(&World { truth: None, ..world(state, policies, truth, now + truth.skew) })
                }
                true => found,
                false => beside(found, audit::audit(&world(state, policies, truth, now))),
            }
        });
        self.violations.extend(found);
    }

    /// The truth as the world outside has it now.
    fn refresh(&mut self, sim: &Sim) {
        sim.with(|i| {
            let truth = &mut self.truth;
            truth.faultless = !i.faults.any();
            truth.skew = i.skew;
            truth.slots = sim.shape.slots;
            truth.drained_at = i.drained_at;
            let main = truth.main.entry(sim.shape.policy().repo.clone()).or_default();
            if main.len() != i.git.in_main.len() {
                main.clone_from(&i.git.in_main);
                truth.taken_out.clone_from(&i.git.taken_out);
                truth.landings.clone_from(&i.git.landings);
            }
            truth.landings.extend(i.git.landings.iter().skip(truth.landings.len()).cloned());
            truth.closed.extend(i.git.closed());
            truth.hooks.extend(i.git.hooks.iter().skip(truth.hooks.len()).cloned());
            if truth.red.len() != i.git.red.len() {
                truth.red.clone_from(&i.git.red);
            }
        });
    }

    fn ask_rest(&mut self, sim: &Sim) {
        self.refresh(sim);
        sim.with(|i| {
            self.truth.accepted.clone_from(&i.accepted);
            self.truth.boards = Some(i.boards.clone());
        });
        let found = sim.store.inspect(|state| {
            let world = world(state, &sim.policies, &self.truth, sim.now());
            let mut found = self.auditor.check(&world);
            found.extend(audit::at_rest(&world));
            found.extend(constraints(sim, state));
            found
        });
        self.violations.extend(found);
    }
}

/// What was found, and what else was.
fn beside(mut found: Vec<Violation>, others: Vec<Violation>) -> Vec<Violation> {
    let new = others.into_iter().filter(|other| !found.contains(other)).collect::<Vec<_>>();
    found.extend(new);
    found
}

/// What else must not have happened: a refused constraint is a bug of the engine, and without a fault nothing is
/// ever lost.
fn constraints(sim: &Sim, state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Some(constraint) = state.last_violation {
        let sentence = "The engine never asks the store for what its constraints forbid.";
        found.push(Violation { number: 3, sentence, detail: constraint.to_owned() });
    }
    let lost = state.jobs.values().find(|job| matches!(job.row.result, Some(JobResult::Lost { .. })));
    if let (Some(job), false) = (lost, sim.with(|i| i.faults.any())) {
        let sentence = "A world without faults needs no recovery.";
        found.push(Violation { number: 3, sentence, detail: format!("{:?} was lost", job.row.job) });
    }
    found
}

/// The store as the audit sees it.
pub(super) fn world<'a>(
    state: &'a State,
    policies: &'a Policies,
    truth: &'a Truth,
    now: Timestamp,
) -> World<'a> {
    let jobs = state.jobs.values().map(|job| &job.row).collect();
    let inputs = Some(state.inputs.iter().map(|(id, row)| input(*id, row)).collect());
    World { jobs, inputs, ..rows(state, policies, truth, now) }
}

fn input(id: InputId, row: &InputRow) -> InputFile<'_> {
    let InputRow { to, input, at, disposition, .. } = row;
    InputFile { id, to, input, at: *at, disposition: disposition.as_ref() }
}

/// Inputs that nobody consumed.
fn waiting_inputs(state: &State) -> Vec<InputFile<'_>> {
    let waiting = state.waiting.values().flatten();
    waiting.filter_map(|id| Some(input(*id, state.inputs.get(id)?))).collect()
}

/// Jobs that are queued or run, and those that were so at the last look.
fn open_jobs<'a>(state: &'a State, auditor: &Auditor) -> Vec<&'a JobRow> {
    let row = |id| state.jobs.get(id).map(|job| &job.row);
    let mut jobs: Vec<&JobRow> = state.active.values().filter_map(row).collect();
    let over = |row: &&JobRow| !matches!(row.state, JobState::Queued | JobState::Running);
    jobs.extend(auditor.open_jobs().filter_map(row).filter(over));
    jobs
}

/// The rows, without the jobs and inputs.
fn rows<'a>(state: &'a State, policies: &'a Policies, truth: &'a Truth, now: Timestamp) -> World<'a> {
    let none: &[_] = &[];
    let events = |id: &TaskId| state.task_events.get(id).map_or(none, Vec::as_slice);
    World {
        tasks: state
            .tasks
            .iter()
            .map(|(id, row)| TaskFile {
                task: &row.task,
                version: row.version,
                events: events(id),
                queue: Some(Queue {
                    due_at: row.due_at,
                    candidacy: row.candidacy,
                    candidate_since: (row.candidacy != Candidacy::None).then_some(row.candidate_since),
                }),
            })
            .collect(),
        repos: state
            .repos
            .iter()
            .map(|(id, row)| RepoFile {
                repo: &row.repo,
                epoch: row.epoch,
                events: state.repo_events.get(id).map_or(&[], Vec::as_slice),
            })
            .collect(),
        jobs: Vec::new(),
        ledger: state.ledger.iter().collect(),
        inputs: None,
        known_inputs: state.inputs.len(),
        providers: state.providers.values().map(|row| &row.health).collect(),
        provider_events: &state.provider_events,
        dependencies: state.dependencies.keys().map(|(task, on)| (*task, on)).collect(),
        drained: state.drained,
        policies,
        truth: Some(truth),
        now,
    }
}

/// What came of it.
pub(super) fn outcome(sim: &Arc<Sim>, seed: u64) -> Outcome {
    let now = sim.clock.now();
    // Before the rows are taken out of the memory's store.
    let parted = sim.twin.as_ref().and_then(|twin| {
        twin.compare_all(now);
        twin.parted()
    });
    let state = sim.store.take();
    let (violations, truth, polls) = sim.with(|i| i.verdict.take()).unwrap_or_default();
    let events = || state.task_events.values().flatten().map(|logged| &logged.event);
    let count = |is: fn(&Event) -> bool| events().filter(|event| is(event)).count() as u64;
    let totals = sim.with(|i| Totals {
        commits: state.commits,
        decisions: i.commits,
        faults: i.faults.struck.len() as u64,
        crashes: i.crashes,
        landings: i.git.landings.len() as u64,
        reworks: count(|e| matches!(e, Event::Entered { how: How::Rollback { spends: Some(_), .. }, .. })),
        holds: count(|e| matches!(e, Event::Held { .. })),
        done: ended(&state, orchd_core::stage::Stage::Done),
        cancelled: ended(&state, orchd_core::stage::Stage::Cancelled),
        polls,
    });
    let trace = sim.with(|i| i.trace.take()).unwrap_or_default();
    let (hash, struck) = sim.with(|i| (i.hash, std::mem::take(&mut i.faults.struck)));
    let (cells, planned) = sim.with(|i| (i.faults.cells.clone(), std::mem::take(&mut i.faults.planned)));
    let points = sim.with(|i| i.faults.points());
    let rest = Rest { state, truth, policies: sim.policies.clone(), now };
    let shape = sim.shape.clone();
    Outcome { seed, hash, totals, struck, shape, cells, planned, points, violations, parted, trace, rest }
}

fn ended(state: &State, stage: orchd_core::stage::Stage) -> u64 {
    state.tasks.values().filter(|row| row.task.stage == stage).count() as u64
}
