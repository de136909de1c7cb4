//! The decide loop's step: load, take one pure turn, commit. A lost race leaves no trace; the loser loads and
//! decides again. The same step answers whoever woke the task.

use std::collections::BTreeMap;

use orchd_core::enact::Minted;
use orchd_core::id::{EffectId, JobId, ProviderId, RepoId, TaskId, TransitionId};
use orchd_core::port::store::{
    Commit, CommitOutcome, Due, LedgerWrite, Loaded, ProviderChange, RepoChange, RepoCommit, StoreError,
};
use orchd_core::time::Timestamp;
use orchd_core::turn::{Turn, repo_turn, turn};
use orchd_core::view::View;

use crate::{Engine, EngineError, join};

/// Tries for somebody who waits: a conflict means that somebody else made progress.
const TRIES: u32 = 8;
/// Turns that a task takes in one step where each leaves it due at once, as a move does before the run it leads to.
const FOLLOWING: u32 = 4;
/// Tasks per step: small, so that other steps are not kept waiting.
const BATCH: u32 = 64;

impl Engine {
    /// Decides every repository and then every task that is due, and what a task's own turn leaves due of it. Returns
    /// how many it looked at; whom these decisions woke is found by the next step.
    pub async fn decide_due(&self) -> Result<usize, EngineError> {
        let due = self.deps.store.due(self.now(), BATCH).await;
        self.note_store(&due);
        let Due { repos, tasks } = due?;
        for repo in &repos {
            pass_over(self.decide_repo(repo).await, &repo.to_string())?;
        }
        // At once: their commits then share the store's transaction; in turn, each would wait for one of its own.
        let decided = join::all(tasks.iter().map(|task| self.decide_on(*task))).await;
        for (task, decided) in tasks.iter().zip(decided) {
            pass_over(decided, &task.to_string())?;
        }
        Ok(repos.len() + tasks.len())
    }

    /// Takes one turn of a task for somebody who waits for what comes of it: a lost race is tried again at once.
    pub async fn decide_task(&self, task: TaskId) -> Result<(), EngineError> {
        for _ in 0..TRIES {
            if self.decide_once(task).await? != Taken::Lost {
                break;
            }
        }
        Ok(())
    }

    /// Takes turns of a task while each leaves it due. Who lost a race leaves the task as the winner did: what is still
    /// due is found again.
    pub async fn decide_on(&self, task: TaskId) -> Result<(), EngineError> {
        for _ in 0..FOLLOWING {
            if self.decide_once(task).await? != Taken::AndDue {
                break;
            }
        }
        Ok(())
    }

    /// Takes one turn of a task.
    async fn decide_once(&self, task: TaskId) -> Result<Taken, EngineError> {
        let now = self.now();
        let Some(loaded) = self.deps.store.load(task, now.day_start()).await? else {
            return Ok(Taken::Quiet);
        };
        let commit = self.commit_of(loaded, now)?;
        let transition = commit.transition;
        let taken = if commit.due_at.is_some_and(|at| at <= now) { Taken::AndDue } else { Taken::Quiet };
        match self.deps.store.commit(commit).await {
            CommitOutcome::Committed => Ok(taken),
            CommitOutcome::Conflict => Ok(Taken::Lost),
            CommitOutcome::Unknown => match self.deps.store.was_committed(transition).await? {
                true => Ok(taken),
                false => Ok(Taken::Lost),
            },
        }
    }

    /// What a decision about the task would see now; for surfaces.
    pub async fn view(&self, task: TaskId) -> Result<Option<View>, EngineError> {
        match self.deps.store.load(task, self.now().day_start()).await? {
            Some(loaded) => Ok(Some(self.view_of(loaded)?)),
            None => Ok(None),
        }
    }

    fn view_of(&self, loaded: Loaded) -> Result<View, EngineError> {
        let Loaded { task, repo, candidates, names, deps, spent_since, drained, providers, .. } = loaded;
        let policy = self.policy(&task.project)?;
        let providers = providers.into_iter().map(|(health, _)| (health.provider.clone(), health)).collect();
        Ok(View { task, repo, candidates, names, deps, spent_today: spent_since, drained, providers, policy })
    }

