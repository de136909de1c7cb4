//! Random commits: mostly sound ones about what both stores just loaded, sometimes stale, repeated or broken.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchd_core::admission::Candidacy;
use orchd_core::effect::{Effect, EffectState, Intent};
use orchd_core::enact::NewJob;
use orchd_core::event::{Event, How, RepoEvent};
use orchd_core::id::{EffectId, InputId, JobId, ProviderId, RepoId, TaskId, TransitionId};
use orchd_core::job::{JobSpec, Work};
use orchd_core::port::store::{
    Commit, Disposition, LedgerWrite, Loaded, LoadedRepo, ProviderChange, RepoCommit, Surface,
};
use orchd_core::provider::{Breaker, Down, Health, Probe, UsedUp};
use orchd_core::stage::Stage;
use orchd_core::time::Span;

use super::{Pair, both};
use crate::contract::lab::{
    actor, agent_work, change, look_work, queue, row, sha, side_work, test_work, write,
};

impl Pair {
    pub(super) async fn commit(&mut self) {
        let id = self.some_task();
        let since = self.now().day_start();
        let Ok(Some(loaded)) = both!(self, |s| s.load(id, since)) else { return };
        if self.rng.one_in(6) {
            // Something happens between the load and the commit.
            self.interrupt(id).await;
        }
        let commit = self.random_commit(&loaded);
        self.note(|| said(&commit));
        let _ = both!(self, |s| s.commit(commit.clone()));
        self.remember_transition(commit.transition);
        if let Some(job) = commit.end_job {
            self.remember_input(InputId(job.0));
        }
        self.commits.push(commit);
    }

    async fn interrupt(&mut self, task: TaskId) {
        let (on, now) = (self.some_key(), self.now());
        if self.rng.one_in(2) {
            let _ = both!(self, |s| s.add_dependency(task, &on, "interrupt", now));
        } else {
            let id = InputId(self.uuid());
            let to = orchd_core::fact::Address::Task(task);
            let _ = both!(self, |s| s.put_input(&to, id, &crate::contract::lab::some_input(), now));
            self.remember_input(id);
        }
    }

    /// A commit once more: of the same transition, or of a stale version under a new one.
    pub(super) async fn commit_again(&mut self) {
        if let Some(mut commit) = self.rng.pick(&self.commits).cloned() {
            if self.rng.one_in(2) {
                commit.transition = TransitionId(self.uuid());
                self.remember_transition(commit.transition);
            }
            self.note(|| said(&commit));
            let _ = both!(self, |s| s.commit(commit.clone()));
        }
        if let Some(mut commit) = self.rng.pick(&self.repo_commits).cloned() {
            if self.rng.one_in(2) {
                commit.transition = TransitionId(self.uuid());
                self.remember_transition(commit.transition);
            }
            let _ = both!(self, |s| s.commit_repo(commit.clone()));
        }
    }

    pub(super) async fn commit_repo(&mut self) {
        let id = self.some_repo();
        let Ok(Some(loaded)) = both!(self, |s| s.load_repo(&id)) else { return };
        let LoadedRepo { repo, epoch, inputs } = loaded;
        let events = self.repo_events();
        let mut change = change(&repo, epoch, events);
        change.job = self.rng.one_in(3).then(|| self.job(look_work()));
        let consumed = inputs.iter().map(|i| (i.id, Disposition::Applied)).collect();
        let (transition, wake_repo) = (TransitionId(self.uuid()), self.rng.one_in(2));
        let commit = RepoCommit { transition, change, consumed, wake_repo, at: self.now() };
        self.note(|| format!("{commit:?}"));
        let _ = both!(self, |s| s.commit_repo(commit.clone()));
        self.remember_transition(transition);
        self.repo_commits.push(commit);
    }

    fn random_commit(&mut self, loaded: &Loaded) -> Commit {
        let at = self.now();
        let mut commit = Commit {
            transition: TransitionId(self.uuid()),
            version: loaded.version,
            wakes: loaded.wakes,
            task: loaded.task.clone(),
            candidacy: Candidacy::None,
            events: Vec::new(),
            consumed: Vec::new(),
            repo: None,
            providers: BTreeMap::new(),
            job: None,
            end_job: None,
            ledger: Vec::new(),
            dirty: Vec::new(),
            due_at: self.rng.one_in(2).then(|| at + Span(self.rng.below(60_000).cast_signed())),
            wake_repo: self.rng.one_in(5),
            wake_dependents: self.rng.one_in(5),
            wake_all: self.rng.one_in(9),
            at,
        };
        self.write_events(&mut commit, loaded);
        let kinds = [Candidacy::None, Candidacy::Created, Candidacy::Returning];
        commit.candidacy = self.rng.pick(&kinds).copied().unwrap_or(Candidacy::None);
        for pending in &loaded.inputs {
            if !self.rng.one_in(4) {
                let refused = Disposition::Refused { code: "no".to_owned(), why: "not now".to_owned() };
                let became = if self.rng.one_in(3) { refused } else { Disposition::Applied };
                commit.consumed.push((pending.id, became));
            }
        }
        if self.rng.one_in(25) {
            commit.consumed.extend(commit.consumed.first().cloned());
            commit.consumed.extend(self.rng.pick(&self.known.inputs).map(|i| (*i, Disposition::Applied)));
        }
        if self.rng.one_in(3) {
            let mut change = change(&loaded.repo, loaded.epoch, self.repo_events());
            change.job = self.rng.one_in(5).then(|| self.job(look_work()));
            commit.repo = Some(change);
        }
        self.write_providers(&mut commit, loaded);
        commit.dirty = Surface::ALL.into_iter().filter(|_| self.rng.one_in(3)).collect();
        self.break_it(&mut commit);
        commit
    }

