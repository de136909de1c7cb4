//! Executor of `test` and `ci`: the project's command at a commit, in a gate checkout, under the shim. Also the part
//! that runs a suite at a tree, for rebase-and-retest and for the look at main.

use std::path::PathBuf;

use async_trait::async_trait;
use orchd_core::id::{Key, RunId, Sha};
use orchd_core::job::{JobResult, SuiteOutcome, SuiteRun, Work};
use orchd_core::policy::{Ci, Suite};
use orchd_core::port::executor::{Executor, RunContext};
use orchd_git::{GateCheckout, Mirror};
use orchd_launcher::RunDir;
use orchd_launcher::suite::{self, SuiteOutcome as Launched, SuiteSpec, SuiteVerdict};
use orchd_launcher::summary::Summary;

use crate::confine;
use crate::error::{RunnerError, infra};
use crate::task_branch;
use crate::watch::{self, Before};
use crate::workshop::{Workshop, task_of};

/// Kept of a red suite's output: its end, where runners say what failed.
const OUTPUT_CAP: usize = 32 * 1024;

/// Runs the project's test or CI command.
pub struct SuiteExecutor {
    shop: Workshop,
}

/// A suite to run at one commit.
pub(crate) struct Asked<'a> {
    pub(crate) suite: &'a Suite,
    /// The commit.
    pub(crate) sha: &'a Sha,
    /// What it is compared with: `ORCHD_BASE`.
    pub(crate) base: &'a Sha,
    /// `ORCHD_KEY`, where a task is judged.
    pub(crate) key: Option<&'a Key>,
    /// The run's directory for this suite.
    pub(crate) dir: PathBuf,
    /// Where its checkout goes.
    pub(crate) checkout: PathBuf,
}

/// How a suite's run ended.
pub(crate) enum Said {
    /// With an outcome.
    Outcome(SuiteOutcome),
    /// It was told to end.
    Told(String),
}

impl SuiteExecutor {
    /// An executor in this workshop.
    pub fn new(shop: Workshop) -> Self {
        Self { shop }
    }

    async fn attempt(&self, context: &RunContext) -> Result<JobResult, RunnerError> {
        let task = task_of(context)?;
        let policy = &context.policy;
        let misrouted = || RunnerError::Misrouted(context.claimed.kind);
        let (head, suite) = match (&context.spec().work, &policy.ci, &policy.test) {
            (Work::Test { head }, _, Some(suite)) => (head, suite),
            (Work::Ci { head }, Ci::Command(suite), _) => (head, suite),
            _ => return Err(misrouted()),
        };
        let mirror = self.shop.mirror(&task.repo).await?;
        let run = context.run();
        let main = self.main(&mirror, run).await?;
        task_branch::need(&mirror, &task.branch, head).await?;
        let base = mirror.merge_base(&main, head).await?.unwrap_or(main);
        let base_tree = mirror.tree_of(&base).await?;
        let asked = Asked {
            suite,
            sha: head,
            base: &base,
            key: Some(&task.key),
            dir: self.shop.run_dir(run),
            checkout: self.shop.checkouts(run),
        };
        Ok(match run_suite(&self.shop, context, &mirror, asked).await? {
            Said::Told(why) => JobResult::ended(why),
            Said::Outcome(outcome) => {
                JobResult::Suite(SuiteRun { head: head.clone(), base, base_tree, outcome })
            }
        })
    }

    /// Main: fetched for a suite that is to be started. One that was is taken in without the remote.
    async fn main(&self, mirror: &Mirror, run: RunId) -> Result<Sha, RunnerError> {
        if self.shop.run_dir(run).exists()
            && let Some(main) = mirror.main().await?
        {
            return Ok(main.sha);
        }
        Ok(mirror.fetch_main().await?.sha)
    }
}

#[async_trait]
impl Executor for SuiteExecutor {
    async fn run(&self, context: RunContext) -> JobResult {
        match self.attempt(&context).await {
            Ok(result) => result,
            Err(error) => infra(&error),
        }
    }
}

/// Runs a suite at a commit, or takes in the run that an earlier process started for the same. Its checkout goes, however
/// that ends.
pub(crate) async fn run_suite(
    shop: &Workshop,
    context: &RunContext,
    mirror: &Mirror,
    asked: Asked<'_>,
) -> Result<Said, RunnerError> {
    let said = suite_said(shop, context, mirror, &asked).await;
    shop.discard(&asked.checkout).await;
    said
}

