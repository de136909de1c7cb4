//! Jobs: the queue, leases with fencing tokens, settlement. A queued job has no owner, run or start time; a
//! running one has all (I-4); tokens only grow (I-3).

use orchd_core::effect::EffectState;
use orchd_core::enact::NewJob;
use orchd_core::fact::{Address, Fact, Input};
use orchd_core::id::{BootId, EffectId, InputId, JobId, RunId, Token};
use orchd_core::job::{JobClass, JobRef, JobResult};
use orchd_core::lease::LeasePolicy;
use orchd_core::mutant::{self, Mutant};
use orchd_core::port::store::{
    ClaimFilter, Claimed, Expired, JobRow, JobState, RenewOutcome, SendOutcome, SettleOutcome, StoreResult,
};
use orchd_core::time::{Span, Timestamp};

use super::state::{Job, State, inconsistent};

impl Job {
    fn start(&mut self, owner: BootId, run: RunId, token: Token, now: Timestamp) {
        self.row.state = JobState::Running;
        self.row.owner = Some(owner);
        self.row.run = Some(run);
        self.row.token = Some(token);
        self.row.started_at = Some(now);
        self.row.attempt += 1;
    }

    /// The shape of a queued job.
    fn requeue(&mut self) {
        self.row.state = JobState::Queued;
        if mutant::on(Mutant::RequeueKeepsOwner) {
            return;
        }
        self.row.owner = None;
        self.row.run = None;
        self.row.token = None;
        self.row.until = None;
        self.row.started_at = None;
    }

    /// What its holder is told; `None` unless it runs.
    fn claimed(&self) -> Option<Claimed> {
        Some(Claimed {
            job: self.row.job.id,
            of: self.row.of.clone(),
            kind: self.row.job.kind,
            spec: self.spec.clone(),
            run: self.row.run?,
            token: self.row.token?,
            until: self.row.until?,
            attempt: self.row.attempt,
        })
    }

    /// It runs, and whoever runs it has no lease on it any more.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.row.state == JobState::Running && (self.lease_over(now) || mutant::on(Mutant::ReapTheLiving))
    }

    fn lease_over(&self, now: Timestamp) -> bool {
        self.row.until.is_none_or(|until| LeasePolicy::expired(until, now))
    }
}

/// Puts a job in the queue, behind all others.
pub(super) fn enqueue(state: &mut State, of: Address, new: NewJob, at: Timestamp) {
    let NewJob { id, spec } = new;
    let kind = spec.work.kind();
    state.last_place += 1;
    let row = JobRow {
        job: JobRef::new(id, &spec, at),
        of,
        state: JobState::Queued,
        class: kind.class(),
        owner: None,
        run: None,
        token: None,
        until: None,
        started_at: None,
        attempt: 0,
        result: None,
    };
    state.active.insert(state.last_place, id);
    state.jobs.insert(id, Job { row, spec, place: state.last_place, fact: None });
}

/// Why a job can not end.
const TAKEN: &str = "a job's fact was to be stored under an id that is taken";

/// Tells a job to end. One that nobody holds ends at once: there is nobody who could settle it.
pub(super) fn tell_to_end(state: &mut State, id: JobId, why: &str, at: Timestamp) {
    let Some(job) = state.jobs.get_mut(&id) else { return };
    match job.row.state {
        JobState::Queued => end_queued(state, id, why, at),
        JobState::Running => job.row.job.ending = Some(why.to_owned()),
        JobState::Succeeded | JobState::Failed | JobState::Cancelled => {}
    }
}

/// The fact's id is the job's own: a job that was told to end in the queue has exactly one.
fn end_queued(state: &mut State, id: JobId, why: &str, at: Timestamp) {
    if let Some(job) = state.jobs.get_mut(&id) {
        job.row.job.ending = Some(why.to_owned());
    }
    end(state, id, &JobResult::ended(why), InputId(id.0), at);
}

