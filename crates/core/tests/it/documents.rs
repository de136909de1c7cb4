//! Documents that shape the code: the BRD's required sections and an ADR's status and number.

use orchd_core::docs::{Brd, adr, adr_number, brd};
use proptest::prelude::*;

use crate::support::config;

const COMPLETE: &str =
    "# BRD\n\n## Goal\nfaster\n\n## 2. Scope\nthe parser\n\n## Acceptance criteria\n- it is\n";

#[test]
fn a_complete_brd_has_its_three_sections() {
    assert_eq!(brd(COMPLETE.as_bytes()), Brd { goal: true, scope: true, acceptance: true });
    assert!(brd(COMPLETE.to_uppercase().as_bytes()).missing().is_empty());
}

#[test]
fn a_section_that_is_missing_or_empty_is_named() {
    let missing = |text: &str| brd(text.as_bytes()).missing();
    assert_eq!(missing(&COMPLETE.replace("faster", "  ")), ["goal"]);
    assert_eq!(missing(&COMPLETE.replace("## 2. Scope", "**Scope**")), ["scope"]);
    assert_eq!(missing("goal scope acceptance criteria"), ["goal", "scope", "acceptance criteria"]);
    assert_eq!(missing(""), ["goal", "scope", "acceptance criteria"]);
}

#[test]
fn an_adr_gives_its_status_as_a_line_or_as_a_section() {
    for text in
        ["Status: accepted", "* **Status**: accepted", "- status: proposed", "## Status\n\naccepted\n"]
    {
        assert!(adr("06-adr/ADR-001-x.md", text.as_bytes()).has_status, "{text}");
    }
    for text in ["Status:", "## Status\n\n## Context\nx", "The status of this is unclear", ""] {
        assert!(!adr("06-adr/ADR-001-x.md", text.as_bytes()).has_status, "{text}");
    }
}

#[test]
fn an_adrs_number_is_its_names() {
    assert_eq!(adr_number("docs/work-items/DEMO-7/06-adr/ADR-012-choice.md"), Some(12));
    assert_eq!(adr_number("06-adr/0003-choice.md"), Some(3));
    assert_eq!(adr_number("06-adr/choice.md"), None);
    assert_eq!(adr_number("06-adr/99999999999999.md"), None);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        // That they return at all is what is asked.
        let _ = (brd(&bytes), adr("06-adr/ADR-001-x.md", &bytes));
    }
}
