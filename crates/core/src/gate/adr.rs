//! Gates `adr-files` and `adr-conflict`: at least one ADR with a status and the risks; no declared conflict
//! with an accepted ADR or the BRD (spec 3.0).

use super::Judged;
use crate::docs::{Adr, DocFacts, adr_number, free_adr_number};
use crate::verdict::{Finding, Priority};
use crate::view::View;

pub(super) fn judge_files(view: &View) -> Judged {
    let (Some(submission), Some(run)) = (view.submission(), view.run()) else { return Judged::NeedsRun };
    let touched = |path: &str| {
        submission
            .artifacts
            .iter()
            .chain(&run.docs.changed)
            .any(|p| p.ends_with(path) || path.ends_with(p.as_str()))
    };
    let mine: Vec<_> = run.docs.adrs.iter().filter(|adr| touched(&adr.path)).collect();
    if mine.is_empty() {
        return Judged::RunFailed(
            "there is no ADR of this task under 06-adr/ that the run wrote or listed".to_owned(),
        );
    }
    if let Some(adr) = mine.iter().find(|adr| !adr.has_status) {
        return Judged::RunFailed(format!("{} gives no status", adr.path));
    }
    if !run.docs.risks {
        return Judged::RunFailed("10-tech-risks.md is missing or empty".to_owned());
    }
    Judged::pass(format!("{} ADR(s) with a status, and the risks", mine.len()))
}

pub(super) fn judge_conflict(view: &View) -> Judged {
    let (Some(submission), Some(run)) = (view.submission(), view.run()) else { return Judged::NeedsRun };
    if !submission.conflicts.is_empty() {
        let finding =
            |text: &String| Finding { priority: Priority::P1, file: None, line: None, text: text.clone() };
        return Judged::reject(
            submission.conflicts.iter().map(finding).collect(),
            "the architect declared a conflict",
        );
    }
    let doubled =
        run.docs.adrs.iter().find(|adr| adr.number.is_some_and(|n| run.docs.taken_numbers.contains(&n)));
    match doubled {
        // Renumbered by its next run; nobody's rework.
        Some(adr) => Judged::RunFailed(renumber(&run.docs, adr)),
        None => Judged::pass("no conflict declared, and no ADR number taken twice"),
    }
}

/// Numbers are the whole project's: who has it, and which is free.
fn renumber(docs: &DocFacts, adr: &Adr) -> String {
    let other = docs.taken_by.iter().find(|path| adr_number(path) == adr.number);
    let other = other.map_or("an ADR of another task", String::as_str);
    let numbers = docs.adrs.iter().filter_map(|adr| adr.number).chain(docs.taken_numbers.iter().copied());
    let free = free_adr_number(numbers);
    format!("{} has the number that {other} has on main already; renumber it: {free:03} is free", adr.path)
}
