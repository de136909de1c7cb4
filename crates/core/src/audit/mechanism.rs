//! Invariants of the mechanism, not of its results: who may write, under which lease, and on whose word. Results hide a
//! broken safeguard behind the next one; these do not (reliability 3.10). V numbers are those of docs/dev/invariants.md.

use std::collections::BTreeMap;

use super::{Found, Step, World};
use crate::effect::{EffectState, Intent};
use crate::event::Event;
use crate::gate::{GateName, GateOutcome};
use crate::id::{BootId, EffectId, JobId, Token};
use crate::job::{AgentOutcome, JobClass, JobKind};
use crate::lease::LeasePolicy;
use crate::policy::TestingBy;
use crate::port::store::{JobRow, JobState};
use crate::stage::Stage;
use crate::time::Span;

/// How long a job may lie in the queue of a world where nothing goes wrong: two ticks of the slowest loop.
const TWO_TICKS: Span = Span::secs(120);

/// I-22 (V3, V5): what landed is where landed work belongs.
pub(super) fn landed_goes_on(world: &World, found: &mut Found) {
    let Some(truth) = world.truth else { return };
    for landing in truth.landings.iter().filter(|landing| !landing.taken_out) {
        let Some(file) = world.tasks.iter().find(|file| file.task.id == landing.task) else { continue };
        let task = file.task;
        match task.stage {
            Stage::Deploy | Stage::Done => {}
            Stage::Cancelled => found.demand(task.landing.landed.contains(&landing.head), || {
                format!("{} was stopped, and {} landed without a word of it", task.key, landing.head)
            }),
            _earlier => found.demand(task.fix_forward.is_some(), || {
                format!("{} is in {} though {} landed", task.key, task.stage, landing.head)
            }),
        }
    }
}

/// I-23 (V6): a role's verdict counts only from its own run of the present stage entry.
pub(super) fn verdict_of_this_entry(step: &Step, found: &mut Found) {
    let Event::GateJudged { result } = step.event else { return };
    if !matches!(result.outcome, GateOutcome::Pass | GateOutcome::Reject { .. }) {
        return;
    }
    let before = step.before;
    let by_agent = match (result.gate, before.stage) {
        (GateName::ReviewVerdict, Stage::Review) => true,
        (GateName::TestsVerdict, Stage::Testing) => {
            let suite =
                before.evidence.suite.as_ref().is_some_and(|suite| before.head() == Some(&suite.head));
            let ready = before.evidence.ready.is_some();
            step.policy.is_some_and(|p| p.testing_by == TestingBy::Agent) && !suite && !ready
        }
        _other => false,
    };
    if by_agent {
        let entry = before.evidence.run.as_ref().map(|run| run.entry);
        found.demand(entry == Some(before.entry), || {
            format!(
                "{}: {} of entry {} rests on a run of entry {entry:?}",
                before.key,
                result.gate.name(),
                before.entry
            )
        });
    }
}

/// I-24 (V13, V14): nobody guesses what became of an irreversible step.
pub(super) fn unknown_is_asked(step: &Step, found: &mut Found) {
    let Event::EffectMoved { id, intent, state, .. } = step.event else { return };
    let before = step.before;
    let Some(effect) = before.effect.as_ref().filter(|effect| effect.id == *id) else { return };
    match state {
        EffectState::Applied | EffectState::Refused if effect.state == EffectState::Unknown => {
            // On Hold because nobody could tell, a person tells.
            let person = before.hold.is_some();
            found.demand(step.answered || person, || {
                format!("{}: {intent:?} became {} without an answer", before.key, state.name())
            });
        }
        EffectState::Intent => {
            let compares =
                matches!(intent, Intent::Landing { base, .. } if effect.absent_at.as_ref() == Some(base));
            found.demand(compares, || format!("{}: {intent:?} is sent again, and nobody looked", before.key));
        }
        EffectState::Applied | EffectState::Refused | EffectState::Sent | EffectState::Unknown => {}
    }
}

/// I-26 (V22): no lease reaches further than one length from now.
pub(super) fn leases_are_short(world: &World, found: &mut Found) {
    let latest = LeasePolicy::default().until(world.now);
    for job in world.jobs.iter().filter(|job| job.state == JobState::Running) {
        found.demand(job.until.is_none_or(|until| until <= latest), || {
            format!("the lease of job {} lasts until {:?}, it is {:?}", job.job.id, job.until, world.now)
        });
    }
}