    fn write_events(&mut self, commit: &mut Commit, loaded: &Loaded) {
        if self.rng.one_in(3) {
            let from = commit.task.stage;
            let to = self.some_stage(from);
            let how = How::Advance;
            write(commit, Event::Entered { from, to, how, assignment: None, cut_from: None });
        }
        if self.rng.one_in(4) {
            let priority = i32::try_from(self.rng.below(7)).unwrap_or(0) - 3;
            write(commit, Event::Prioritised { by: actor(), priority });
        }
        if self.rng.one_in(5) {
            let cost = self.rng.below(1000).cast_signed();
            write(commit, crate::contract::viewing::run_of(orchd_core::id::RunId(self.uuid()), cost));
        }
        let active = loaded.task.job.as_ref().or(loaded.task.side_job.as_ref()).map(|j| j.id);
        if let Some(job) = active.filter(|_| self.rng.one_in(4)) {
            write(commit, Event::JobToldToEnd { job, why: "told so".to_owned() });
            commit.end_job = Some(job);
        }
        self.write_job(commit);
        self.write_ledger(commit, loaded);
    }

    /// Some provider is relied on or changed, mostly as it was loaded.
    fn write_providers(&mut self, commit: &mut Commit, loaded: &Loaded) {
        for name in ["north", "south"] {
            if !self.rng.one_in(3) {
                continue;
            }
            let id = ProviderId::new(name);
            let known = loaded.providers.iter().find(|(health, _)| health.provider == id).cloned();
            let (health, epoch) = known.unwrap_or((Health::new(id.clone()), 0));
            let failures = u32::try_from(self.rng.below(9)).unwrap_or(0);
            let (breaker, quota) = (self.some_breaker(), self.some_quota());
            let after = self.rng.one_in(2).then_some(Health { failures, breaker, quota, ..health });
            commit.providers.insert(id, ProviderChange { epoch, health: after });
        }
    }

    /// Mostly closed, so that something is claimed; its probe is some job that somebody had.
    fn some_breaker(&mut self) -> Breaker {
        let (since, until) = (self.now(), self.now() + Span(self.rng.below(40_000).cast_signed()));
        let down = Down { since, why: "529".to_owned(), times: 1 };
        match self.rng.below(6) {
            0 | 1 => Breaker::Open { down, until },
            2 => {
                let job = self.rng.pick(&self.held).map_or(JobId(self.uuid()), |(_, held)| held.job);
                Breaker::HalfOpen { down, probe: Probe { task: self.some_task(), job, until } }
            }
            _ => Breaker::Closed,
        }
    }

    fn some_quota(&mut self) -> Option<UsedUp> {
        let (since, span) = (self.now(), Span(self.rng.below(40_000).cast_signed()));
        self.rng.one_in(5).then_some(UsedUp { since, resets_at: since + span, reported: None })
    }

    /// A task without a job gets one often; one that has one, sometimes a second, which is refused.
    fn write_job(&mut self, commit: &mut Commit) {
        let odds = if commit.task.job.is_none() { 2 } else { 8 };
        if self.rng.one_in(odds) {
            let work = match self.rng.below(6) {
                0 | 1 => side_work(),
                2 => agent_work("north"),
                3 => agent_work("south"),
                _ => test_work(),
            };
            let job = self.job(work);
            queue(commit, job);
        }
        if let Some(job) = commit.task.job.clone().filter(|_| self.rng.one_in(6)) {
            write(commit, Event::JobClosed { job: job.id });
        }
    }

