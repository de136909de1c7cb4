//! Executor of `rebase-and-retest` (spec 3.5): the task branch onto main, pushed with a lease, and the combined tree
//! tested again. What was rebased is noted in the run's directory, so that a restart goes on with the very same tree.

use async_trait::async_trait;
use orchd_core::id::{Digest, Sha};
use orchd_core::job::{BranchState, JobResult, ReadyOutcome, ReadyRun, SuiteOutcome, Work};
use orchd_core::port::executor::{Executor, RunContext};
use orchd_core::task::Task;
use orchd_git::{Mirror, RebaseOutcome, RebaseRequest, rebase};
use serde::{Deserialize, Serialize};

use crate::error::{RunnerError, chain, infra};
use crate::note;
use crate::suite::{Asked, Said, run_suite};
use crate::task_branch;
use crate::workshop::{Workshop, task_of};

/// What was rebased onto what.
const NOTE: &str = "ready.json";

/// Rebases onto main and tests the combined tree.
pub struct RebaseExecutor {
    shop: Workshop,
}

/// The combined tree: what the suite speaks about.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Combined {
    main: Sha,
    main_tree: Sha,
    branch: BranchState,
    rebased: bool,
}

/// How far the rebase came.
enum Step {
    Combined(Combined),
    Not { main: Sha, main_tree: Sha, outcome: ReadyOutcome },
}

struct Asking<'a> {
    head: &'a Sha,
    patch: &'a Digest,
    tested: bool,
}

impl RebaseExecutor {
    /// An executor in this workshop.
    pub fn new(shop: Workshop) -> Self {
        Self { shop }
    }

    async fn attempt(&self, context: &RunContext) -> Result<JobResult, RunnerError> {
        let task = task_of(context)?;
        let Work::RebaseAndRetest { head, patch, tested } = &context.spec().work else {
            return Err(RunnerError::Misrouted(context.claimed.kind));
        };
        let asking = Asking { head, patch, tested: *tested };
        let mirror = self.shop.mirror(&task.repo).await?;
        let dir = self.shop.run_dir(context.run());
        let step = match note::read(&dir, NOTE)? {
            // Its suite may still run, and is asked to end there if the job was told to.
            Some(combined) => Step::Combined(combined),
            None if let Some(why) = context.guard.told_to_end() => return Ok(JobResult::ended(why)),
            None => self.combine(context, task, &mirror, &asking).await?,
        };
        let ready = |main, main_tree, outcome| {
            let (from, patch_before) = (head.clone(), patch.clone());
            JobResult::Ready(Box::new(ReadyRun { from, patch_before, main, main_tree, outcome }))
        };
        let combined = match step {
            Step::Combined(combined) => combined,
            Step::Not { main, main_tree, outcome } => return Ok(ready(main, main_tree, outcome)),
        };
        let suite = match self.retest(context, task, &mirror, &asking, &combined).await? {
            None => None,
            Some(Said::Outcome(outcome)) => Some(outcome),
            Some(Said::Told(why)) => return Ok(JobResult::ended(why)),
        };
        let Combined { main, main_tree, branch, rebased } = combined;
        Ok(ready(main, main_tree, ReadyOutcome::Ready { branch, rebased, suite }))
    }

    /// Rebases, moves the task branch and pushes it, and notes what now stands combined.
    async fn combine(
        &self,
        context: &RunContext,
        task: &Task,
        mirror: &Mirror,
        asking: &Asking<'_>,
    ) -> Result<Step, RunnerError> {
        // A landing under way is not affected by a person's main that diverged; the next look at main says so.
        if let Err(error) = self.shop.import(&task.repo).await {
            tracing::warn!(repo = %task.repo, "main was not imported before the landing: {}", error.reason());
        }
        let main = mirror.fetch_main().await?;
        task_branch::need(mirror, &task.branch, asking.head).await?;
        let checkout = self.shop.checkouts(context.run()).join("rebase");
        let union = &context.policy.merge_union;
        let request = RebaseRequest { head: asking.head, onto: &main.sha, dir: &checkout, union };
        let not = |outcome| Ok(Step::Not { main: main.sha.clone(), main_tree: main.tree.clone(), outcome });
        let (branch, rebased) = match rebase(mirror, request).await {
            Err(error) => return not(ReadyOutcome::Infra { reason: chain(&error) }),
            Ok(RebaseOutcome::Conflict { files, hunks }) => {
                return not(ReadyOutcome::Conflict { files, hunks: hunks.text });
            }
            Ok(RebaseOutcome::Vanished { entries }) => {
                let entries = entries.iter().map(|e| format!("{}: {}", e.file, e.line)).collect();
                return not(ReadyOutcome::Vanished { entries });
            }
            Ok(RebaseOutcome::UpToDate) => {
                (task_branch::state(mirror, &task.key, &main.sha, asking.head).await?, false)
            }
            Ok(RebaseOutcome::AlreadyIn) => (self.already_in(task, mirror, &main.sha, asking).await?, false),
            Ok(RebaseOutcome::Rebased { head, .. }) => {
                (task_branch::state(mirror, &task.key, &main.sha, &head).await?, true)
            }
        };
        task_branch::put(mirror, &task.branch, &branch.head).await?;
        if let Err(why) = task_branch::push(mirror, &task.branch, &branch.head).await? {
            return not(ReadyOutcome::Infra { reason: why });
        }
        let combined = Combined { main: main.sha, main_tree: main.tree, branch, rebased };
        note::write(&self.shop.run_dir(context.run()), NOTE, &combined)?;
        Ok(Step::Combined(combined))
    }

    /// Main has the head already, by another's hand: the patch is what was judged, and the landing goes straight to
    /// its proof.
    async fn already_in(
        &self,
        task: &Task,
        mirror: &Mirror,
        main: &Sha,
        asking: &Asking<'_>,
    ) -> Result<BranchState, RunnerError> {
        let now = task_branch::state(mirror, &task.key, main, asking.head).await?;
        let ahead = task.branch_state.as_ref().is_some_and(|branch| branch.ahead);
        Ok(BranchState { base: main.clone(), patch: asking.patch.clone(), ahead, ..now })
    }

    async fn retest(
        &self,
        context: &RunContext,
        task: &Task,
        mirror: &Mirror,
        asking: &Asking<'_>,
        combined: &Combined,
    ) -> Result<Option<Said>, RunnerError> {
        let Some(suite) = &context.policy.test else { return Ok(None) };
        if asking.tested && !combined.rebased {
            return Ok(None);
        }
        let run = context.run();
        let asked = Asked {
            suite,
            sha: &combined.branch.head,
            base: &combined.main,
            key: Some(&task.key),
            dir: self.shop.run_dir(run).join("suite"),
            checkout: self.shop.checkouts(run),
        };
        // The rebase is done and stands: a suite that could not run is told with it, and is asked again by its gate.
        Ok(Some(match run_suite(&self.shop, context, mirror, asked).await {
            Ok(said) => said,
            Err(error) => Said::Outcome(SuiteOutcome::Infra { reason: error.reason() }),
        }))
    }
}

#[async_trait]
impl Executor for RebaseExecutor {
    async fn run(&self, context: RunContext) -> JobResult {
        let result = self.attempt(&context).await;
        self.shop.discard(&self.shop.checkouts(context.run())).await;
        match result {
            Ok(result) => result,
            Err(error) => infra(&error),
        }
    }
}
