//! When an incident counts as guarded, and that the list of incidents is the list of core's switches.

use super::*;

#[test]
fn the_incidents_are_the_switches_of_core() {
    let switches = include_str!("../../../crates/core/src/mutant.rs");
    let named = switches.split("= \"inc-").skip(1).map(|rest| rest[..2].parse::<u8>().unwrap());
    assert_eq!(named.collect::<Vec<_>>(), INCIDENTS);
}

#[test]
fn incidents_are_named_freely() {
    for name in ["7", "07", "INC-07", "inc_07"] {
        assert_eq!(number(name).unwrap(), 7, "{name}");
    }
    for name in ["1", "", "INC-", "700"] {
        assert!(number(name).is_err(), "{name}");
    }
}

#[test]
fn green_and_red_are_read_from_code_and_count() {
    let green = "test inc_07_x ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored;";
    let red = "thread 'x' panicked at crates/a.rs:1:2:\nassertion `left == right` failed: lost\n  left: 1\n\
               test result: FAILED. 0 passed; 1 failed; 0 ignored;";
    assert!(matches!(program::judge(Some(0), green), Ran::Green));
    assert!(
        matches!(program::judge(Some(101), red), Ran::Red(why) if why == "assertion `left == right` failed: lost")
    );
    let ignored = "test result: ok. 0 passed; 0 failed; 1 ignored;";
    for (code, text) in
        [(Some(0), ignored), (Some(0), ""), (Some(101), "panicked at"), (Some(1), red), (None, red)]
    {
        assert!(matches!(program::judge(code, text), Ran::Odd(_)), "{code:?} {text}");
    }
}

#[test]
fn an_incident_is_guarded_by_tests_that_are_green_and_turn_red() {
    let red = || Ran::Red("assertion failed".to_owned());
    let odd = || Ran::Odd("hung".to_owned());
    let row = |runs: Vec<(Ran, Ran)>| {
        let tests = runs.into_iter().map(|(without, mutant)| Tested {
            name: "a inc_07_b".to_owned(),
            without,
            mutant,
        });
        Row { incident: 7, tests: tests.collect() }
    };
    assert!(row(vec![(Ran::Green, red()), (Ran::Green, red())]).good());
    assert!(!row(vec![]).good());
    for (without, mutant) in [(Ran::Green, Ran::Green), (red(), red()), (odd(), red()), (Ran::Green, odd())] {
        assert!(!row(vec![(Ran::Green, red()), (without, mutant)]).good());
    }
    let text = row(vec![(Ran::Green, red())]).to_string();
    assert_eq!(text, "INC-07  a inc_07_b  without: green  with mutant: red (assertion failed)");
    assert_eq!(row(vec![]).to_string(), "INC-07  no test named inc_07_*");
}
