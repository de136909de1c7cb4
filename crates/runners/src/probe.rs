//! Executor of `probe`: asks the resource what became of an irreversible step, and closes the door where it must be
//! certain that a late act can never happen (spec 2.4, 1.7).

use async_trait::async_trait;
use orchd_core::effect::ProbeAnswer;
use orchd_core::id::{RefName, Sha};
use orchd_core::job::{JobResult, ProbeOf, Work};
use orchd_core::port::executor::{Executor, RunContext};
use orchd_git::{CloseOutcome, Mirror, ProbeOutcome};

use crate::error::RunnerError;
use crate::prove::{self, Asked};
use crate::workshop::{Workshop, task_of};

/// Asks main whether a landing happened.
pub struct ProbeExecutor {
    shop: Workshop,
}

impl ProbeExecutor {
    /// An executor in this workshop.
    pub fn new(shop: Workshop) -> Self {
        Self { shop }
    }

    async fn attempt(&self, context: &RunContext) -> Result<ProbeAnswer, RunnerError> {
        let Work::Probe { of, close, effect: _ } = &context.spec().work else {
            return Err(RunnerError::Misrouted(context.claimed.kind));
        };
        let task = task_of(context)?;
        match of {
            // This version has no runner that deploys, so no environment was ever touched by it.
            ProbeOf::Deploy { .. } => Ok(ProbeAnswer::NoRevision),
            ProbeOf::Landing { landing, head } => {
                let mirror = self.shop.mirror(&task.repo).await?;
                let merge_ref = RefName::merge(task.id, *landing);
                if *close {
                    self.close(context, &mirror, &merge_ref, head).await
                } else {
                    self.look(context, &mirror, &merge_ref, head).await
                }
            }
        }
    }

    async fn look(
        &self,
        context: &RunContext,
        mirror: &Mirror,
        merge_ref: &RefName,
        head: &Sha,
    ) -> Result<ProbeAnswer, RunnerError> {
        let main = mirror.fetch_main().await?;
        if !mirror.has_commit(head).await? {
            // Main came with its whole history, and the head is not in it.
            return Ok(ProbeAnswer::Absent { main: main.sha });
        }
        match mirror.probe_landing(merge_ref, head).await? {
            ProbeOutcome::Landed { .. } => self.proven(context, mirror, head).await,
            ProbeOutcome::Absent { main } => Ok(ProbeAnswer::Absent { main }),
            ProbeOutcome::Tombstoned { main } => Ok(ProbeAnswer::Closed { main }),
            ProbeOutcome::Contradicted { main, holder } => Ok(ProbeAnswer::Infra {
                why: format!(
                    "{merge_ref} holds {holder}, but main {main} does not contain {head}; a person must look"
                ),
            }),
        }
    }

    async fn close(
        &self,
        context: &RunContext,
        mirror: &Mirror,
        merge_ref: &RefName,
        head: &Sha,
    ) -> Result<ProbeAnswer, RunnerError> {
        match mirror.tombstone(merge_ref).await? {
            CloseOutcome::Closed | CloseOutcome::Landed { .. } => self.proven(context, mirror, head).await,
            CloseOutcome::Refused { why } => {
                Ok(ProbeAnswer::Infra { why: format!("the landing could not be closed: {why}") })
            }
            CloseOutcome::Unknown { why } => {
                Ok(ProbeAnswer::Infra { why: format!("no answer while closing the landing: {why}") })
            }
        }
    }

    /// With the door closed, or the landing seen: main's word is final.
    async fn proven(
        &self,
        context: &RunContext,
        mirror: &Mirror,
        head: &Sha,
    ) -> Result<ProbeAnswer, RunnerError> {
        let task = task_of(context)?;
        Ok(match prove::ask(&self.shop, mirror, (task, &context.repo), head).await? {
            Asked::Proven(proof) => ProbeAnswer::Landed { proof },
            Asked::Not { main } => ProbeAnswer::Closed { main },
        })
    }
}

#[async_trait]
impl Executor for ProbeExecutor {
    async fn run(&self, context: RunContext) -> JobResult {
        match self.attempt(&context).await {
            Ok(answer) => JobResult::Probe(answer),
            Err(error) => JobResult::Probe(ProbeAnswer::Infra { why: error.reason() }),
        }
    }
}
