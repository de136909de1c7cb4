//! Claiming jobs, running them, and settling what they answer. A result is accepted only with the current
//! token; one that can not be stored yet is kept and offered again.

use orchd_core::id::{InputId, JobId, RunId, Token};
use orchd_core::job::JobResult;
use orchd_core::port::executor::{About, RunContext};
use orchd_core::port::host::Room;
use orchd_core::port::store::{ClaimFilter, Claimed, Rows, SettleOutcome};
use orchd_core::time::Timestamp;

use crate::{Engine, EngineError, join};

/// Why a claimed job has no context.
const GONE: &str = "its task or repository is gone, or waits for it no more";

impl Engine {
    /// Claims up to `limit` jobs and prepares their contexts. The caller runs each with [`Engine::work`]. On a host
    /// without room these are side jobs alone: a clean-up is what makes room.
    pub async fn claim(&self, limit: u32) -> Result<Vec<RunContext>, EngineError> {
        let asked = self.now();
        let filter = ClaimFilter {
            boot: self.deps.boot,
            ttl: self.deps.leases.ttl,
            limit,
            max_running: match self.room() {
                Room::Enough => self.deps.max_running,
                Room::Short { .. } => Some(0),
            },
        };
        let runs: Vec<RunId> = (0..limit).map(|_| RunId(self.deps.ids.next())).collect();
        let claimed = self.deps.store.claim(&filter, &runs).await?;
        self.contexts(claimed, asked).await
    }

    /// Takes over what earlier processes of this data directory left running. Their runs may still be alive: an
    /// executor adopts a run it finds, and otherwise settles it from its result file or as lost. None of them is given
    /// back as unstarted: after an error all are taken over again.
    pub async fn take_over(&self) -> Result<Vec<RunContext>, EngineError> {
        let asked = self.now();
        let claimed = self.deps.store.take_over(self.deps.boot, self.deps.leases.ttl).await?;
        let adopted = join::all(claimed.into_iter().map(|one| self.adopt(one, asked))).await;
        Ok(adopted.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// The context of a job that may be under way.
    async fn adopt(&self, one: Claimed, asked: Timestamp) -> Result<Option<RunContext>, EngineError> {
        let guard = self.held.take(&one, asked);
        let (job, token) = (one.job, one.token);
        match self.context(one, guard).await {
            Ok(Some(context)) => Ok(Some(context)),
            // Held and renewed: its run may live, and nobody is to start another in its place.
            Err(error @ EngineError::UnknownProject { .. }) => {
                tracing::error!(%job, "a run that may live is left alone: {error}");
                Ok(None)
            }
            Err(error @ EngineError::Store(_)) => Err(error),
            Ok(None) => {
                self.give_back(job, token, GONE).await;
                Ok(None)
            }
        }
    }

    async fn contexts(
        &self,
        claimed: Vec<Claimed>,
        asked: Timestamp,
    ) -> Result<Vec<RunContext>, EngineError> {
        // All at once: what a claim got is read back to back, not one answer after the other.
        let prepared = join::all(claimed.into_iter().map(|one| self.prepare(one, asked))).await;
        Ok(prepared.into_iter().flatten().collect())
    }

    /// The context of a claimed job; one that can not be started is given back.
    async fn prepare(&self, one: Claimed, asked: Timestamp) -> Option<RunContext> {
        let guard = self.held.take(&one, asked);
        let (job, token) = (one.job, one.token);
        let why = match self.context(one, guard).await {
            Ok(Some(context)) => return Some(context),
            Ok(None) => GONE.to_owned(),
            Err(error) => error.to_string(),
        };
        self.give_back(job, token, &why).await;
        None
    }

    async fn give_back(&self, job: JobId, token: Token, why: &str) {
        tracing::error!(%job, "a claimed job can not be started: {why}");
        // Not renewed any more: if it can not be given back now, its lease ends and it is reaped.
        self.held.drop_lease(job, token);
        if let Err(error) = self.deps.store.release(job, token).await {
            tracing::error!(%job, "it could not be given back: {error}");
        }
    }

    async fn context(
        &self,
        claimed: Claimed,
        guard: std::sync::Arc<dyn orchd_core::port::executor::Guard>,
    ) -> Result<Option<RunContext>, EngineError> {
        let Some(Rows { task, repo }) = self.deps.store.rows_of(&claimed.of).await? else { return Ok(None) };
        // The answer may have taken longer than the lease, and somebody else have told the job's end meanwhile.
        if task.as_ref().is_some_and(|task| task.job_of(claimed.job).is_none()) {
            return Ok(None);
        }
        let policy = self.policy(task.as_ref().map_or(&repo.project, |task| &task.project))?;
        let about = task.map_or(About::Repo, |task| About::Task(Box::new(task)));
        Ok(Some(RunContext { claimed, about, repo, policy, guard }))
    }

    /// Runs a claimed job to its end and settles it once.
    pub async fn work(&self, context: RunContext) -> Result<SettleOutcome, EngineError> {
        let (claimed, result) = self.run(context).await;
        self.settle(&claimed, &result).await
    }

    /// Runs a claimed job to its end. The caller settles the result, again and again until the store has it.
    pub async fn run(&self, context: RunContext) -> (Claimed, JobResult) {
        let claimed = context.claimed.clone();
        let result = match self.deps.executors.get(&claimed.kind) {
            Some(executor) => executor.run(context).await,
            None => {
                let kind = claimed.kind.name();
                JobResult::infra(format!("this process has no executor for {kind} jobs"))
            }
        };
        (claimed, result)
    }

    /// Stores a result. The fact's id is the run's, so that a repeat is the same fact.
    pub async fn settle(&self, claimed: &Claimed, result: &JobResult) -> Result<SettleOutcome, EngineError> {
        let fact = InputId(claimed.run.0);
        let outcome = self.deps.store.settle(claimed.job, claimed.token, result, fact, self.now()).await?;
        self.held.drop_lease(claimed.job, claimed.token);
        if outcome == SettleOutcome::Stale {
            tracing::warn!(job = %claimed.job, "a result under a stale token was dropped");
        }
        Ok(outcome)
    }
}
