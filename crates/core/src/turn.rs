//! One turn of the engine as a pure function: inputs are recorded or judged, one decision is made and enacted,
//! and everything that must be written in one transaction comes out. Shell and tests both go through here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::admission::{self, Candidacy};
use crate::command::{self, Acceptance, Command};
use crate::decide::decide;
use crate::enact::{Minted, NewJob, changes_who_may_run, enact};
use crate::event::{Event, RepoEvent};
use crate::evolve::{evolve, evolve_repo};
use crate::fact::{Input, Pending};
use crate::id::{InputId, JobId, ProviderId};
use crate::job::{JobRef, JobSpec, SuiteOutcome, Work};
use crate::mutant::{self, Mutant};
use crate::port::store::{Disposition, LedgerWrite, Surface};
use crate::provider::{self, Health, Word};
use crate::reason::{Reason, Wait};
use crate::record::{record, record_repo};
use crate::render;
use crate::repo::{MainSeen, Marker, Repo};
use crate::task::Task;
use crate::time::Timestamp;
use crate::verdict::MarkerText;
use crate::view::View;

/// What one turn of a task writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The row after it.
    pub task: Arc<Task>,
    /// The repository after it.
    pub repo: Arc<Repo>,
    /// The task's events, in order.
    pub events: Vec<Event>,
    /// The repository's events, in order; empty leaves its row alone.
    pub repo_events: Vec<RepoEvent>,
    /// Inputs that were consumed.
    pub consumed: Vec<(InputId, Disposition)>,
    /// A job of the task.
    pub job: Option<NewJob>,
    /// A job of the repository.
    pub repo_job: Option<NewJob>,
    /// A job that is told to end.
    pub end_job: Option<JobId>,
    /// How the task stands towards admission.
    pub candidacy: Candidacy,
    /// Changes of the effect ledger.
    pub ledger: Vec<LedgerWrite>,
    /// Surfaces that may be behind.
    pub dirty: Vec<Surface>,
    /// When to decide again though nothing happens.
    pub due_at: Option<Timestamp>,
    /// Who may run changed.
    pub wake_repo: bool,
    /// Providers that a start relied on (`None`: as they were read), or whose health this turn changed.
    pub providers: BTreeMap<ProviderId, Option<Health>>,
    /// A provider may be used again, or is tried at another time: whoever waits for it looks again.
    pub wake_all: bool,
    /// The task ended: what waits for its issue looks again.
    pub wake_dependents: bool,
}

/// Consumes the inputs, decides once and enacts.
pub fn turn(mut view: View, inputs: Vec<Pending>, minted: Minted, now: Timestamp) -> Turn {
    let before = admission::candidacy(&view.task, view.occupies());
    let was_terminal = view.task.stage.is_terminal();
    let needed = render::alert::of_task(&view.task);
    let known = view.providers.clone();
    let mut events = Vec::new();
    let mut repo_events = Vec::new();
    let mut consumed = Vec::new();
    for pending in inputs {
        let (new, disposition) = take(&view, pending.input, now);
        consumed.push((pending.id, disposition));
        for event in new {
            for consequence in consequences(&view, &event, now) {
                evolve_repo(Arc::make_mut(&mut view.repo), &consequence);
                repo_events.push(consequence);
            }
            let changed = heard(&view, &event, now);
            evolve(Arc::make_mut(&mut view.task), &event, now);
            events.push(event);
            if let Some(health) = changed {
                view.providers.insert(health.provider.clone(), health.clone());
                events.push(Event::ProviderChanged { health: Box::new(health) });
            }
        }
    }
    let decided = decide(&view, now);
    let enacted = enact(&view, decided, minted, now);
    events.extend(enacted.events);
    repo_events.extend(enacted.repo_events);
    let candidacy = admission::candidacy(&enacted.task, enacted.repo.occupied_by(enacted.task.id));
    let providers = providers(&events);
    let wakes = |now: &Health| known.get(&now.provider).is_some_and(|before| provider::wakes(before, now));
    let who_may_run = before != candidacy
        || repo_events.iter().any(changes_who_may_run)
        || events.iter().any(changes_the_order);
    Turn {
        ledger: events.iter().filter_map(ledger_write).collect(),
        dirty: dirty(&events, render::alert::of_task(&enacted.task) != needed),
        wake_repo: who_may_run && !mutant::on(Mutant::Inc38),
        wake_all: providers.values().flatten().any(wakes),
        providers,
        wake_dependents: !was_terminal && enacted.task.stage.is_terminal(),
        task: enacted.task,
        repo: enacted.repo,
        events,
        repo_events,
        consumed,
        job: enacted.job,
        repo_job: enacted.repo_job,
        end_job: enacted.end_job,
        candidacy,
        due_at: enacted.due_at,
    }
}

