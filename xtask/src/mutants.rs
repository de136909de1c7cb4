//! `cargo xtask mutants --incidents`: a test that claims to guard an incident must fail when its safeguard is switched
//! off (crates/core/src/mutant.rs, docs/adr/0003). Everything is built once, with the feature `mutants`; then each
//! incident's tests run without a mutant (green) and with theirs (red, by a failed assertion).

mod design;
mod program;

use std::path::Path;

use anyhow::{Result, bail};

use self::program::{Program, Ran};

/// The incidents whose safeguard has a switch. A test compares them with the switches of core.
const INCIDENTS: &[u8] = &[
    2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 23, 24, 26, 31, 33, 34, 35, 36, 37, 38, 39, 40, 41,
    42, 43, 44, 45, 46,
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The tests of the incidents in spec 7: each green, and red with its mutant
    #[arg(long, required_unless_present = "design")]
    incidents: bool,
    /// The simulation: an invariant must break under each design that fails
    #[arg(long, conflicts_with = "incidents")]
    design: bool,
    /// Only these: incidents (7 or INC-07), with --design switches by name
    only: Vec<String>,
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    if args.design {
        return design::run(root, &args.only);
    }
    let only = args.only.iter().map(|name| number(name)).collect::<Result<Vec<_>>>()?;
    incidents(root, &only)
}

fn number(name: &str) -> Result<u8> {
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    match digits.parse() {
        Ok(number) if INCIDENTS.contains(&number) => Ok(number),
        _ => bail!("no incident with a mutant is called {name}; there are {INCIDENTS:?}"),
    }
}

/// Every design that fails, under the simulation.
pub(crate) fn designs(root: &Path) -> Result<()> {
    design::run(root, &[])
}

/// Checks these incidents, or all where none is named, and prints the table.
pub(crate) fn incidents(root: &Path, only: &[u8]) -> Result<()> {
    let programs = program::build(root)?;
    let wanted = INCIDENTS.iter().copied().filter(|incident| only.is_empty() || only.contains(incident));
    let mut rows = Vec::new();
    for incident in wanted {
        let row = judge(root, &programs, incident)?;
        println!("{row}");
        rows.push(row);
    }
    let bad: Vec<String> =
        rows.iter().filter(|row| !row.good()).map(|row| format!("INC-{:02}", row.incident)).collect();
    if !bad.is_empty() {
        bail!("{} of {} incidents are not shown to be guarded: {}", bad.len(), rows.len(), bad.join(", "));
    }
    println!("{} incidents: each test is green, and red without its safeguard", rows.len());
    Ok(())
}

/// What became of one incident's tests.
struct Row {
    incident: u8,
    tests: Vec<Tested>,
}

struct Tested {
    name: String,
    without: Ran,
    mutant: Ran,
}

impl Row {
    /// Every test is green without; every one that runs is red with the mutant.
    fn good(&self) -> bool {
        !self.tests.is_empty()
            && self
                .tests
                .iter()
                .all(|test| matches!((&test.without, &test.mutant), (Ran::Green, Ran::Red(_))))
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.tests.is_empty() {
            return write!(out, "INC-{:02}  no test named inc_{:02}_*", self.incident, self.incident);
        }
        for (at, Tested { name, without, mutant }) in self.tests.iter().enumerate() {
            let line = if at > 0 { "\n" } else { "" };
            write!(out, "{line}INC-{:02}  {name}  without: {without}  with mutant: {mutant}", self.incident)?;
        }
        Ok(())
    }
}

fn judge(root: &Path, programs: &[Program], incident: u8) -> Result<Row> {
    let start = format!("inc_{incident:02}_");
    let mutant = format!("inc-{incident:02}");
    let mut tests = Vec::new();
    for program in programs {
        let own = program
            .tests
            .iter()
            .filter(|test| test.rsplit("::").next().is_some_and(|last| last.starts_with(&start)));
        for test in own {
            let without = program.run(root, test, None)?;
            let with = program.run(root, test, Some(&mutant))?;
            tests.push(Tested { name: format!("{} {test}", program.package), without, mutant: with });
        }
    }
    Ok(Row { incident, tests })
}

#[cfg(test)]
mod tests;
