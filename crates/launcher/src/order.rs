//! What a shim hears on its standard input before it knows of any run: whose shim it is to be. A shim may wait for it,
//! so that one is there before the run that needs it; one whose starter is gone hears the end and ends.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::run_dir::RunDir;
use crate::spec::RunSpec;

/// The run's credentials come with it; the kernel would refuse a larger environment.
const CAP: u64 = 16 * 1024 * 1024;

/// One JSON document, then the end.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The run's directory, by absolute path.
    pub(crate) dir: PathBuf,
    /// The run's credentials (see [`RunSpec::hidden`]): they are in no file, and in nobody's environment but the run's.
    pub(crate) hidden: BTreeMap<String, String>,
}

impl Order {
    pub(crate) fn of(dir: &RunDir, spec: &RunSpec) -> Self {
        Self { dir: dir.path().to_owned(), hidden: spec.hidden() }
    }

    /// `None`: nobody wants anything, or who did was gone before it was said.
    pub(crate) fn hear(input: impl Read) -> io::Result<Option<Self>> {
        let mut said = Vec::new();
        input.take(CAP).read_to_end(&mut said)?;
        match serde_json::from_slice(&said) {
            Ok(order) => Ok(Some(order)),
            Err(error) if error.is_eof() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }
}

#[cfg(test)]
mod tests;
