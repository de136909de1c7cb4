//! Executor of `main-suite`: brings the local forge's main up to the person's, looks at main, and runs the suite on
//! the trees whose result is not known (spec 1.2, 4.6).

use async_trait::async_trait;
use orchd_core::id::Sha;
use orchd_core::job::{JobResult, MainReport, SuiteOutcome, Work};
use orchd_core::port::executor::{Executor, RunContext};
use orchd_core::time::Timestamp;
use orchd_git::Mirror;
use serde::{Deserialize, Serialize};

use crate::error::{RunnerError, infra};
use crate::note;
use crate::suite::{Asked, Said, run_suite};
use crate::workshop::Workshop;

/// What was seen of main.
const NOTE: &str = "main.json";

/// Main as it was when this run looked at it.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    sha: Sha,
    tree: Sha,
    at: Timestamp,
    diverged: Option<String>,
}

/// Looks at main.
pub struct MainSuiteExecutor {
    shop: Workshop,
}

impl MainSuiteExecutor {
    /// An executor in this workshop.
    pub fn new(shop: Workshop) -> Self {
        Self { shop }
    }

    async fn attempt(&self, context: &RunContext) -> Result<JobResult, RunnerError> {
        let Work::MainSuite { at, known } = &context.spec().work else {
            return Err(RunnerError::Misrouted(context.claimed.kind));
        };
        let repo = &context.repo.id;
        let mirror = self.shop.mirror(repo).await?;
        let dir = self.shop.run_dir(context.run());
        let seen = match note::read::<Seen>(&dir, NOTE)? {
            // A suite of it may still run, and is asked to end there if the job was told to.
            Some(seen) => seen,
            None if let Some(why) = context.guard.told_to_end() => return Ok(JobResult::ended(why)),
            None => {
                let diverged = self.shop.import(repo).await?;
                let main = mirror.fetch_main().await?;
                let seen = Seen { sha: main.sha, tree: main.tree, at: self.shop.clock().now(), diverged };
                note::write(&dir, NOTE, &seen)?;
                seen
            }
        };
        let mut trees = vec![(seen.tree.clone(), seen.sha.clone())];
        if let Some(at) = at {
            trees.push((mirror.tree_of(at).await?, at.clone()));
        }
        trees.dedup_by(|a, b| a.0 == b.0);
        trees.retain(|(tree, _)| !known.contains(tree));
        let mut suites = Vec::new();
        for (tree, sha) in trees {
            match self.suite(context, &mirror, &tree, &sha).await {
                None => {}
                Some(Said::Outcome(outcome)) => suites.push((tree, outcome)),
                Some(Said::Told(why)) => return Ok(JobResult::ended(why)),
            }
        }
        let Seen { sha, tree, at, diverged } = seen;
        Ok(JobResult::Main(MainReport { sha, tree, at, diverged, suites }))
    }

    /// The suite on one tree; its directory is named after the tree, so that a restart takes it in again.
    async fn suite(&self, context: &RunContext, mirror: &Mirror, tree: &Sha, sha: &Sha) -> Option<Said> {
        let suite = context.policy.test.as_ref()?;
        let (run, name) = (context.run(), tree.as_str());
        let dir = self.shop.run_dir(run).join(name);
        let checkout = self.shop.checkouts(run).join(name);
        let asked = Asked { suite, sha, base: sha, key: None, dir, checkout };
        // What is known of the other tree and of main itself is worth telling.
        Some(match run_suite(&self.shop, context, mirror, asked).await {
            Ok(said) => said,
            Err(error) => Said::Outcome(SuiteOutcome::Infra { reason: error.reason() }),
        })
    }
}

#[async_trait]
impl Executor for MainSuiteExecutor {
    async fn run(&self, context: RunContext) -> JobResult {
        let result = self.attempt(&context).await;
        self.shop.discard(&self.shop.checkouts(context.run())).await;
        match result {
            Ok(result) => result,
            Err(error) => infra(&error),
        }
    }
}
