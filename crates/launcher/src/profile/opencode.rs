//! The profile `opencode`: `run --format json`. It knows many providers, so that its models are written
//! `provider/model`, and only the keys of that provider reach it. It names its sessions itself.

use super::facts::{Efforts, Facts, LoginFacts, Need, Place, StateFacts};
use super::state::How;
use super::{InvocationError, RoleRun, Setup, option, prompt};
use crate::dialect::Dialect;

const AUTH: Place = Place {
    variable: "XDG_DATA_HOME",
    below: "opencode/auth.json",
    default: ".local/share/opencode/auth.json",
};

const SETTINGS: Place = Place {
    variable: "XDG_CONFIG_HOME",
    below: "opencode/opencode.json",
    default: ".config/opencode/opencode.json",
};

pub(super) static FACTS: Facts = Facts {
    name: "opencode",
    executable: Some("opencode"),
    provider: "opencode",
    provider_in_model: true,
    keys_by_provider: &[
        ("anthropic", &["ANTHROPIC_API_KEY"]),
        ("deepseek", &["DEEPSEEK_API_KEY"]),
        ("google", &["GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY"]),
        ("groq", &["GROQ_API_KEY"]),
        ("mistral", &["MISTRAL_API_KEY"]),
        ("opencode", &["OPENCODE_API_KEY"]),
        ("openai", &["OPENAI_API_KEY"]),
        ("openrouter", &["OPENROUTER_API_KEY"]),
        ("xai", &["XAI_API_KEY"]),
    ],
    dialect: Dialect::OpencodeJson,
    resumes: true,
    names_session: false,
    caps_money: false,
    has_fallback: false,
    efforts: Efforts::OfTheModel,
    pass: &[
        "OPENCODE_CONFIG",
        "OPENCODE_CONFIG_DIR",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    ],
    env: &[
        ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
        ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
        // Nobody is there to be asked.
        ("OPENCODE_PERMISSION", "{\"*\":\"allow\"}"),
    ],
    judge_env: &[("OPENCODE_DISABLE_PROJECT_CONFIG", "1")],
    state: StateFacts {
        told: &[
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_STATE_HOME", "state"),
        ],
        sessions: &["data/opencode/opencode.db*"],
        needs: &[
            // It may name an address that settings are taken from, so that nobody else may write it.
            Need { of: AUTH, name: "data/opencode/auth.json", how: How::KeysOnly },
            Need { of: SETTINGS, name: "config/opencode/opencode.json", how: How::Copied },
            Need {
                of: Place {
                    variable: "XDG_CONFIG_HOME",
                    below: "opencode/opencode.jsonc",
                    default: ".config/opencode/opencode.jsonc",
                },
                name: "config/opencode/opencode.jsonc",
                how: How::Copied,
            },
        ],
        logged_in_by: &[],
        named: &["OPENCODE_CONFIG", "OPENCODE_CONFIG_DIR"],
    },
    login: LoginFacts {
        variables: &[],
        elsewhere: &["OPENCODE_CONFIG"],
        files: &[AUTH, SETTINGS],
        how: "log in with `opencode auth login` as the user orchd runs as, or set the provider's key for orchd",
    },
};

pub(super) fn arguments(setup: &Setup, run: &RoleRun<'_>) -> Result<Vec<String>, InvocationError> {
    let mut args = ["run", "--format", "json"].map(str::to_owned).to_vec();
    args.extend(option("--model", setup.model.as_deref()));
    args.extend(option("--variant", setup.effort.as_deref()));
    args.extend(option("--session", run.resume));
    args.push(prompt::of(run)?.argument);
    Ok(args)
}