async fn suite_said(
    shop: &Workshop,
    context: &RunContext,
    mirror: &Mirror,
    asked: &Asked<'_>,
) -> Result<Said, RunnerError> {
    let (run, guard) = (context.run(), context.guard.as_ref());
    let waited = match watch::before(&asked.dir, run, guard).await? {
        Before::Over(waited) => waited,
        Before::NeverBegan => {
            let reason = "orchd ended before the suite began".to_owned();
            return Ok(Said::Outcome(SuiteOutcome::Infra { reason }));
        }
        Before::Nothing => {
            if let Some(why) = guard.told_to_end() {
                return Ok(Said::Told(why));
            }
            let checkout = GateCheckout::create(mirror, asked.sha, &asked.checkout).await?;
            let spec = SuiteSpec {
                command: asked.suite.command.clone(),
                cwd: checkout.dir().to_owned(),
                env: shop.environment(&[], variables(asked)),
                deadline: asked.suite.timeout,
            };
            let dir = RunDir::create(&asked.dir).map_err(RunnerError::io("make", &asked.dir))?;
            let mut spec = suite::run_spec(run, &spec);
            spec.limits = confine::limits(&context.policy);
            spec.sandbox = confine::sandbox(&context.policy, shop, mirror, confine::Own::default());
            let running = shop.launcher().start(&dir, &spec).await?;
            watch::wait(running, guard).await?
        }
    };
    let dir = RunDir::open(&asked.dir).map_err(RunnerError::io("open", &asked.dir))?;
    let launched =
        suite::outcome(&dir, &waited).map_err(RunnerError::io("read the output in", &asked.dir))?;
    Ok(said(launched, guard.told_to_end().is_some()))
}

fn variables(asked: &Asked<'_>) -> Vec<(String, String)> {
    let mut env = vec![
        ("ORCHD_SHA".to_owned(), asked.sha.to_string()),
        ("ORCHD_BASE".to_owned(), asked.base.to_string()),
    ];
    env.extend(asked.key.map(|key| ("ORCHD_KEY".to_owned(), key.to_string())));
    env
}

/// What a suite's end says. Only one that really ran may be red; zero tests of a known runner say nothing good. `told`:
/// the engine asked for its end. A suite can ask its shim for that too.
fn said(launched: Launched, told: bool) -> Said {
    let (code, output, summary) = match launched {
        Launched::Stopped { why } if told => return Said::Told(why),
        Launched::Stopped { why } => {
            let reason = format!("the suite's end was asked for, and not by orchd: {why}");
            return Said::Outcome(SuiteOutcome::Infra { reason });
        }
        Launched::Infra { reason, output } => {
            let end = last_lines(&output, 400);
            let reason = if end.is_empty() { reason } else { format!("{reason}; its output ended: {end}") };
            return Said::Outcome(SuiteOutcome::Infra { reason });
        }
        Launched::Ran { code, output, summary } => (code, output, summary),
    };
    Said::Outcome(match suite::verdict(code, &summary) {
        SuiteVerdict::Passed => SuiteOutcome::Green { tests: tests(&summary), warning: None },
        SuiteVerdict::PassedUnseen => {
            let warning = "the format of the test summary is not known; exit 0 was trusted".to_owned();
            SuiteOutcome::Green { tests: None, warning: Some(warning) }
        }
        SuiteVerdict::Failed => {
            SuiteOutcome::Red { failing: failing(&summary), output: last_lines(&output, OUTPUT_CAP) }
        }
        SuiteVerdict::NothingRan => {
            let end = last_lines(&output, OUTPUT_CAP);
            // Last, where what is wrong is looked for.
            let output = format!("{end}\nzero tests ran (exit {code}): a suite must show at least one test");
            SuiteOutcome::Red { failing: Vec::new(), output }
        }
    })
}

fn tests(summary: &Summary) -> Option<u32> {
    match summary {
        Summary::Known { passed, failed, .. } => {
            Some(u32::try_from(passed.saturating_add(*failed)).unwrap_or(u32::MAX))
        }
        Summary::Unknown => None,
    }
}

fn failing(summary: &Summary) -> Vec<String> {
    match summary {
        Summary::Known { failing, .. } => failing.iter().cloned().collect(),
        Summary::Unknown => Vec::new(),
    }
}

/// The end of `text`, at most `cap` bytes, from the start of a line where there is one.
pub(crate) fn last_lines(text: &str, cap: usize) -> String {
    let text = text.trim_end();
    if text.len() <= cap {
        return text.to_owned();
    }
    let mut start = text.len() - cap;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let end = &text[start..];
    end.find('\n').map_or(end, |at| &end[at + 1..]).to_owned()
}

#[cfg(test)]
mod tests;
