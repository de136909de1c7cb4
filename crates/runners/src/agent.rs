//! Executor of a role's run (spec 5.2): the clone ready at the last good head, the prompt, the program under its shim,
//! and afterwards what it left, taken in. `site` is one run's surroundings, `enter` makes the clone ready, `state` a
//! program's own place, `prompt` writes what the role reads, `settle` reads the end, `account` what it used, `documents` the facts about documents.
//! No verdict is judged here.

mod account;
mod documents;
mod enter;
mod prompt;
mod settle;
mod site;
mod state;
mod submission;

use async_trait::async_trait;
use orchd_core::job::JobResult;
use orchd_core::port::executor::{Executor, RunContext};
use orchd_core::verdict::artifact_name;
use orchd_launcher::spec::Ident;
use orchd_launcher::{CommitOn, Leftovers, RunDir, RunSpec, Waited};

use crate::confine;
use crate::error::{RunnerError, infra};
use crate::watch::{self, Before};
use crate::workshop::{Workshop, task_of};
pub(crate) use enter::{end_former_run, forget_former_run, former_run, set_aside};
use site::Site;
pub use site::setup;

/// Runs a role's agent.
pub struct AgentExecutor {
    shop: Workshop,
}

impl AgentExecutor {
    /// An executor in this workshop.
    pub fn new(shop: Workshop) -> Self {
        Self { shop }
    }

    async fn attempt(&self, context: &RunContext) -> Result<JobResult, RunnerError> {
        let task = task_of(context)?;
        // Before the lock: a former run of this process holds it until it has ended.
        end_former_run(&self.shop, task.id, context.run()).await?;
        let _alone = self.shop.enter_clone(task.id).await;
        let site = Site::of(&self.shop, context, task).await?;
        let result = play(&site).await.unwrap_or_else(|error| infra(&error));
        // Here alone, whatever became of it: money that was spent is spent.
        Ok(account::beside(&site, result))
    }
}

#[async_trait]
impl Executor for AgentExecutor {
    async fn run(&self, context: RunContext) -> JobResult {
        let result = self.attempt(&context).await;
        // Where documents of main were listed.
        self.shop.discard(&self.shop.checkouts(context.run())).await;
        match result {
            Ok(result) => result,
            Err(error) => infra(&error),
        }
    }
}

/// The run, from its start or from where an earlier process of orchd left it.
async fn play(site: &Site<'_>) -> Result<JobResult, RunnerError> {
    let (run, guard) = (site.context.run(), site.context.guard.as_ref());
    let waited = match watch::before(&site.dir, run, guard).await? {
        Before::Over(waited) => waited,
        Before::NeverBegan => return Ok(JobResult::lost("orchd ended before the run began")),
        Before::Nothing => match guard.told_to_end() {
            Some(why) => return Ok(JobResult::ended(why)),
            None => start(site).await?,
        },
    };
    let settled = settle::settle(site, waited).await?;
    site.shop.note_over(site.task.id, run);
    Ok(settled)
}

/// Makes everything ready, starts the run and waits for its end.
async fn start(site: &Site<'_>) -> Result<Waited, RunnerError> {
    // At once: they ask the mirror, look at the clone and make the run's directory.
    let (main, fresh, dir) =
        tokio::join!(enter::fetch(site), site.shop.fresh_clone(site.task.id), make_dir(site));
    let (main, dir) = (main?, dir?);
    // At once: the one works on the clone, the other in the run's directory.
    let (untouched, prompted) =
        tokio::join!(enter::make_ready(site, &main, fresh), prompt::write(site, &main, &dir));
    let untouched = untouched?;
    prompted?;
    let mut spec = spec(site, &dir).await?;
    spec.untouched = untouched;
    let (prepared, noted) = tokio::join!(site.shop.launcher().prepare(&dir, &spec), enter::note_run(site));
    noted?;
    let running = prepared?.start().await?;
    watch::wait(running, site.context.guard.as_ref()).await
}

async fn make_dir(site: &Site<'_>) -> Result<RunDir, RunnerError> {
    let made = RunDir::create(&site.dir).and_then(|dir| dir.lay_out().map(|()| dir));
    made.map_err(RunnerError::io("make", &site.dir))
}

async fn spec(site: &Site<'_>, dir: &RunDir) -> Result<RunSpec, RunnerError> {
    let role = site.assigned.role;
    let invocation = site.profile.invocation(&site.role_run(dir))?;
    let deadline = site.assigned.agent.timeout;
    let mut spec = RunSpec::new(site.context.run(), invocation.argv, &site.clone, deadline);
    spec.env = site.shop.environment(&site.profile.allowed_env(), invocation.env);
    spec.env.extend(site.author_env());
    spec.dialect = site.profile.dialect();
    spec.masked = site.profile.secret_names().into_iter().map(str::to_owned).collect();
    spec.limits = confine::limits(&site.context.policy);
    let own = state::make(site, &mut spec.env).await?;
    spec.sandbox = confine::sandbox(&site.context.policy, site.shop, &site.mirror, own);
    spec.stall = Some(RunSpec::STALL);
    spec.submission_required = !role.is_judge();
    if role.is_judge() {
        spec.takes.push(artifact_name(role).to_owned());
    }
    if !site.assigned.must_fix.is_empty() {
        spec.gives.push(prompt::MUST_FIX.to_owned());
    }
    let identity = site.shop.git().identity();
    spec.leftovers = Some(Leftovers {
        clone: site.clone.clone(),
        branch: site.task.branch.clone(),
        salvage: orchd_git::salvage_branch(site.context.run()),
        start: Some(site.assigned.start.clone()),
        author: Ident { name: site.author().name, email: site.author().email },
        committer: Ident { name: identity.name.clone(), email: identity.email.clone() },
        message: site.message(),
        when: if role.is_judge() { CommitOn::Never } else { CommitOn::Success },
    });
    Ok(spec)
}
