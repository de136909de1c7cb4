//! The subcommand `submit` of the programs that start runs: files what an agent says about its run. Checks it against the role's schema, says exactly what is
//! wrong with it, and writes it into the run's directory. No network, no token: a run can only speak for itself.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use orchd_core::stage::Role;
use orchd_core::verdict::{self, BadVerdict};
use orchd_launcher::RunDir;

/// What was submitted can not be filed as it is; the agent mends it and submits again.
const REFUSED: i32 = 2;

/// Why nothing was filed.
#[derive(Debug, thiserror::Error)]
enum SubmitError {
    /// Not started by orchd.
    #[error("{name} is not set: `orchctl submit` is for agents, in a run that orchd started")]
    NoRun {
        /// The variable.
        name: &'static str,
    },
    /// No such role.
    #[error("{role:?} is no role; roles are analyst, architect, developer, reviewer, tester")]
    UnknownRole {
        /// What was given.
        role: String,
    },
    /// The file can not be read.
    #[error("{path} can not be read: {source}; give a file, or `-` for standard input")]
    Unreadable {
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Checked and not good.
    #[error("not filed: {bad}\nThe schema: orchctl submit --schema {role}")]
    Refused {
        /// Of which role.
        role: Role,
        /// What is wrong.
        bad: BadVerdict,
    },
    /// The run's directory.
    #[error("the submission is good and could not be filed in {dir}: {source}; submit again")]
    NotWritten {
        /// Which.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SubmitError {
    const fn code(&self) -> i32 {
        match self {
            Self::Refused { .. } | Self::UnknownRole { .. } => REFUSED,
            Self::NoRun { .. } | Self::Unreadable { .. } | Self::NotWritten { .. } => 1,
        }
    }
}

/// The subcommand with its arguments as they came: a file, `-`, nothing, or `--schema ROLE`. For a program that has no
/// other use for a command line's parser there.
pub fn with_args(mut args: impl Iterator<Item = OsString>) -> i32 {
    match args.next() {
        Some(first) if first == "--schema" => {
            run(None, Some(args.next().unwrap_or_default().to_string_lossy().into_owned()))
        }
        first => run(first.map(PathBuf::from), None),
    }
}

/// The subcommand. `file`: a path; `-` or none is standard input. `schema`: print this role's schema instead. The answer
/// goes to standard output; what is wrong goes to standard error, with exit code 2 if the content is refused and 1 if
/// something else failed.
pub fn run(file: Option<PathBuf>, schema: Option<String>) -> i32 {
    let said = match schema {
        Some(role) => role_named(&role).map(|role| schema_of(role).trim_end().to_owned()),
        None => submit(file.as_deref()),
    };
    match said {
        Ok(text) => {
            println!("{text}");
            0
        }
        Err(error) => {
            eprintln!("{error}");
            error.code()
        }
    }
}

fn submit(file: Option<&Path>) -> Result<String, SubmitError> {
    let dir = PathBuf::from(variable("ORCHD_RUN_DIR")?);
    let role = role_named(&variable("ORCHD_ROLE")?)?;
    file_submission(&dir, role, &read(file)?)
}

#[expect(clippy::disallowed_methods, reason = "the contract of a run is its environment")]
fn variable(name: &'static str) -> Result<String, SubmitError> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(SubmitError::NoRun { name })
}

fn role_named(name: &str) -> Result<Role, SubmitError> {
    Role::from_name(name).ok_or_else(|| SubmitError::UnknownRole { role: name.to_owned() })
}

/// Never more than one byte over the limit: then the check says by how much it is too large.
fn read(file: Option<&Path>) -> Result<Vec<u8>, SubmitError> {
    let cap = verdict::SUBMISSION_MAX as u64 + 1;
    let mut bytes = Vec::new();
    let (name, done) = match file.filter(|path| *path != Path::new("-")) {
        Some(path) => {
            let read = File::open(path).and_then(|file| file.take(cap).read_to_end(&mut bytes));
            (path.display().to_string(), read)
        }
        None => ("standard input".to_owned(), io::stdin().lock().take(cap).read_to_end(&mut bytes)),
    };
    done.map_err(|source| SubmitError::Unreadable { path: name, source })?;
    Ok(bytes)
}

/// Checks and files. The bytes are kept as they came: what was said is evidence.
fn file_submission(dir: &Path, role: Role, bytes: &[u8]) -> Result<String, SubmitError> {
    let (_, dropped) = verdict::submission(role, bytes).map_err(|bad| SubmitError::Refused { role, bad })?;
    RunDir::open(dir)
        .and_then(|run| run.write(RunDir::SUBMISSION, bytes))
        .map_err(|source| SubmitError::NotWritten { dir: dir.to_owned(), source })?;
    let mut said = format!("filed for the {role}");
    if !dropped.is_empty() {
        said.push_str(&format!("; dropped, as orchd knows it better: {}", dropped.join(", ")));
    }
    Ok(said)
}

/// The JSON schema of what a role may submit.
pub(crate) const fn schema_of(role: Role) -> &'static str {
    match role {
        Role::Analyst => include_str!("../../../agents/schemas/analyst.json"),
        Role::Architect => include_str!("../../../agents/schemas/architect.json"),
        Role::Developer => include_str!("../../../agents/schemas/developer.json"),
        Role::Reviewer => include_str!("../../../agents/schemas/reviewer.json"),
        Role::Tester => include_str!("../../../agents/schemas/tester.json"),
    }
}

#[cfg(test)]
mod tests;
