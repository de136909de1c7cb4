//! `cargo xtask chaos`: the real program on a real SQLite file with real git and a scripted agent, killed at named
//! points before and after its commits until so many kills are reached. Each time the invariants are asked of the
//! database, and at each workload's end also whether every run counted once, all is done and nothing is left running.

mod judge;
mod life;
mod point;
mod project;
mod workload;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;

use point::Points;
use workload::Workload;

#[derive(Parser)]
#[command(about = "The real program killed at named commit points")]
struct Args {
    /// How many kills
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// Which points come first
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How often the process is stopped for longer than its leases instead; each takes more than a minute
    #[arg(long, default_value_t = 1)]
    stops: u32,
    /// The program, built with the feature `failpoints`; `orchctl` beside this one where left out
    #[arg(long)]
    program: Option<PathBuf>,
}

/// What it came to.
#[derive(Debug, Default)]
struct Figures {
    workloads: u32,
    /// By point.
    kills: BTreeMap<String, u32>,
    /// The point was not reached before the work was done.
    missed: u32,
    stops: u32,
    audits: u32,
    violations: Vec<String>,
    runs: usize,
    /// Ended while the process stood still, and were not counted.
    given_up: u32,
    repeated: Vec<String>,
    left: Vec<String>,
}

impl Figures {
    fn killed(&self) -> u32 {
        self.kills.values().sum()
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let program = match args.program {
        Some(program) => program,
        None => {
            std::env::current_exe().context("this program's own path is not known")?.with_file_name("orchctl")
        }
    };
    let mut points = Points::new(args.seed, args.stops);
    let mut figures = Figures::default();
    while figures.killed() < args.kills {
        let before = figures.killed();
        let workload = Workload::new(&program)?;
        workload.run(&mut points, args.kills, &mut figures).await?;
        figures.workloads += 1;
        anyhow::ensure!(
            figures.killed() > before,
            "no point was reached: is it built with the feature `failpoints`?"
        );
    }
    Ok(told(&figures))
}

fn told(figures: &Figures) -> ExitCode {
    for (what, list) in [
        ("violation", &figures.violations),
        ("repeated run", &figures.repeated),
        ("left process", &figures.left),
    ] {
        for one in list {
            println!("{what}: {one}");
        }
    }
    println!(
        "kills       {} in {} workloads ({} points not reached)",
        figures.killed(),
        figures.workloads,
        figures.missed
    );
    for (point, times) in &figures.kills {
        println!("  {times:>3}  {point}");
    }
    println!("stops       {} for longer than a lease; a second process was refused each time", figures.stops);
    println!("audits      {}", figures.audits);
    println!("violations  {}", figures.violations.len());
    let (runs, given_up) = (figures.runs, figures.given_up);
    println!("runs        {runs} finished, {} repeated or not counted", figures.repeated.len());
    println!("given up    {given_up} that ended while the process stood still");
    println!("left        {} processes", figures.left.len());
    let good = figures.violations.is_empty() && figures.repeated.is_empty() && figures.left.is_empty();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
