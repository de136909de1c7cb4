//! The mapping of a suite's end, without a process.

use std::collections::BTreeSet;

use super::*;

fn ran(code: i32, summary: Summary) -> SuiteOutcome {
    match said(Launched::Ran { code, output: "first\nlast\n".to_owned(), summary }, false) {
        Said::Outcome(outcome) => outcome,
        Said::Told(why) => panic!("told to end: {why}"),
    }
}

fn known(passed: u64, failed: u64, failing: &[&str]) -> Summary {
    let failing: BTreeSet<String> = failing.iter().map(|name| (*name).to_owned()).collect();
    Summary::Known { passed, failed, failing }
}

#[test]
fn what_ran_speaks_and_what_did_not_is_infrastructure() {
    assert_eq!(ran(0, known(3, 0, &[])), SuiteOutcome::Green { tests: Some(3), warning: None });
    assert!(matches!(ran(0, Summary::Unknown), SuiteOutcome::Green { tests: None, warning: Some(_) }));
    let SuiteOutcome::Red { failing, output } = ran(1, known(1, 1, &["a"])) else { panic!("not red") };
    assert_eq!((failing, output.as_str()), (vec!["a".to_owned()], "first\nlast"));
    let SuiteOutcome::Red { failing, output } = ran(0, known(0, 0, &[])) else { panic!("not red") };
    assert!(failing.is_empty() && output.contains("\nzero tests ran"), "{output}");
    let infra = Launched::Infra { reason: "died of signal 9".to_owned(), output: String::new() };
    let Said::Outcome(SuiteOutcome::Infra { reason }) = said(infra, false) else { panic!("not infra") };
    assert_eq!(reason, "died of signal 9");
    let stopped = || Launched::Stopped { why: "x".to_owned() };
    assert!(matches!(said(stopped(), true), Said::Told(why) if why == "x"));
    // Nobody told it: it asked for its own end.
    let asked = said(stopped(), false);
    assert!(matches!(asked, Said::Outcome(SuiteOutcome::Infra { reason }) if reason.contains('x')));
}

#[test]
fn the_end_of_a_long_output_starts_at_a_line() {
    assert_eq!(last_lines("aé\nbb\ncc\n", 7), "bb\ncc");
    assert_eq!(last_lines("ééé", 3), "é");
    assert_eq!(last_lines("", 3), "");
}
