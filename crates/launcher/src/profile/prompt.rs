//! How a prompt reaches a program: as one argument, or, where no argument may be so long, as a short one that names
//! its file. Standard input is never used: it is `/dev/null` in every run.

use super::{InvocationError, RoleRun, text};
use crate::run_dir::RunDir;

/// The kernel's limit of one argument (`MAX_ARG_STRLEN`), less the zero at its end.
pub(super) const ARGUMENT_CAP: usize = 128 * 1024 - 1;

/// A prompt for the command line.
#[derive(Debug)]
pub(super) struct Prompt {
    /// The argument.
    pub(super) argument: String,
    /// It only names the file, which lies outside the worktree.
    pub(super) is_in_file: bool,
}

/// The prompt of the run. One that looks like an option, or that no argument can hold, stays in its file.
pub(super) fn of(run: &RoleRun<'_>) -> Result<Prompt, InvocationError> {
    let path = run.dir.file(RunDir::PROMPT);
    let failed = |source| InvocationError::Prompt { path: path.clone(), source };
    let size = std::fs::metadata(&path).map_err(failed)?.len();
    if size <= ARGUMENT_CAP as u64 {
        let bytes = run.dir.read(RunDir::PROMPT, ARGUMENT_CAP as u64).map_err(failed)?;
        if let Ok(argument) = String::from_utf8(bytes)
            && !argument.contains('\0')
            && !argument.starts_with('-')
            && !argument.trim().is_empty()
        {
            return Ok(Prompt { argument, is_in_file: false });
        }
    }
    let argument = format!("Read the whole file {} and do what it says.", text(&path)?);
    Ok(Prompt { argument, is_in_file: true })
}