/// I-28 (V21): where nothing goes wrong, nothing has to be put right.
pub(super) fn needs_no_recovery(step: &Step, found: &mut Found) {
    if !step.truth.is_some_and(|truth| truth.faultless) {
        return;
    }
    let before = step.before;
    let by_people = before.stopping.is_some() || before.pause.is_some();
    let recovers = match step.event {
        Event::JobFailed { told, .. } => !told,
        Event::EffectMoved { state, .. } => *state == EffectState::Unknown && !by_people,
        Event::RunEnded { run } => !matches!(run.outcome, AgentOutcome::Completed { .. }),
        Event::JobQueued { job, .. } => job.kind == JobKind::Probe && before.effect.is_some() && !by_people,
        Event::Deferred { .. } | Event::ProviderChanged { .. } => true,
        _other => false,
    };
    found.demand(!recovers, || format!("{}: {:?}", before.key, step.event));
}

/// I-29 (V30): where nothing goes wrong, whatever may be claimed is claimed soon.
pub(super) fn works_while_it_may(world: &World, found: &mut Found) {
    let Some(truth) = world.truth.filter(|truth| truth.faultless && truth.slots.is_none()) else { return };
    if world.drained || truth.drained_at.is_some_and(|at| world.now - at < TWO_TICKS) {
        return;
    }
    for job in world.jobs.iter().filter(|job| job.state == JobState::Queued) {
        let since = job.job.not_before.map_or(job.job.since, |at| at.max(job.job.since));
        found.demand(world.now - since <= TWO_TICKS, || {
            format!(
                "job {} ({}) waits since {since:?}, it is {:?}",
                job.job.id,
                job.job.kind.name(),
                world.now
            )
        });
    }
}

/// I-30 (V32): no more pipeline jobs run than there are slots.
pub(super) fn slots(world: &World, found: &mut Found) {
    let Some(slots) = world.truth.and_then(|truth| truth.slots) else { return };
    let runs = |job: &&&JobRow| job.state == JobState::Running && job.class == JobClass::Pipeline;
    let running = world.jobs.iter().filter(runs).count();
    found.demand(running <= slots as usize, || format!("{running} pipeline jobs run on {slots} slots"));
}

/// What only two looks can show.
#[derive(Debug, Default)]
pub(super) struct Looks {
    leases: BTreeMap<JobId, (Token, BootId)>,
    sent: BTreeMap<EffectId, EffectState>,
    /// There was a look before this one.
    again: bool,
}

impl Looks {
    /// I-25 (V8, V9): a token has one owner for ever, and the next owner a higher one.
    pub(super) fn owners(&mut self, world: &World, found: &mut Found) {
        for row in world.jobs.iter().filter(|row| row.state == JobState::Running) {
            let (Some(token), Some(owner)) = (row.token, row.owner) else { continue };
            let Some((known, whose)) = self.leases.insert(row.job.id, (token, owner)) else { continue };
            found.demand((known == token) == (whose == owner) || token > known, || {
                format!("job {} went from {whose} with {known:?} to {owner} with {token:?}", row.job.id)
            });
        }
    }

    /// I-27 (V12, V23): an irreversible step is sent under a live lease of the job that acts for it. What the first
    /// look finds sent was sent before it, and its job may rightly be over since.
    pub(super) fn sends(&mut self, world: &World, found: &mut Found) {
        let again = std::mem::replace(&mut self.again, true);
        for row in &world.ledger {
            let (id, state) = (row.effect.id, row.effect.state);
            let known = self.sent.insert(id, state);
            if !again || state != EffectState::Sent || known == Some(EffectState::Sent) {
                continue;
            }
            let acts = |job: &&&JobRow| {
                matches!(job.job.kind, JobKind::Push | JobKind::Deploy)
                    && job.state == JobState::Running
                    && job.of == crate::fact::Address::Task(row.task)
                    && job.until.is_some_and(|until| !LeasePolicy::expired(until, world.now))
            };
            found.demand(world.jobs.iter().any(|job| acts(&job)), || {
                format!("{} was sent while no job with a live lease acts for it", row.key)
            });
        }
    }
}
