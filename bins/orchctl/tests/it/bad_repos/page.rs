//! docs/ref/bad-repositories.md, out of the table of bad repositories. Text only; the tests run every row for real.

use super::table::{Row, SECTIONS};

const INTRODUCTION: &str = "\
# Bad repositories

<!-- Generated: cargo run -p orchctl --example bad-repositories > docs/ref/bad-repositories.md -->

What `orchctl init`, `run` and `pull` make of a repository that is not as most are, and the sentence you read. Every row is
a test: the repository is made by git, the programs are run for real, and the row is compared with what came of it. Up to
`pull`, too, the repository is the same to the last byte and mode: work tree, index, branches, configuration, and whatever
lies around it. New in it are commits that landed, and `refs/remotes/orchd/main` with its log. `pull` is your own git, and moves
your branch or nothing.

* **works**: the task lands, and `orchctl pull` brings it.
* **lands**: the task lands, and is yours by the way that the sentence names; nothing of yours is touched (exit 1 of `pull`).
* **refused**: `init` says why not, and writes nothing at all (exit 1).
* **waits**: `run` ends and says what a person must mend (exit 6); `orchctl run` without a request goes on with it.
* **fails**: `run` says why it can not work here (exit 1).
";

/// The whole page.
pub(crate) fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in SECTIONS {
        text.push_str(&format!("\n## {}\n\n", section.title));
        if !section.note.is_empty() {
            text.push_str(&format!("{}\n\n", section.note));
        }
        text.push_str(&format!("| {} | what comes of it | you read |\n|---|---|---|\n", section.about));
        section.rows.iter().for_each(|row| text.push_str(&line(row)));
    }
    text
}

fn line(row: &Row) -> String {
    // `<repository>` is no element of a page.
    let reads: Vec<String> = row.reads.iter().map(|line| line.trim().replace('<', "&lt;")).collect();
    let reads = if reads.is_empty() { "–".to_owned() } else { reads.join("<br>") };
    format!("| {} | {} | {reads} |\n", row.is, row.comes.name())
}
