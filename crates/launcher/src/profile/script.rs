//! The profile `script`: any executable. It gets its task in variables, the prompt's path as last argument, and
//! answers with its exit code and through `submit`; exit 75 means "try again later".

use std::collections::BTreeMap;

use super::{BadPath, Invocation, RoleRun, text};
use crate::run_dir::RunDir;

/// A program with its fixed arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Program and arguments; the prompt's path is added as last one.
    pub command: Vec<String>,
}

impl Script {
    /// The environment contract of a script: `ORCHD_RUN_DIR`, `ORCHD_ROLE`, `ORCHD_TASK_KEY`, `ORCHD_PROMPT`,
    /// `ORCHD_WORKTREE`, `ORCHD_SUBMIT`.
    pub fn invocation(&self, run: &RoleRun<'_>) -> Result<Invocation, BadPath> {
        let prompt = text(&run.dir.file(RunDir::PROMPT))?;
        let mut argv = self.command.clone();
        argv.push(prompt.clone());
        let env = BTreeMap::from([
            ("ORCHD_RUN_DIR".to_owned(), text(run.dir.path())?),
            ("ORCHD_ROLE".to_owned(), run.role.name().to_owned()),
            ("ORCHD_TASK_KEY".to_owned(), run.key.as_str().to_owned()),
            ("ORCHD_PROMPT".to_owned(), prompt),
            ("ORCHD_WORKTREE".to_owned(), text(run.worktree)?),
            ("ORCHD_SUBMIT".to_owned(), text(run.submit)?),
        ]);
        Ok(Invocation { argv, env })
    }
}
