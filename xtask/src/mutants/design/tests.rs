//! The page of mutants names every switch, and what is guarded elsewhere is a switch.

use super::ELSEWHERE;

const SWITCHES: &str = include_str!("../../../../crates/core/src/mutant.rs");
const PAGE: &str = include_str!("../../../../docs/dev/mutants.md");

fn names() -> Vec<&'static str> {
    let lines = SWITCHES.lines().filter_map(|line| line.trim().strip_suffix("\";"));
    lines.filter_map(|line| line.split_once(" = \"")).map(|(_, name)| name).collect()
}

#[test]
fn the_page_names_every_switch_once() {
    let names = names();
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        assert_eq!(PAGE.matches(&format!("| {name} |")).count(), 1, "{name}");
    }
}

#[test]
fn what_is_guarded_elsewhere_is_a_switch_with_its_reason() {
    for (name, why) in ELSEWHERE {
        assert!(names().contains(name), "{name}");
        assert!(PAGE.contains(&format!("| {name} | {why} |")), "{name}: {why}");
    }
}
