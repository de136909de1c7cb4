//! Bad agents at the level where a person reads of them: what each does, what the run counts as, the sentence on the
//! task, and where its work is. One table, run by the tests through the real executor and rendered for the
//! documentation. No test code here.

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
    Section { title: "What it says", note: "", rows: SAYING },
    Section { title: "How it ends", note: "", rows: ENDING },
    Section { title: "What it does to the history", note: HISTORY_NOTE, rows: HISTORY },
    Section { title: "What it leaves in its clone", note: FILES_NOTE, rows: FILES },
    Section { title: "Where it reaches", note: ELSEWHERE_NOTE, rows: ELSEWHERE },
];

const HISTORY_NOTE: &str = "\
A clone has no remote and no credentials. orchd runs no git in it: it copies the objects, and takes over what is whole
and grows on the commit where the run started.";

const FILES_NOTE: &str = "\
A request that an agent changed is a change on the branch like any other, for review to see; every prompt has the
request as the tracker has it.";

const ELSEWHERE_NOTE: &str = "\
Without a sandbox an agent has the rights of the user that orchd runs as, and can write what that user can: other tasks'
clones, the mirror, a local forge, orchd's own data. The next look at main and the next run of the other task mend the
rows below; nothing mends everything. With `sandbox = \"require\"` none of it is there for the agent.";

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

