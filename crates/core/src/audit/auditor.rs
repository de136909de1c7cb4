//! Asks the invariants again and again: replays what is new in the logs, event by event, compares the logs with the
//! rows (I-14), and remembers of the last look what only two looks can show. What is asked is elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::mechanism::Looks;
use super::order::Waiting;
use super::provider::Known;
use super::{Found, INVARIANTS, RepoStep, Step, Violation, World, invariant};
use crate::event::{Event, RepoEvent};
use crate::evolve::{evolve, evolve_repo};
use crate::id::{Digest, JobId, Key, ProjectId, RepoId, TaskId, Token};
use crate::policy::Policy;
use crate::port::store::{JobState, Logged};
use crate::repo::Repo;
use crate::task::Task;
use crate::time::Timestamp;

/// Asks the invariants again and again, reading only the events that are new since the last time.
pub struct Auditor {
    digests: BTreeMap<ProjectId, Digest>,
    tasks: BTreeMap<TaskId, Replay>,
    repos: BTreeMap<RepoId, RepoReplay>,
    providers: Known,
    jobs: BTreeMap<JobId, (JobState, Option<Token>)>,
    /// Those of them that were queued or ran.
    open: BTreeSet<JobId>,
    inputs: usize,
    looks: Looks,
    waiting: Waiting,
}

/// A task as its log has it so far.
struct Replay {
    task: Option<Task>,
    read: usize,
    /// The version of the row that was last compared with its log.
    compared: Option<u64>,
    /// The latest decision was made under today's policy.
    same_policy: bool,
    /// When a person last named the task for the repair.
    named_at: Option<Timestamp>,
    /// When a probe or an act last answered.
    answered_at: Option<Timestamp>,
}

/// A repository as its log has it so far.
struct RepoReplay {
    repo: Repo,
    read: usize,
    /// The epoch of the row that was last compared with its log.
    compared: Option<u64>,
}

/// How much of a world is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of it.
    Whole,
    /// A row whose version is the one that was compared before is taken to be that row.
    Changes,
}

/// A new event in the order of the whole log.
enum New<'a> {
    Task(TaskId, &'a Logged<Event>),
    Repo(&'a RepoId, &'a Logged<RepoEvent>),
}

impl New<'_> {
    const fn seq(&self) -> u64 {
        match self {
            Self::Task(_, logged) => logged.seq,
            Self::Repo(_, logged) => logged.seq,
        }
    }
}

impl Auditor {
    /// An auditor that has seen nothing yet.
    pub fn new(policies: &BTreeMap<ProjectId, Arc<Policy>>) -> Self {
        let digests = policies.iter().map(|(id, policy)| (id.clone(), policy.digest().clone())).collect();
        Self {
            digests,
            tasks: BTreeMap::new(),
            repos: BTreeMap::new(),
            providers: Known::default(),
            jobs: BTreeMap::new(),
            open: BTreeSet::new(),
            inputs: 0,
            looks: Looks::default(),
            waiting: Waiting::default(),
        }
    }

    /// Asks everything about the world as it is now.
    pub fn check(&mut self, world: &World) -> Vec<Violation> {
        self.ask(world, Extent::Whole)
    }

    /// Asks every invariant, reading of the rows that have a version those alone whose version is new, and of the
    /// jobs and inputs those alone that are listed: what can have changed since the last look, if nobody writes a
    /// row without raising its version. [`Auditor::check`] is asked of the whole world now and then, and says
    /// whether that was so.
    pub fn check_changes(&mut self, world: &World) -> Vec<Violation> {
        self.ask(world, Extent::Changes)
    }

    /// The jobs that were queued or ran at the last look.
    pub fn open_jobs(&self) -> impl Iterator<Item = &JobId> {
        self.open.iter()
    }

