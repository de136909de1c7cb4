//! Executor of `push`: the landing (spec 2.4, 3.9). Asks the ledger, acts with expected base and head, and believes
//! nothing but git's word that the head is in main. Whatever is not known is `Unknown`, and a probe follows.

use async_trait::async_trait;
use orchd_core::effect::LandingAnswer;
use orchd_core::id::{RefName, Sha};
use orchd_core::job::{JobResult, Work};
use orchd_core::port::executor::{Executor, RunContext};
use orchd_core::port::store::SendOutcome;
use orchd_git::{LandOutcome, Mirror};

use crate::error::{RunnerError, chain, infra};
use crate::prove::{self, Asked};
use crate::workshop::{Workshop, task_of};

/// Lands a validated head on main.
pub struct PushExecutor {
    shop: Workshop,
}

impl PushExecutor {
    /// An executor in this workshop.
    pub fn new(shop: Workshop) -> Self {
        Self { shop }
    }

    /// An error in here comes before the ledger was asked; the engine then has the landing probed.
    async fn attempt(&self, context: &RunContext) -> Result<JobResult, RunnerError> {
        let task = task_of(context)?;
        let Work::Push { effect, landing, base, head } = &context.spec().work else {
            return Err(RunnerError::Misrouted(context.claimed.kind));
        };
        let mirror = self.shop.mirror(&task.repo).await?;
        match context.guard.may_send(*effect).await {
            SendOutcome::MaySend => {}
            // Sent by an earlier process, or the lease is not fresh: either way only main can tell.
            SendOutcome::Stale => {
                let why = "the landing may have been sent before; main must be asked".to_owned();
                return Ok(JobResult::Landing(LandingAnswer::Unknown { why }));
            }
        }
        let merge_ref = RefName::merge(task.id, *landing);
        Ok(JobResult::Landing(self.land(context, &mirror, &merge_ref, base, head).await))
    }

    async fn land(
        &self,
        context: &RunContext,
        mirror: &Mirror,
        merge_ref: &RefName,
        base: &Sha,
        head: &Sha,
    ) -> LandingAnswer {
        match self.landed_before(context, mirror, head).await {
            Ok(Some(answer)) => return answer,
            Ok(None) => {}
            // Nothing was sent by this run. On a resend a former one may still arrive: core knows which it is.
            Err(error) => return LandingAnswer::NotSent { why: error.reason() },
        }
        match mirror.land(base, head, merge_ref).await {
            Ok(LandOutcome::Applied { .. } | LandOutcome::AlreadyLanded { .. }) => {
                self.proof(context, mirror, head).await
            }
            Ok(LandOutcome::StaleBase { main }) => LandingAnswer::StaleBase { main },
            Ok(LandOutcome::NotDescendant) => LandingAnswer::Refused {
                why: format!("{head} does not contain {base}: landing it would throw commits of main away"),
            },
            Ok(LandOutcome::Tombstoned) => {
                LandingAnswer::Refused { why: "this landing was closed before it was sent".to_owned() }
            }
            Ok(LandOutcome::Refused { why }) => LandingAnswer::Refused { why },
            Ok(LandOutcome::Unknown { why }) => LandingAnswer::Unknown { why },
            Err(error) => LandingAnswer::Unknown { why: chain(&error) },
        }
    }

    /// A head that main has already goes straight to the proof: there is nothing to push.
    async fn landed_before(
        &self,
        context: &RunContext,
        mirror: &Mirror,
        head: &Sha,
    ) -> Result<Option<LandingAnswer>, RunnerError> {
        let main = mirror.fetch_main().await?;
        if !prove::contains(mirror, &main, head).await? {
            return Ok(None);
        }
        Ok(Some(self.proof(context, mirror, head).await))
    }

    /// The answer said yes; git is asked.
    async fn proof(&self, context: &RunContext, mirror: &Mirror, head: &Sha) -> LandingAnswer {
        let task = match task_of(context) {
            Ok(task) => task,
            Err(error) => return LandingAnswer::Unknown { why: error.reason() },
        };
        match prove::ask(&self.shop, mirror, (task, &context.repo), head).await {
            Ok(Asked::Proven(proof)) => LandingAnswer::Landed { proof },
            Ok(Asked::Not { main }) => LandingAnswer::Unknown {
                why: format!("the push was answered with yes, but main {main} does not contain {head}"),
            },
            Err(error) => LandingAnswer::Unknown { why: chain(&error) },
        }
    }
}

#[async_trait]
impl Executor for PushExecutor {
    async fn run(&self, context: RunContext) -> JobResult {
        if let Some(why) = context.guard.told_to_end() {
            return JobResult::ended(why);
        }
        match self.attempt(&context).await {
            Ok(result) => result,
            Err(error) => infra(&error),
        }
    }
}
