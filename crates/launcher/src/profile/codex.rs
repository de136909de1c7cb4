//! The profile `codex`: Codex, `exec --json`. Its own sandbox is off: inside it denied commands end in exit 0 with no
//! work done, and no commit can be made; orchd's containment is around it. It waits for its own retries, about half a
//! minute, and names its sessions itself.

use super::facts::{Efforts, Facts, LoginFacts, Need, Place, StateFacts};
use super::state::How;
use super::{InvocationError, RoleRun, Setup, option, prompt};
use crate::dialect::Dialect;

const AUTH: Place = Place { variable: "CODEX_HOME", below: "auth.json", default: ".codex/auth.json" };

pub(super) static FACTS: Facts = Facts {
    name: "codex",
    executable: Some("codex"),
    provider: "openai",
    provider_in_model: false,
    keys_by_provider: &[],
    dialect: Dialect::CodexJsonl,
    resumes: true,
    names_session: false,
    caps_money: false,
    has_fallback: false,
    efforts: Efforts::OneOf(&["minimal", "low", "medium", "high", "xhigh"]),
    pass: &[
        "CODEX_API_KEY",
        "CODEX_HOME",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_ORGANIZATION",
        "OPENAI_PROJECT",
    ],
    env: &[],
    judge_env: &[],
    state: StateFacts {
        told: &[("CODEX_HOME", "")],
        sessions: &["sessions/*/*/*/rollout-*"],
        needs: &[
            Need { of: AUTH, name: "auth.json", how: How::Shared },
            Need {
                of: Place { variable: "CODEX_HOME", below: "config.toml", default: ".codex/config.toml" },
                name: "config.toml",
                how: How::Copied,
            },
        ],
        // OPENAI_API_KEY is for providers of one's own: its login in a file goes before.
        logged_in_by: &["CODEX_API_KEY"],
        named: &[],
    },
    login: LoginFacts {
        variables: &["CODEX_API_KEY", "OPENAI_API_KEY"],
        elsewhere: &[],
        files: &[AUTH],
        how: "log in with `codex login` as the user orchd runs as, or set CODEX_API_KEY or OPENAI_API_KEY for orchd",
    },
};

pub(super) fn arguments(setup: &Setup, run: &RoleRun<'_>) -> Result<Vec<String>, InvocationError> {
    let mut args =
        ["exec", "--json", "--dangerously-bypass-approvals-and-sandbox"].map(str::to_owned).to_vec();
    args.extend(option("--model", setup.model.as_deref()));
    let effort = setup.effort.as_ref().map(|effort| format!("model_reasoning_effort=\"{effort}\""));
    args.extend(option("--config", effort.as_deref()));
    // Options of `exec` come before its subcommand, which knows fewer.
    args.extend(option("resume", run.resume));
    args.push(prompt::of(run)?.argument);
    Ok(args)
}
