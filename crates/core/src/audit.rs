//! The invariants I-1 … I-18 and I-20 (spec 2.8), and I-21 … I-31 of our own, as functions over a [`World`]: rows, events, jobs, ledger, inputs and,
//! where a test knows it, what really happened outside. Asked by tests after every commit, by a reconciler and
//! by `orchctl doctor`. Reads only; what to do about a violation is the caller's business.

mod auditor;
mod load;
mod mechanism;
mod order;
mod provider;
mod rest;
mod rows;
mod steps;
#[cfg(test)]
mod tests;
mod truth;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::event::{Event, ProviderEvent, RepoEvent};
use crate::fact::{Address, Input};
use crate::id::{InputId, Key, ProjectId, ProviderId, TaskId};
use crate::policy::Policy;
use crate::port::store::{Disposition, JobRow, LedgerRow, Logged, Queue};
use crate::provider::Health;
use crate::repo::Repo;
use crate::task::Task;
use crate::time::Timestamp;

pub use auditor::Auditor;

pub use truth::{TrueHook, TrueLanding, Truth};

/// Everything the invariants speak about, as it stands between two commits.
pub struct World<'a> {
    /// All tasks.
    pub tasks: Vec<TaskFile<'a>>,
    /// All repositories.
    pub repos: Vec<RepoFile<'a>>,
    /// All jobs; for [`Auditor::check_changes`] those at least that are queued or run, or were so at the last look.
    pub jobs: Vec<&'a JobRow>,
    /// The effect ledger, oldest first.
    pub ledger: Vec<&'a LedgerRow>,
    /// All inputs, or at least those that wait; `None` where they cannot be listed, and nothing is said about them.
    pub inputs: Option<Vec<InputFile<'a>>>,
    /// How many inputs there are in all.
    pub known_inputs: usize,
    /// Providers that were ever unwell.
    pub providers: Vec<&'a Health>,
    /// What people did to them, oldest first.
    pub provider_events: &'a [(Timestamp, ProviderEvent)],
    /// All dependencies: who waits for which issue of its project.
    pub dependencies: Vec<(TaskId, &'a Key)>,
    /// The operator stopped admission.
    pub drained: bool,
    /// The policies of the configured projects.
    pub policies: &'a BTreeMap<ProjectId, Arc<Policy>>,
    /// What really happened outside, where a test knows it.
    pub truth: Option<&'a Truth>,
    /// Now.
    pub now: Timestamp,
}

/// A task with its log.
pub struct TaskFile<'a> {
    /// The row.
    pub task: &'a Task,
    /// Raised by every commit.
    pub version: u64,
    /// Its events from the first on, oldest first; empty where they were pruned or are not at hand, and nothing
    /// is said about steps then.
    pub events: &'a [Logged<Event>],
    /// What the store keeps beside the row; `None` where it cannot be asked.
    pub queue: Option<Queue>,
}

/// A repository with its log.
pub struct RepoFile<'a> {
    /// The row.
    pub repo: &'a Repo,
    /// Raised by every commit that changes it.
    pub epoch: u64,
    /// Its events from the first on, oldest first; empty where they are not at hand.
    pub events: &'a [Logged<RepoEvent>],
}

/// An input with what became of it.
pub struct InputFile<'a> {
    /// Identity.
    pub id: InputId,
    /// Whose.
    pub to: &'a Address,
    /// The input.
    pub input: &'a Input,
    /// When it was stored.
    pub at: Timestamp,
    /// What became of it, once it was consumed.
    pub disposition: Option<&'a Disposition>,
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its number (spec 2.8).
    pub number: u8,
    /// Its sentence.
    pub sentence: &'static str,
    /// What breaks it.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I-{} {} Broken by: {}", self.number, self.sentence, self.detail)
    }
}

