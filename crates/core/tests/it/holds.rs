//! The table of Holds, the refusals, and the pages that are generated from them.

use std::collections::BTreeSet;

use orchd_core::command::CommandKind;
use orchd_core::hold::HoldCode;
use orchd_core::render::reference;

#[test]
fn every_code_has_a_name_of_its_own_and_a_full_row() {
    let names: BTreeSet<_> = HoldCode::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), HoldCode::ALL.len());
    for code in HoldCode::ALL {
        let row = code.row();
        for text in [row.name, row.who, row.todo, row.retry] {
            assert!(!text.trim().is_empty(), "{}: an empty field", row.name);
            assert!(!text.contains('|') && !text.contains('\n'), "{}: breaks its table", row.name);
        }
        let wire = serde_json::to_value(code).expect("a code has a wire form");
        assert_eq!(wire, row.name, "the stored name is not the shown one");
    }
}

#[test]
fn every_hold_is_ended_by_a_command_and_can_be_stopped() {
    for code in HoldCode::ALL {
        let ends = code.row().ends;
        assert!(ends.contains(&CommandKind::Stop), "{}: STOP does not end it", code.name());
        let on = ends.iter().any(|kind| matches!(kind, CommandKind::Retry | CommandKind::Approve));
        assert!(on, "{}: nothing lets the task go on", code.name());
    }
}

#[test]
fn every_refusal_has_a_name_and_says_what_to_do() {
    let names: BTreeSet<_> = reference::REFUSALS.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), reference::REFUSALS.len());
    for code in reference::REFUSALS {
        let (means, todo) = reference::refusal_text(code);
        assert!(!means.is_empty() && !todo.is_empty());
    }
}

#[test]
fn reference_pages_are_current() {
    let pages = [("holds", reference::holds()), ("errors", reference::errors())];
    for (name, expected) in pages {
        let path = format!("{}/../../docs/ref/{name}.md", env!("CARGO_MANIFEST_DIR"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == expected,
            "docs/ref/{name}.md is not what its table says; write it with\n  \
             cargo run -p orchd-core --example docs_ref {name} > docs/ref/{name}.md"
        );
    }
}
