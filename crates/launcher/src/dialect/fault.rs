//! Errors of programs and providers, classed: what passes, what a quota holds back, what stays until a person acts.
//! By the HTTP status where there is one, else by the words. What cannot be classed is permanent. Every sentence ends
//! in what to do.

use orchd_core::time::Span;

use super::AgentOutcome;
use super::heard::start_of;

/// Of a program's message, in a sentence for people.
const SAID: usize = 600;

/// What a person does who has no valid login of a program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login(pub(crate) &'static str);

/// Words of a quota that fills again by itself.
const QUOTA: &[&str] =
    &["hit your limit", "usage limit", "exhausted your", "daily quota", "quota will reset", "session limit"];
/// Words of an account without money.
const CREDIT: &[&str] = &["credit balance", "insufficient_quota", "billing", "payment required"];
/// Words of a missing or refused credential.
const LOGIN: &[&str] = &[
    "not logged in",
    "/login",
    "invalid api key",
    "invalid x-api-key",
    "api key not valid",
    "failed to authenticate",
    "authentication_failed",
    "authentication_error",
    "unauthorized",
    "please set an auth method",
];
/// Words of what passes.
const PASSING: &[&str] = &[
    "overloaded",
    "rate limit",
    "rate_limit",
    "too many requests",
    "econnreset",
    "econnrefused",
    "econnaborted",
    "etimedout",
    "enotfound",
    "eai_again",
    "epipe",
    "socket hang up",
    "connection error",
    "connection reset",
    "connection refused",
    "connection closed",
    "timed out",
    "timeout",
    "fetch failed",
    "network error",
    "stream disconnected",
    "error sending request",
    "empty or malformed response",
    "internal server error",
    "service unavailable",
    "bad gateway",
];

/// The class of an error with what is known of it.
pub(crate) fn of(status: Option<u16>, said: &str, login: Login) -> AgentOutcome {
    match status {
        Some(status) => by_status(status, said, login),
        None => by_words(said, login).unwrap_or_else(|| permanent(said, "read the run's log")),
    }
}

/// The class of an HTTP answer; the words only tell a spent quota and an empty account from their status.
pub(crate) fn by_status(status: u16, said: &str, login: Login) -> AgentOutcome {
    let words = said.to_lowercase();
    match status {
        429 if has(&words, QUOTA) => quota(said),
        400 | 402 | 403 | 429 if has(&words, CREDIT) => credit(said),
        402 => credit(said),
        408 | 425 | 429 | 500.. => transient(&format!("HTTP {status}"), said),
        401 => permanent(said, login.0),
        403 => permanent(said, &format!("the account may not do this; use one that may, or {}", login.0)),
        404 => {
            permanent(said, "the model or the address is not there; choose another in the role's settings")
        }
        413 => permanent(said, "the request is too large; give the role less to read"),
        _ => {
            permanent(said, "the provider refused the request as it is; check the role's model and settings")
        }
    }
}

/// The class by words alone; `None` where they tell none.
pub(crate) fn by_words(said: &str, login: Login) -> Option<AgentOutcome> {
    let words = said.to_lowercase();
    if let Some(status) = status_in(&words) {
        return Some(by_status(status, said, login));
    }
    if has(&words, QUOTA) {
        Some(quota(said))
    } else if has(&words, CREDIT) {
        Some(credit(said))
    } else if has(&words, LOGIN) {
        Some(permanent(said, login.0))
    } else if has(&words, PASSING) {
        Some(transient("a passing error", said))
    } else {
        None
    }
}

pub(crate) fn permanent(said: &str, advice: &str) -> AgentOutcome {
    AgentOutcome::Permanent { why: format!("{}; {advice}", brief(said)) }
}

pub(crate) fn transient(what: &str, said: &str) -> AgentOutcome {
    AgentOutcome::Transient { why: format!("{what}: {}", brief(said)), retry_after: None }
}

pub(crate) fn quota(said: &str) -> AgentOutcome {
    AgentOutcome::Quota { why: brief(said), resets_at: None }
}

pub(crate) fn credit(said: &str) -> AgentOutcome {
    permanent(said, "the account has no credit left; top it up or use another one")
}

/// Somebody other than orchd broke the run off.
pub(crate) fn interrupted(said: &str) -> AgentOutcome {
    AgentOutcome::Infra { why: format!("the program was interrupted: {}", brief(said)) }
}

/// Whether it is a matter of waiting.
pub(crate) fn passes(fault: &AgentOutcome) -> bool {
    match fault {
        AgentOutcome::Transient { .. } | AgentOutcome::Quota { .. } => true,
        AgentOutcome::Finished | AgentOutcome::Permanent { .. } | AgentOutcome::Infra { .. } => false,
    }
}

/// The provider's word on when to come back, where the class has a place for it.
pub(crate) fn retry_after(fault: AgentOutcome, span: Option<Span>) -> AgentOutcome {
    match fault {
        AgentOutcome::Transient { why, retry_after } => {
            AgentOutcome::Transient { why, retry_after: span.or(retry_after) }
        }
        other @ (AgentOutcome::Finished
        | AgentOutcome::Quota { .. }
        | AgentOutcome::Permanent { .. }
        | AgentOutcome::Infra { .. }) => other,
    }
}

/// A sentence's worth of a message, on one line.
pub(crate) fn brief(said: &str) -> String {
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches(['.', ';', ':']);
    if line.is_empty() { "the program named no reason".to_owned() } else { start_of(line, SAID).to_owned() }
}

fn has(words: &str, any: &[&str]) -> bool {
    any.iter().any(|part| words.contains(part))
}

/// The number in `status 401`, `status: 429`, `api error: 529`: programs write it into their sentences.
fn status_in(words: &str) -> Option<u16> {
    ["status code ", "status ", "status: ", "status code: ", "api error: "].iter().find_map(|mark| {
        let after = &words[words.find(mark)? + mark.len()..];
        let digits = &after[..after.bytes().take_while(u8::is_ascii_digit).count()];
        let status = digits.parse().ok()?;
        (400..600).contains(&status).then_some(status)
    })
}

#[cfg(test)]
mod tests;
