//! Agents that leave what is hard to take: repositories, links, odd names. Rows only.

use super::{DEVELOPER, FAILED, Row, Work};

pub(super) const NOTE: &str = "\
A request that an agent changed is a change on the branch like any other, for review to see; every prompt has the
request as the tracker has it.";

pub(super) const ROWS: &[Row] = &[
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