    fn write_ledger(&mut self, commit: &mut Commit, loaded: &Loaded) {
        if let Some(open) = loaded.task.effect.clone().filter(|_| self.rng.one_in(3)) {
            let (id, intent) = (open.id, open.intent);
            let (state, observed) = (self.some_effect_state(), "looked at".to_owned());
            commit.ledger.push(LedgerWrite::Move { id, state, observed: observed.clone() });
            write(commit, Event::EffectMoved { id, intent, state, observed });
        }
        let odds = if commit.task.effect.is_none() { 2 } else { 12 };
        if self.rng.one_in(odds) {
            let effect = self.effect();
            self.effects.push(effect.id);
            commit.ledger.push(LedgerWrite::Open(effect.clone()));
            write(commit, Event::EffectOpened { effect });
        }
        if let Some(id) = self.rng.pick(&self.effects).copied().filter(|_| self.rng.one_in(15)) {
            let (state, observed) = (self.some_effect_state(), "another's".to_owned());
            commit.ledger.push(LedgerWrite::Move { id, state, observed });
        }
    }

    /// Rarely, what no sound caller does.
    fn break_it(&mut self, commit: &mut Commit) {
        match self.rng.below(40) {
            0 => commit.version = commit.version.saturating_sub(1),
            1 => row(commit).id = TaskId(self.uuid()),
            2 => row(commit).life += 1,
            3 => commit.end_job = Some(JobId(self.uuid())),
            4 => {
                if let (Some(job), Some((_, held))) = (&mut commit.job, self.rng.pick(&self.held)) {
                    job.id = held.job;
                }
            }
            5 => {
                if let Some(change) = &mut commit.repo {
                    Arc::make_mut(&mut change.repo).id = RepoId::new("other");
                }
            }
            6 => {
                if let Some(change) = &mut commit.repo {
                    change.epoch += 1;
                }
            }
            7 => {
                let after = Some(Health::new(ProviderId::new("north")));
                let epoch = self.rng.below(3);
                commit.providers.insert(ProviderId::new("north"), ProviderChange { epoch, health: after });
            }
            8 => {
                let anothers = Some(Health::new(ProviderId::new("south")));
                for change in commit.providers.values_mut() {
                    change.health.clone_from(&anothers);
                }
            }
            _ => {}
        }
    }

    fn job(&mut self, work: Work) -> NewJob {
        let wait = Span(self.rng.below(30_000).cast_signed());
        let not_before = self.rng.one_in(4).then(|| self.now() + wait);
        NewJob { id: JobId(self.uuid()), spec: JobSpec { work, not_before } }
    }

    fn effect(&mut self) -> Effect {
        let number = u32::try_from(self.rng.below(3)).unwrap_or(0);
        let landing = Intent::Landing { landing: number, base: sha(1), head: sha(2) };
        let environment = if self.rng.one_in(2) { "live" } else { "staging" }.to_owned();
        let deploy = Intent::Deploy { sha: sha(3), attempt: number, environment };
        let intent = if self.rng.one_in(2) { landing } else { deploy };
        let state = if self.rng.one_in(20) { EffectState::Sent } else { EffectState::Intent };
        let id = EffectId(self.uuid());
        Effect { id, intent, state, since: self.now(), probes: 0, absent_at: None }
    }

    fn some_effect_state(&mut self) -> EffectState {
        let all = [
            EffectState::Intent,
            EffectState::Sent,
            EffectState::Applied,
            EffectState::Refused,
            EffectState::Unknown,
        ];
        self.rng.pick(&all).copied().unwrap_or(EffectState::Unknown)
    }

    /// Mostly no terminal one, so that lives are long; a terminal one mostly stays.
    fn some_stage(&mut self, from: Stage) -> Stage {
        if from.is_terminal() && !self.rng.one_in(4) {
            return from;
        }
        let to = self.rng.pick(&Stage::ALL).copied().unwrap_or(from);
        if to.is_terminal() && self.rng.one_in(2) { Stage::Development } else { to }
    }

    fn repo_events(&mut self) -> Vec<RepoEvent> {
        let task = self.some_task();
        let mut events = Vec::new();
        for _ in 0..self.rng.below(3) {
            events.push(match self.rng.below(7) {
                0 => RepoEvent::LetIn { task },
                1 => RepoEvent::GaveWay { task },
                2 => RepoEvent::LaneQueued { task },
                3 => RepoEvent::LaneTaken { task },
                4 => RepoEvent::LaneLeft { task },
                5 => RepoEvent::DeployLaneLeft { task },
                _ => RepoEvent::DeployLaneTaken { task, environment: "live".to_owned() },
            });
        }
        events
    }
}

/// A commit without the row, which its events tell.
fn said(commit: &Commit) -> String {
    let Commit { transition, version, task, candidacy, events, consumed, repo, providers, .. } = commit;
    let Commit { job, end_job, ledger, .. } = commit;
    format!(
        "{transition} of {} ({}) at {version}: {candidacy:?} {events:?} consumes {consumed:?} repo {repo:?} providers \
         {providers:?} job {job:?} ends {end_job:?} ledger {ledger:?}",
        task.id, task.key
    )
}
