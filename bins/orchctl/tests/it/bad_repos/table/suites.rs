//! Test commands that do not do what a test command does.

use super::{Row, WAITS, WORKS};

pub(super) const NOTE: &str = "\
Tests run in a checkout of their own, with standard input closed and no terminal. They are run on main first: where that is
red, no agent is started.";

pub(super) const ROWS: &[Row] = &[
    Row {
        is: "fails on main",
        test: Some("echo 'not ok 1 - flags'; exit 1"),
        reads: &[
            "SHOP-1 waits for you: The repository is frozen (main is red at <commit>: flags): a person mends the cause, then `orchctl repo unfreeze`.",
            "You may: orchctl repo unfreeze shop, orchctl stop SHOP-1, orchctl pause SHOP-1, orchctl escalate SHOP-1, orchctl prioritise SHOP-1 N, orchctl task amend SHOP-1 -d TEXT",
        ],
        ..WAITS
    },
    Row {
        is: "fails on main without a word",
        test: Some("false"),
        reads: &[
            "SHOP-1 waits for you: The repository is frozen (main is red at <commit>: its tests failed and said nothing): a person mends the cause, then `orchctl repo unfreeze`.",
        ],
        ..WAITS
    },
    Row {
        is: "needs a terminal",
        test: Some(
            "(test -t 0 || : < /dev/tty) 2> /dev/null || { echo 'there is no terminal' >&2; exit 1; }",
        ),
        reads: &[
            "SHOP-1 waits for you: The repository is frozen (main is red at <commit>: there is no terminal): a person mends the cause, then `orchctl repo unfreeze`.",
        ],
        ..WAITS
    },
    Row {
        is: "hangs",
        test: Some("sleep 1000"),
        set: &[("PROJECT__SHOP__TEST__TIMEOUT", "1s"), ("PROJECT__SHOP__BUDGETS__INFRA", "0")],
        reads: &[
            "main of shop could not be tested: ran out of its time budget and was ended",
            "SHOP-1 waits for you: The repository is frozen (main can not be looked at: ran out of its time budget and was ended): a person mends the cause, then `orchctl repo unfreeze`.",
        ],
        ..WAITS
    },
    Row {
        is: "always passes (`true`)",
        test: Some("true"),
        reads: &[
            "tests-verdict: pass, tests passed at <commit> (warning: the format of the test summary is not known; exit 0 was trusted)",
        ],
        ..WORKS
    },
    Row {
        is: "runs zero tests",
        test: Some(
            "echo 'running 0 tests'; echo; echo 'test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out'",
        ),
        reads: &[
            "SHOP-1 waits for you: The repository is frozen (main is red at <commit>: zero tests ran (exit 0): a suite must show at least one test): a person mends the cause, then `orchctl repo unfreeze`.",
        ],
        ..WAITS
    },
    Row {
        is: "writes into the tree, and into git's",
        test: Some(
            "echo x > new && echo y >> flags && rm .git/index && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m mine",
        ),
        ..WORKS
    },
];
