//! The classes of errors as programs and providers word them.

use super::*;

const LOGIN: Login = Login("log in somewhere");

#[derive(Debug, PartialEq)]
enum Class {
    Passes,
    Quota,
    Stays(&'static str),
}
use Class::{Passes, Quota, Stays};

fn class(fault: &AgentOutcome) -> Class {
    match fault {
        AgentOutcome::Transient { .. } => Passes,
        AgentOutcome::Quota { .. } => Quota,
        AgentOutcome::Permanent { why } => {
            let advice =
                ["log in", "top it up", "choose another", "less to read", "check the role", "run's log"];
            Stays(advice.into_iter().find(|advice| why.contains(advice)).expect("a sentence with advice"))
        }
        AgentOutcome::Finished | AgentOutcome::Infra { .. } => panic!("{fault:?}"),
    }
}

#[test]
fn statuses_are_classed() {
    for (statuses, expected) in [
        (&[408, 425, 429, 500, 502, 503, 504, 529, 599][..], Passes),
        (&[401, 403], Stays("log in")),
        (&[402], Stays("top it up")),
        (&[404], Stays("choose another")),
        (&[413], Stays("less to read")),
        (&[400, 409, 422, 418], Stays("check the role")),
    ] {
        for status in statuses {
            assert_eq!(class(&of(Some(*status), "said so", LOGIN)), expected, "{status}");
        }
    }
}

#[test]
fn words_are_classed() {
    for (said, expected) in [
        (
            "unexpected status 401 Unauthorized: invalid x-api-key, url: http://h:1/v1/responses",
            Stays("log in"),
        ),
        ("exceeded retry limit, last status: 429 Too Many Requests", Passes),
        ("API Error: 529 Overloaded. This is a server-side issue", Passes),
        ("API Error: Request timed out.", Passes),
        ("The operation timed out", Passes),
        ("API Error: The socket connection was closed (ECONNRESET)", Passes),
        ("stream disconnected before completion: error sending request", Passes),
        ("API returned an empty or malformed response", Passes),
        ("TypeError: fetch failed", Passes),
        ("You've hit your limit · resets 3pm (UTC)", Quota),
        ("You've hit your usage limit. Upgrade or try again in 3 hours", Quota),
        ("You have exhausted your daily quota on this model.", Quota),
        ("Credit balance is too low", Stays("top it up")),
        ("Error 429: insufficient_quota, check your plan and billing details", Stays("top it up")),
        ("Not logged in · Please run /login", Stays("log in")),
        ("something nobody has seen before", Stays("run's log")),
        ("", Stays("run's log")),
        ("exit status 7 of a command", Stays("run's log")),
    ] {
        assert_eq!(class(&of(None, said, LOGIN)), expected, "{said}");
    }
}

#[test]
fn a_spent_quota_is_told_from_a_rate_limit_whatever_the_status() {
    assert_eq!(class(&of(Some(429), "You've hit your usage limit.", LOGIN)), Quota);
    assert_eq!(class(&of(Some(400), "Your credit balance is too low", LOGIN)), Stays("top it up"));
}

#[test]
fn sentences_are_one_short_line() {
    let AgentOutcome::Permanent { why } = of(None, &"many\nlines \u{e4}".repeat(1_000), LOGIN) else {
        panic!("unclassified is permanent")
    };
    assert!(why.len() < 700 && !why.contains('\n'), "{why}");
}