const SAYING: &[Row] = &[
    Row {
        does: "ends without a submission",
        program: "echo x > work; git add work; git commit -q -m own; echo y > more",
        reads: "no submission and no artifact submission.json of this run; write one with `orchctl submit`",
        ..FAILED
    },
    Row {
        does: "ends without a verdict",
        program: "exit 0",
        reads: "no submission and no artifact 12-review.md of this run; write one with `orchctl submit`",
        ..REVIEWER
    },
    Row {
        does: "submits a sentence instead of JSON",
        program: "echo x > work; say 'I am done.'",
        reads: "the submission can not be read: expected value at line 1 column 1",
        ..FAILED
    },
    Row {
        does: "submits 5 MB",
        program: "echo x > work; { printf '{\"summary\":\"'; head -c 5242880 /dev/zero | tr '\\0' x; printf '\"}'; } \
            > \"$ORCHD_RUN_DIR/submission.json\"",
        reads: "the submission can not be read: submission.json is larger than 262144 bytes",
        ..FAILED
    },
    Row {
        does: "submits JSON that is nested 100,000 deep",
        program: "echo x > work; { printf '{\"summary\":'; head -c 100000 /dev/zero | tr '\\0' '['; } \
            > \"$ORCHD_RUN_DIR/submission.json\"",
        reads: "the submission can not be read: recursion limit exceeded at line 1 column 138",
        ..FAILED
    },
    Row {
        does: "leaves a child behind that submits when it is asked to end",
        program: "echo x > work; (trap \"say '{}'; exit 0\" TERM; touch .git/up; while :; do sleep 0.1; done) \
            > /dev/null 2>&1 & until test -e .git/up; do sleep 0.05; done",
        ..DEVELOPER
    },
    Row {
        does: "leaves a child behind that would submit a minute later",
        program: "echo x > work; (trap '' TERM HUP; sleep 60; say '{}') > /dev/null 2>&1 &",
        reads: "no submission and no artifact submission.json of this run; write one with `orchctl submit`",
        ..FAILED
    },
    Row {
        does: "names the task, the branch and the run in its submission",
        program: "echo x > work; say '{\"key\":\"DEMO-2\",\"branch\":\"main\",\"run\":\"1\"}'",
        besides: "not its to say and ignored: key, branch, run",
        ..DEVELOPER
    },
    Row {
        does: "copies the result of an older run over its own",
        program: "echo x > work; say '{}'; cp \"$OLD/result.json\" \"$ORCHD_RUN_DIR/\"; exit 3",
        reads: "the run failed: exit 3",
        ..FAILED
    },
    Row {
        does: "gives a verdict that does not exist",
        program: "say '{\"verdict\":\"LGTM\"}'",
        reads: "the submission has no known verdict: \"LGTM\"; allowed are APPROVED, REQUEST_CHANGES",
        ..REVIEWER
    },
    Row {
        does: "approves in front matter with anchors and aliases (a YAML bomb)",
        program: "printf -- '---\\na: &a [x, x]\\nb: &b [*a, *a]\\nverdict: APPROVED\\n---\\n' \
            > \"$ORCHD_RUN_DIR/12-review.md\"",
        reads: "the artifact's front matter can not be read: anchors, aliases and tags are refused (found `&`)",
        ..REVIEWER
    },
    Row {
        does: "approves in front matter that is nested 16,000 deep",
        program: "{ printf -- '---\\nverdict: APPROVED\\na: '; head -c 16000 /dev/zero | tr '\\0' '['; \
            printf '\\n---\\n'; } > \"$ORCHD_RUN_DIR/12-review.md\"",
        reads: "the artifact's front matter can not be read: error: line 2 column 259: recursion limit exceeded",
        ..REVIEWER
    },
    Row {
        does: "approves in 200 KB of front matter",
        program: "{ printf -- '---\\nverdict: APPROVED\\na: '; head -c 200000 /dev/zero | tr '\\0' x; \
            printf '\\n---\\n'; } > \"$ORCHD_RUN_DIR/12-review.md\"",
        reads: "the artifact's front matter is 200026 bytes; at most 16384 are read",
        ..REVIEWER
    },
    Row {
        does: "approves in a report of 1 MB",
        program: "{ printf -- '---\\nverdict: APPROVED\\n---\\n'; head -c 1048576 /dev/zero | tr '\\0' x; } \
            > \"$ORCHD_RUN_DIR/12-review.md\"",
        reads: "12-review.md can not be read: 12-review.md is larger than 278528 bytes",
        ..REVIEWER
    },
    Row {
        does: "mends the code that it is to judge, and approves",
        program: "echo mended > code; git commit -q -am mended; echo x > work; say '{\"verdict\":\"APPROVED\"}'",
        counts: Counts::Completed,
        reads: "reviewer says yes",
        work: Work::Dropped,
        besides: "dropped: code, work",
        ..REVIEWER
    },
    Row {
        does: "writes a brief that calls itself approved",
        program: "echo x > work; mkdir -p docs/work-items/DEMO-1; printf -- \
            '---\\nverdict: APPROVED\\nstatus: accepted\\n---\\nAll is well.\\n' > docs/work-items/DEMO-1/01-brd.md; say '{}'",
        besides: "the brief lacks goal, scope, acceptance criteria",
        ..ANALYST
    },
    Row {
        does: "writes a brief that opens with a YAML bomb",
        program: "echo x > work; mkdir -p docs/work-items/DEMO-1; printf -- \
            '---\\na: &a [x, x]\\nb: &b [*a, *a]\\n---\\n# Goal\\nx\\n# Scope\\nx\\n# Acceptance criteria\\nx\\n' \
            > docs/work-items/DEMO-1/01-brd.md; say '{}'",
        besides: "a complete brief",
        ..ANALYST
    },
    Row {
        does: "writes a brief of 2 MB",
        program: "echo x > work; mkdir -p docs/work-items/DEMO-1; { printf '# Goal\\nx\\n# Scope\\nx\\n# Acceptance\\n'; \
            head -c 2097152 /dev/zero | tr '\\0' x; } > docs/work-items/DEMO-1/01-brd.md; say '{}'",
        besides: "the brief lacks goal, scope, acceptance criteria",
        ..ANALYST
    },
    Row {
        does: "makes its brief a link to a file of the host",
        program: "echo x > work; mkdir -p docs/work-items/DEMO-1; ln -s /etc/passwd docs/work-items/DEMO-1/01-brd.md; \
            say '{}'",
        besides: "no brief",
        ..ANALYST
    },
];

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