/// What the end of a run, or of its job without one, says about its provider; `None` where that is nothing new.
fn heard(view: &View, event: &Event, now: Timestamp) -> Option<Health> {
    let job = view.task.job.as_ref()?;
    let id = job.provider.as_ref()?;
    let word = match event {
        Event::RunEnded { run } => Word::of(&run.outcome),
        Event::JobClosed { job: closed } if *closed == job.id => Word::Nothing,
        _other => return None,
    };
    let known = view.providers.get(id).cloned().unwrap_or_else(|| Health::new(id.clone()));
    let health = known.heard(word, (view.task.id, job.id), &view.policy.budgets, now);
    (health != known).then_some(health)
}

/// What a turn's events mean for providers: the last word about each counts.
fn providers(events: &[Event]) -> BTreeMap<ProviderId, Option<Health>> {
    let mut touched = BTreeMap::new();
    for event in events {
        match event {
            Event::ProviderChanged { health } => {
                touched.insert(health.provider.clone(), Some((**health).clone()));
            }
            Event::JobQueued { job, .. } => {
                if let Some(id) = &job.provider {
                    touched.entry(id.clone()).or_insert(None);
                }
            }
            _other => {}
        }
    }
    touched
}

/// Another task may go before this one now: those that wait look again.
const fn changes_the_order(event: &Event) -> bool {
    matches!(
        event,
        Event::Prioritised { .. } | Event::Stayed { reason: Reason::Wait(Wait::Dependency { .. }) }
    )
}

fn take(view: &View, input: Input, _now: Timestamp) -> (Vec<Event>, Disposition) {
    match input {
        Input::Fact { fact } => (record(&view.task, fact), Disposition::Applied),
        Input::Command { command } => judge(view, &command),
        // Addressed to a repository; a task has nothing to do with it.
        Input::RepoCommand { .. } => (Vec::new(), Disposition::Applied),
    }
}

fn judge(view: &View, wanted: &Command) -> (Vec<Event>, Disposition) {
    match command::accept(view, wanted) {
        Acceptance::Accepted(events) => (events, Disposition::Applied),
        Acceptance::Refused(refusal) => {
            let (code, why) = (refusal.code.name().to_owned(), refusal.why.clone());
            let (by, command) = (wanted.by.clone(), wanted.what.kind().name().to_owned());
            // A finished task's log is closed: the answer is in the disposition alone.
            let events = if view.task.stage.is_terminal() {
                Vec::new()
            } else {
                vec![Event::CommandRefused { by, command, refusal }]
            };
            (events, Disposition::Refused { code, why })
        }
    }
}

