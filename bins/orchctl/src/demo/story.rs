//! What is asked for in the demonstration, and what its scripted agent answers: two requests that change the same
//! program, each first done with a fault. The suite finds the one, the reviewer the other. The first begins with a
//! question, so that the second lands while it waits for the answer. Data only.

/// A request and everything the script needs to work on it.
#[derive(Debug)]
pub(super) struct Story {
    /// The request's title; the agent knows its task by it.
    pub(super) title: &'static str,
    /// The request's description.
    pub(super) description: &'static str,
    /// The track it takes.
    pub(super) track: &'static str,
    /// What the analyst asks first, and what the demonstration answers in a person's place.
    pub(super) question: Option<(&'static str, &'static str)>,
    /// The analyst's document.
    pub(super) brd: &'static str,
    /// The architect's file name and document.
    pub(super) adr: (&'static str, &'static str),
    /// The architect's list of risks.
    pub(super) risks: &'static str,
    /// The developer's first change, with its fault.
    pub(super) first: &'static str,
    /// The change on top that mends it.
    pub(super) mended: &'static str,
    /// The test file that a developer in a hurry looks at; all of them once something was sent back.
    pub(super) own_tests: &'static str,
    /// What the reviewer tries.
    pub(super) trial: Trial,
}

/// One call of the program, and what must come of it.
#[derive(Debug)]
pub(super) struct Trial {
    /// Arguments.
    pub(super) args: &'static [&'static str],
    /// Standard input.
    pub(super) input: &'static str,
    /// The exit code that is right.
    pub(super) code: i32,
    /// What is told the developer otherwise.
    pub(super) finding: &'static str,
    /// The file that is at fault then.
    pub(super) file: &'static str,
}

/// Its first version changes what happens without the option: the suite says so.
pub(super) const FOLD: Story = Story {
    title: "Count capital letters as small ones (tally -i)",
    description: "With an option -i, tally counts The and the as one word. Without it nothing changes.",
    track: "full",
    question: Some((
        "Are letters outside ASCII, such as É, to be counted as small ones too?",
        "No: ASCII letters alone, as words are cut by ASCII already.",
    )),
    brd: include_str!("changes/fold-brd.md"),
    adr: ("ADR-001-fold-before-cutting.md", include_str!("changes/fold-adr.md")),
    risks: include_str!("changes/fold-risks.md"),
    first: include_str!("changes/fold-1-first.patch"),
    mended: include_str!("changes/fold-2-mended.patch"),
    own_tests: "fold",
    trial: Trial {
        args: &["-i"],
        input: "The the",
        code: 0,
        finding: "tally -i fails on a plain text",
        file: "tally",
    },
};

/// Its first version takes anything for a number: the reviewer says so.
pub(super) const TOP: Story = Story {
    title: "List only the most frequent words (tally -n N)",
    description: "With an option -n N, tally lists N words at most. What is no number is refused, as with -m.",
    track: "express",
    question: None,
    brd: "# BRD: list only the most frequent words\n\n## Goal\nA list that fits a screen.\n\n## Scope\nAn option `-n N`.\n\n\
          ## Acceptance criteria\n1. `tally -n 1` lists one word.\n2. `tally -n x` is refused with exit code 2.\n",
    adr: (
        "ADR-002-cut-the-list-last.md",
        "# ADR-002: cut the list last\n\nStatus: accepted\n\nThe list is cut after it is sorted.\n",
    ),
    risks: "# Technical risks\n\n1. What is no number must be refused, as with `-m`.\n",
    first: include_str!("changes/top-1-first.patch"),
    mended: include_str!("changes/top-2-mended.patch"),
    own_tests: "top",
    trial: Trial {
        args: &["-n", "x"],
        input: "a b",
        code: 2,
        finding: "`tally -n x` is not refused: it must say so and exit with 2, as `-m x` does",
        file: "tally",
    },
};

/// Both, in the order they are asked for.
pub(super) const STORIES: [&Story; 2] = [&FOLD, &TOP];

/// The story whose title a text names first.
pub(super) fn told_in(text: &str) -> Option<&'static Story> {
    STORIES
        .into_iter()
        .filter_map(|story| text.find(story.title).map(|at| (at, story)))
        .min_by_key(|(at, _)| *at)
        .map(|(_, story)| story)
}
