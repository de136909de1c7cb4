//! What a run said, through one of the two typed channels (spec 1.3): the submission if there is one, else a judge's
//! artifact, in the run's directory or among what this very run changed in its work tree.

use std::io;

use orchd_core::id::{Digest, Sha};
use orchd_core::verdict::{self, BadVerdict, FRONT_MATTER_MAX, SUBMISSION_MAX, Submission};
use orchd_launcher::result::SubmissionState;
use orchd_launcher::{RunDir, RunResult};

use super::site::Site;
use crate::task_branch;

/// An artifact is front matter and a report.
const ARTIFACT_MAX: usize = SUBMISSION_MAX + FRONT_MATTER_MAX;

/// What the run said, with the names of fields that only the engine may supply; or why it said nothing that counts.
pub(super) async fn read(
    site: &Site<'_>,
    dir: &RunDir,
    result: &RunResult,
    changed: &[String],
    kept: Option<&Sha>,
) -> Result<(Submission, Vec<String>), String> {
    let role = site.assigned.role;
    match dir.read(RunDir::SUBMISSION, SUBMISSION_MAX as u64) {
        Ok(bytes) => {
            let seen = match &result.submission {
                SubmissionState::Present { digest } => *digest == Digest::of(&bytes),
                SubmissionState::None | SubmissionState::Broken { .. } => true,
            };
            if !seen {
                return Err("the submission was changed after the run had ended".to_owned());
            }
            return verdict::submission(role, &bytes).map_err(|bad| bad.to_string());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(format!("the submission can not be read: {error}")),
    }
    let missing = || BadVerdict::Missing { artifact: verdict::artifact_name(role) }.to_string();
    if !role.is_judge() {
        return Err(missing());
    }
    let bytes = match dir.read(verdict::artifact_name(role), ARTIFACT_MAX as u64) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => in_worktree(site, changed, kept).await?,
        Err(error) => return Err(format!("{} can not be read: {error}", verdict::artifact_name(role))),
    };
    let bytes = bytes.ok_or_else(missing)?;
    verdict::artifact(role, &bytes).map(|said| (said, Vec::new())).map_err(|bad| bad.to_string())
}

/// Paths under which a judge's artifact may lie in the work tree.
pub(super) fn artifact_paths(site: &Site<'_>) -> [String; 2] {
    let name = verdict::artifact_name(site.assigned.role);
    [format!("{}/{name}", task_branch::docs_folder(&site.task.key)), name.to_owned()]
}

/// Only what this run changed: a report that lay there before speaks of another round (INC-42).
async fn in_worktree(
    site: &Site<'_>,
    changed: &[String],
    kept: Option<&Sha>,
) -> Result<Option<Vec<u8>>, String> {
    let path = artifact_paths(site).into_iter().find(|path| changed.contains(path));
    let (Some(path), Some(kept)) = (path, kept) else { return Ok(None) };
    site.mirror
        .read_file(kept, &path, ARTIFACT_MAX)
        .await
        .map_err(|error| format!("{path} can not be read: {error}"))
}