    fn commit_of(&self, mut loaded: Loaded, now: Timestamp) -> Result<Commit, EngineError> {
        let seen = Seen::of(&loaded);
        let inputs = std::mem::take(&mut loaded.inputs);
        let view = self.view_of(loaded)?;
        let turn = turn(view, inputs, self.mint(), now);
        let transition = TransitionId(self.deps.ids.next());
        Ok(commit_from(turn, transition, &seen, now))
    }

    fn mint(&self) -> Minted {
        let ids = &self.deps.ids;
        Minted { job: JobId(ids.next()), look: JobId(ids.next()), effect: EffectId(ids.next()) }
    }

    /// Takes one turn of a repository: its facts and people's commands to it.
    pub async fn decide_repo(&self, repo: &RepoId) -> Result<(), EngineError> {
        for _ in 0..TRIES {
            let now = self.now();
            let Some(loaded) = self.deps.store.load_repo(repo).await? else { return Ok(()) };
            if loaded.inputs.is_empty() {
                return Ok(());
            }
            let turn = repo_turn(loaded.repo, loaded.inputs, JobId(self.deps.ids.next()), now);
            let transition = TransitionId(self.deps.ids.next());
            let change =
                RepoChange { epoch: loaded.epoch, repo: turn.repo, events: turn.events, job: turn.job };
            let commit = RepoCommit {
                transition,
                change,
                consumed: turn.consumed,
                wake_repo: turn.wake_repo,
                at: now,
            };
            match self.deps.store.commit_repo(commit).await {
                CommitOutcome::Committed => return Ok(()),
                CommitOutcome::Conflict => {}
                CommitOutcome::Unknown => {
                    if self.deps.store.was_committed(transition).await? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

/// One row's trouble is not the others': it is said, and the others go on. A store that does not answer is everyone's.
fn pass_over(done: Result<(), EngineError>, row: &str) -> Result<(), EngineError> {
    match done {
        Ok(()) => Ok(()),
        Err(
            error
            @ (EngineError::UnknownProject { .. } | EngineError::Store(StoreError::Inconsistent { .. })),
        ) => {
            tracing::error!(row, "{error}");
            Ok(())
        }
        Err(error @ EngineError::Store(StoreError::Unavailable(_))) => Err(error),
    }
}

/// What became of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It is committed, or there was nothing to decide.
    Quiet,
    /// It is committed, and the next one is due at once.
    AndDue,
    /// Nothing of it was written: somebody else was faster, or the store lost it.
    Lost,
}

/// What a commit compares, as it was loaded.
struct Seen {
    version: u64,
    wakes: u64,
    epoch: u64,
    providers: BTreeMap<ProviderId, u64>,
}

impl Seen {
    fn of(loaded: &Loaded) -> Self {
        let providers = loaded.providers.iter().map(|(health, epoch)| (health.provider.clone(), *epoch));
        let (version, wakes, epoch) = (loaded.version, loaded.wakes, loaded.epoch);
        Self { version, wakes, epoch, providers: providers.collect() }
    }
}

fn commit_from(turn: Turn, transition: TransitionId, seen: &Seen, now: Timestamp) -> Commit {
    // An irreversible step opens only in the repository that was looked at: a freeze may have come between.
    let acts = turn.ledger.iter().any(|write| matches!(write, LedgerWrite::Open(_)));
    let changed = acts || !turn.repo_events.is_empty();
    let repo = changed.then_some(RepoChange {
        epoch: seen.epoch,
        repo: turn.repo,
        events: turn.repo_events,
        job: turn.repo_job,
    });
    let provider = |(id, health)| {
        let epoch = seen.providers.get(&id).copied().unwrap_or(0);
        (id, ProviderChange { epoch, health })
    };
    Commit {
        transition,
        version: seen.version,
        wakes: seen.wakes,
        task: turn.task,
        candidacy: turn.candidacy,
        events: turn.events,
        consumed: turn.consumed,
        repo,
        providers: turn.providers.into_iter().map(provider).collect(),
        job: turn.job,
        end_job: turn.end_job,
        ledger: turn.ledger,
        dirty: turn.dirty,
        due_at: turn.due_at,
        wake_repo: turn.wake_repo,
        wake_dependents: turn.wake_dependents,
        wake_all: turn.wake_all,
        at: now,
    }
}
