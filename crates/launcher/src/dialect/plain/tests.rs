//! Usage is summed and never fatal; exit codes are classed.

use super::*;
use crate::dialect::AgentOutcome;

#[test]
fn usage_is_summed_over_lines_and_broken_ones_are_passed_over() {
    let text =
        "{\"input_tokens\": 10, \"output_tokens\": 2, \"cost_usd\": 0.25}\nnot json\n{\"input_tokens\": 5}\n";
    let expected =
        Usage { input_tokens: 15, output_tokens: 2, cost_micro_usd: Some(250_000), ..Usage::default() };
    assert_eq!(usage(text), Some(expected));
    assert_eq!(usage("nothing here"), None);
}

#[test]
fn impossible_costs_are_not_counted() {
    for cost in ["-1", "1e300"] {
        let read = usage(&format!("{{\"cost_usd\": {cost}}}")).expect("a line");
        assert_eq!(read.cost_micro_usd, None, "{cost}");
    }
}

#[test]
fn exit_75_passes_others_stay_and_a_signal_is_nobodys_fault() {
    let temp = tempfile::tempdir().expect("temporary directory");
    let dir = RunDir::create(temp.path().join("run")).expect("created");
    let outcome = |ended| read(&dir, &ended, &Secrets::default()).expect("read").outcome;
    assert_eq!(outcome(Ended::Exited { code: 0 }), AgentOutcome::Finished);
    assert!(matches!(outcome(Ended::Exited { code: 75 }), AgentOutcome::Transient { .. }));
    assert!(matches!(outcome(Ended::Exited { code: 1 }), AgentOutcome::Permanent { .. }));
    assert!(matches!(outcome(Ended::Signalled { signal: 9 }), AgentOutcome::Infra { .. }));
    assert!(matches!(outcome(Ended::DeadlineExceeded), AgentOutcome::Infra { .. }));
}
