//! The profile `gemini`: Gemini CLI, `-p` with its stream of JSON. Without a model it first asks a small one which to
//! take, and it retries an overloaded provider for longer than anyone waits: name a model, and let the run's deadline
//! and the stall watchdog bound it.

use super::facts::{Efforts, Facts, LoginFacts, Need, Place, StateFacts};
use super::state::How;
use super::{InvocationError, RoleRun, Setup, option, prompt, text};
use crate::dialect::Dialect;

const OAUTH: Place = Place {
    variable: "GEMINI_CLI_HOME",
    below: ".gemini/oauth_creds.json",
    default: ".gemini/oauth_creds.json",
};

pub(super) static FACTS: Facts = Facts {
    name: "gemini",
    executable: Some("gemini"),
    provider: "google",
    provider_in_model: false,
    keys_by_provider: &[],
    dialect: Dialect::GeminiStreamJson,
    resumes: true,
    names_session: false,
    caps_money: false,
    has_fallback: false,
    efforts: Efforts::None,
    pass: &[
        "GEMINI_API_KEY",
        "GEMINI_CLI_HOME",
        "GOOGLE_API_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_LOCATION",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_GEMINI_BASE_URL",
        "GOOGLE_GENAI_USE_VERTEXAI",
    ],
    env: &[("GEMINI_TELEMETRY_ENABLED", "false")],
    judge_env: &[],
    state: StateFacts {
        told: &[("GEMINI_CLI_HOME", "")],
        // The registry and its marks say which folder's sessions are whose.
        sessions: &[".gemini/projects.json", ".gemini/tmp/*/.project_root", ".gemini/tmp/*/chats/*"],
        needs: &[
            Need { of: OAUTH, name: ".gemini/oauth_creds.json", how: How::Shared },
            // Which kind of login it is to use stands in its settings, a key may stand in the other.
            Need {
                of: Place {
                    variable: "GEMINI_CLI_HOME",
                    below: ".gemini/settings.json",
                    default: ".gemini/settings.json",
                },
                name: ".gemini/settings.json",
                how: How::Copied,
            },
            Need {
                of: Place { variable: "GEMINI_CLI_HOME", below: ".gemini/.env", default: ".gemini/.env" },
                name: ".gemini/.env",
                how: How::Copied,
            },
        ],
        logged_in_by: &[],
        named: &["GOOGLE_APPLICATION_CREDENTIALS"],
    },
    login: LoginFacts {
        variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        elsewhere: &["GOOGLE_GENAI_USE_VERTEXAI"],
        files: &[OAUTH],
        how: "set GEMINI_API_KEY for orchd and security.auth.selectedType to gemini-api-key in ~/.gemini/settings.json, or log in with `gemini`",
    },
};

pub(super) fn arguments(setup: &Setup, run: &RoleRun<'_>) -> Result<Vec<String>, InvocationError> {
    let prompt = prompt::of(run)?;
    let mut args = vec!["-p".to_owned(), prompt.argument];
    // A folder that is not trusted takes the effect from -y.
    args.extend(["-o", "stream-json", "-y", "--skip-trust"].map(str::to_owned));
    args.extend(option("-m", setup.model.as_deref()));
    args.extend(option("--resume", run.resume));
    if prompt.is_in_file {
        // Its file tools see nothing outside the worktree else.
        args.extend(option("--include-directories", Some(&text(run.dir.path())?)));
    }
    Ok(args)
}
