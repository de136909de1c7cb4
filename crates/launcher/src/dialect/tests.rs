//! Lines, usage and names: the small parts all dialects share.

use super::lines::{LINE_CAP, Splitter};
use super::*;

fn lines(pieces: &[&[u8]]) -> (Vec<usize>, u64) {
    let (mut splitter, mut seen) = (Splitter::default(), Vec::new());
    for piece in pieces {
        splitter.push(piece, |line| seen.push(line.len()));
    }
    splitter.rest(|line| seen.push(line.len()));
    (seen, splitter.dropped())
}

#[test]
fn a_line_is_read_up_to_the_cap_and_dropped_beyond_it() {
    let long = vec![b'x'; LINE_CAP + 1];
    assert_eq!(lines(&[&long[1..], b"\na\n\nb"]), (vec![LINE_CAP, 1, 0, 1], 0));
    assert_eq!(lines(&[&long, b"\na\n"]), (vec![1], 1));
    assert_eq!(lines(&[b"a\n", &long[1..], b"x", b"x"]), (vec![1], 1));
    assert_eq!(lines(&[]), (vec![], 0));
}

#[test]
fn usage_adds_up_without_overflow_and_without_inventing_a_cost() {
    let mut models = UsageByModel::new();
    assert_eq!(usage::sum(&models), None);
    let most = Usage { input_tokens: u64::MAX, ..Usage::default() };
    let paid = Usage { output_tokens: 1, cost_micro_usd: Some(5), ..Usage::default() };
    for part in [most, most] {
        usage::add(&mut models, "a", &part);
    }
    assert_eq!(usage::sum(&models), Some(most));
    usage::add(&mut models, "b", &paid);
    let sum = Usage { input_tokens: u64::MAX, output_tokens: 1, cost_micro_usd: Some(5), ..Usage::default() };
    assert_eq!(usage::sum(&models), Some(sum));
}

#[test]
fn output_that_names_ever_new_models_stays_small() {
    let mut models = UsageByModel::new();
    let one = Usage { output_tokens: 1, ..Usage::default() };
    for n in 0..10_000 {
        usage::add(&mut models, &n.to_string(), &one);
    }
    assert!(models.len() <= 65, "{}", models.len());
    assert_eq!(usage::sum(&models).map(|sum| sum.output_tokens), Some(10_000));
}

#[test]
fn a_sessions_name_is_never_an_option() {
    for good in ["589bc18a-ebba-46ec-9877-6608d09b819c", "ses_e07588c07ffeUlp8PPp8Wrzq77", "a"] {
        assert!(is_session_name(good), "{good}");
    }
    let long = "a".repeat(129);
    for bad in ["", "-c", "--continue", "a b", "a/b", "a\n", "\u{e4}", &long] {
        assert!(!is_session_name(bad), "{bad}");
    }
}
