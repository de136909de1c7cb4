//! Repositories with odd content, and in odd places.

use super::{Comes, Host, LANDS, REFUSED, Row, WAITS, WORKS};

pub(super) const NOTE: &str = "\
A repository with 20,000 files is tested; one with 100,000 works as well, and takes the time of some checkouts more.";

pub(super) const ROWS: &[Row] = &[
    Row {
        is: "has submodules",
        made: "first lib; cd ..; first shop; git -c protocol.file.allow=always submodule --quiet add \"$HOME/lib\" lib; more",
        test: Some("test -d lib && test ! -e lib/flags"),
        reads: &["note: it has submodules; agents and tests find their folders empty"],
        ..WORKS
    },
    Row {
        is: "is a submodule",
        made: "first lib; cd ..; first outer; git -c protocol.file.allow=always submodule --quiet add \"$HOME/lib\" shop; more",
        at: "outer/shop",
        ..WORKS
    },
    Row {
        is: "has files in Git LFS, which is not installed",
        made: "first shop; echo '*.bin filter=lfs diff=lfs merge=lfs -text' > .gitattributes; \
               echo 'version https://git-lfs.github.com/spec/v1' > a.bin; more",
        test: Some("grep -q git-lfs a.bin"),
        reads: &[
            "note: it has files in Git LFS; agents and tests find their pointers, not what they point to",
        ],
        ..WORKS
    },
    Row {
        is: "has files in Git LFS, whose program is gone",
        made: "first shop; echo '*.bin filter=lfs diff=lfs merge=lfs -text' > .gitattributes; \
               echo 'version https://git-lfs.github.com/spec/v1' > a.bin; more; \
               git config filter.lfs.process 'no-such-git-lfs filter-process'; git config filter.lfs.required true; touch a.bin",
        reads: &[
            "orchctl: git did not bring orchd/main into your branch, as it says above; mend that, then `orchctl pull` again",
        ],
        ..LANDS
    },
    Row {
        is: "has 20,000 files",
        made: "mkdir shop; cd shop; git init -q -b main; awk 'BEGIN { \
               print \"blob\\nmark :1\\ndata 2\\nx\\n\\ncommit refs/heads/main\\ncommitter a <a@b> 1700000000 +0000\\ndata 4\\nmany\"; \
               for (i = 0; i < 20000; i++) printf \"M 100644 :1 d%d/e%d/f%d\\n\", i % 20, int(i / 20) % 20, i; \
               print \"M 100644 :1 flags\\n\" }' | git fast-import --quiet; \
               git config core.sparseCheckout true; echo /flags > .git/info/sparse-checkout; git read-tree -mu HEAD",
        ..WORKS
    },
    Row {
        is: "has files with spaces, quotes, newlines, and letters that are not ASCII or no text at all in their names",
        made: "first shop; for name in 'a \"b\"' \"it's\" ' first' -x ':(top)' '*' 'back\\slash' 'ä' \"$(printf 'two\\nlines')\" \
               \"$(printf 'l\\344tin')\" \"$(printf 'bell\\007')\"; do echo 1 > \"./$name\"; mkdir \"./d $name\"; echo 2 > \"./d $name/$name\"; done; more",
        test: Some("test -f 'ä' && test -f 'd *'/'*'"),
        ..WORKS
    },
    Row {
        is: "lies in a directory with spaces, quotes, a newline, a colon and letters that are not ASCII in its name",
        made: "first \"$(printf 'a \"b\" it\\047s $x\\\\y d:e\\nzwei *')/läden\"",
        at: "a \"b\" it's $x\\y d:e\nzwei */läden",
        ..WORKS
    },
    Row {
        is: "has CRLF by .gitattributes and core.autocrlf",
        made: "first shop; git config core.autocrlf true; echo '* text=auto eol=crlf' > .gitattributes; \
               printf 'a\\r\\nb\\r\\n' > dos; more 2> /dev/null",
        test: Some("grep -q \"$(printf 'a\\r')\" dos"),
        ..WORKS
    },
    Row {
        is: "has CRLF in files that its .gitattributes would have without",
        made: "first shop; printf 'a\\r\\nb\\r\\n' > dos; more; echo '* text' > .gitattributes; git add .gitattributes; git commit -q -m attributes",
        ..WORKS
    },
    Row {
        is: "has names that are one where case does not matter",
        made: "first shop; echo a > readme; echo b > README; mkdir d D; echo 1 > d/f; echo 2 > D/f; more; git config core.ignorecase true",
        test: Some("test -f readme && test -f README && test -f d/f && test -f D/f"),
        ..WORKS
    },
    Row {
        is: "is not yours to write",
        host: Host::ReadOnly,
        reads: &[
            "<repository> can not be written (<words of the system>), and orchd shows what landed as a ref in it; make it writable, or work in a clone of it",
        ],
        ..REFUSED
    },
    Row {
        is: "became read-only after `init`",
        host: Host::ReadOnlyLater,
        reads: &[
            "orchd/main could not be written into <repository>; make that possible, then take it with: git -C '<repository>' fetch '<data>/forges/shop.git' main:refs/remotes/orchd/main",
            "orchctl: nothing has landed in <repository> yet",
        ],
        ..LANDS
    },
    Row {
        is: "belongs to another user",
        host: Host::AnothersRepository,
        reads: &[
            "<repository> belongs to another user, and your git refuses to work in it; work as its owner, or say that you trust it: git config --global --add safe.directory '<repository>'",
        ],
        ..REFUSED
    },
    Row {
        is: "is worked on with less room on the disk than is kept free",
        host: Host::SmallDisk,
        reads: &[
            "SHOP-1 waits for room: the file system of <data> has <n> MiB free and 1024 MiB are kept free: free some, or lower disk_floor (--disk-floor)",
        ],
        ..WAITS
    },
    Row {
        is: "is worked on with a full disk",
        host: Host::FullDisk,
        comes: Comes::Fails,
        reads: &["orchctl: <data>/projects.json can not be written: No space left on device (os error 28)"],
        ..WAITS
    },
    Row { is: "lies inside another repository", made: "first .; cd \"$HOME\"; first shop", ..WORKS },
    Row {
        is: "is broken, and lies inside another repository",
        made: "first .; cd \"$HOME\"; first shop; rm .git/HEAD",
        reads: &[
            "git can not read <repository> as a repository (fatal: not a git repository: '<repository>/.git'); mend it, or go into another",
        ],
        ..REFUSED
    },
    Row {
        is: "is a Cargo workspace, and you are in a member's folder",
        made: "mkdir bin; printf '#!/bin/sh\\ntest \"$*\" = \"test --workspace\" && test -f crates/a/Cargo.toml\\n' > bin/cargo; chmod +x bin/cargo; \
               first shop; mkdir -p crates/a; echo '[package]' > crates/a/Cargo.toml; printf '[workspace]\\n' > Cargo.toml; more",
        at: "shop/crates/a",
        top: Some("shop"),
        test: None,
        reads: &["tests: cargo test --workspace (by Cargo.toml)"],
        ..WORKS
    },
    Row {
        is: "is a member of a Cargo workspace that lies around it, outside of git",
        made: "printf '[workspace]\\n' > Cargo.toml; first shop; printf '[package]\\nversion.workspace = true\\n' > Cargo.toml; more",
        // What cargo says where it is not found.
        test: Some(
            "test -f ../Cargo.toml || { echo 'error: failed to find a workspace root' >&2; exit 101; }",
        ),
        reads: &[
            "SHOP-1 waits for you: The repository is frozen (main is red at <commit>: error: failed to find a workspace root): a person mends the cause, then `orchctl repo unfreeze`.",
        ],
        ..WAITS
    },
];
