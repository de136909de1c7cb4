//! `cargo xtask sim`, `fuzz` and `bench`: programs that are built as the shipped one is (release), and run.

use std::path::Path;

use anyhow::Result;

use crate::shell;

#[derive(clap::Args)]
pub(crate) struct SimArgs {
    /// How many seeds to run
    #[arg(long)]
    pub(crate) seeds: Option<u64>,
    /// The first seed of the range
    #[arg(long)]
    pub(crate) first: Option<u64>,
    /// Run this one seed only
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    pub(crate) seed: Option<u64>,
    /// Print every step of the run
    #[arg(long)]
    pub(crate) trace: bool,
}

impl SimArgs {
    /// That many seeds, from the program's own first one.
    pub(crate) fn seeds(count: u64) -> Self {
        Self { seeds: Some(count), first: None, seed: None, trace: false }
    }

    fn words(&self) -> Vec<String> {
        let numbers = [("--seeds", self.seeds), ("--first", self.first), ("--seed", self.seed)];
        let mut words: Vec<String> = numbers
            .into_iter()
            .filter_map(|(name, value)| Some([name.to_owned(), value?.to_string()]))
            .flatten()
            .collect();
        words.extend(self.trace.then(|| "--trace".to_owned()));
        words
    }
}

#[derive(clap::Args)]
pub(crate) struct FuzzArgs {
    /// How many seconds, over all targets
    #[arg(long, default_value_t = 60)]
    pub(crate) secs: u64,
    /// Chance begins here; another number, other inputs
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Only this target
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// Read this one file with the target, and nothing else
    #[arg(long, requires = "target")]
    pub(crate) replay: Option<std::path::PathBuf>,
}

impl FuzzArgs {
    /// That many seconds, over all targets.
    pub(crate) fn secs(secs: u64) -> Self {
        Self { secs, seed: None, target: None, replay: None }
    }

    fn words(&self) -> Vec<String> {
        let mut words = vec!["--secs".to_owned(), self.secs.to_string()];
        words.extend(self.seed.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
        words.extend(self.target.iter().flat_map(|target| ["--target".to_owned(), target.clone()]));
        let replay = self.replay.iter().map(|path| path.display().to_string());
        words.extend(replay.flat_map(|path| ["--replay".to_owned(), path]));
        words
    }
}

#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    /// Handed to the bench program as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
}

/// One seed in so many runs on SQLite too.
const ON_SQLITE: u64 = 50;

/// Runs the simulation, and 2 % of the seeds on SQLite with the memory's store beside it.
pub(crate) fn sim(root: &Path, args: &SimArgs) -> Result<()> {
    release(root, "orchd-testkit", "sim", &args.words())?;
    let (Some(seeds), false) = (args.seeds, args.trace) else { return Ok(()) };
    let words = [args.first.unwrap_or(0).to_string(), seeds.div_ceil(ON_SQLITE).to_string()];
    let run = ["run", "--release", "--package", "orchd-store-sqlite", "--example", "sim", "--"];
    shell::run(shell::cargo(root, run).args(words))
}

/// Runs the fuzzer.
pub(crate) fn fuzz(root: &Path, args: &FuzzArgs) -> Result<()> {
    release(root, "orchd-fuzz", "orchd-fuzz", &args.words())
}

/// Runs the measurements.
pub(crate) fn bench(root: &Path, args: &BenchArgs) -> Result<()> {
    // What is measured lies beside the program that measures.
    shell::run(&mut shell::cargo(
        root,
        ["build", "--release", "--package", "orchctl", "--package", "orchd"],
    ))?;
    release(root, "orchd-bench", "orchd-bench", &args.args)
}

fn release(root: &Path, package: &str, program: &str, args: &[String]) -> Result<()> {
    let run = ["run", "--release", "--package", package, "--bin", program, "--"];
    shell::run(shell::cargo(root, run).args(args))
}
