//! The hand-over between two runs of a task: from the moment an agent's process ends to the moment the next one's
//! begins, through the shipped server, its shims and its store on disk; alone and among 50 runs. Also what a shim costs
//! while its agent lives. Against floors made by hand in the same run, block by block in turn.

mod floor;
mod shims;
mod site;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::moment::load;
use crate::report::Row;
use floor::{Bare, BareGit};
pub(crate) use site::Programs;
use site::{FILES, Site, Turn, pause};

/// A hand-over without changes takes at most so many of its floors (p99 against p99).
const OF_BARE: f64 = 3.0;
/// One with a changed file takes at most so many of its floors, p50 and p99 alike.
const OF_GIT: f64 = 1.5;
/// MB (10^6 bytes) a shim may keep while its agent runs.
const SHIM: f64 = 4.0;
/// Runs that are alive at once in the second half.
const ALIVE: usize = 50;
/// Turns before those that count: the first runs of a task make what later ones find.
const WARM_UP: usize = 6;
/// For how long the processor time of silent shims is watched.
const WATCH: Duration = Duration::from_secs(10);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    pub(crate) blocks: usize,
    /// Rounds of developer, reviewer and tester in a block: each has one hand-over with a change and two without.
    pub(crate) rounds: usize,
}

/// Milliseconds of one block, each kind with its floor.
#[derive(Default)]
struct Block {
    bare: Vec<f64>,
    unchanged: Vec<f64>,
    bare_git: Vec<f64>,
    changed: Vec<f64>,
}

type Kind = fn(&Block) -> &Vec<f64>;

/// Measures everything, says it, and answers with the rows of the table.
pub(crate) fn measure(programs: &Programs, dir: &Path, amount: Amount) -> Result<Vec<Row>> {
    for program in [&programs.orchd, &programs.orchctl] {
        ensure!(program.is_file(), "{} is not there; `cargo xtask bench` builds it", program.display());
    }
    let site = Site::open(programs, &dir.join("runs"))?;
    let (bare, mut git) = (Bare::make(programs, dir)?, BareGit::make(dir)?);
    println!(
        "hand-overs, from an agent's last act to the first of the next: {} blocks of floors and runs in turn, each {} \
         without changes and {} with one changed file of {FILES}; quantiles are over all blocks together; an agent lives \
         for 0.4 s; load {}",
        amount.blocks,
        amount.rounds * 2,
        amount.rounds,
        load()
    );
    let key = site.start("cycle0", "goes round and round")?;
    site.turns(&key, WARM_UP)?;
    let alone = blocks(&site, &key, &bare, &mut git, amount)?;
    let mut others = Vec::new();
    for n in 1..ALIVE {
        let project = if n % 2 == 0 { "idle0" } else { "idle1" };
        others.push(site.start(project, &format!("stays alive, number {n}"))?);
    }
    // The last agent of the first half waits for its turn, and is the fiftieth.
    site.alive(ALIVE)?;
    let shims = costs(&site)?;
    println!(
        "with {ALIVE} runs alive (half of them silent, half printing a line a second, one taking turns); load {}",
        load()
    );
    let among = blocks(&site, &key, &bare, &mut git, amount)?;
    println!();
    let mut rows = rows("", &alone);
    rows.extend(self::rows(", 50 alive", &among));
    rows.push(Row::limit("resident memory of a shim", "MB", shims, SHIM));
    for (what, kind) in [("without", (|block| &block.unchanged) as Kind), ("with", |block| &block.changed)] {
        let (p50, p99) =
            (of(&among, 0.5, kind) / of(&alone, 0.5, kind), of(&among, 0.99, kind) / of(&alone, 0.99, kind));
        println!("among 50 against alone, {what} change: p50 {p50:.2} times, p99 {p99:.2} times");
    }
    println!();
    Ok(rows)
}

/// Floors and runs in turn, on one task.
fn blocks(
    site: &Site<'_>,
    key: &str,
    bare: &Bare<'_>,
    git: &mut BareGit,
    amount: Amount,
) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    for _ in 0..amount.blocks {
        let mut block = Block::default();
        for _ in 0..amount.rounds * 2 {
            block.bare.push(ms(bare.sample()?));
        }
        for _ in 0..amount.rounds {
            block.bare_git.push(ms(git.sample()? + bare.sample()?));
        }
        // The first one waited for the floors.
        let turns = site.turns(key, amount.rounds * 3 + 1)?;
        for (last, next) in turns.iter().zip(&turns[1..]) {
            hand_over(&mut block, last, next)?;
        }
        blocks.push(block);
    }
    Ok(blocks)
}

fn hand_over(block: &mut Block, last: &Turn, next: &Turn) -> Result<()> {
    let took = next.begun.checked_sub(last.ended).context("two runs of one task at once")?;
    match last.role.as_str() {
        "developer" => block.changed.push(ms(took)),
        _ => block.unchanged.push(ms(took)),
    }
    Ok(())
}

/// What the shims of living runs cost; answers with the most that one of them keeps in memory.
fn costs(site: &Site<'_>) -> Result<f64> {
    let pids = shims::of(site.data())?;
    let total = || pids.iter().map(|pid| shims::cpu(*pid)).sum::<Result<f64>>();
    let before = total()?;
    pause(WATCH);
    let used = total()? - before;
    let memory = pids.iter().map(|pid| shims::memory(*pid)).collect::<Result<Vec<_>>>()?;
    let most = |of: fn(&shims::Memory) -> f64| memory.iter().map(of).fold(0.0, f64::max);
    println!(
        "{} shims: resident {:.2} MB at most, {:.2} MB proportional, {:.2} MB private; all of them use {:.2} s of \
         processor time in a minute; the server keeps {:.1} MB",
        pids.len(),
        most(|of| of.resident),
        most(|of| of.proportional),
        most(|of| of.private),
        used * 60.0 / WATCH.as_secs_f64(),
        shims::memory(site.server())?.resident,
    );
    Ok(most(|of| of.resident))
}

fn rows(among: &str, blocks: &[Block]) -> Vec<Row> {
    let unchanged: (Kind, Kind) = (|block| &block.bare, |block| &block.unchanged);
    let changed: (Kind, Kind) = (|block| &block.bare_git, |block| &block.changed);
    let row = |what: &str, at: f64, (floor, measured): (Kind, Kind), limit: Option<f64>| {
        let (floor, measured) = (of(blocks, at, floor), of(blocks, at, measured));
        Row::ratio(format!("{what}{among}, p{:.0}", at * 100.0), "ms", floor, measured, limit)
    };
    vec![
        row("next run, nothing changed", 0.5, unchanged, None),
        row("next run, nothing changed", 0.99, unchanged, Some(OF_BARE)),
        row("next run, a file changed", 0.5, changed, Some(OF_GIT)),
        row("next run, a file changed", 0.99, changed, Some(OF_GIT)),
    ]
}

/// A quantile over all blocks: each is too short for one of its own.
fn of(blocks: &[Block], at: f64, kind: Kind) -> f64 {
    quantile(blocks.iter().flat_map(|block| kind(block).iter().copied()).collect(), at)
}

/// The smallest value that this part of all values does not exceed.
fn quantile(mut of: Vec<f64>, at: f64) -> f64 {
    of.sort_by(f64::total_cmp);
    let rank = (of.len() as f64 * at).ceil() as usize;
    of.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

fn ms(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3
}

/// Where the programs that are started lie.
fn search_path() -> OsString {
    #[expect(clippy::disallowed_methods, reason = "git is to be found where orchd finds it")]
    std::env::var_os("PATH").unwrap_or_default()
}