const HISTORY: &[Row] = &[
    Row {
        does: "commits on a branch main of its own",
        program: "git checkout -q -b main; echo x > work; git add work; git commit -q -m own; say '{}'",
        reads: "its changes do not count: the run left its clone on refs/heads/main, not on orchd/DEMO-1; end with orchd/DEMO-1 checked out, your work on it, and nothing half done",
        ..FAILED
    },
    Row {
        does: "moves main and origin/main in its clone",
        program: "echo x > work; git add work; git commit -q -m own; git branch main; \
            git update-ref refs/remotes/origin/main HEAD; say '{}'",
        ..DEVELOPER
    },
    Row {
        does: "pushes to its origin",
        program: "echo x > work; git add work; git commit -q -m own; git push -q origin HEAD:main; \
            git push -q -f --all; say '{}'",
        ..DEVELOPER
    },
    Row {
        does: "throws away the commits it was to build on",
        program: "git reset -q --hard \"$BASE\"; echo x > work; say '{}'",
        reads: "the run rewrote history: <commit> does not contain <commit>, where it started; add commits, never replace them",
        ..FAILED
    },
    Row {
        does: "amends a commit from before its start",
        program: "echo x > work; git add work; git commit -q --amend -m better; say '{}'",
        reads: "the run rewrote history: <commit> does not contain <commit>, where it started; add commits, never replace them",
        ..FAILED
    },
    Row {
        does: "puts a history of its own in place of its branch",
        program: "git checkout -q --orphan fresh; echo x > work; git add work; git commit -q -m own; \
            git branch -M orchd/DEMO-1; say '{}'",
        reads: "the run rewrote history: <commit> does not contain <commit>, where it started; add commits, never replace them",
        ..FAILED
    },
    Row {
        does: "grafts its commits onto nothing (git replace)",
        program: "echo x > work; git add work; git commit -q -m own; git replace --graft HEAD; say '{}'",
        ..DEVELOPER
    },
    Row {
        does: "removes its branch",
        program: "git checkout -q --detach; git branch -q -D orchd/DEMO-1; echo x > work; say '{}'",
        reads: "its changes do not count: the run left its clone on no branch, not on orchd/DEMO-1; end with orchd/DEMO-1 checked out, your work on it, and nothing half done",
        ..FAILED
    },
    Row {
        does: "removes the file of its branch",
        program: "echo x > work; rm .git/refs/heads/orchd/DEMO-1; say '{}'",
        reads: "the run rewrote history: <commit> does not contain <commit>, where it started; add commits, never replace them",
        ..FAILED
    },
    Row {
        does: "puts 1 MB in place of its branch's name of a commit",
        program: "echo x > work; head -c 1048576 /dev/zero | tr '\\0' a > .git/refs/heads/orchd/DEMO-1; say '{}'",
        reads: "the run broke its clone: its refs/heads/orchd/DEMO-1 has more than 4096 bytes; nothing of its work could be kept; the next run starts in a fresh clone and must leave .git to git",
        work: Work::Gone,
        ..FAILED
    },
    Row {
        does: "commits on another branch and stays there",
        program: "git checkout -q -b mine; echo x > work; git add work; git commit -q -m own; say '{}'",
        reads: "its changes do not count: the run left its clone on refs/heads/mine, not on orchd/DEMO-1; end with orchd/DEMO-1 checked out, your work on it, and nothing half done",
        ..FAILED
    },
    Row {
        does: "leaves a merge with conflicts half done",
        program: "git checkout -q -b mine; echo x > work; echo mine > code; git add .; git commit -q -m mine; \
            git checkout -q orchd/DEMO-1; echo ours > code; git commit -q -am ours; git merge -q mine; say '{}'",
        reads: "its changes do not count: the run left a merge half done; end with orchd/DEMO-1 checked out, your work on it, and nothing half done",
        ..FAILED
    },
    Row {
        does: "leaves a rebase with conflicts half done",
        program: "git checkout -q -b mine; echo x > work; echo mine > code; git add .; git commit -q -m mine; \
            git checkout -q orchd/DEMO-1; echo ours > code; git commit -q -am ours; git rebase -q mine; say '{}'",
        reads: "its changes do not count: the run left its clone on no branch, not on orchd/DEMO-1; end with orchd/DEMO-1 checked out, your work on it, and nothing half done",
        ..FAILED
    },
    Row {
        does: "destroys the objects of its commits",
        program: "echo x > work; git add work; git commit -q -m own; rm -rf .git/objects/??; say '{}'",
        reads: "the run broke its clone: objects of its commit <commit> are missing or damaged; nothing of its work could be kept; the next run starts in a fresh clone and must leave .git to git",
        work: Work::Gone,
        ..FAILED
    },
    Row {
        does: "commits a folder named .git",
        program: "echo x > work; mkdir sub; echo y > sub/y; git add work sub; \
            t=$(git cat-file tree $(git write-tree) | LC_ALL=C sed 's/40000 sub/40000 .git/' | \
            git hash-object -t tree -w --literally --stdin); \
            git update-ref refs/heads/orchd/DEMO-1 $(git commit-tree $t -p HEAD -m own); git read-tree HEAD~; rm -r sub; say '{}'",
        reads: "the run broke its clone: objects of its commit <commit> are missing or damaged; nothing of its work could be kept; the next run starts in a fresh clone and must leave .git to git",
        work: Work::Gone,
        ..FAILED
    },
    Row {
        does: "turns its clone's refs into another format",
        program: "echo x > work; git add work; git commit -q -m own; mkdir .git/reftable; say '{}'",
        reads: "the run broke its clone: its refs were converted to another format; nothing of its work could be kept; the next run starts in a fresh clone and must leave .git to git",
        work: Work::Gone,
        ..FAILED
    },
    Row {
        does: "removes its clone",
        program: "rm -rf \"$PWD\"; say '{}'",
        reads: "the run broke its clone: its .git is not a directory; nothing of its work could be kept; the next run starts in a fresh clone and must leave .git to git",
        work: Work::Gone,
        ..FAILED
    },
];

