//! `cargo xtask fuzz`: all targets in turn for so many seconds, in a process of its own that may die. What broke a
//! demand is kept in `fuzz/found/`, and the command that shows it again is printed. Exit 1 where something was found.

#![expect(
    clippy::disallowed_methods,
    reason = "a fuzzer measures real time, and ends by it; nothing of it is part of the product"
)]

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use orchd_fuzz::{TARGETS, Target, corpus, demand, mutate, target};

/// A worker that reads one input for longer than this hangs.
const HANGS: Duration = Duration::from_secs(20);
/// After so many findings somebody should look first.
const ENOUGH: usize = 10;
/// One input in so many is grown and timed.
const GROWN: u64 = 200;
/// So many inputs of one target, then the next one's.
const TURN: u64 = 500;

#[derive(Parser)]
#[command(about = "Hostile bytes for everything that reads foreign ones")]
struct Args {
    /// How long
    #[arg(long, default_value_t = 60)]
    secs: u64,
    /// Chance begins here; another number, other inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this target
    #[arg(long)]
    target: Option<String>,
    /// Read this one file with the target, and nothing else
    #[arg(long, requires = "target")]
    replay: Option<PathBuf>,
    /// Where the process of the inputs says what it reads
    #[arg(long, hide = true)]
    worker: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let targets: Vec<&Target> = match &args.target {
        Some(name) => vec![target::named(name).with_context(|| format!("there is no target {name:?}"))?],
        None => TARGETS.iter().collect(),
    };
    match (&args.replay, &args.worker) {
        (Some(path), _) => replay(targets[0], path),
        (None, Some(place)) => work(&targets, args.seed, Duration::from_secs(args.secs), place),
        (None, None) => supervise(&args),
    }
}

fn replay(target: &Target, path: &Path) -> Result<ExitCode> {
    let bytes = std::fs::read(path).with_context(|| format!("{} can not be read", path.display()))?;
    demand::read(target, &bytes);
    // Where it is cut is not known any more: every place of a short input, some of a long one.
    for from in (0..bytes.len()).step_by(bytes.len() / 64 + 1) {
        for length in [1, 7, 64, 400] {
            demand::grow(target, &bytes, from..(from + length).min(bytes.len()));
        }
    }
    println!("{}: {} bytes were read in order", target.name, bytes.len());
    Ok(ExitCode::SUCCESS)
}

/// Starts workers until the time is over, and keeps what each died of.
fn supervise(args: &Args) -> Result<ExitCode> {
    let place = tempfile::NamedTempFile::new().context("a temporary file is needed")?;
    let end = Instant::now() + Duration::from_secs(args.secs);
    let mut found = Vec::new();
    let mut inputs = 0;
    let mut seed = args.seed;
    while found.len() < ENOUGH {
        let left = end.saturating_duration_since(Instant::now()).as_secs();
        if left == 0 {
            break;
        }
        let mut worker = start(args, seed, left, place.path())?;
        let died = watch(&mut worker, place.path())?;
        let last = Last::read(place.path())?;
        inputs += last.count;
        if let Some(why) = died {
            let path = corpus::keep(&last.target, &last.bytes)?;
            println!("{} {why} with {} bytes", last.target, last.bytes.len());
            println!("  again: cargo xtask fuzz --target {} --replay {}\n", last.target, path.display());
            found.push(path);
        }
        seed = seed.wrapping_add(1 << 32);
    }
    println!("targets     {}", if args.target.is_some() { 1 } else { TARGETS.len() });
    println!("inputs      {inputs} in {} s", args.secs);
    println!("found       {}", found.len());
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn start(args: &Args, seed: u64, secs: u64, place: &Path) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe().context("this program's own path is not known")?);
    command.args(["--seed", &seed.to_string(), "--secs", &secs.to_string(), "--worker"]).arg(place);
    if let Some(target) = &args.target {
        command.args(["--target", target]);
    }
    command.stdin(Stdio::null()).spawn().context("the process of the inputs can not be started")
}

/// Waits for a worker's end; says how it died, if it did.
fn watch(worker: &mut Child, place: &Path) -> Result<Option<String>> {
    let (mut count, mut since) = (u64::MAX, Instant::now());
    loop {
        if let Some(status) = worker.try_wait().context("the process of the inputs is lost")? {
            return Ok((!status.success()).then(|| format!("ended with {status}")));
        }
        let now = Last::read(place).map_or(count, |last| last.count);
        if now != count {
            (count, since) = (now, Instant::now());
        } else if since.elapsed() > HANGS {
            worker.kill().context("the process of the inputs can not be ended")?;
            worker.wait().context("the process of the inputs is lost")?;
            return Ok(Some(format!("did not end within {HANGS:?}")));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What a worker reads at the moment: written before each input, so that it outlives the worker.
struct Last {
    target: String,
    count: u64,
    bytes: Vec<u8>,
}

impl Last {
    fn write(file: &File, target: usize, count: u64, bytes: &[u8]) -> io::Result<()> {
        let mut record = Vec::with_capacity(24 + bytes.len());
        record.write_all(&(target as u64).to_le_bytes())?;
        record.write_all(&count.to_le_bytes())?;
        record.write_all(&(bytes.len() as u64).to_le_bytes())?;
        record.write_all(bytes)?;
        file.write_all_at(&record, 0)
    }

    fn read(place: &Path) -> Result<Self> {
        let mut record = Vec::new();
        File::open(place)?.read_to_end(&mut record)?;
        let number = |at: usize| {
            let bytes = record.get(at..at + 8)?.try_into().ok()?;
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        let (Some(target), Some(count), Some(length)) = (number(0), number(8), number(16)) else {
            return Ok(Self { target: TARGETS[0].name.to_owned(), count: 0, bytes: Vec::new() });
        };
        let Some(target) = TARGETS.get(target) else { bail!("there is no target {target}") };
        let bytes = record.get(24..24 + length).unwrap_or_default().to_vec();
        Ok(Self { target: target.name.to_owned(), count: count as u64, bytes })
    }
}

fn work(targets: &[&Target], seed: u64, time: Duration, place: &Path) -> Result<ExitCode> {
    let end = Instant::now() + time;
    let file = File::options().write(true).truncate(true).create(true).open(place)?;
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut inputs = Vec::new();
    for target in targets {
        let corpus = corpus::load(target.name).with_context(|| format!("the corpus of {}", target.name))?;
        inputs.push(corpus.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>());
    }
    let mut count = 0;
    loop {
        for (target, inputs) in targets.iter().zip(&inputs) {
            let number = TARGETS.iter().position(|one| one.name == target.name).unwrap_or(0);
            // A slow target has its turn, not the others' time.
            let turn_ends = Instant::now() + Duration::from_secs(1);
            for _ in 0..TURN {
                if Instant::now() >= end.min(turn_ends) {
                    break;
                }
                let bytes = mutate::mutated(&mut rng, inputs);
                Last::write(&file, number, count, &bytes)?;
                demand::read(target, &bytes);
                if count % GROWN == 0 {
                    let part = mutate::part(&mut rng, &bytes);
                    demand::grow(target, &bytes, part);
                }
                count += 1;
            }
        }
        if Instant::now() >= end {
            return Ok(ExitCode::SUCCESS);
        }
    }
}