/// Ends a job with its result as a fact of its address.
fn end(state: &mut State, id: JobId, result: &JobResult, fact: InputId, at: Timestamp) {
    let Some(job) = state.jobs.get_mut(&id) else { return };
    job.row.state = JobState::of(result);
    job.row.result = Some(result.clone());
    job.row.owner = None;
    job.row.until = None;
    job.fact = Some(fact);
    let (of, kind) = (job.row.of.clone(), job.row.job.kind);
    state.active.remove(&job.place);
    let ended = Fact::JobEnded { job: id, kind, result: Box::new(result.clone()) };
    state.store_input(&of, fact, Input::Fact { fact: ended }, at);
}

/// Side jobs first, then the task's present priority, then age.
fn claim_order(state: &State, now: Timestamp) -> Vec<(bool, i32, u64, JobId)> {
    let ready = state.active_jobs().filter(|j| {
        j.row.state == JobState::Queued && j.row.job.not_before.is_none_or(|not_before| not_before <= now)
    });
    let mut order: Vec<_> = ready
        .map(|j| {
            let priority = match &j.row.of {
                Address::Task(id) => state.tasks.get(id).map_or(0, |row| row.task.request.priority),
                Address::Repo(_) => 0,
            };
            (j.row.class == JobClass::Pipeline, priority, j.place, j.row.job.id)
        })
        .collect();
    order.sort();
    order
}

/// Whether the job's provider may not be used now.
fn is_barred(state: &State, id: JobId, now: Timestamp) -> bool {
    let provider = state.jobs.get(&id).and_then(|job| job.row.job.provider.as_ref());
    let Some(bar) = provider.and_then(|id| state.providers.get(id)).and_then(|row| row.health.bar()) else {
        return false;
    };
    let tries = |j: &Job| {
        let since = j.row.started_at.is_some_and(|at| at >= bar.until);
        j.row.state == JobState::Running && j.row.job.provider.as_ref() == provider && since
    };
    !bar.admits(id, state.active_jobs().any(tries), now)
}

pub(super) fn claim(state: &mut State, filter: &ClaimFilter, runs: &[RunId], now: Timestamp) -> Vec<Claimed> {
    let pipeline = |j: &&Job| j.row.class == JobClass::Pipeline && j.row.state == JobState::Running;
    let running = u32::try_from(state.active_jobs().filter(pipeline).count()).unwrap_or(u32::MAX);
    let mut room = filter.max_running.map_or(u32::MAX, |max| max.saturating_sub(running));
    if state.drained {
        room = 0;
    }
    let mut runs = runs.iter().take(filter.limit as usize);
    let mut claimed = Vec::new();
    for (is_pipeline, _, _, id) in claim_order(state, now) {
        if is_pipeline && room == 0 {
            // Side jobs come first: nothing behind this one could be claimed.
            break;
        }
        if is_barred(state, id, now) {
            continue;
        }
        let Some(run) = runs.next() else { break };
        let token = state.next_token();
        if let Some(job) = state.jobs.get_mut(&id) {
            job.start(filter.boot, *run, token, now);
            job.row.until = Some(LeasePolicy { ttl: filter.ttl }.until(now));
            claimed.extend(job.claimed());
        }
        room -= u32::from(is_pipeline);
    }
    state.commits += u64::from(!claimed.is_empty());
    claimed
}

pub(super) fn renew(
    state: &mut State,
    boot: BootId,
    held: &[(JobId, Token)],
    ttl: Span,
    now: Timestamp,
) -> Vec<RenewOutcome> {
    let mut renew_one = |(id, token): &(JobId, Token)| {
        let mine = |j: &&mut Job| j.row.owner == Some(boot) && j.row.token == Some(*token);
        match state.running(*id).filter(mine).filter(|j| !j.lease_over(now)) {
            None => RenewOutcome::Lost,
            Some(job) => {
                job.row.until = Some(LeasePolicy { ttl }.until(now));
                if job.row.job.ending.is_some() { RenewOutcome::ToldToEnd } else { RenewOutcome::Renewed }
            }
        }
    };
    held.iter().map(&mut renew_one).collect()
}

