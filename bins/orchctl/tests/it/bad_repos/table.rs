//! Bad repositories: how each is made, what comes of `init`, `run` and `pull` there, and what a person reads. One table,
//! run by the tests with the real programs and rendered for the documentation. No test code here.

// By path, as the example that prints the page includes this file by one.
#[path = "table/places.rs"]
mod places;
#[path = "table/states.rs"]
mod states;
#[path = "table/suites.rs"]
mod suites;

/// One bad repository.
pub(crate) struct Row {
    /// What is odd about it, for people.
    pub(crate) is: &'static str,
    /// What makes it, for `/bin/sh -e` in an empty home. `first DIR [BRANCH]` makes an ordinary repository with one commit
    /// and goes into it, `more` commits all that is there.
    pub(crate) made: &'static str,
    /// Where the person is, seen from the home.
    pub(crate) at: &'static str,
    /// The repository, where the person is not at its top.
    pub(crate) top: Option<&'static str>,
    /// Its test command; none: `init` finds one.
    pub(crate) test: Option<&'static str>,
    /// Variables for `run`: settings that go before the file's.
    pub(crate) set: &'static [(&'static str, &'static str)],
    /// What is odd about the host.
    pub(crate) host: Host,
    /// What comes of it.
    pub(crate) comes: Comes,
    /// Lines that a person reads, whole, with `<repository>`, `<data>`, `<commit>` and the like where they have identities.
    /// Where it is refused, all that is said on standard error.
    pub(crate) reads: &'static [&'static str],
}

/// What is odd about the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// Nothing.
    Plain,
    /// The repository can not be written.
    ReadOnly,
    /// As that, but not yet when it is set up.
    ReadOnlyLater,
    /// The repository is another user's.
    AnothersRepository,
    /// The data directory has this much room, less than is to be kept free.
    SmallDisk,
    /// The data directory has no room.
    FullDisk,
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comes {
    /// The task lands, `pull` brings it.
    Works,
    /// The task lands, `pull` says how it is had.
    Lands,
    /// `init` says why not.
    Refused,
    /// `run` says what a person must mend.
    Waits,
    /// `run` says why not.
    Fails,
}

impl Comes {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Lands => "lands",
            Self::Refused => "refused",
            Self::Waits => "waits",
            Self::Fails => "fails",
        }
    }
}

/// Rows about one thing.
pub(crate) struct Section {
    /// What they are about.
    pub(crate) title: &'static str,
    /// The head of their first column.
    pub(crate) about: &'static str,
    /// What a reader must know besides.
    pub(crate) note: &'static str,
    /// The rows.
    pub(crate) rows: &'static [Row],
}

/// The table.
pub(crate) const SECTIONS: &[Section] = &[
    Section { title: "What state it is in", about: "a repository that…", note: "", rows: states::ROWS },
    Section {
        title: "What is in it, and where it lies",
        about: "a repository that…",
        note: places::NOTE,
        rows: places::ROWS,
    },
    Section {
        title: "How it is tested",
        about: "a repository whose test command…",
        note: suites::NOTE,
        rows: suites::ROWS,
    },
];

const WORKS: Row = Row {
    is: "",
    made: "first shop",
    at: "shop",
    top: None,
    test: Some("test -f flags"),
    set: &[],
    host: Host::Plain,
    comes: Comes::Works,
    reads: &[],
};
const LANDS: Row = Row { comes: Comes::Lands, ..WORKS };
const REFUSED: Row = Row { comes: Comes::Refused, ..WORKS };
const WAITS: Row = Row { comes: Comes::Waits, ..WORKS };
