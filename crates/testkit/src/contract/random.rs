//! Random operations on two stores at once: the same calls, with the same arguments, at the same time; every
//! answer and everything the stores show must be equal. Where they part, the operations are shrunk to the fewest and
//! simplest that still part them. Nothing here knows which store is right.

mod commits;
mod draw;
mod jobs;
mod outside;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
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

use self::draw::{Draw, Kind, Operation};
use super::observe::{Known, difference, first_difference, observe, shown};
use super::{FullStore, Make};
use crate::{CountingIds, ManualClock, Rng, block_on};

/// The same operation on both stores; notes where they answer differently.
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

impl<T: fmt::Debug> Answer for Result<T, orchd_core::port::store::StoreError> {
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

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// Chance begins here: the same seed tries the same.
    pub seed: u64,
    /// How many lists of operations.
    pub cases: u32,
    /// How long the longest list is.
    pub steps: u64,
}

/// Two stores that part: the fewest and simplest operations that were found to do it.
pub struct Parted {
    /// Operations that are left.
    pub operations: usize,
    /// Every call of them with the answer, as far as both gave the same.
    pub calls: Vec<String>,
    /// Where they part.
    pub why: String,
}

impl fmt::Display for Parted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the stores part after {} operations:", self.operations)?;
        for call in &self.calls {
            writeln!(f, "  {call}")?;
        }
        write!(f, "{}", self.why)
    }
}

impl fmt::Debug for Parted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Tries lists of random operations on a store made by `left` and one made by `right`, and says how often which
/// call had which answer; or where they part.
pub fn agree(trial: Trial, left: Make, right: Make) -> Result<Seen, Box<Parted>> {
    let mut rng = Rng::new(trial.seed);
    let mut all = Seen::new();
    for _ in 0..trial.cases {
        let operations = draw::operations(&mut rng, trial.steps);
        let played = play(&operations, left, right, false);
        if played.parted.is_some() {
            return Err(Box::new(shrunk(&operations, left, right)));
        }
        for (what, times) in played.seen {
            *all.entry(what).or_default() += times;
        }
    }
    Ok(all)
}

fn shrunk(operations: &[Operation], left: Make, right: Make) -> Parted {
    let parts = |fewer: &[Operation]| {
        let played = play(fewer, left, right, false);
        played.parted.map(|_| played.steps)
    };
    let fewest = draw::shrunk(operations, parts);
    let told = play(&fewest, left, right, true);
    let why = told.parted.unwrap_or_else(|| "they part not every time".to_owned());
    Parted { operations: fewest.len(), calls: told.calls, why }
}

/// What a list of operations came to.
struct Played {
    parted: Option<String>,
    /// So many operations were played.
    steps: usize,
    seen: Seen,
    calls: Vec<String>,
}

/// Plays the operations on two fresh stores, until they part.
fn play(operations: &[Operation], left: Make, right: Make, tell: bool) -> Played {
    let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000)));
    let left = left(Arc::<ManualClock>::clone(&clock));
    let right = right(Arc::<ManualClock>::clone(&clock));
    let mut pair = Pair {
        left: left.store,
        right: right.store,
        clock,
        ids: CountingIds::new(1),
        rng: Draw::none(),
        tasks: Vec::new(),
        born: Vec::new(),
        held: Vec::new(),
        effects: Vec::new(),
        commits: Vec::new(),
        repo_commits: Vec::new(),
        known: Known::default(),
        boots: Vec::new(),
        told: RefCell::new(Told { tell, ..Told::default() }),
    };
    let steps = block_on(pair.run(operations));
    let Told { parted, seen, calls, .. } = pair.told.into_inner();
    Played { parted, steps, seen, calls }
}

/// Two stores, and what was done to them so far.
struct Pair {
    left: Arc<dyn FullStore>,
    right: Arc<dyn FullStore>,
    clock: Arc<ManualClock>,
    ids: CountingIds,
    rng: Draw,
    tasks: Vec<TaskId>,
    born: Vec<NewTask>,
    held: Vec<(BootId, Claimed)>,
    effects: Vec<EffectId>,
    commits: Vec<Commit>,
    repo_commits: Vec<RepoCommit>,
    known: Known,
    boots: Vec<BootId>,
    told: RefCell<Told>,
}

/// What the answers came to.
#[derive(Default)]
struct Told {
    parted: Option<String>,
    seen: Seen,
    calls: Vec<String>,
    tell: bool,
}

impl Pair {
    fn compare(&self, what: &str, left: &str, right: &str) {
        let mut told = self.told.borrow_mut();
        if told.parted.is_some() {
            return;
        }
        if left != right {
            told.parted = Some(format!("the answers to {what} differ\n{}", difference(left, right)));
            return;
        }
        let name = what.trim_start_matches("s.").split('(').next().unwrap_or(what);
        // Outcomes are words; of a list only whether there is anything in it is told.
        let word: String = left.chars().take_while(|c| c.is_alphabetic() || "[]()_".contains(*c)).collect();
        *told.seen.entry(format!("{name} {word}")).or_default() += 1;
        if told.tell {
            told.calls.push(format!("{what} = {}", left.chars().take(160).collect::<String>()));
        }
    }

    /// Notes what is about to be asked, where a list is told.
    fn note(&self, what: impl FnOnce() -> String) {
        let mut told = self.told.borrow_mut();
        if told.tell && told.parted.is_none() {
            let what = what();
            told.calls.push(what);
        }
    }

    fn has_parted(&self) -> bool {
        self.told.borrow().parted.is_some()
    }

    /// Plays until they part; says how many operations that were.
    async fn run(&mut self, operations: &[Operation]) -> usize {
        self.begin().await;
        for (operation, step) in operations.iter().zip(1..) {
            self.rng = Draw::of(operation);
            self.operate(operation.kind).await;
            // Everything is shown rarely enough to be quick, and at the end.
            if step % 8 == 0 || step == operations.len() {
                self.look().await;
            }
            if self.has_parted() {
                return step;
            }
        }
        operations.len()
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
        let mut told = self.told.borrow_mut();
        if told.parted.is_none() {
            told.parted = first_difference(&left, &right);
        }
    }

    async fn operate(&mut self, kind: Kind) {
        match kind {
            Kind::Wait => self.clock.advance(Span(self.rng.below(40_000).cast_signed())),
            Kind::Create => self.create().await,
            Kind::PutInput => self.put_input().await,
            Kind::Commit => self.commit().await,
            Kind::CommitRepo => self.commit_repo().await,
            Kind::CommitAgain => self.commit_again().await,
            Kind::Claim => self.claim().await,
            Kind::Settle => self.settle().await,
            Kind::Release => self.release().await,
            Kind::Renew => self.renew().await,
            Kind::SendEffect => self.send_effect().await,
            Kind::Reap => self.reap().await,
            Kind::TakeOver => self.take_over().await,
            Kind::Project => self.project().await,
            Kind::Depend => self.depend().await,
            Kind::Drain => self.drain().await,
            Kind::Board => self.board().await,
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
        Key::new(format!("K-{}", self.rng.below(5)))
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
            branch: Branch::new(format!("orchd/{key}")),
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
        let _ = both!(self, |s| s.due(at, limit));
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