    fn ask(&mut self, world: &World, extent: Extent) -> Vec<Violation> {
        let mut found = Vec::new();
        for new in self.unread(world) {
            match new {
                New::Task(id, logged) => self.task_step(world, id, logged, &mut found),
                New::Repo(id, logged) => self.repo_step(world, id, logged, &mut found),
            }
        }
        self.compare(world, extent, &mut found);
        self.remember(world, &mut found);
        for invariant in &INVARIANTS {
            if let Some(rows) = invariant.rows {
                rows(world, &mut Found { invariant, into: &mut found });
            }
        }
        found
    }

    fn unread<'a>(&mut self, world: &World<'a>) -> Vec<New<'a>> {
        let mut new = Vec::new();
        for file in &world.tasks {
            let replay = self.tasks.entry(file.task.id).or_insert(Replay {
                task: None,
                read: 0,
                compared: None,
                same_policy: true,
                named_at: None,
                answered_at: None,
            });
            let unread = file.events.get(replay.read..).unwrap_or_default();
            replay.read += unread.len();
            new.extend(unread.iter().map(|logged| New::Task(file.task.id, logged)));
        }
        for file in &world.repos {
            let replay = self.repos.entry(file.repo.id.clone()).or_insert_with(|| RepoReplay {
                repo: Repo::new(file.repo.id.clone(), file.repo.project.clone()),
                read: 0,
                compared: None,
            });
            let unread = file.events.get(replay.read..).unwrap_or_default();
            replay.read += unread.len();
            new.extend(unread.iter().map(|logged| New::Repo(&file.repo.id, logged)));
        }
        new.sort_by_key(New::seq);
        new
    }

    fn task_step(&mut self, world: &World, id: TaskId, logged: &Logged<Event>, found: &mut Vec<Violation>) {
        let Some(replay) = self.tasks.get_mut(&id) else { return };
        let Some(task) = &mut replay.task else {
            match &logged.event {
                Event::Created { birth } => replay.task = Some(crate::evolve::born(birth, logged.at)),
                other => found.push(of(14, format!("the log of {id} begins with {other:?}"))),
            }
            return;
        };
        if let Event::Decided { policy, .. } = &logged.event {
            replay.same_policy = self.digests.get(&task.project) == Some(policy);
        }
        if matches!(logged.event, Event::Retried { repair: true, .. }) {
            replay.named_at = Some(logged.at);
        }
        if matches!(logged.event, Event::ProbeAnswered { .. } | Event::LandingAnswered { .. }) {
            replay.answered_at = Some(logged.at);
        }
        let named = replay.named_at == Some(logged.at);
        let answered = replay.answered_at == Some(logged.at);
        let policy = world.policies.get(&task.project).map(|p| &**p).filter(|_| replay.same_policy);
        let repo = self.repos.get(&task.repo).map(|r| &r.repo);
        let (event, at, truth) = (&logged.event, logged.at, world.truth);
        self.providers.hear(world.provider_events, at);
        let providers = has_all_logs(world).then_some(&self.providers.health);
        let step = Step { before: task, event, at, repo, providers, named, answered, policy, truth };
        for invariant in &INVARIANTS {
            if let Some(ask) = invariant.step {
                ask(&step, &mut Found { invariant, into: found });
            }
        }
        evolve(task, event, at);
        self.providers.learn(event);
    }

    fn repo_step(
        &mut self,
        world: &World,
        id: &RepoId,
        logged: &Logged<RepoEvent>,
        found: &mut Vec<Violation>,
    ) {
        let Some(replay) = self.repos.get_mut(id) else { return };
        let (before, event, at) = (&replay.repo, &logged.event, logged.at);
        let step = RepoStep { before, event, at, epoch: replay.compared, world, waiting: &self.waiting };
        for invariant in &INVARIANTS {
            if let Some(ask) = invariant.repo_step {
                ask(&step, &mut Found { invariant, into: found });
            }
        }
        evolve_repo(&mut replay.repo, &logged.event);
    }

    /// I-14: the logs rebuild the rows.
    fn compare(&mut self, world: &World, extent: Extent, found: &mut Vec<Violation>) {
        let is_new = |compared: &mut Option<u64>, version| {
            compared.replace(version) != Some(version) || extent == Extent::Whole
        };
        for file in world.tasks.iter().filter(|file| !file.events.is_empty()) {
            let Some(replay) = self.tasks.get_mut(&file.task.id) else { continue };
            // Rows that were written before answers were kept have none.
            if let Some(task) = replay.task.as_mut().filter(|_| file.task.answered.is_empty()) {
                task.answered.clear();
            }
            if is_new(&mut replay.compared, file.version) && replay.task.as_ref() != Some(file.task) {
                found.push(of(14, differs(&file.task.key, file.task, replay.task.as_ref())));
            }
        }
        for file in world.repos.iter().filter(|file| !file.events.is_empty()) {
            let Some(replay) = self.repos.get_mut(&file.repo.id) else { continue };
            if is_new(&mut replay.compared, file.epoch) && replay.repo != *file.repo {
                found.push(of(14, format!("the row of repository {} is not its log's", file.repo.id)));
            }
        }
        self.providers.hear(world.provider_events, Timestamp(i64::MAX));
        let logs = &self.providers.health;
        if has_all_logs(world) && !logs.values().eq(world.providers.iter().copied()) {
            let rows = &world.providers;
            found.push(of(14, format!("the providers' rows are not the logs': {rows:?}, not {logs:?}")));
        }
    }

    /// What only two looks can show: a token that shrank (I-3), an ended job that came back (I-3), an input that
    /// vanished (I-13).
    fn remember(&mut self, world: &World, found: &mut Vec<Violation>) {
        for row in &world.jobs {
            let now = (row.state, row.token);
            match is_open(row.state) {
                true => self.open.insert(row.job.id),
                false => self.open.remove(&row.job.id),
            };
            let Some((state, token)) = self.jobs.insert(row.job.id, now) else { continue };
            if !is_open(state) && now != (state, token) {
                found.push(of(3, format!("job {} had ended and was changed", row.job.id)));
            }
            if row.token.is_some() && row.token < token {
                found.push(of(3, format!("the token of job {} went back", row.job.id)));
            }
        }
        if world.inputs.is_some() {
            let (before, now) = (self.inputs, world.known_inputs);
            if now < before {
                found.push(of(13, format!("there were {before} inputs, now {now}")));
            }
            self.inputs = now;
        }
        self.waiting.look(world);
        for (number, look) in [(25, Looks::owners as Look), (27, Looks::sends)] {
            if let Some(invariant) = invariant(number) {
                look(&mut self.looks, world, &mut Found { invariant, into: found });
            }
        }
    }
}

const fn is_open(state: JobState) -> bool {
    match state {
        JobState::Queued | JobState::Running => true,
        JobState::Succeeded | JobState::Failed | JobState::Cancelled => false,
    }
}

/// A question that only two looks can answer.
type Look = fn(&mut Looks, &World, &mut Found);

/// A provider's log is in those of the tasks that used it.
fn has_all_logs(world: &World) -> bool {
    world.tasks.iter().all(|file| !file.events.is_empty())
}

fn of(number: u8, detail: String) -> Violation {
    let sentence = invariant(number).map_or("", |i| i.sentence);
    Violation { number, sentence, detail }
}

/// The first field in which two rows differ, so that a report can be read.
fn differs(key: &Key, row: &Task, replayed: Option<&Task>) -> String {
    let Some(replayed) = replayed else { return format!("{key} has a row and no log") };
    let (stored, rebuilt) = (format!("{row:#?}"), format!("{replayed:#?}"));
    let line = stored.lines().zip(rebuilt.lines()).find(|(a, b)| a != b);
    match line {
        Some((a, b)) => format!("{key}: the row says `{}`, its log says `{}`", a.trim(), b.trim()),
        None => format!("{key}: the row is not its log's"),
    }
}
