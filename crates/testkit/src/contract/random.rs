//! Random operations on two stores at once: the same calls, with the same arguments, at the same time; every
//! answer and everything the stores show must be equal. A seed reproduces a run.

mod commits;
mod jobs;
mod outside;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use orchd_core::event::Birth;
use orchd_core::fact::Address;
use orchd_core::id::{BootId, Branch, EffectId, InputId, Key, ProjectId, RepoId, TaskId, TransitionId};
use orchd_core::port::clock::{Clock, Ids};
use orchd_core::port::store::{Claimed, Commit, CreateOutcome, NewTask, RepoCommit};
use orchd_core::repo::Repo;
use orchd_core::task::Request;
use orchd_core::time::{Span, Timestamp};
use uuid::Uuid;

use super::observe::{Known, assert_same, difference, observe, shown};
use super::{FullStore, Make};
use crate::{CountingIds, ManualClock, Rng};

/// The same operation on both stores; fails unless they answer the same.
macro_rules! both {
    ($pair:expr, |$store:ident| $call:expr) => {{
        let pair = &$pair;
        let $store = &pair.left;
        let left = $call.await;
        let $store = &pair.right;
        let right = $call.await;
        pair.compare(
            stringify!($call),
            &crate::contract::random::Answer::text(&left),
            &crate::contract::random::Answer::text(&right),
        );
        left
    }};
}
pub(super) use both;

/// An answer as text that is compared.
trait Answer {
    fn text(&self) -> String;
}

impl<T: std::fmt::Debug> Answer for Result<T, orchd_core::port::store::StoreError> {
    fn text(&self) -> String {
        shown(self)
    }
}

impl Answer for orchd_core::port::store::CommitOutcome {
    fn text(&self) -> String {
        format!("{self:?}")
    }
}

/// How often which call had which answer: a run that never sees a rare one proves nothing about it.
pub type Seen = BTreeMap<String, u32>;

/// Drives a store made by `left` and one made by `right` through `steps` random operations.
pub async fn random_ops(seed: u64, steps: u32, left: Make, right: Make) -> Seen {
    let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000)));
    let left = left(Arc::<ManualClock>::clone(&clock));
    let right = right(Arc::<ManualClock>::clone(&clock));
    let mut pair = Pair {
        left: left.store,
        right: right.store,
        clock,
        ids: CountingIds::new(seed),
        rng: Rng::new(seed),
        seed,
        step: 0,
        tasks: Vec::new(),
        born: Vec::new(),
        held: Vec::new(),
        effects: Vec::new(),
        commits: Vec::new(),
        repo_commits: Vec::new(),
        known: Known::default(),
        boots: Vec::new(),
        seen: RefCell::default(),
    };
    pair.begin().await;
    for step in 1..=steps {
        pair.step = step;
        pair.operate().await;
        // Everything is shown rarely enough to be quick, and at the end.
        if step % 8 == 0 || step == steps {
            pair.look().await;
        }
    }
    pair.seen.into_inner()
}

/// Two stores, and what was done to them so far.
struct Pair {
    left: Arc<dyn FullStore>,
    right: Arc<dyn FullStore>,
    clock: Arc<ManualClock>,
    ids: CountingIds,
    rng: Rng,
    seed: u64,
    step: u32,
    tasks: Vec<TaskId>,
    born: Vec<NewTask>,
    held: Vec<(BootId, Claimed)>,
    effects: Vec<EffectId>,
    commits: Vec<Commit>,
    repo_commits: Vec<RepoCommit>,
    known: Known,
    boots: Vec<BootId>,
    seen: RefCell<Seen>,
}

impl Pair {
    fn compare(&self, what: &str, left: &str, right: &str) {
        let (seed, step) = (self.seed, self.step);
        if left != right {
            panic!(
                "seed {seed}, step {step}: the answers to {what} differ
{}",
                difference(left, right)
            );
        }
        let name = what.trim_start_matches("s.").split('(').next().unwrap_or(what);
        // Outcomes are words; of a list only whether there is anything in it is told.
        let word: String = left.chars().take_while(|c| c.is_alphabetic() || "[]()_".contains(*c)).collect();
        *self.seen.borrow_mut().entry(format!("{name} {word}")).or_default() += 1;
    }

