//! The profile `claude`: Claude Code, `-p` with its stream of JSON. As root it refuses to work without asking unless
//! told that it is in a sandbox. A session is named by orchd, so that a killed run can be gone on with.

use orchd_core::policy::Money;

use super::facts::{Efforts, Facts, LoginFacts, Need, Place, StateFacts};
use super::state::How;
use super::{InvocationError, RoleRun, Setup, option, prompt};
use crate::dialect::Dialect;

/// Lets it work without asking as root.
pub(super) const AS_ROOT: [&str; 2] = ["IS_SANDBOX", "1"];

const LOGINS: &[&str] =
    &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"];

const CREDENTIALS: Place =
    Place { variable: "CLAUDE_CONFIG_DIR", below: ".credentials.json", default: ".claude/.credentials.json" };

pub(super) static FACTS: Facts = Facts {
    name: "claude",
    executable: Some("claude"),
    provider: "anthropic",
    provider_in_model: false,
    keys_by_provider: &[],
    dialect: Dialect::ClaudeStreamJson,
    resumes: true,
    names_session: true,
    caps_money: true,
    has_fallback: true,
    efforts: Efforts::OneOf(&["low", "medium", "high", "xhigh", "max"]),
    pass: &[
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_VERTEX_PROJECT_ID",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_REGION",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_VERTEX",
        "CLAUDE_CONFIG_DIR",
        "CLOUD_ML_REGION",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ],
    env: &[
        // Ten retries of its own take three minutes, and orchd has a backoff and a breaker that see all runs.
        ("CLAUDE_CODE_MAX_RETRIES", "4"),
        // Bounds the wait for the first byte of an answer; an answer that stalls later is the stall watchdog's.
        ("API_TIMEOUT_MS", "300000"),
        ("CLAUDE_ENABLE_STREAM_WATCHDOG", "1"),
        ("CLAUDE_STREAM_IDLE_TIMEOUT_MS", "300000"),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("DISABLE_AUTOUPDATER", "1"),
        ("DISABLE_ERROR_REPORTING", "1"),
        ("DISABLE_TELEMETRY", "1"),
    ],
    judge_env: &[],
    state: StateFacts {
        told: &[("CLAUDE_CONFIG_DIR", "")],
        sessions: &["projects/*/*.jsonl"],
        needs: &[
            // It writes a new file and renames it, but where that is refused it writes in place.
            Need { of: CREDENTIALS, name: ".credentials.json", how: How::Shared },
            Need {
                of: Place {
                    variable: "CLAUDE_CONFIG_DIR",
                    below: "settings.json",
                    default: ".claude/settings.json",
                },
                name: "settings.json",
                how: How::Copied,
            },
        ],
        logged_in_by: LOGINS,
        named: &["GOOGLE_APPLICATION_CREDENTIALS"],
    },
    login: LoginFacts {
        variables: LOGINS,
        elsewhere: &["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"],
        files: &[CREDENTIALS],
        how: "log in with `claude` and /login as the user orchd runs as, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN for orchd",
    },
};

pub(super) fn arguments(setup: &Setup, run: &RoleRun<'_>) -> Result<Vec<String>, InvocationError> {
    let mut args = vec!["-p".to_owned(), prompt::of(run)?.argument];
    // Without --verbose it refuses this format.
    args.extend(["--output-format", "stream-json", "--verbose"].map(str::to_owned));
    args.extend(["--permission-mode", "bypassPermissions"].map(str::to_owned));
    args.extend(option("--model", setup.model.as_deref()));
    args.extend(option("--effort", setup.effort.as_deref()));
    args.extend(option("--fallback-model", setup.fallback_model.as_deref()));
    if run.role.is_judge() {
        // Settings of the repository may be by whose work is judged: hooks, servers, even the provider's address.
        args.extend(["--setting-sources", "user"].map(str::to_owned));
    }
    let run_id = run.run.to_string();
    args.extend(match run.resume {
        Some(session) => option("--resume", Some(session)),
        None => option("--session-id", Some(&run_id)),
    });
    args.extend(option("--max-budget-usd", setup.money_cap.map(dollars).as_deref()));
    Ok(args)
}

/// Exact: no float between the cap and the program.
fn dollars(Money(micro): Money) -> String {
    let micro = micro.max(0);
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}
