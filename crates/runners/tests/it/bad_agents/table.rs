//! Bad agents at the level where a person reads of them: what each does, what the run counts as, the sentence on the
//! task, and where its work is. One table, run by the tests through the real executor and rendered for the
//! documentation. No test code here.

// By path, as the example that prints the page includes this file by one.
#[path = "table/files.rs"]
mod files;
#[path = "table/history.rs"]
mod history;
#[path = "table/saying.rs"]
mod saying;

use orchd_core::stage::Role;

/// One bad agent.
pub(crate) struct Row {
    /// What it does, for people, behind "an agent that…".
    pub(crate) does: &'static str,
    /// The role it plays.
    pub(crate) role: Role,
    /// The profile it plays it with.
    pub(crate) profile: &'static str,
    /// The program, for `/bin/sh -c` in its clone. `say` hands in a submission; `$START` is where the run starts,
    /// `$BASE` main, `$NEIGHBOUR` another task's clone, `$MIRROR` the mirror, `$DATA` orchd's data, `$OLD` the
    /// directory of a run that is over.
    pub(crate) program: &'static str,
    /// It runs in a sandbox.
    pub(crate) walls: bool,
    /// What the run counts as.
    pub(crate) counts: Counts,
    /// What a person reads, with `<commit>`, `<run>` and `<clone>` where it has identities.
    pub(crate) reads: &'static str,
    /// Where its work is.
    pub(crate) work: Work,
    /// What else the record of the run has.
    pub(crate) besides: &'static str,
}

/// What a run counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// It did its work.
    Completed,
    /// The same role runs again with the sentence, within its budget.
    Failed,
    /// The provider is asked again later.
    Transient,
    /// The host is asked again later; nobody's work is at fault.
    Infra,
    /// Its supervisor is gone.
    Lost,
}

/// Where the work of a run is: a file `work`, whatever else it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// On the task branch.
    Branch,
    /// Under the run's salvage ref.
    Aside,
    /// It left nothing.
    None,
    /// A judge's: not kept.
    Dropped,
    /// It cannot be had any more.
    Gone,
}

/// Rows about one thing.
pub(crate) struct Section {
    /// What they are about.
    pub(crate) title: &'static str,
    /// What a reader must know besides.
    pub(crate) note: &'static str,
    /// The rows.
    pub(crate) rows: &'static [Row],
}

/// The table.
pub(crate) const SECTIONS: &[Section] = &[
    Section { title: "What it says", note: "", rows: saying::ROWS },
    Section { title: "How it ends", note: "", rows: ENDING },
    Section { title: "What it does to the history", note: history::NOTE, rows: history::ROWS },
    Section { title: "What it leaves in its clone", note: files::NOTE, rows: files::ROWS },
    Section { title: "Where it reaches", note: ELSEWHERE_NOTE, rows: ELSEWHERE },
];

const ELSEWHERE_NOTE: &str = "\
Without a sandbox an agent has the rights of the user that orchd runs as, and can write what that user can: other tasks'
clones, the mirror, a local forge, orchd's own data. The next look at main and the next run of the other task mend the
rows below; nothing mends everything. With the policy's `confinement.sandbox` at `\"require\"` none of it is
there for the agent.";

const DEVELOPER: Row = Row {
    does: "",
    role: Role::Developer,
    profile: "script",
    program: "",
    walls: false,
    counts: Counts::Completed,
    reads: "developer finished",
    work: Work::Branch,
    besides: "",
};
const REVIEWER: Row =
    Row { role: Role::Reviewer, counts: Counts::Failed, reads: "", work: Work::None, ..DEVELOPER };
const ANALYST: Row = Row { role: Role::Analyst, reads: "analyst finished", ..DEVELOPER };
const FAILED: Row = Row { counts: Counts::Failed, work: Work::Aside, ..DEVELOPER };

const ENDING: &[Row] = &[
    Row {
        does: "ends with exit 3",
        program: "echo x > work; say '{}'; exit 3",
        reads: "the run failed: exit 3",
        ..FAILED
    },
    Row {
        does: "ends with exit 75",
        program: "echo x > work; say '{}'; exit 75",
        counts: Counts::Transient,
        reads: "exit 75: the program asks to be run again later",
        ..FAILED
    },
    Row {
        does: "ends with exit 126",
        program: "echo x > work; say '{}'; exit 126",
        counts: Counts::Infra,
        reads: "exit 126: a command was found but may not be executed",
        ..FAILED
    },
    Row {
        does: "ends with exit 127",
        program: "echo x > work; say '{}'; exit 127",
        counts: Counts::Infra,
        reads: "exit 127: a command was not found",
        ..FAILED
    },
    Row {
        does: "ends with exit 137",
        program: "echo x > work; say '{}'; exit 137",
        counts: Counts::Infra,
        reads: "exit 137: a command inside it died of signal 9",
        ..FAILED
    },
    Row {
        does: "prints an error of a provider, and ends in order (a script)",
        program: "echo '{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}'; \
            echo 'API Error: 529 Overloaded' >&2; echo x > work; say '{}'",
        ..DEVELOPER
    },
    Row {
        does: "prints an error of a provider as its program would, and ends in order (claude)",
        profile: "claude",
        program: "echo '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"0f0f0f0f-1111-4222-8333-444444444444\",\
            \"model\":\"m\"}'; echo '{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":529,\
            \"result\":\"Overloaded\"}'; echo x > work; say '{}'",
        counts: Counts::Transient,
        reads: "HTTP 529: Overloaded",
        ..FAILED
    },
    Row {
        does: "kills its supervisor",
        program: "echo x > work; git add work; git commit -q -m own; echo y > more; say '{}'; kill -KILL $PPID; sleep 600",
        counts: Counts::Lost,
        reads: "agent did not answer: the run was lost: the run's directory has no result.json; its work is kept under refs/orchd/salvage/<run>",
        ..FAILED
    },
];

const ELSEWHERE: &[Row] = &[
    Row {
        does: "writes into another task's clone and into orchd's data, without a sandbox",
        program: "echo x > work; echo planted > \"$NEIGHBOUR/planted\"; echo planted > \"$DATA/planted\"; say '{}'",
        ..DEVELOPER
    },
    Row {
        does: "writes into another task's clone and into orchd's data, in a sandbox",
        walls: true,
        program: "echo x > work; echo planted > \"$NEIGHBOUR/planted\"; echo planted > \"$DATA/planted\"; say '{}'",
        ..DEVELOPER
    },
    Row {
        does: "moves main and another task's branch in the mirror, without a sandbox",
        program: "echo x > work; git add work; git commit -q -m own; \
            git push -q -f \"$MIRROR\" HEAD:refs/remotes/origin/main HEAD:refs/heads/orchd/DEMO-2; say '{}'",
        ..DEVELOPER
    },
    Row {
        does: "moves main and another task's branch in the mirror, in a sandbox",
        walls: true,
        program: "echo x > work; git add work; git commit -q -m own; \
            git push -q -f \"$MIRROR\" HEAD:refs/remotes/origin/main HEAD:refs/heads/orchd/DEMO-2; say '{}'",
        ..DEVELOPER
    },
];

impl Counts {
    /// For people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Transient => "transient",
            Self::Infra => "infrastructure",
            Self::Lost => "lost",
        }
    }
}

impl Work {
    /// For people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Branch => "on the task branch",
            Self::Aside => "kept at `refs/orchd/salvage/<run>`",
            Self::None => "it left nothing",
            Self::Dropped => "dropped",
            Self::Gone => "cannot be kept",
        }
    }
}