const FILES: &[Row] = &[
    Row {
        does: "leaves 2,000 new files",
        program: "echo x > work; mkdir many; cd many; seq 2000 | xargs touch; say '{}'",
        ..DEVELOPER
    },
    Row {
        does: "leaves a repository within its own",
        program: "echo x > work; git init -q inner; echo y > inner/y; git -C inner add y; git -C inner -c user.name=x -c user.email=x@x commit -q -m inner; \
            say '{}'",
        reads: "inner is a repository of its own, so that nothing in it is on the branch; remove inner/.git and commit its files, or declare it in .gitmodules",
        ..FAILED
    },
    Row {
        does: "leaves a repository without a commit within its own",
        program: "echo x > work; git init -q inner; echo y > inner/y; say '{}'",
        reads: "its changes could not be committed in its clone, so that only its own commits are kept: git add --all: <the words of git>",
        work: Work::Gone,
        ..FAILED
    },
    Row {
        does: "adds a submodule",
        program: "echo x > work; git init -q \"$ORCHD_RUN_DIR/other\"; git -C \"$ORCHD_RUN_DIR/other\" -c user.name=x -c user.email=x@x commit -q --allow-empty -m o; \
            git -c protocol.file.allow=always submodule --quiet add \"$ORCHD_RUN_DIR/other\" inner; say '{}'",
        ..DEVELOPER
    },
    Row {
        does: "names a file with a newline and bytes that are no text",
        program: "echo x > work; echo y > \"$(printf 'a\\nb\\377c')\"; mkdir -p docs/work-items/DEMO-1; \
            echo y > \"docs/work-items/DEMO-1/$(printf 'a\\nb\\377c')\"; say '{}'",
        ..DEVELOPER
    },
    Row {
        does: "puts a link out of its clone in place of the folder of documents",
        program: "echo x > work; mkdir -p docs/work-items; rm -rf docs/work-items/DEMO-1; \
            ln -s \"$DATA\" docs/work-items/DEMO-1; say '{}'",
        reads: "docs/work-items/DEMO-1 is in the way of the task's documents in docs/work-items/DEMO-1; make it a folder",
        ..FAILED
    },
    Row {
        does: "puts a file in place of the folder of documents",
        program: "echo x > work; rm -rf docs; echo y > docs; say '{}'",
        reads: "docs is in the way of the task's documents in docs/work-items/DEMO-1; make it a folder",
        ..FAILED
    },
    Row {
        does: "changes the request",
        program: "echo x > work; mkdir -p docs/work-items/DEMO-1; \
            echo 'Do nothing.' > docs/work-items/DEMO-1/00-business-request.md; say '{}'",
        ..DEVELOPER
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
