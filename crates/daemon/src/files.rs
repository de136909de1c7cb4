//! What lies in files rather than in the store: run output and patches, for the API.

use std::sync::Arc;

use async_trait::async_trait;
use orchd_core::id::RunId;
use orchd_core::task::Task;
use orchd_http::api::Files;
use orchd_http::dto;
use orchd_http::session::Hearing;
use orchd_launcher::log::{self, Chunk};
use orchd_launcher::{RunDir, RunResult, RunSpec};
use orchd_runners::Workshop;
use tokio::task::spawn_blocking;

use crate::session;

/// Bytes of a log per answer.
const PART: usize = 64 * 1024;
/// Bytes of a patch per answer.
const PATCH: usize = 512 * 1024;

pub(crate) struct DataFiles {
    pub(crate) workshop: Arc<Workshop>,
}

impl DataFiles {
    /// Only an identity becomes a path.
    fn run(&self, run: &str) -> Result<(RunId, RunDir), String> {
        let run: RunId = run.parse().map_err(|e: orchd_core::id::BadId| e.to_string())?;
        let dir = RunDir::open(self.workshop.run_dir(run));
        Ok((run, dir.map_err(|e| format!("run {run} has no output here: {e}"))?))
    }
}

impl DataFiles {
    /// The credentials that a run was given, as this process has them: no file has them. Once the run is over, its shim
    /// has taken them out of what it wrote.
    fn secrets(&self, dir: &RunDir) -> Vec<String> {
        let Ok(spec) = RunSpec::read(dir) else { return Vec::new() };
        spec.revealed(|name| self.workshop.variable(name)).secrets()
    }
}

/// Where an output is kept.
const fn file(stream: dto::Stream) -> &'static str {
    match stream {
        dto::Stream::Stdout => RunDir::STDOUT,
        dto::Stream::Stderr => RunDir::STDERR,
    }
}

/// A part of one of a run's outputs, with what must not be seen masked.
fn part(
    dir: &RunDir,
    run: RunId,
    file: &str,
    offset: u64,
    secrets: &[String],
) -> std::io::Result<dto::LogPart> {
    let ended = RunResult::read(dir, run).ok().map(|result| result.ended.to_string());
    let over = ended.is_some();
    let total = log::extent(dir, file)?.total;
    let offset = offset.min(total);
    // A credential may begin before this part: what is before it is looked at too, and not shown.
    let longest = secrets.iter().map(String::len).max().unwrap_or(0) as u64;
    let mut chunk = log::chunk(dir, file, offset - offset.min(longest), PART)?;
    mask(&mut chunk.bytes, secrets);
    if !(over && chunk.eof) {
        hold_back(&mut chunk, secrets);
    }
    let shown = chunk.bytes.get(usize::try_from(offset.saturating_sub(chunk.offset)).unwrap_or(PART)..);
    let mut text = String::from_utf8_lossy(shown.unwrap_or_default()).into_owned();
    if chunk.dropped > 0 {
        text.insert_str(0, &format!("[{} bytes are gone: the log is bounded]\n", chunk.dropped));
    }
    let eof = over && chunk.eof;
    Ok(dto::LogPart { run: Some(run.to_string()), text, next: chunk.next, total: chunk.total, eof, ended })
}

/// Overwrites credentials, each by stars of its length: places in the output stay what they are. All are found before
/// the first is overwritten, as one may be a part of another.
fn mask(bytes: &mut [u8], secrets: &[String]) {
    let mut found = Vec::new();
    for secret in secrets.iter().map(String::as_bytes).filter(|secret| !secret.is_empty()) {
        let mut at = 0;
        while let Some(next) = bytes.get(at..).and_then(|rest| position(rest, secret)) {
            found.push(at + next..at + next + secret.len());
            at += next + secret.len();
        }
    }
    for place in found {
        bytes[place].fill(b'*');
    }
}

fn position(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// What may be the beginning of a credential is left for the next part, which has its end.
fn hold_back(chunk: &mut Chunk, secrets: &[String]) {
    let begins = |secret: &String| {
        let most = secret.len().saturating_sub(1).min(chunk.bytes.len());
        (1..=most).rev().find(|n| chunk.bytes.ends_with(&secret.as_bytes()[..*n]))
    };
    let held = secrets.iter().filter_map(begins).max().unwrap_or(0);
    chunk.bytes.truncate(chunk.bytes.len() - held);
    chunk.next -= held as u64;
    chunk.eof &= held == 0;
}

#[async_trait]
impl Files for DataFiles {
    async fn log(&self, run: &str, stream: dto::Stream, offset: u64) -> Result<dto::LogPart, String> {
        let (run, dir) = self.run(run)?;
        let secrets = self.secrets(&dir);
        let read = spawn_blocking(move || part(&dir, run, file(stream), offset, &secrets)).await;
        let read = read.map_err(|e| e.to_string())?;
        read.map_err(|e| format!("run {run} has no output here: {e}"))
    }

    async fn session(&self, run: &str, from: u64) -> Result<Hearing, String> {
        let (run, dir) = self.run(run)?;
        let secrets = self.secrets(&dir);
        session::hear(dir, run, from, secrets).map_err(|e| format!("run {run} has no output here: {e}"))
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

#[cfg(test)]
mod tests;
