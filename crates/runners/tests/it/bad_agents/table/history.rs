//! Agents that bend the history of their clone, or the clone itself. Rows only.

use super::{DEVELOPER, FAILED, Row, Work};

pub(super) const NOTE: &str = "\
A clone has no remote and no credentials. orchd runs no git in it: it copies the objects, and takes over what is whole
and grows on the commit where the run started.";

pub(super) const ROWS: &[Row] = &[
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
