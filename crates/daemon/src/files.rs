//! What lies in files rather than in the store: run output and patches, for the API.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use orchd_core::id::RunId;
use orchd_core::task::Task;
use orchd_http::api::Files;
use orchd_http::dto;
use orchd_runners::Workshop;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

/// Bytes of a log per answer.
const PART: u64 = 64 * 1024;
/// Bytes of a patch per answer.
const PATCH: usize = 512 * 1024;

pub(crate) struct DataFiles {
    pub(crate) data: PathBuf,
    pub(crate) workshop: Arc<Workshop>,
}

#[async_trait]
impl Files for DataFiles {
    async fn log(&self, run: &str, offset: u64) -> Result<dto::LogPart, String> {
        // Only an identity becomes a path.
        let run: RunId = run.parse().map_err(|e: orchd_core::id::BadId| e.to_string())?;
        let dir = self.data.join("runs").join(run.to_string());
        let eof = tokio::fs::try_exists(dir.join("result.json")).await.unwrap_or(false);
        let gone = |e: std::io::Error| format!("run {run} has no output here: {e}");
        let mut file = tokio::fs::File::open(dir.join("stdout.log")).await.map_err(gone)?;
        let total = file.metadata().await.map_err(gone)?.len();
        file.seek(std::io::SeekFrom::Start(offset.min(total))).await.map_err(gone)?;
        let mut bytes = Vec::new();
        file.take(PART).read_to_end(&mut bytes).await.map_err(gone)?;
        let next = offset.min(total) + bytes.len() as u64;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(dto::LogPart { run: Some(run.to_string()), text, next, total, eof: eof && next >= total })
    }

    async fn diff(&self, task: &Task) -> Result<dto::Diff, String> {
        let branch = task.branch_state.as_ref().ok_or_else(|| format!("{} has no commits yet", task.key))?;
        let mirror = self.workshop.mirror(&task.repo).await.map_err(|e| e.to_string())?;
        let patch = mirror.diff(&branch.base, &branch.head, PATCH).await.map_err(|e| e.to_string())?;
        let whole = patch
            .truncated
            .then(|| format!("git -C {} diff {}...{}", mirror.dir().display(), branch.base, branch.head));
        Ok(dto::Diff {
            base: branch.base.to_string(),
            head: branch.head.to_string(),
            text: patch.text,
            whole,
        })
    }
}
