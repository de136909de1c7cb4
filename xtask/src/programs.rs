//! `cargo xtask sim`, `fuzz` and `bench`: programs that are built as the shipped one is (release), and run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{cargo, shell};

#[derive(clap::Args, Default)]
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
    /// Instead, sweep so many workloads: a crash at each commit point, before it and after it
    #[arg(long, conflicts_with_all = ["seeds", "seed"])]
    pub(crate) sweep: Option<u64>,
    /// Find the fewest faults that still break this seed, and write them down as a scenario
    #[arg(long, requires = "seed")]
    pub(crate) shrink: bool,
    /// Where the scenario is written to
    #[arg(long, requires = "shrink")]
    pub(crate) out: Option<PathBuf>,
    /// Play a scenario with its trace
    #[arg(long, conflicts_with_all = ["seeds", "seed", "sweep"])]
    pub(crate) play: Option<PathBuf>,
}

impl SimArgs {
    /// That many seeds, from the program's own first one.
    pub(crate) fn seeds(count: u64) -> Self {
        Self { seeds: Some(count), ..Self::default() }
    }

    /// A sweep of that many workloads.
    pub(crate) fn sweep(workloads: u64) -> Self {
        Self { sweep: Some(workloads), ..Self::default() }
    }

    fn words(&self) -> Vec<String> {
        let numbers = [
            ("--seeds", self.seeds),
            ("--first", self.first),
            ("--seed", self.seed),
            ("--sweep", self.sweep),
        ];
        let mut words: Vec<String> = numbers
            .into_iter()
            .filter_map(|(name, value)| Some([name.to_owned(), value?.to_string()]))
            .flatten()
            .collect();
        words.extend(self.trace.then(|| "--trace".to_owned()));
        words.extend(self.shrink.then(|| "--shrink".to_owned()));
        for (name, path) in [("--out", &self.out), ("--play", &self.play)] {
            words.extend(path.iter().flat_map(|path| [name.to_owned(), path.display().to_string()]));
        }
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
    pub(crate) replay: Option<PathBuf>,
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
pub(crate) struct ChaosArgs {
    /// How many kills
    #[arg(long, default_value_t = 50)]
    pub(crate) kills: u32,
    /// Which points come first
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// How often the process is stopped for longer than its leases instead; each takes more than a minute
    #[arg(long, default_value_t = 1)]
    pub(crate) stops: u32,
}

impl Default for ChaosArgs {
    fn default() -> Self {
        Self { kills: 50, seed: 0, stops: 1 }
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
    let run = ["run", "--profile", "sim", "--package", "orchd-testkit", "--bin", "sim", "--"];
    shell::run(shell::cargo(root, run).args(args.words()))?;
    let (Some(seeds), false) = (args.seeds, args.trace) else { return Ok(()) };
    let words = [args.first.unwrap_or(0).to_string(), seeds.div_ceil(ON_SQLITE).to_string()];
    let run = ["run", "--release", "--package", "orchd-store-sqlite", "--example", "sim", "--"];
    shell::run(shell::cargo(root, run).args(words))
}

/// Runs the fuzzer.
pub(crate) fn fuzz(root: &Path, args: &FuzzArgs) -> Result<()> {
    let run = ["run", "--profile", "fuzz", "--package", "orchd-fuzz", "--"];
    shell::run(shell::cargo(root, run).args(args.words()))
}

/// Kills the real program, built with the points at which it can be. What is shipped has no such points: it is built as
/// a release, without the feature.
pub(crate) fn chaos(root: &Path, args: &ChaosArgs) -> Result<()> {
    const BUILD: [&str; 6] =
        ["build", "--package", "orchctl", "--package", "orchd-chaos", "--features=orchctl/failpoints"];
    shell::run(&mut shell::cargo(root, BUILD))?;
    let ChaosArgs { kills, seed, stops } = args;
    let numbers =
        [("--kills", kills.to_string()), ("--seed", seed.to_string()), ("--stops", stops.to_string())];
    let mut command = Command::new(cargo::target_directory(root)?.join("debug").join("orchd-chaos"));
    for (name, number) in numbers {
        command.args([name, &number]);
    }
    shell::run(&mut command)
}

/// Runs the measurements.
pub(crate) fn bench(root: &Path, args: &BenchArgs) -> Result<()> {
    // What is measured lies beside the program that measures.
    shell::run(&mut shell::cargo(
        root,
        ["build", "--release", "--package", "orchctl", "--package", "orchd"],
    ))?;
    let run = ["run", "--release", "--package", "orchd-bench", "--bin", "orchd-bench", "--"];
    shell::run(shell::cargo(root, run).args(&args.args))
}
