//! What people read: where it was measured, target and figure side by side, and whether each is reached.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::moment::{Moment, load, median};
use crate::rounds::{Measured, Part, Side};
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
    what: String,
    unit: &'static str,
    floor: String,
    engine: String,
    figure: String,
    target: String,
    reached: bool,
}

impl Row {
    /// A figure that is to stay below a limit.
    pub(crate) fn limit(what: &str, unit: &'static str, figure: f64, limit: f64) -> Self {
        Self {
            what: what.to_owned(),
            unit,
            floor: String::new(),
            engine: String::new(),
            figure: format!("{figure:.1} {unit}"),
            target: format!("< {limit:.0} {unit}"),
            reached: figure < limit,
        }
    }

    /// A figure as a multiple of its floor; without a limit it is only told.
    pub(crate) fn ratio(
        what: String,
        unit: &'static str,
        floor: f64,
        measured: f64,
        limit: Option<f64>,
    ) -> Self {
        let ratio = measured / floor;
        Self {
            what,
            unit,
            floor: format!("{floor:.2}"),
            engine: format!("{measured:.2}"),
            figure: format!("{ratio:.2} x"),
            target: limit.map_or_else(|| "none".to_owned(), |limit| format!("≤ {limit:.1} x")),
            reached: limit.is_none_or(|limit| ratio <= limit),
        }
    }
}

/// Says where and how it is measured.
pub(crate) fn heading(dir: &Path, size: Size) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "SQLite {}, WAL, synchronous=FULL; {IN_FLIGHT} in flight, claims of {CLAIM}",
        rusqlite::version()
    );
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

/// What is measured, how many of it, and where a side has it.
type Measure = (&'static str, usize, fn(&Side) -> Part);

/// Decisions and jobs against the floor; says also what they cost.
pub(crate) fn throughput(size: Size, measured: &Measured) -> Vec<Row> {
    let parts: [Measure; 2] = [
        ("decisions committed", size.decisions(), |side| side.decisions),
        ("jobs claimed and completed", size.jobs(), |side| side.jobs),
    ];
    println!("{:<28}{:>24}{:>24}", "", "per COMMIT floor/engine", "CPU µs floor/engine");
    let mut rows = Vec::new();
    for (what, count, part) in parts {
        let many = count as f64;
        let of = |sides: &[Side], figure: &dyn Fn(Part) -> f64| {
            median(sides.iter().map(|side| figure(part(side))).collect())
        };
        let both = |figure: &dyn Fn(Part) -> f64| (of(&measured.floor, figure), of(&measured.engine, figure));
        let group = both(&|part| many / part.commits.max(1) as f64);
        let cpu = both(&|part| part.took.cpu.as_secs_f64() * 1e6 / many);
        println!("{what:<28}{:>16.1} /{:>6.1}{:>16.0} /{:>6.0}", group.0, group.1, cpu.0, cpu.1);
        let rate = |part: Part| many / part.took.wall.as_secs_f64();
        let rates = both(&rate);
        let pairs = measured.floor.iter().zip(&measured.engine);
        let ratio = median(pairs.map(|(floor, engine)| rate(part(engine)) / rate(part(floor))).collect());
        rows.push(Row {
            what: what.to_owned(),
            unit: "/s",
            floor: format!("{:.0}", rates.0),
            engine: format!("{:.0}", rates.1),
            figure: format!("{:.1} %", ratio * 100.0),
            target: format!("≥ {:.0} %", OF_FLOOR * 100.0),
            reached: ratio >= OF_FLOOR,
        });
    }
    println!();
    rows
}

/// The program's start and its memory.
pub(crate) fn start(start: &Start) -> Vec<Row> {
    println!(
        "the first start, which makes the forge, took {:.0} ms; the later ones are measured\n",
        start.first
    );
    vec![
        Row::limit("from exec to ready", "ms", start.ready(), READY),
        Row::limit("resident memory when idle", "MB", start.memory, MEMORY),
    ]
}

/// Prints the rows; answers whether every target is reached.
pub(crate) fn table(rows: &[Row]) -> bool {
    println!("{:<46}{:>6}{:>10}{:>10}{:>12}{:>12}", "", "unit", "floor", "engine", "figure", "target");
    for row in rows {
        let word = if row.reached { "PASS" } else { "FAIL" };
        let Row { what, unit, floor, engine, figure, target, .. } = row;
        println!("{what:<46}{unit:>6}{floor:>10}{engine:>10}{figure:>12}{target:>12}  {word}");
    }
    rows.iter().all(|row| row.reached)
}