    async fn begin(&mut self) {
        for id in ["repo", "other"] {
            let repo = Repo::new(RepoId::new(id), ProjectId::new("project"));
            let _ = both!(self, |s| s.ensure_repo(&repo));
        }
        self.known.projects = vec![ProjectId::new("project"), ProjectId::new("second")];
        self.boots = (0..3).map(|_| BootId(self.ids.next())).collect();
    }

    async fn look(&self) {
        let now = self.now();
        let left = observe(&*self.left, now, &self.known).await;
        let right = observe(&*self.right, now, &self.known).await;
        assert_same(&left, &right, &format!("seed {}, step {}", self.seed, self.step));
    }

    async fn operate(&mut self) {
        match self.rng.below(40) {
            0..=3 => self.create().await,
            4..=6 => self.put_input().await,
            7..=16 => self.commit().await,
            17..=18 => self.commit_repo().await,
            19 => self.commit_again().await,
            20..=23 => self.claim().await,
            24..=27 => self.settle().await,
            28 => self.release().await,
            29..=30 => self.renew().await,
            31 => self.send_effect().await,
            32 => self.reap().await,
            33 => self.take_over().await,
            34..=35 => self.project().await,
            36 => self.depend().await,
            37 => self.drain().await,
            38 => self.board().await,
            _ => self.clock.advance(Span(self.rng.below(40_000).cast_signed())),
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn uuid(&self) -> Uuid {
        self.ids.next()
    }

    /// A limit: mostly none.
    fn limit(&mut self) -> u32 {
        if self.rng.one_in(3) { u32::try_from(self.rng.below(4)).unwrap_or(0) } else { u32::MAX }
    }

    /// A known task; rarely one that is not there.
    fn some_task(&mut self) -> TaskId {
        let known = self.rng.pick(&self.tasks).copied();
        known.filter(|_| !self.rng.one_in(20)).unwrap_or_else(|| TaskId(self.uuid()))
    }

    fn some_repo(&mut self) -> RepoId {
        let name = self.rng.pick(&["repo", "repo", "repo", "other", "nowhere"]).copied();
        RepoId::new(name.unwrap_or("repo"))
    }

    fn some_key(&mut self) -> Key {
        Key(format!("K-{}", self.rng.below(5)))
    }

    async fn create(&mut self) {
        let again = self.rng.pick(&self.born).cloned().filter(|_| self.rng.one_in(5));
        let new = again.unwrap_or_else(|| self.newborn());
        let id = new.birth.id;
        let created = both!(self, |s| s.create_task(new.clone()));
        if matches!(created, Ok(CreateOutcome::Created(_))) && !self.tasks.contains(&id) {
            self.tasks.push(id);
        }
        self.born.push(new);
    }

    fn newborn(&mut self) -> NewTask {
        let key = self.some_key();
        let project = if self.rng.one_in(4) { "second" } else { "project" };
        let priority = i32::try_from(self.rng.below(5)).unwrap_or(0) - 2;
        let birth = Birth {
            id: TaskId(self.uuid()),
            seq: 0,
            project: ProjectId::new(project),
            repo: self.some_repo(),
            key: key.clone(),
            life: 0,
            branch: Branch(format!("orchd/{key}")),
            request: Request { title: format!("the title of {key}"), priority, ..Request::default() },
            track: "full".to_owned(),
            by: super::lab::actor(),
        };
        NewTask { birth, at: self.now() }
    }

    async fn put_input(&mut self) {
        let to = if self.rng.one_in(4) {
            Address::Repo(self.some_repo())
        } else {
            Address::Task(self.some_task())
        };
        let known = self.rng.pick(&self.known.inputs).copied().filter(|_| self.rng.one_in(5));
        let id = known.unwrap_or_else(|| InputId(self.uuid()));
        let at = Timestamp(self.now().0 - self.rng.below(1000).cast_signed());
        let _ = both!(self, |s| s.put_input(&to, id, &super::lab::some_input(), at));
        self.remember_input(id);
        let limit = self.limit();
        let _ = both!(self, |s| s.due_tasks(at, limit));
        let _ = both!(self, |s| s.due_repos(limit));
    }

    fn remember_input(&mut self, id: InputId) {
        if !self.known.inputs.contains(&id) {
            self.known.inputs.push(id);
        }
    }

    fn remember_transition(&mut self, id: TransitionId) {
        self.known.transitions.push(id);
    }
}