/// One event on its way into a row: what is asked of the row as it was before.
pub struct Step<'a> {
    /// The row before.
    pub before: &'a Task,
    /// The event.
    pub event: &'a Event,
    /// When it was written.
    pub at: Timestamp,
    /// The repository as its own log has it at this moment.
    pub repo: Option<&'a Repo>,
    /// The health of every provider that was unwell before, as the logs have it at this moment; `None` where not all
    /// logs are at hand.
    pub providers: Option<&'a BTreeMap<ProviderId, Health>>,
    /// A person named the task for the repair in this very commit; the repository's event of it comes later.
    pub named: bool,
    /// A probe or the act itself answered in this very commit.
    pub answered: bool,
    /// The policy the latest decision was made under; `None` where today's is another one.
    pub policy: Option<&'a Policy>,
    /// What really happened outside.
    pub truth: Option<&'a Truth>,
}

/// One event of a repository on its way into its row.
pub struct RepoStep<'a> {
    /// The row before.
    pub before: &'a Repo,
    /// The event.
    pub event: &'a RepoEvent,
    /// When it was written, by the clock of whoever wrote it.
    pub at: Timestamp,
    /// The repository's epoch at the last look.
    pub epoch: Option<u64>,
    /// The rows as they are after all new events.
    pub world: &'a World<'a>,
    /// Who waited for a place at the last look.
    waiting: &'a order::Waiting,
}

/// Collects what breaks one invariant.
pub struct Found<'v> {
    invariant: &'static Invariant,
    into: &'v mut Vec<Violation>,
}

impl Found<'_> {
    /// Notes what breaks the invariant.
    pub fn broken(&mut self, detail: impl Into<String>) {
        let Invariant { number, sentence, .. } = *self.invariant;
        self.into.push(Violation { number, sentence, detail: detail.into() });
    }

    /// Notes it unless `holds`.
    pub fn demand(&mut self, holds: bool, detail: impl FnOnce() -> String) {
        if !holds {
            self.broken(detail());
        }
    }
}

/// An invariant: its number, its sentence, and the questions it asks.
pub struct Invariant {
    /// The number (spec 2.8); stable.
    pub number: u8,
    /// The sentence.
    pub sentence: &'static str,
    /// Asked of each event before it is applied.
    pub step: Option<fn(&Step, &mut Found)>,
    /// Asked of each repository event before it is applied.
    pub repo_step: Option<fn(&RepoStep, &mut Found)>,
    /// Asked of the rows between two commits.
    pub rows: Option<fn(&World, &mut Found)>,
    /// Asked of the rows once everything has come to rest.
    pub rest: Option<fn(&World, &mut Found)>,
}

impl Invariant {
    const fn new(number: u8, sentence: &'static str) -> Self {
        Self { number, sentence, step: None, repo_step: None, rows: None, rest: None }
    }
    const fn step(mut self, ask: fn(&Step, &mut Found)) -> Self {
        self.step = Some(ask);
        self
    }
    const fn repo_step(mut self, ask: fn(&RepoStep, &mut Found)) -> Self {
        self.repo_step = Some(ask);
        self
    }
    const fn rows(mut self, ask: fn(&World, &mut Found)) -> Self {
        self.rows = Some(ask);
        self
    }
    const fn rest(mut self, ask: fn(&World, &mut Found)) -> Self {
        self.rest = Some(ask);
        self
    }
}

