//! Repositories in a state that is not the usual one.

use super::{LANDS, REFUSED, Row, WORKS};

pub(super) const ROWS: &[Row] = &[
    Row {
        is: "has changed, staged and untracked files",
        made: "first shop; echo a > a; echo b > b; more; echo x >> a; echo y >> b; git add b; echo z > z",
        ..WORKS
    },
    Row {
        is: "has changes that are not committed in a file that the task changes too",
        made: "first shop; echo mine >> flags",
        reads: &[
            "orchctl: git did not bring orchd/main into your branch, as it says above; mend that, then `orchctl pull` again",
        ],
        ..LANDS
    },
    Row {
        is: "has no commit",
        made: "mkdir shop; git -C shop init -q -b main",
        reads: &[
            "<repository> has no commit on main or master; commit there first, or name the branch that is its main with --main",
        ],
        ..REFUSED
    },
    Row {
        is: "is bare",
        made: "first shop; cd ..; git clone -q --bare shop shop.git",
        at: "shop.git",
        reads: &[
            "orchctl: <repository> is bare, with no work tree to merge in; move its branch with: git -C '<repository>' fetch . refs/remotes/orchd/main:refs/heads/main",
        ],
        ..LANDS
    },
    Row {
        is: "is shallow",
        made: "first origin; echo more > more; more; cd ..; git clone -q --depth 1 \"file://$HOME/origin\" shop",
        reads: &["<repository> is a shallow clone; run: git -C '<repository>' fetch --unshallow"],
        ..REFUSED
    },
    Row {
        is: "is a partial clone that lacks objects",
        made: "first origin; git config uploadpack.allowFilter true; echo old > flags; more; echo new > flags; more; cd ..; \
               git clone -q --filter=blob:none \"file://$HOME/origin\" shop",
        reads: &[
            "<repository> is a partial clone, and objects of its history are at its remote alone; run: git -C '<repository>' fetch --refetch --no-filter",
        ],
        ..REFUSED
    },
    Row {
        is: "names its objects by SHA-256",
        made: "mkdir shop; cd shop; git init -q -b main --object-format=sha256; git commit -q --allow-empty -m first",
        reads: &[
            "<repository> names its objects by sha256; orchd works with repositories of sha1 names alone",
        ],
        ..REFUSED
    },
    Row {
        is: "has no main; trunk is checked out",
        made: "first shop trunk",
        reads: &["repository: <repository>, main is trunk"],
        ..WORKS
    },
    Row {
        is: "has no main, and no branch is checked out",
        made: "first shop trunk; git checkout -q --detach",
        reads: &[
            "<repository> has no commit on main or master; commit there first, or name the branch that is its main with --main",
        ],
        ..REFUSED
    },
    Row {
        is: "has a master",
        made: "first shop master",
        reads: &["repository: <repository>, main is master"],
        ..WORKS
    },
    Row {
        is: "has no branch checked out (a detached HEAD)",
        made: "first shop; git checkout -q --detach",
        reads: &[
            "orchctl: no branch is checked out in <repository>, and nothing was changed; go to yours with `git switch`, then `orchctl pull` again",
        ],
        ..LANDS
    },
    Row {
        is: "is in the middle of a rebase with conflicts",
        made: "first shop; git checkout -q -b mine; echo a > flags; more; git checkout -q main; echo b > flags; more; \
               git checkout -q mine; git rebase main > /dev/null 2>&1 || true; test -d .git/rebase-merge",
        reads: &[
            "orchctl: a rebase is under way in <repository>, and nothing was changed; end it with `git rebase --continue` or `--abort`, then `orchctl pull` again",
        ],
        ..LANDS
    },
    Row {
        is: "is in the middle of a rebase that stopped for an edit",
        made: "first shop; echo a > a; more; echo b > b; more; \
               GIT_SEQUENCE_EDITOR='sed -i 1s/^pick/edit/' git rebase -q -i HEAD~2 2> /dev/null; test -d .git/rebase-merge",
        reads: &[
            "orchctl: a rebase is under way in <repository>, and nothing was changed; end it with `git rebase --continue` or `--abort`, then `orchctl pull` again",
        ],
        ..LANDS
    },
    Row {
        is: "is in the middle of a merge with conflicts",
        made: "first shop; git checkout -q -b other; echo a > flags; more; git checkout -q main; echo b > flags; more; \
               git merge -q other > /dev/null 2>&1 || true; test -f .git/MERGE_HEAD",
        reads: &[
            "orchctl: git did not bring orchd/main into your branch, as it says above; mend that, then `orchctl pull` again",
        ],
        ..LANDS
    },
    Row {
        is: "is on a branch with commits of its own",
        made: "first shop; git checkout -q -b mine; echo mine > mine; more",
        reads: &[
            "orchctl: it is no fast-forward from here, and nothing was changed: go to the branch that orchd follows, or put your own commits on top with `git rebase orchd/main`",
        ],
        ..LANDS
    },
    Row {
        is: "has a sparse checkout",
        made: "first shop; mkdir a b; echo a > a/a; echo b > b/b; more; git sparse-checkout set a; test ! -e b/b",
        // What orchd clones is whole.
        test: Some("test -f b/b"),
        ..WORKS
    },
    Row {
        is: "is a linked worktree",
        made: "first shop; git worktree add -q -b mine ../tree",
        at: "tree",
        ..WORKS
    },
];
