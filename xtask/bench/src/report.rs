//! What people read: where it was measured, target and figure side by side, and whether each is reached.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::moment::{Moment, load, median};
use crate::rounds::{Measured, Sides};
use crate::start::Start;
use crate::workload::{CLAIM, IN_FLIGHT, Size};

/// The engine reaches this part of the floor, at least.
const OF_FLOOR: f64 = 0.70;
/// Milliseconds from exec to ready, fewer than.
const READY: f64 = 50.0;
/// MB of memory when idle, fewer than.
const MEMORY: f64 = 20.0;

/// A measurement against its target.
pub(crate) struct Row {
    what: &'static str,
    unit: &'static str,
    floor: String,
    engine: String,
    figure: String,
    target: String,
    reached: bool,
}

/// Says where and how it is measured.
pub(crate) fn heading(dir: &Path, size: Size) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("SQLite {}, WAL, synchronous=FULL; {IN_FLIGHT} in flight, claims of {CLAIM}", rusqlite::version());
    println!("{cores} cores, load {}; a page written and synced takes {:.2} ms", load(), synced(dir)? * 1e3);
    println!(
        "{} rounds of floor and engine in turn, each {} decisions and {} jobs of {} tasks; medians\n",
        size.rounds,
        size.decisions(),
        size.jobs(),
        size.tasks
    );
    Ok(())
}

/// Seconds that the disk takes to keep a page: the median of some.
fn synced(dir: &Path) -> Result<f64> {
    let mut file = File::create(dir.join("synced"))?;
    let mut took = Vec::new();
    for _ in 0..20 {
        let start = Moment::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        took.push((Moment::now() - start).wall.as_secs_f64());
    }
    Ok(median(took))
}

/// Decisions and jobs against the floor; says also what they cost.
pub(crate) fn throughput(size: Size, measured: &Measured) -> Vec<Row> {
    let per_commit = |many: usize, commits: u32| many as f64 / f64::from(commits.max(1));
    let (floor, engine) = (measured.floor_commits, measured.engine_commits);
    let mut rows = Vec::new();
    println!("{:<28}{:>18}{:>18}{:>22}{:>22}", "", "floor req/COMMIT", "engine req/COMMIT", "floor CPU µs each", "engine CPU µs each");
    let both = [
        ("decisions committed", size.decisions(), (floor.decisions, engine.decisions), decisions as fn(&Sides) -> _),
        ("jobs claimed and completed", size.jobs(), (floor.jobs, engine.jobs), jobs),
    ];
    for (what, many, commits, of) in both {
        let wall = |sides: &Sides| many as f64 / of(sides).0.as_secs_f64();
        let cpu = |sides: &[Sides]| {
            median(sides.iter().map(|s| of(s).1.as_secs_f64() * 1e6 / many as f64).collect())
        };
        println!(
            "{what:<28}{:>18.1}{:>18.1}{:>22.0}{:>22.0}",
            per_commit(many, commits.0),
            per_commit(many, commits.1),
            cpu(&measured.floor),
            cpu(&measured.engine)
        );
        let pairs = measured.floor.iter().zip(&measured.engine);
        let ratio = median(pairs.map(|(floor, engine)| wall(engine) / wall(floor)).collect());
        rows.push(Row {
            what,
            unit: "/s",
            floor: format!("{:.0}", median(measured.floor.iter().map(wall).collect())),
            engine: format!("{:.0}", median(measured.engine.iter().map(wall).collect())),
            figure: format!("{:.0} %", ratio * 100.0),
            target: format!("≥ {:.0} %", OF_FLOOR * 100.0),
            reached: ratio >= OF_FLOOR,
        });
    }
    println!();
    rows
}

fn decisions(sides: &Sides) -> (Duration, Duration) {
    (sides.decisions.wall, sides.decisions.cpu)
}

fn jobs(sides: &Sides) -> (Duration, Duration) {
    (sides.jobs.wall, sides.jobs.cpu)
}

/// The program's start and its memory.
pub(crate) fn start(start: &Start) -> Vec<Row> {
    println!("the first start, which makes the forge, took {:.0} ms; the later ones are measured\n", start.first);
    let row = |what, unit, figure: f64, limit: f64| Row {
        what,
        unit,
        floor: String::new(),
        engine: String::new(),
        figure: format!("{figure:.1} {unit}"),
        target: format!("< {limit:.0} {unit}"),
        reached: figure < limit,
    };
    vec![
        row("from exec to ready", "ms", start.ready(), READY),
        row("resident memory when idle", "MB", start.memory, MEMORY),
    ]
}

/// Prints the rows; answers whether every target is reached.
pub(crate) fn table(rows: &[Row]) -> bool {
    println!("{:<28}{:>6}{:>10}{:>10}{:>12}{:>12}", "", "unit", "floor", "engine", "figure", "target");
    for row in rows {
        let word = if row.reached { "PASS" } else { "FAIL" };
        let Row { what, unit, floor, engine, figure, target, .. } = row;
        println!("{what:<28}{unit:>6}{floor:>10}{engine:>10}{figure:>12}{target:>12}  {word}");
    }
    rows.iter().all(|row| row.reached)
}