pub(super) fn settle(
    state: &mut State,
    id: JobId,
    token: Token,
    result: &JobResult,
    fact: InputId,
    at: Timestamp,
) -> StoreResult<SettleOutcome> {
    let anybody = mutant::on(Mutant::SettleById);
    let Some(job) = state.jobs.get(&id).filter(|j| j.row.token == Some(token) || anybody) else {
        return Ok(SettleOutcome::Stale);
    };
    match job.row.state {
        _whatever if anybody => {
            end(state, id, result, fact, at);
            Ok(SettleOutcome::Settled)
        }
        JobState::Running if state.inputs.contains_key(&fact) => Err(inconsistent("inputs", fact, TAKEN)),
        JobState::Running => {
            end(state, id, result, fact, at);
            state.commits += 1;
            Ok(SettleOutcome::Settled)
        }
        JobState::Queued => Ok(SettleOutcome::Stale),
        JobState::Succeeded | JobState::Failed | JobState::Cancelled if job.fact == Some(fact) => {
            Ok(SettleOutcome::Settled)
        }
        JobState::Succeeded | JobState::Failed | JobState::Cancelled => Ok(SettleOutcome::Stale),
    }
}

pub(super) fn release(
    state: &mut State,
    id: JobId,
    token: Token,
    now: Timestamp,
) -> StoreResult<SettleOutcome> {
    let taken = state.inputs.contains_key(&InputId(id.0));
    let Some(job) = state.running(id).filter(|j| j.row.token == Some(token)) else {
        return Ok(SettleOutcome::Stale);
    };
    let ending = job.row.job.ending.clone();
    if taken && ending.is_some() {
        return Err(inconsistent("inputs", id, TAKEN));
    }
    job.requeue();
    if let Some(why) = ending {
        end_queued(state, id, &why, now);
    }
    state.commits += 1;
    Ok(SettleOutcome::Settled)
}

pub(super) fn send_effect(
    state: &mut State,
    effect: EffectId,
    id: JobId,
    token: Token,
    now: Timestamp,
) -> SendOutcome {
    let held = state.running(id).filter(|j| j.row.token == Some(token) && !j.lease_over(now));
    let Some(of) = held.map(|j| j.row.of.clone()) else { return SendOutcome::Stale };
    let mut entries = state.ledger.iter_mut();
    match entries.find(|l| l.effect.id == effect && Address::Task(l.task) == of) {
        Some(entry) if entry.effect.state == EffectState::Intent => {
            entry.effect.state = EffectState::Sent;
            state.commits += 1;
            SendOutcome::MaySend
        }
        Some(_) | None => SendOutcome::Stale,
    }
}

/// The longest over first.
pub(super) fn expired(state: &State, limit: u32, now: Timestamp) -> Vec<Expired> {
    let over = state.active_jobs().filter(|j| j.is_expired(now));
    let mut found: Vec<_> = over
        .filter_map(|j| {
            let (run, token, owner) = (j.row.run?, j.row.token?, j.row.owner?);
            Some((j.row.until, j.place, Expired { job: j.row.job.id, run, token, owner }))
        })
        .collect();
    found.sort_by_key(|(until, place, _)| (*until, *place));
    found.into_iter().take(limit as usize).map(|(_, _, e)| e).collect()
}

pub(super) fn take_over(state: &mut State, boot: BootId, ttl: Span, now: Timestamp) -> Vec<Claimed> {
    let ids: Vec<JobId> = state.active.values().copied().collect();
    let (mut taken, before) = (Vec::new(), state.last_token);
    for id in ids {
        let Some(owner) = state.running(id).and_then(|j| j.row.owner) else { continue };
        let token = (owner != boot).then(|| state.next_token());
        let Some(job) = state.running(id) else { continue };
        if token.is_some() {
            job.row.owner = Some(boot);
            if !mutant::on(Mutant::TokenKept) {
                job.row.token = token;
            }
            job.row.until = Some(LeasePolicy { ttl }.until(now));
        }
        taken.extend(job.claimed());
    }
    state.commits += u64::from(state.last_token > before);
    taken
}
