//! The profile `script`: any executable: a contract test, a demo, a deterministic tool. It gets its task in variables,
//! the prompt's path as last argument, and answers with its exit code and through `submit`; exit 75 means "try again
//! later".

use super::facts::{Efforts, Facts, LoginFacts, StateFacts};
use super::{InvocationError, RoleRun, text};
use crate::dialect::Dialect;
use crate::run_dir::RunDir;

pub(super) static FACTS: Facts = Facts {
    name: "script",
    executable: None,
    provider: "script",
    provider_in_model: false,
    keys_by_provider: &[],
    dialect: Dialect::Plain,
    resumes: false,
    names_session: false,
    caps_money: false,
    has_fallback: false,
    efforts: Efforts::None,
    pass: &[],
    env: &[],
    judge_env: &[],
    state: StateFacts { told: &[], sessions: &[], needs: &[], logged_in_by: &[], named: &[] },
    login: LoginFacts { variables: &[], elsewhere: &[], files: &[], how: "" },
};

pub(super) fn arguments(run: &RoleRun<'_>) -> Result<Vec<String>, InvocationError> {
    Ok(vec![text(&run.dir.file(RunDir::PROMPT))?])
}