/// The invariants that can be asked of a world. I-15 (the same view, the same decision), I-19 (secrets) and the
/// forge's half of I-20 are not in rows and have tests of their own; I-14 is asked by the [`Auditor`] itself.
pub static INVARIANTS: [Invariant; 29] = [
    Invariant::new(1, "Stages move only along the pipeline's transitions; nothing leaves a terminal stage.")
        .step(steps::moves),
    Invariant::new(
        2,
        "Every advance and every landing or deploy intent has a stored Pass or NotApplicable of each of its gates for the present subject.",
    )
    .step(steps::gates_stand),
    Invariant::new(
        3,
        "At most one active pipeline job per task, at most one running job per token; the row refers to its jobs.",
    )
    .rows(rows::one_job),
    Invariant::new(4, "A queued job has no owner, run or start time; a running one has all.")
        .rows(rows::job_shape),
    Invariant::new(5, "With `serial` at most one task occupies a repository.").rows(rows::serial),
    Invariant::new(6, "Who may be let in is let in, in order; no deadlock while any may.")
        .rows(rows::admission),
    Invariant::new(7, "A paused task starts nothing and holds no place; a stopping or held one starts nothing.")
        .step(steps::starts_nothing)
        .rows(rows::paused_gives_way),
    Invariant::new(8, "Nothing is admitted, landed or deployed in a frozen repository.")
        .step(steps::frozen_effect)
        .repo_step(steps::frozen_admission),
    Invariant::new(9, "A task is done only if its validated SHA is an ancestor of main, with the evidence stored.")
        .step(steps::proof)
        .rows(truth::done_is_in_main),
    Invariant::new(
        10,
        "At most one applied and one open effect per key, task and target; what really happened is in the ledger.",
    )
    .step(steps::new_number)
    .rows(truth::effects),
    Invariant::new(11, "Infrastructure, waits and a red main never change the stage and never spend rework.")
        .step(steps::only_work_is_rejected),
    Invariant::new(12, "No budget is exceeded or refilled; one that runs out ends in exactly one Hold.")
        .step(steps::one_hold)
        .rows(rows::budgets),
    Invariant::new(13, "An accepted input is acted on or refused with an answer; a duplicate has no further effect.")
        .step(steps::no_second_effect)
        .rest(rest::inputs_consumed),
    Invariant::new(14, "Replaying a task's events rebuilds its row."),
    Invariant::new(16, "The final board status of a settled task is the render of its row.")
        .rest(rest::board),
    Invariant::new(17, "A task that ended leaves no place, lane, open effect or pipeline job; a stopped one leaves nothing.")
        .rows(rows::ended_leaves_nothing),
    Invariant::new(18, "Every waiting task has a reason that still stands, and whatever ends it will wake it.")
        .rows(rows::waits_have_an_end)
        .rest(rest::all_terminal),
    Invariant::new(20, "Main moves by a landing with the expected base and head only.").rows(truth::main_moves),
    Invariant::new(
        21,
        "A provider that does not answer or whose quota is used up starts no run but one at a time that tries it.",
    )
    .step(provider::starts)
    .rows(provider::probes),
    Invariant::new(
        22,
        "What landed is in `deploy` or done, is mended forward, or was stopped with the landing shown.",
    )
    .rows(mechanism::landed_goes_on),
    Invariant::new(23, "A role's verdict counts only from its run of the present stage entry.")
        .step(mechanism::verdict_of_this_entry),
    Invariant::new(24, "An unknown effect is closed by an answer, a probe or a person, and sent again only after a look.")
        .step(mechanism::unknown_is_asked),
    Invariant::new(25, "A lease's token has one owner for ever; the next owner has a higher one."),
    Invariant::new(26, "No lease reaches further than one length from now.").rows(mechanism::leases_are_short),
    Invariant::new(27, "An irreversible step is sent under a live lease of the job that acts for it."),
    Invariant::new(28, "Where nothing goes wrong, nothing is reclaimed, probed, deferred or tried again.")
        .step(mechanism::needs_no_recovery),
    Invariant::new(29, "Where nothing goes wrong, whatever may be claimed is claimed within two ticks.")
        .rows(mechanism::works_while_it_may),
    Invariant::new(30, "No more pipeline jobs run than there are slots.").rows(mechanism::slots),
    Invariant::new(31, "Nobody is let in while another waits that goes first and could be let in.")
        .repo_step(order::let_in),
];

/// The sentence of a number, or a general one.
pub fn invariant(number: u8) -> Option<&'static Invariant> {
    INVARIANTS.iter().find(|i| i.number == number)
}

/// Asks every invariant about a world, from the first event on.
pub fn audit(world: &World) -> Vec<Violation> {
    Auditor::new(world.policies).check(world)
}

/// Asks what must hold once everything has come to rest: no fault happens any more and people have answered.
pub fn at_rest(world: &World) -> Vec<Violation> {
    let mut found = Vec::new();
    for invariant in &INVARIANTS {
        if let Some(rest) = invariant.rest {
            rest(world, &mut Found { invariant, into: &mut found });
        }
    }
    found
}
