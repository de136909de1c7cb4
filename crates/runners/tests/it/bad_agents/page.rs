//! docs/ref/bad-agents.md, out of the two tables of bad agents: this crate's, where a person reads of them, and the
//! launcher's, where their processes are held. Text only; the tests run every row of both for real.

#[expect(dead_code, reason = "what a row is run with, the launcher's own tests use")]
#[path = "../../../../launcher/tests/it/bad_agents/table.rs"]
mod held;

use super::table::{Row, SECTIONS, Work};

const INTRODUCTION: &str = "\
# Bad agents

<!-- Generated: cargo run -p orchd-runners --example bad-agents > docs/ref/bad-agents.md -->

What an agent can do wrong, by accident or on purpose, and what comes of it. Every row is a test: the agent is run for
real, through the executor that runs every agent, and the row is compared with what came of it. After each of them,
too: nothing of the run lives; main is where it was; other tasks' clones are as they were, but for the two rows that say
otherwise; and the next honest run of the same task starts from the last good commit and does its work.

* **completed**: the gates judge what is on the branch. That a run completed says nothing about its work.
* **failed**: the same role runs again and reads the sentence; after too many failures the task is on Hold with it.
* **transient**: asked again later, as the provider is at fault. **infrastructure** and **lost**: asked again later, as
  the host is; nobody's work is blamed.

A run's ref `refs/orchd/salvage/<run>` is in orchd's mirror of the repository: `git -C <data>/mirrors/<repository>.git
log -p refs/orchd/salvage/<run>`.
";

const HELD: &str = "
## What its processes do

The same for any process that orchd runs under supervision, a test suite as much as an agent. Here, too, nothing of the run
is left alive. \"Kept aside\" is kept at the run's salvage ref.

";

/// The whole page.
pub(crate) fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in SECTIONS {
        text.push_str(&format!("\n## {}\n\n", section.title));
        if !section.note.is_empty() {
            text.push_str(&format!("{}\n\n", section.note));
        }
        text.push_str(
            "| role | an agent that… | counts as | a person reads | its work |\n|---|---|---|---|---|\n",
        );
        section.rows.iter().for_each(|row| text.push_str(&line(row)));
    }
    text.push_str(HELD);
    text.push_str(&held::markdown());
    text
}

fn line(row: &Row) -> String {
    let Row { does, role, walls: _, counts, reads, besides, .. } = row;
    // `<commit>` is no element of a page.
    let reads = reads.replace('<', "&lt;");
    let work = match (row.work, *besides) {
        // The record's own words say it.
        (Work::Dropped, besides) => besides.to_owned(),
        (work, "") => work.name().to_owned(),
        (work, besides) => format!("{}; {besides}", work.name()),
    };
    format!("| {role} | {does} | {} | {reads} | {work} |\n", counts.name())
}
