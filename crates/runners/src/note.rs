//! What an executor notes in its run's directory before it starts a suite, so that the next process of orchd goes on with
//! the very same subject, whoever can be reached by then. One file, one value; what it means is its executor's.

use std::path::Path;

use orchd_launcher::RunDir;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::RunnerError;

/// Far above any note.
const CAP: u64 = 64 * 1024;

/// Writes `value` into the run's directory, which is made where it is missing.
pub(crate) fn write<T: Serialize>(dir: &Path, name: &str, value: &T) -> Result<(), RunnerError> {
    let failed = |source| RunnerError::Io { doing: "write a note in", path: dir.to_owned(), source };
    let text = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
    RunDir::create(dir).and_then(|there| there.write(name, &text)).map_err(failed)
}

/// What an earlier process of orchd noted for this very run.
pub(crate) fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<Option<T>, RunnerError> {
    if !dir.join(name).exists() {
        return Ok(None);
    }
    let failed = |source| RunnerError::Io { doing: "read a note in", path: dir.to_owned(), source };
    let bytes = RunDir::open(dir).and_then(|there| there.read(name, CAP)).map_err(failed)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(error.into()))
}
