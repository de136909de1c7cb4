//! Reference pages that are generated from the tables they describe: docs/ref/holds.md and docs/ref/errors.md.
//! A test compares the committed files with these; `cargo run -p orchd-core --example docs_ref` prints them.

use crate::command::RefusalCode;
use crate::hold::HoldCode;

/// docs/ref/holds.md.
pub fn holds() -> String {
    let mut out = String::from(
        "# Holds\n\n<!-- Generated: cargo run -p orchd-core --example docs_ref holds > docs/ref/holds.md -->\n\n\
         A task on Hold spends nothing, gives its place to the next one, and waits until a person acts. No time,\n\
         restart, poll or webhook ends a Hold. `retry` grants one attempt of what ran out, recorded with its actor.\n\n\
         | code | who acts | what to do | commands that end it | what `retry` does | freezes the repository |\n\
         |---|---|---|---|---|---|\n",
    );
    for code in HoldCode::ALL {
        let row = code.row();
        let ends: Vec<String> = row.ends.iter().map(|kind| format!("`{}`", kind.name())).collect();
        let freezes = if row.freezes { "yes" } else { "no" };
        putln!(
            out,
            "| `{}` | {} | {} | {} | {} | {freezes} |",
            row.name,
            row.who,
            row.todo,
            ends.join(", "),
            row.retry
        );
    }
    out
}

/// Every refusal's code, in the order of the page.
pub const REFUSALS: [RefusalCode; 7] = [
    RefusalCode::Ended,
    RefusalCode::Stopping,
    RefusalCode::NotAsked,
    RefusalCode::VisitMoved,
    RefusalCode::SubjectMoved,
    RefusalCode::TurnRunning,
    RefusalCode::NobodyListens,
];

/// What a refusal means, and what to do then.
pub const fn refusal_text(code: RefusalCode) -> (&'static str, &'static str) {
    match code {
        RefusalCode::Ended => ("the task is done or cancelled", "start the issue again: a new life"),
        RefusalCode::Stopping => {
            ("STOP was accepted; nothing else is", "wait for `cancelled`, then start the issue again")
        }
        RefusalCode::NotAsked => (
            "the task is not in a state that the command fits",
            "read `orchctl why KEY`: it lists the commands that fit now",
        ),
        RefusalCode::VisitMoved => {
            ("the task moved on after you looked at it", "look again, then decide anew")
        }
        RefusalCode::SubjectMoved => (
            "the documents, the patch or the commit you were shown are not the present ones",
            "look again, then decide anew",
        ),
        RefusalCode::TurnRunning => (
            "words for a run came while one is under way, and it is one turn at a time",
            "wait for its end, or end it with `orchctl pause KEY --now`; then say it again",
        ),
        RefusalCode::NobodyListens => {
            ("words came in a stage where no role works", "leave them out, or send the task back first")
        }
    }
}

/// docs/ref/errors.md.
pub fn errors() -> String {
    let mut out = String::from(
        "# Refused commands\n\n<!-- Generated: cargo run -p orchd-core --example docs_ref errors > docs/ref/errors.md -->\n\n\
         A command is judged once, when it is taken from the inbox: carried out, or refused with one of these codes.\n\
         A refused command has no effect and does not lie in wait for a state that it would fit.\n\n\
         | code | what it means | what to do |\n|---|---|---|\n",
    );
    for code in REFUSALS {
        let (means, todo) = refusal_text(code);
        putln!(out, "| `{}` | {means} | {todo} |", code.name());
    }
    out
}
