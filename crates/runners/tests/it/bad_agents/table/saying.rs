//! Agents that say what they should not: submissions, verdicts, documents. Rows only.

use super::{ANALYST, Counts, DEVELOPER, FAILED, REVIEWER, Row, Work};

pub(super) const ROWS: &[Row] = &[
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
        reads: "reviewer says yes; not its to change and dropped: code, work",
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