/// What a task's event means for its repository.
fn consequences(view: &View, event: &Event, now: Timestamp) -> Vec<RepoEvent> {
    match event {
        Event::Retried { repair: true, .. } if view.repo.frozen.is_some() => {
            vec![RepoEvent::RepairNamed { task: view.task.id }]
        }
        Event::Landed { proof } => {
            let main = MainSeen { sha: proof.main.clone(), tree: proof.main_tree.clone(), at: now };
            let mut events = vec![RepoEvent::MainObserved { main }];
            let task = view.task.id;
            let marker = |m: &MarkerText| Marker { task, path: m.path.clone(), text: m.text.clone() };
            events.extend(view.task.markers.iter().map(|m| RepoEvent::MarkerAdded { marker: marker(m) }));
            let green = view.task.evidence.suite.as_ref().filter(|s| {
                s.head == proof.head
                    && proof.main == proof.head
                    && matches!(s.outcome, SuiteOutcome::Green { .. })
            });
            // The green re-test of the landed head is already main's result.
            events.extend(green.map(|s| RepoEvent::SuiteKnown {
                tree: proof.main_tree.clone(),
                outcome: s.outcome.clone(),
            }));
            events
        }
        _other => Vec::new(),
    }
}

fn ledger_write(event: &Event) -> Option<LedgerWrite> {
    match event {
        Event::EffectOpened { effect } => Some(LedgerWrite::Open(effect.clone())),
        Event::EffectMoved { id, state, observed, .. } => {
            Some(LedgerWrite::Move { id: *id, state: *state, observed: observed.clone() })
        }
        _other => None,
    }
}

/// Any event may show on a surface; the projector writes only what really differs. People are only told where what they are
/// needed for is another.
fn dirty(events: &[Event], needs_another: bool) -> Vec<Surface> {
    let is_behind = |surface: &Surface| *surface != Surface::Alert || needs_another;
    if events.is_empty() { Vec::new() } else { Surface::ALL.into_iter().filter(is_behind).collect() }
}

/// What one turn of a repository writes.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoTurn {
    /// The row after it.
    pub repo: Arc<Repo>,
    /// Its events, in order.
    pub events: Vec<RepoEvent>,
    /// Inputs that were consumed.
    pub consumed: Vec<(InputId, Disposition)>,
    /// A look at main.
    pub job: Option<NewJob>,
    /// Who may run changed.
    pub wake_repo: bool,
}

/// Consumes a repository's inputs.
pub fn repo_turn(mut repo: Arc<Repo>, inputs: Vec<Pending>, look: JobId, now: Timestamp) -> RepoTurn {
    let mut events = Vec::new();
    let mut consumed = Vec::new();
    let mut job = None;
    for pending in inputs {
        let (new, disposition) = match pending.input {
            Input::Fact { fact } => (record_repo(&repo, fact, now), Disposition::Applied),
            Input::RepoCommand { command } => match command::accept_repo(&repo, &command, now) {
                Ok(mut new) => {
                    if matches!(command.what, command::RepoWanted::Look) {
                        new.extend(look_now(&repo, look, now, &mut job));
                    }
                    (new, Disposition::Applied)
                }
                Err(refusal) => (
                    Vec::new(),
                    Disposition::Refused { code: refusal.code.name().to_owned(), why: refusal.why },
                ),
            },
            // Addressed to a task; a repository has nothing to do with it.
            Input::Command { .. } => (Vec::new(), Disposition::Applied),
        };
        consumed.push((pending.id, disposition));
        for event in new {
            evolve_repo(Arc::make_mut(&mut repo), &event);
            events.push(event);
        }
    }
    let wake_repo = events.iter().any(changes_who_may_run);
    RepoTurn { repo, events, consumed, job, wake_repo }
}

fn look_now(repo: &Repo, id: JobId, now: Timestamp, job: &mut Option<NewJob>) -> Option<RepoEvent> {
    if repo.main_job.is_some() || job.is_some() {
        return None;
    }
    let known = repo.suites.iter().map(|r| r.tree.clone()).collect();
    let spec = JobSpec { work: Work::MainSuite { at: None, known }, not_before: None };
    *job = Some(NewJob { id, spec: spec.clone() });
    let job = JobRef::new(id, &spec, now);
    Some(RepoEvent::MainJobQueued { job, spec: Box::new(spec) })
}
