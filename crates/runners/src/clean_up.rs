//! Executor of `clean-up` (spec 1.7): what a stopped task worked on is kept under one ref, then its clone and its
//! branches go. What cannot be reached is no error: nothing here may keep a task from being cancelled.

use async_trait::async_trait;
use orchd_core::id::{Branch, RefName, RunId, Sha, TaskId};
use orchd_core::job::{JobResult, Work};
use orchd_core::port::executor::{Executor, RunContext};
use orchd_core::task::Task;
use orchd_git::{AgentClone, Ancestry, DeleteOutcome, GitError, Mirror, RunHeads};

use crate::agent::{end_former_run, forget_former_run, former_run, set_aside};
use crate::error::{RunnerError, chain, infra};
use crate::workshop::{Workshop, task_of};

/// Salvages and removes what a stopped task left.
pub struct CleanUpExecutor {
    shop: Workshop,
}

impl CleanUpExecutor {
    /// An executor in this workshop.
    pub fn new(shop: Workshop) -> Self {
        Self { shop }
    }

    async fn attempt(&self, context: &RunContext) -> Result<JobResult, RunnerError> {
        let task = task_of(context)?;
        let Work::CleanUp { branch } = &context.spec().work else {
            return Err(RunnerError::Misrouted(context.claimed.kind));
        };
        end_former_run(&self.shop, task.id, context.run()).await?;
        let _alone = self.shop.enter_clone(task.id).await;
        let mirror = self.shop.mirror(&task.repo).await?;
        if let Err(error) = mirror.fetch_main().await {
            tracing::warn!(task = %task.id, "main was not fetched for the clean-up: {}", chain(&error));
        }
        let mut salvaged = Vec::new();
        let former = former_run(&self.shop, task.id).await?;
        let left = self.left_in_clone(context, task, &mirror, branch, former).await?;
        let local = mirror.branch_head(branch).await?;
        let name = salvage_of(task.id);
        // The clone has the mirror's branch and perhaps more; one ref keeps both unless they parted.
        let newest = left.head.clone().or_else(|| local.clone());
        if let Some(head) = &newest {
            self.keep(&mirror, &name, head, &mut salvaged).await?;
        }
        for (head, suffix) in [(&local, "-branch"), (&left.salvage, "-partial")] {
            let Some(head) = head else { continue };
            let is_in = match &newest {
                Some(newest) => mirror.is_ancestor(head, newest).await?,
                None => Ancestry::No,
            };
            if is_in == Ancestry::No {
                let parted = RefName::new(format!("{name}{suffix}"));
                self.keep(&mirror, &parted, head, &mut salvaged).await?;
            }
        }
        AgentClone::remove(&mirror, &self.shop.clone_dir(task.id), branch, former).await?;
        forget_former_run(&self.shop, task.id).await?;
        self.shop.discard(&self.shop.state_dir(task.id)).await;
        self.delete_remote(&mirror, branch, &name, &mut salvaged).await?;
        mirror.delete_ref(&RefName::new(format!("refs/heads/{branch}"))).await?;
        salvaged.extend(self.kept_before(&mirror, &name, &salvaged).await?);
        Ok(JobResult::Cleaned { salvaged })
    }

    /// What the last run left in the clone, taken into the mirror; nothing where there is no clone to read. One that
    /// cannot be read is out of the way afterwards.
    async fn left_in_clone(
        &self,
        context: &RunContext,
        task: &Task,
        mirror: &Mirror,
        branch: &Branch,
        former: Option<RunId>,
    ) -> Result<RunHeads, RunnerError> {
        let nothing = RunHeads { head: None, salvage: None };
        let (dir, run) = (self.shop.clone_dir(task.id), former.unwrap_or(context.run()));
        if !dir.exists() {
            return Ok(nothing);
        }
        match mirror.fetch_run(&dir, branch, run).await {
            Ok(heads) => {
                mirror.delete_ref(&RefName::run(run)).await?;
                Ok(heads)
            }
            Err(error @ GitError::CloneUnusable { .. }) => {
                set_aside(&self.shop, task.id, context.run(), &error).await?;
                Ok(nothing)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a head that main does not have.
    async fn keep(
        &self,
        mirror: &Mirror,
        name: &RefName,
        head: &Sha,
        salvaged: &mut Vec<String>,
    ) -> Result<(), GitError> {
        if let Some(main) = mirror.main().await?
            && mirror.is_ancestor(head, &main.sha).await? == Ancestry::Yes
        {
            return Ok(());
        }
        mirror.set_ref(name, head).await?;
        salvaged.push(name.as_str().to_owned());
        Ok(())
    }

    /// A repeat finds what the first time kept.
    async fn kept_before(
        &self,
        mirror: &Mirror,
        name: &RefName,
        salvaged: &[String],
    ) -> Result<Vec<String>, GitError> {
        let mut before = Vec::new();
        for suffix in ["", "-branch", "-partial", "-remote"] {
            let name = RefName::new(format!("{name}{suffix}"));
            if !salvaged.iter().any(|kept| kept == name.as_str()) && mirror.resolve(&name).await?.is_some() {
                before.push(name.to_string());
            }
        }
        Ok(before)
    }

    async fn delete_remote(
        &self,
        mirror: &Mirror,
        branch: &Branch,
        name: &RefName,
        salvaged: &mut Vec<String>,
    ) -> Result<(), RunnerError> {
        let unreachable = |why: String| tracing::warn!(%branch, "the remote branch stays for now: {why}");
        let there = match mirror.remote_branch(branch).await {
            Ok(Some(there)) => there,
            Ok(None) => return Ok(()),
            Err(error) => {
                unreachable(chain(&error));
                return Ok(());
            }
        };
        if !mirror.has_commit(&there).await? {
            // Somebody else's commits: kept before the branch goes.
            match mirror.fetch_branch(branch).await {
                Ok(Some(head)) => {
                    let name = RefName::new(format!("{name}-remote"));
                    self.keep(mirror, &name, &head, salvaged).await?;
                }
                Ok(None) => {}
                Err(error) => {
                    unreachable(chain(&error));
                    return Ok(());
                }
            }
        }
        match mirror.delete_remote_branch(branch, &there).await {
            Ok(DeleteOutcome::Deleted | DeleteOutcome::Absent) => {}
            Ok(DeleteOutcome::Stale { actual }) => unreachable(format!("it moved to {actual} meanwhile")),
            Ok(DeleteOutcome::Refused { why } | DeleteOutcome::Unknown { why }) => unreachable(why),
            Err(error) => unreachable(chain(&error)),
        }
        Ok(())
    }
}

/// Apart from the salvage of runs, which ages by the run's identity: a task's identity says when it was born, and
/// nothing about when it was stopped.
fn salvage_of(task: TaskId) -> RefName {
    RefName::new(format!("refs/orchd/salvage/task/{task}"))
}

#[async_trait]
impl Executor for CleanUpExecutor {
    async fn run(&self, context: RunContext) -> JobResult {
        match self.attempt(&context).await {
            Ok(result) => result,
            Err(error) => infra(&error),
        }
    }
}
