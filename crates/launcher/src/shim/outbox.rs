//! What a run hands in. In a sandbox it cannot see its own directory: what it wrote in its place is taken over by
//! name, after its end, with the same care as any other file of a run.

use std::io;

use orchd_core::id::Digest;

use super::note;
use crate::result::SubmissionState;
use crate::run_dir::RunDir;

/// A submission is text for a form; larger is a mistake.
const SUBMISSION_CAP: u64 = 1024 * 1024;
/// A text a role writes for people, with room to spare.
const ARTIFACT_CAP: u64 = 16 * 1024 * 1024;
/// Lines of numbers.
const USAGE_CAP: u64 = 1024 * 1024;

/// Moves what is handed in where it is looked for. A submission or usage that is no file, or too large, is put in its
/// place as nothing that can be read, so that it is seen as broken; such a file among `takes` is left out.
pub(super) fn empty(dir: &RunDir, takes: &[String]) {
    for (name, cap) in [(RunDir::SUBMISSION, SUBMISSION_CAP), (RunDir::USAGE, USAGE_CAP)] {
        take(dir, name, cap, |error| dir.write(name, error.to_string().as_bytes()));
    }
    for name in takes {
        take(dir, name, ARTIFACT_CAP, |_| Ok(()));
    }
}

fn take(dir: &RunDir, name: &str, cap: u64, instead: impl FnOnce(io::Error) -> io::Result<()>) {
    let taken = match dir.read(&format!("{}/{name}", RunDir::OUTBOX), cap) {
        Ok(bytes) => dir.write(name, &bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            note(&format!("{name} in the outbox cannot be taken over: {error}"));
            instead(error)
        }
    };
    if let Err(error) = taken {
        note(&format!("{name} could not be taken over: {error}"));
    }
}

/// What was submitted.
pub(super) fn submission(dir: &RunDir) -> SubmissionState {
    match dir.read(RunDir::SUBMISSION, SUBMISSION_CAP) {
        Ok(bytes) => match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes) {
            Ok(_) => SubmissionState::Present { digest: Digest::of(&bytes) },
            Err(error) => SubmissionState::Broken { why: error.to_string() },
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => SubmissionState::None,
        Err(error) => SubmissionState::Broken { why: error.to_string() },
    }
}
