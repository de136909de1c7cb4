//! A project's own prompts: read from the operator's place when the configuration is, never from where agents write, and
//! held to the contract of their roles. What was read is part of the policy: a run has it from there, so that nothing
//! that happens to the file later changes who judges how.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use orchd_config::Refused;
use orchd_core::policy::Policy;
use orchd_core::stage::Role;
use orchd_runners::lint::{self, BadPrompt, PROMPT_MAX};

/// The prompt in the file at `path`, or everything that is wrong with it. `data`: the directory where agents' clones are.
pub(crate) fn read(data: &Path, role: Role, path: &Path) -> Result<String, Vec<Refused>> {
    let refused = |reason: String, suggestion: &str| {
        vec![Refused { reason: format!("{}: {reason}", path.display()), suggestion: suggestion.to_owned() }]
    };
    if real(path).starts_with(real(data)) {
        let take = "keep it where no agent writes: what is judged must not change its judge";
        return Err(refused("it lies in the data directory".to_owned(), take));
    }
    let bytes = bytes(path).map_err(|error| {
        refused(error.to_string(), "name a text file, or remove the key: then orchd's own prompt is used")
    })?;
    lint::accept(role, &bytes).map_err(|wrong| {
        let one = |bad: BadPrompt| {
            let reason = format!("{}: {bad}", path.display());
            Refused { reason, suggestion: bad.suggestion() }
        };
        wrong.into_iter().map(one).collect()
    })
}

/// Never more than one byte over the limit: by that it is seen to be too long.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    // What is no file could be read for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(PROMPT_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where a path leads, as far as it exists.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// What is wrong with the prompts of a stored policy, which may be older than this program: each role with a sentence.
pub(crate) fn drifted(policy: &Policy) -> Vec<(Role, String)> {
    let mut wrong = Vec::new();
    for (role, text) in &policy.prompts {
        for bad in lint::accept(*role, text.as_bytes()).err().into_iter().flatten() {
            wrong.push((*role, format!("the project's own prompt: {bad}; {}", bad.suggestion())));
        }
    }
    wrong
}

#[cfg(test)]
mod tests;
